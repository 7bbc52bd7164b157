//! More workers and fewer, while goroutines compute, yield, talk, and stay where they are.

use std::hint;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use gocsp::{channel, lock_os_thread, max_procs, set_max_procs, sleep, yield_now};

use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let most = trial.most_procs();
    let mut crew = Crew::new();
    for _ in 0..random.amount(10) {
        let (times, mut random) = (random.amount(100), random.fork());
        crew.add(move || {
            for _ in 0..times {
                trial.step();
                if random.one_in(20) {
                    compute(random.micros(10_000))
                } else {
                    compute(random.micros(100))
                }
                yield_now();
            }
        });
    }
    for _ in 0..random.amount(10) {
        let ((tx, rx), count) = (channel(random.below(2)), random.amount(1000));
        crew.add(move || (0..count).for_each(|number| tx.send(number).expect("somebody listens")));
        crew.add(move || {
            for expected in 0..count {
                trial.step();
                trial.check(rx.recv() == Ok(expected), "a number was lost");
            }
        });
    }
    for _ in 0..random.amount(20) {
        let (times, mut random) = (random.amount(100), random.fork());
        crew.add(move || {
            let _pinned = lock_os_thread();
            let home = here();
            for _ in 0..times {
                trial.step();
                if random.one_in(10) {
                    sleep(random.micros(200))
                } else {
                    yield_now()
                }
                trial.check(here() == home, "a goroutine has left the thread that it was locked to");
            }
        });
    }
    if !trial.migrates() {
        crew.add(|| {
            let home = here();
            (0..100).for_each(|_| yield_now());
            trial.check(here() == home, "a goroutine that had started has left its thread");
        });
    }
    let (changes, mut to_change) = (random.amount(50), random.fork());
    crew.add_goroutine(move || {
        for _ in 0..changes {
            trial.step();
            set_max_procs(1 + to_change.below(most));
            sleep(to_change.micros(1000));
            trial.check((1..=most).contains(&max_procs()), "another number of procs than anybody has set");
        }
    });
    crew.work(trial, random);
}

/// Keeps its worker.
fn compute(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        hint::spin_loop();
    }
}

/// Not inlined: a goroutine may not keep the address of a thread-local while it waits.
#[inline(never)]
fn here() -> ThreadId {
    thread::current().id()
}
