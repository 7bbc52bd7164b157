//! Mutexes and readers-writer locks: one at a time, or readers only; and nobody waits for ever.

use std::time::Instant;

use gocsp::sync::{Mutex, RwLock};
use gocsp::yield_now;

use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

/// What is guarded: two numbers that are equal whenever somebody else may look.
#[derive(Default)]
struct Halves(usize, usize);

impl Halves {
    fn look(&self, trial: &Trial) {
        trial.check(self.0 == self.1, "somebody sees what another is about to change");
    }

    /// One more in each half. If the lock did not hold, others would come in between.
    fn count(&mut self, trial: &Trial, waits: bool) {
        self.look(trial);
        self.0 += 1;
        if waits {
            yield_now();
        }
        self.1 += 1;
    }
}

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (parties, rounds) = (random.amount(40), random.amount(400));
    let (mutex, lock) = (Mutex::new(Halves::default()), RwLock::new(Halves::default()));
    let mut crew = Crew::new();
    for _ in 0..parties {
        let (mutex, lock, mut random) = (&mutex, &lock, random.fork());
        crew.add(move || {
            for _ in 0..rounds {
                count_in_mutex(trial, mutex, &mut random);
                if random.one_in(3) {
                    count_in_lock(trial, lock, &mut random);
                } else {
                    read(trial, lock, &mut random);
                }
                trial.step();
            }
        });
    }
    crew.work(trial, random);
    let counted = mutex.into_inner();
    counted.look(trial);
    trial.check(counted.0 == parties * rounds, "a change was lost");
    lock.into_inner().look(trial);
}

fn count_in_mutex(trial: &Trial, mutex: &Mutex<Halves>, random: &mut Random) {
    let (waits, way) = (random.one_in(4), random.below(4));
    match way {
        0 | 1 => mutex.lock().count(trial, waits),
        2 => loop {
            let limit = random.micros(60);
            let due = Instant::now() + limit;
            if let Some(mut halves) = mutex.try_lock_for(limit) {
                break halves.count(trial, waits);
            }
            trial.not_before(due, "an attempt to lock");
        },
        _ => loop {
            if let Some(mut halves) = mutex.try_lock() {
                break halves.count(trial, waits);
            }
            yield_now();
        },
    }
}

fn count_in_lock(trial: &Trial, lock: &RwLock<Halves>, random: &mut Random) {
    let (waits, way) = (random.one_in(4), random.below(4));
    match way {
        0 | 1 => lock.write().count(trial, waits),
        2 => {
            let limit = random.micros(60);
            let due = Instant::now() + limit;
            match lock.try_write_for(limit) {
                Some(mut halves) => halves.count(trial, waits),
                None => trial.not_before(due, "an attempt to lock"),
            }
        }
        _ => _ = lock.try_write().map(|mut halves| halves.count(trial, waits)),
    }
}

fn read(trial: &Trial, lock: &RwLock<Halves>, random: &mut Random) {
    let limit = random.micros(60);
    let due = Instant::now() + limit;
    let halves = match random.below(4) {
        0 | 1 => Some(lock.read()),
        2 => {
            let halves = lock.try_read_for(limit);
            if halves.is_none() {
                trial.not_before(due, "an attempt to lock");
            }
            halves
        }
        _ => lock.try_read(),
    };
    if let Some(halves) = halves {
        halves.look(trial);
        if random.one_in(4) {
            yield_now();
        }
        halves.look(trial);
    }
}
