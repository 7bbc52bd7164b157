//! Step 6: the first answer wins. The goroutines no longer print what they find: they send it to the client, each on a
//! channel of its own, and `select!` waits for both channels at once and takes what comes first.
//!
//! - The cache may not know the book. Then its goroutine ends without having sent anything, and that closes its
//!   channel. A closed channel is always ready, so the client puts a nil one in its place, which never is: from then on
//!   the same `select!` waits for the database alone. If the database hangs up as well, there is no such book.
//! - The slower answer has nobody to wait for it. Each channel has room for one value, so that whoever sends does not
//!   wait either, and ends; what was not received is dropped along with the channel. Without that room, in Go the slower
//!   goroutine would block for ever; here its `send` would fail as soon as the client has left.
//! - What nobody waits for need not be looked for. Nothing is ever sent on the third channel: the client owns its only
//!   sender, so it closes when the client leaves, and that is how the goroutine at the database learns that it can stop.
//!
//! Memory is still shared, in the cache, but the client knows nothing of it: it communicates.
//!
//! Clients that ask for the same book at the same time still all fetch it, unless there is `--singleflight`: then the later ones
//! wait for what the first one finds. It is the [`database`](crate::database) that fills the cache, for the book has to be there
//! before they part.

use std::sync::Arc;

use gocsp::{Receiver, Sender, channel, go, select};

use crate::book::Book;
use crate::cache::Cache;
use crate::clients::Clients;
use crate::library::{Library, Query};

pub(super) fn run(library: &Arc<Library>, clients: &Clients) {
    let cache = Cache::default();
    clients.run(|ids| {
        for id in ids {
            answer(&library.ask(id), &cache);
        }
    });
}

fn answer(query: &Query, cache: &Cache) {
    let (cache_answer, mut from_cache) = channel(1);
    let (database_answer, from_database) = channel(1);
    let (_until_here, stop) = channel(0);
    go!(ask_cache(query.clone(), cache.clone(), cache_answer));
    go!(ask_database(query.clone(), cache.clone(), database_answer, stop));
    loop {
        select! {
            recv(from_cache) -> book => match book {
                Ok(book) => return query.found_in_cache(&book),
                Err(_) => from_cache = Receiver::nil(),
            },
            recv(from_database) -> book => match book {
                Ok(book) => return query.found_in_database(&book),
                Err(_) => return query.not_found(),
            },
        }
    }
}

fn ask_cache(query: Query, cache: Cache, answer: Sender<Book>) {
    if let Some(book) = cache.get(query.id) {
        // Fails if the client has left with the other answer.
        let _ = answer.send(book);
    }
}

fn ask_database(query: Query, cache: Cache, answer: Sender<Book>, stop: Receiver<()>) {
    if let Some(book) = query.database().find_until(query.id, Some(&cache), &stop) {
        let _ = answer.send(book);
    }
}
