//! Calls that are shared by those who want the same: one at a time for each key.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::sync::singleflight::Group;
use gocsp::{sleep, yield_now};

use crate::crew::Crew;
use crate::planned;
use crate::random::Random;
use crate::trial::Trial;

/// What is known of a key: how many calls there are at the moment, and how many there have been.
#[derive(Default)]
struct Key {
    now: AtomicUsize,
    ever: AtomicUsize,
}

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let keys: Arc<[Key]> = (0..random.amount(10)).map(|_| Key::default()).collect();
    let (group, fails) = (Group::<usize, usize>::new(), random.one_in(3));
    let mut crew = Crew::new();
    for _ in 0..random.amount(40) {
        let (group, keys, times, mut random) = (&group, &keys, random.amount(100), random.fork());
        crew.add(move || {
            for _ in 0..times {
                trial.step();
                let key = random.below(keys.len());
                let call = call(trial.clone(), Arc::clone(keys), key, fails && random.one_in(10), &mut random);
                if random.one_in(3) {
                    trial.goroutines_start(1);
                    match group.do_chan(key, call).recv() {
                        Ok(answer) => check(trial, &keys[key], answer.value),
                        Err(_) => trial.check(fails, "there is no answer, and nobody has panicked"),
                    }
                } else {
                    match catch_unwind(AssertUnwindSafe(|| group.do_call(key, call))) {
                        Ok(answer) => check(trial, &keys[key], answer.value),
                        Err(payload) => trial.check(fails && planned::is_planned(&*payload), "an unplanned panic"),
                    }
                }
            }
        });
    }
    crew.work(trial, random);
}

/// What is called for a key.
fn call(
    trial: Trial,
    keys: Arc<[Key]>,
    key: usize,
    fails: bool,
    random: &mut Random,
) -> impl FnOnce() -> usize + Send + 'static {
    let (kept, waits, moment) = (trial.counted(), random.one_in(3), random.micros(200));
    move || {
        let _kept = kept;
        let key = &keys[key];
        trial.check(key.now.fetch_add(1, Ordering::SeqCst) == 0, "there are two calls for a key");
        let number = key.ever.fetch_add(1, Ordering::SeqCst);
        if waits {
            sleep(moment)
        } else {
            yield_now()
        }
        key.now.fetch_sub(1, Ordering::SeqCst);
        if fails { planned::panic() } else { number }
    }
}

fn check(trial: &Trial, key: &Key, answer: usize) {
    trial.check(answer < key.ever.load(Ordering::SeqCst), "an answer to a call that there was not");
}
