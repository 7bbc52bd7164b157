//! A `Pool` saves time: connections to a slow service are made before anybody needs them.
//!
//! A server answers ten requests, one after the other. First it connects for each; then it takes its connections from a pool
//! that was warmed up, and puts them back.
//!
//! Prints, with other times each time:
//! ```text
//! without a pool: …
//! with a pool: …
//! ```

use std::time::{Duration, Instant};

use gocsp::sync::Pool;
use gocsp::{Sender, channel, scope, sleep};

struct Connection;

impl Connection {
    fn open() -> Self {
        sleep(Duration::from_millis(20));
        Self
    }

    fn answer(&self) -> &'static str {
        "OK"
    }
}

/// How long ten requests take, of which each is answered by `answer`.
fn measure(answer: impl Fn() -> &'static str + Send) -> Duration {
    let (requests, queue) = channel::<Sender<_>>(0);
    scope(|s| {
        s.go(move || {
            for reply in queue {
                reply.send(answer()).expect("the client waits");
            }
        });
        let start = Instant::now();
        for _ in 0..10 {
            let (reply, answer) = channel(1);
            requests.send(reply).expect("the server is there");
            answer.recv().expect("the server answers");
        }
        drop(requests);
        start.elapsed()
    })
}

#[gocsp::main]
fn main() {
    println!("without a pool: {:?}", measure(|| Connection::open().answer()));
    let pool = Pool::new(Connection::open);
    for _ in 0..10 {
        pool.put(Connection::open());
    }
    println!("with a pool: {:?}", measure(|| pool.lend().answer()));
}
