//! What the library holds.

use std::fmt;

/// A book. It is printed as Go prints a struct: `{1 Moby-Dick Herman Melville 1851}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Book {
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) author: String,
    /// The year.
    pub(crate) published: i32,
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, title, author, published } = self;
        write!(f, "{{{id} {title} {author} {published}}}")
    }
}

/// What a new database is filled with: title, author and year. The first has the number 1.
pub(crate) const BOOKS: [(&str, &str, i32); 10] = [
    ("Don Quixote", "Miguel de Cervantes", 1605),
    ("Gulliver's Travels", "Jonathan Swift", 1726),
    ("Frankenstein", "Mary Shelley", 1818),
    ("Moby-Dick", "Herman Melville", 1851),
    ("Crime and Punishment", "Fyodor Dostoevsky", 1866),
    ("The Time Machine", "H. G. Wells", 1895),
    ("Kim", "Rudyard Kipling", 1901),
    ("The Trial", "Franz Kafka", 1925),
    ("Mrs Dalloway", "Virginia Woolf", 1925),
    ("The Master and Margarita", "Mikhail Bulgakov", 1967),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_is_printed_as_go_prints_a_struct() {
        let book = Book { id: 1, title: "Moby-Dick".into(), author: "Herman Melville".into(), published: 1851 };
        assert_eq!(book.to_string(), "{1 Moby-Dick Herman Melville 1851}");
    }
}
