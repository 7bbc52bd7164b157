//! A pool of things: each is in one hand at a time, and all are dropped in the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gocsp::sync::Pool;
use gocsp::yield_now;

use crate::crew::Crew;
use crate::drops::Counted;
use crate::random::Random;
use crate::trial::Trial;

struct Thing {
    in_use: AtomicBool,
    _counted: Counted,
}

impl Thing {
    fn use_it(&self, trial: &Trial, waits: bool) {
        trial.check(!self.in_use.swap(true, Ordering::SeqCst), "a thing is in two hands");
        if waits {
            yield_now();
        }
        self.in_use.store(false, Ordering::SeqCst);
    }
}

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (made, most) = (AtomicUsize::new(0), random.amount(40));
    let pool = Pool::new(|| {
        made.fetch_add(1, Ordering::Relaxed);
        Thing { in_use: AtomicBool::new(false), _counted: trial.counted() }
    });
    let mut crew = Crew::new();
    for _ in 0..most {
        let (pool, times, mut random) = (&pool, random.amount(500), random.fork());
        crew.add(move || {
            for _ in 0..times {
                trial.step();
                let waits = random.one_in(5);
                match random.below(3) {
                    0 => pool.lend().use_it(trial, waits),
                    1 => {
                        let thing = pool.get();
                        thing.use_it(trial, waits);
                        pool.put(thing);
                    }
                    // Not everything comes back.
                    _ => pool.get().use_it(trial, waits),
                }
            }
        });
    }
    crew.work(trial, random);
    drop(pool);
    trial.check(made.into_inner() > 0, "a pool has lent what nobody has made");
}
