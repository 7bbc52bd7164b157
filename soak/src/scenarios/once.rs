//! What is done once, however many come at the same time; also if it panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::sync::{Barrier, Once, OnceCell, OnceValue};
use gocsp::yield_now;

use crate::crew::Crew;
use crate::planned;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    for _ in 0..random.amount(60) {
        let (parties, fails, waits) = (random.amount(30), random.one_in(3), random.one_in(2));
        let (once, cell, done) = (Once::new(), OnceCell::new(), AtomicUsize::new(0));
        let work = || {
            if waits {
                yield_now();
            }
            done.fetch_add(1, Ordering::Relaxed);
        };
        let kept = trial.counted();
        let value = OnceValue::new(|| {
            let _kept = kept;
            work();
            if fails { planned::panic() } else { 7 }
        });
        let start = Barrier::new(parties);
        let mut crew = Crew::new();
        for me in 0..parties {
            let (once, cell, value, start, work) = (&once, &cell, &value, &start, &work);
            crew.add(move || {
                start.wait();
                once.call_once(work);
                trial.check(once.is_completed(), "a Once is not completed after its call");
                let winner = *cell.get_or_init(|| {
                    work();
                    me
                });
                trial.check(cell.get() == Some(&winner), "a OnceCell has changed");
                match catch_unwind(AssertUnwindSafe(|| *value.get())) {
                    Ok(seven) => trial.check(!fails && seven == 7, "a OnceValue has another value"),
                    Err(payload) => {
                        trial.check(fails && planned::is_planned(&*payload), "a OnceValue has another panic");
                    }
                }
                trial.step();
            });
        }
        crew.work(trial, random);
        drop(value);
        let done = done.into_inner();
        trial.check(done == 3, format_args!("three things were done {done} times altogether"));
    }
}
