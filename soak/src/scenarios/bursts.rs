//! Many goroutines at once: some that end at once, and some that all wait at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::sync::WaitGroup;
use gocsp::{Go, channel, go};

use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    for _ in 0..random.amount(6) {
        let (count, waiting) = (random.amount(20_000), random.amount(2000));
        trial.goroutines_start(count + waiting);
        let (ran, group) = (Arc::new(AtomicUsize::new(0)), WaitGroup::new());
        let (begin, begun) = channel::<()>(0);
        for _ in 0..waiting {
            let (begun, kept, trial) = (begun.clone(), trial.counted(), trial.clone());
            let wait = move || {
                let _kept = kept;
                trial.check(begun.recv().is_err(), "a channel that nobody sends to gave a value");
                trial.step();
            };
            if random.one_in(10) { spread(&group, wait) } else { group.go(wait) }
        }
        for _ in 0..count {
            let (ran, member, trial) = (Arc::clone(&ran), group.clone(), trial.clone());
            group.add(1);
            go! {
                ran.fetch_add(1, Ordering::Relaxed);
                trial.step();
                member.done();
            };
        }
        drop(begin);
        group.wait();
        trial.check(ran.load(Ordering::Relaxed) == count, "somebody has not run");
    }
}

/// A member that is placed on the worker whose turn it is.
fn spread(group: &WaitGroup, wait: impl FnOnce() + Send + 'static) {
    let member = group.clone();
    group.add(1);
    let spread = Go::new().spread().spawn(move || {
        wait();
        member.done();
    });
    drop(spread.expect("the stack is of the usual size"));
}
