//! The cache in its final form: a map behind a lock that many may read at once. Its clones are the same cache.

use std::collections::HashMap;
use std::sync::Arc;

use gocsp::sync::RwLock;

use crate::book::Book;

#[derive(Clone, Default)]
pub(crate) struct Cache {
    books: Arc<RwLock<HashMap<u32, Book>>>,
}

impl Cache {
    pub(crate) fn get(&self, id: u32) -> Option<Book> {
        self.books.read().get(&id).cloned()
    }

    pub(crate) fn put(&self, book: &Book) {
        self.books.write().insert(book.id, book.clone());
    }
}
