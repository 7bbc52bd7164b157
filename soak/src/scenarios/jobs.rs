//! Calls that block a thread, on the blocking pool: with what they borrow, what they give back, and their panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use gocsp::{blocking, channel};

use crate::crew::Crew;
use crate::planned;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (results, sums) = channel(*random.pick(&[0, 1, 10]));
    let (parties, times) = (random.amount(16), random.amount(100));
    let mut crew = Crew::new();
    for me in 0..parties {
        let (results, mut random) = (results.clone(), random.fork());
        crew.add(move || {
            for _ in 0..times {
                trial.step();
                let (mut borrowed, kept) = ([1 + me, 0], trial.counted());
                let (moment, way) = (random.micros(500), random.below(8));
                let result = catch_unwind(AssertUnwindSafe(|| {
                    blocking(|| {
                        let _kept = kept;
                        match way {
                            0 => thread::sleep(moment),
                            1 => planned::panic(),
                            // A job is on a thread, and may do what a thread may.
                            2 => results.send(0).expect("somebody listens"),
                            _ => {}
                        }
                        borrowed[1] = borrowed[0];
                        trial.counted()
                    })
                }));
                trial.check(result.is_err() == (way == 1), "a job has another result");
                trial.check((borrowed[1] > 0) != (way == 1), "a job is not done, or half");
            }
            results.send(times).expect("somebody listens");
        });
    }
    drop(results);
    crew.add(|| {
        let done: usize = sums.iter().sum();
        trial.check(done == parties * times, "a result was lost");
    });
    crew.work(trial, random);
}
