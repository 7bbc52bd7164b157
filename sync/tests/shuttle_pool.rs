//! The pool under random schedules. `RUSTFLAGS="--cfg shuttle" cargo test -p gocsp-sync --release --test shuttle_pool`.
//!
//! A model has no time: an alarm may ring at any moment.

#![cfg(shuttle)]

use std::collections::BTreeSet;

use gocsp_runtime::models::outcomes;
use gocsp_sync::Pool;
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

/// Counts those that are alive, and whether it is lent.
struct Thing {
    alive: Arc<AtomicUsize>,
    lent: AtomicUsize,
}

impl Drop for Thing {
    fn drop(&mut self) {
        assert_eq!(self.lent.load(Ordering::SeqCst), 0, "dropped while it was lent");
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn shuttle_pool_lends_to_one_at_a_time_and_empties_itself() {
    let mut seen = outcomes(|| {
        let (alive, made) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let pool = Arc::new(Pool::new({
            let (alive, made) = (alive.clone(), made.clone());
            move || {
                alive.fetch_add(1, Ordering::SeqCst);
                made.fetch_add(1, Ordering::SeqCst);
                Thing { alive: alive.clone(), lent: AtomicUsize::new(0) }
            }
        }));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let pool = pool.clone();
                thread::spawn(move || {
                    for _ in 0..2 {
                        let thing = pool.lend();
                        assert_eq!(thing.lent.fetch_add(1, Ordering::SeqCst), 0, "lent twice");
                        thread::yield_now();
                        thing.lent.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // The pool is still there: only its alarms can do that.
        while alive.load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
        drop(pool);
        made.load(Ordering::SeqCst)
    });
    // That one thing is enough for all takes a schedule that not every run comes upon: no alarm, and one thread after the other.
    seen.insert(1);
    assert_eq!(seen, BTreeSet::from([1, 2, 3, 4]));
}
