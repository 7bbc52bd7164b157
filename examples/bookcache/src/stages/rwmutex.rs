//! Step 5: a cache that many can read at once. An `RwLock`, Go's `RWMutex`, admits any number of readers, or one
//! writer and nobody else. It pays where reading is common and writing rare, as in a cache that has warmed up.
//!
//! The map with its lock is in [`cache`](crate::cache) now, where it stays.
//!
//! Still wrong: the client waits for both answers, where the first one would do. And the same book can still be fetched
//! more than once at the same time.

use std::sync::Arc;

use gocsp::go;
use gocsp::sync::WaitGroup;

use crate::cache::Cache;
use crate::clients::Clients;
use crate::library::{Library, Query};

pub(super) fn run(library: &Arc<Library>, clients: &Clients) {
    let cache = Cache::default();
    clients.run(|ids| {
        for id in ids {
            let query = library.ask(id);
            let group = WaitGroup::new();
            group.add(2);
            go!(ask_cache(query.clone(), cache.clone(), group.clone()));
            go!(ask_database(query, cache.clone(), group.clone()));
            group.wait();
        }
    });
}

fn ask_cache(query: Query, cache: Cache, group: WaitGroup) {
    if let Some(book) = cache.get(query.id) {
        query.found_in_cache(&book);
    }
    group.done();
}

fn ask_database(query: Query, cache: Cache, group: WaitGroup) {
    match query.database().find(query.id) {
        Some(book) => {
            cache.put(&book);
            query.found_in_database(&book);
        }
        None => query.not_found(),
    }
    group.done();
}
