//! Step 4: a cache that goroutines can share. A `Mutex` owns the map, and hands it out to one of them at a time. The
//! only way to the map is through the lock, so the lock cannot be forgotten, and it is let go of when the guard that
//! `lock` returns goes out of scope.
//!
//! A client now waits for the answers before it asks its next query. If all queries were asked at once, as before, each
//! would look into the cache before the first book is in it.
//!
//! Still wrong:
//! - Readers wait for each other, though they would do each other no harm.
//! - The client waits for both answers, where the first one would do. A book that is in the cache is answered twice,
//!   and as slowly as one that is not.
//! - No data race is left, but a race is: clients that ask for the same book at the same time all find the cache
//!   without it, and all fetch it (see `--clients 10`). It is not the map that is wrong then, but the time that passes
//!   between the look into it and the change. No compiler and no race detector finds that; tests under chosen schedules
//!   do (see `schedules.rs`).

use std::collections::HashMap;
use std::sync::Arc;

use gocsp::go;
use gocsp::sync::{Mutex, WaitGroup};

use crate::book::Book;
use crate::clients::Clients;
use crate::library::{Library, Query};

type Cache = Arc<Mutex<HashMap<u32, Book>>>;

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
    // A copy, so that the cache is locked for no longer than this statement.
    let book = cache.lock().get(&query.id).cloned();
    if let Some(book) = book {
        query.found_in_cache(&book);
    }
    group.done();
}

fn ask_database(query: Query, cache: Cache, group: WaitGroup) {
    match query.database().find(query.id) {
        Some(book) => {
            cache.lock().insert(book.id, book.clone());
            query.found_in_database(&book);
        }
        None => query.not_found(),
    }
    group.done();
}
