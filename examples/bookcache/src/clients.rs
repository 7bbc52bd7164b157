//! The clients: so many goroutines that share one sequence of queries.

use gocsp::{Receiver, channel, scope};

use crate::options::Options;

/// Who asks, and what for.
pub(crate) struct Clients {
    count: u64,
    queries: u64,
    /// The queries ask for 1 to this.
    ids: u32,
    seed: u64,
}

impl Clients {
    pub(crate) fn new(options: &Options) -> Self {
        let &Options { clients: count, queries, ids, seed, .. } = options;
        Self { count, queries, ids, seed }
    }

    /// Runs `client` in a goroutine for each of them, and waits until all have returned.
    ///
    /// A client is given a channel, and is to answer every query whose number it receives from there until it is
    /// closed. The same seed gives the same numbers in the same order.
    pub(crate) fn run(&self, client: impl Fn(&Receiver<u32>) + Sync) {
        let client = &client;
        let (queries, ids) = channel(0);
        scope(move |s| {
            // More than there are queries would have nothing to do.
            for _ in 0..self.count.min(self.queries) {
                let ids = ids.clone();
                s.go(move || client(&ids));
            }
            drop(ids);
            let mut random = fastrand::Rng::with_seed(self.seed);
            for _ in 0..self.queries {
                if queries.send(random.u32(1..=self.ids)).is_err() {
                    return; // Every client has panicked, which the scope passes on.
                }
            }
        });
    }
}
