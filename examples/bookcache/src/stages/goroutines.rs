//! Step 2: everything at once. For each query one goroutine asks the cache and another one the database, and the
//! client goes on to the next query without waiting for them. All queries together take as long as one.
//!
//! `go!(f(a, b))` evaluates the arguments here and now, and calls `f` with them in a new goroutine.
//!
//! Still wrong:
//! - Who knows when the goroutines are done? When main returns the program ends, whatever they are doing. So main
//!   sleeps for a while before it does, which is always too long or too short: with many queries the summary may tell
//!   of some that are left `unanswered`.
//! - The cache stays empty. The goroutine that asks the database should put the book there, while another goroutine
//!   may be looking for it: in Go that compiles, is a data race, and corrupts the map on a bad day. Here it does not
//!   compile: what is shared by an `Arc` can be read by all, and therefore changed by none.
//!
//!   ```text
//!   error[E0596]: cannot borrow data in an `Arc` as mutable
//!     |
//!     |     cache.insert(book.id, book);
//!     |     ^^^^^ cannot borrow as mutable
//!   ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gocsp::{go, sleep};

use crate::book::Book;
use crate::clients::Clients;
use crate::library::{Library, Query};

type Cache = Arc<HashMap<u32, Book>>;

pub(super) fn run(library: &Arc<Library>, clients: &Clients) {
    let cache = Cache::default();
    clients.run(|ids| {
        for id in ids {
            let query = library.ask(id);
            go!(ask_cache(query.clone(), cache.clone()));
            go!(ask_database(query));
        }
    });
    // A guess.
    sleep(library.database.latency().saturating_add(Duration::from_millis(250)));
}

fn ask_cache(query: Query, cache: Cache) {
    if let Some(book) = cache.get(&query.id) {
        query.found_in_cache(book);
    }
}

fn ask_database(query: Query) {
    match query.database().find(query.id) {
        Some(book) => query.found_in_database(&book),
        None => query.not_found(),
    }
}
