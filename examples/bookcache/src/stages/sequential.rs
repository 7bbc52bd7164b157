//! Step 1: one thing after the other. The cache is asked; if it does not know the book, the database is asked, and
//! the cache remembers what it said.
//!
//! The cache is a plain map, which belongs to the client that uses it.
//!
//! Still wrong: while the database is slow, nothing else gets done. And what one client has learned, another one has
//! to find out for itself.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clients::Clients;
use crate::library::Library;

pub(super) fn run(library: &Arc<Library>, clients: &Clients) {
    clients.run(|ids| {
        let mut cache = HashMap::new();
        for id in ids {
            let query = library.ask(id);
            if let Some(book) = cache.get(&id) {
                query.found_in_cache(book);
            } else if let Some(book) = query.database().find(id) {
                query.found_in_database(&book);
                cache.insert(id, book);
            } else {
                query.not_found();
            }
        }
    });
}
