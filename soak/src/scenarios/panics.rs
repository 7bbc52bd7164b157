//! Goroutines that panic, exit, or have children that do: the payload comes out of `join`, everything is dropped, locks are
//! free, and nobody else notices.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use gocsp::sync::{Mutex, WaitGroup};
use gocsp::{Cancelled, Receiver, Sender, channel, exit_goroutine, go, scope, sleep, yield_now};

use crate::drops::Counted;
use crate::planned;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    for _ in 0..random.amount(100) {
        trial.step();
        match random.below(6) {
            0 => a_payload(trial, random),
            1 => under_a_lock(trial, random),
            2 => an_exit(trial, random),
            3 => a_child(trial, random),
            4 => one_who_sends_on_the_way(trial, random),
            _ => members_of_a_group(trial, random),
        }
        trial.check(!thread::panicking(), "a goroutine that does not panic is told that it does");
    }
}

fn is_planned(result: Result<(), Box<dyn Any + Send>>) -> bool {
    result.is_err_and(|payload| planned::is_planned(&*payload))
}

/// Keeps something on each level of the stack.
fn descend(trial: &Trial, levels: usize, end: fn()) {
    let _kept = trial.counted();
    if levels > 0 {
        return descend(trial, levels - 1, end);
    }
    yield_now();
    end();
}

fn a_payload(trial: &Trial, random: &mut Random) {
    let (number, levels, trial_of_it) = (random.below(1 << 30), random.below(20), trial.clone());
    trial.goroutines_start(1);
    if random.one_in(2) {
        let panics = go!(move || descend(&trial_of_it, levels, || planned::panic()));
        trial.check(is_planned(panics.join()), "a panic did not come out of `join`");
        return;
    }
    let unwinds = go!(move || {
        let _kept = trial_of_it.counted();
        resume_unwind(Box::new(number));
    });
    let payload = unwinds.join().map(|()| 0).map_err(|payload| payload.downcast_ref().copied());
    trial.check(payload == Err(Some(number)), format_args!("{payload:?} came out of `join`, not {number}"));
}

fn under_a_lock(trial: &Trial, random: &mut Random) {
    let (mutex, fails) = (Arc::new(Mutex::new(0)), random.below(8));
    trial.goroutines_start(8);
    let counting: Vec<_> = (0..8)
        .map(|me| {
            let mutex = Arc::clone(&mutex);
            go! {
                let mut count = mutex.lock();
                *count += 1;
                yield_now();
                if me == fails {
                    planned::panic();
                }
            }
        })
        .collect();
    let failed = counting.into_iter().map(|counting| usize::from(is_planned(counting.join()))).sum::<usize>();
    trial.check(failed == 1 && *mutex.lock() == 8, "a panic under a lock has kept it");
}

fn an_exit(trial: &Trial, random: &mut Random) {
    let (levels, trial_of_it) = (random.below(20), trial.clone());
    trial.goroutines_start(1);
    let exits = go!(move || descend(&trial_of_it, levels, || exit_goroutine()));
    let exited = exits.join().is_err_and(|payload| payload.is::<Cancelled>());
    trial.check(exited, "an exit did not come out of `join`");
}

fn a_child(trial: &Trial, random: &mut Random) {
    let (children, fails, joins) = (random.amount(10), random.below(10), random.one_in(2));
    trial.goroutines_start(children);
    let result = catch_unwind(AssertUnwindSafe(|| {
        scope(|s| {
            for me in 0..children {
                let _kept = trial.counted();
                let child = s.go(move || descend(trial, me, if me == fails { || planned::panic() } else { yield_now }));
                if joins {
                    trial.check(is_planned(child.join()) == (me == fails), "a child has another result");
                }
            }
        });
    }));
    let expected = fails < children && !joins;
    trial.check(is_planned(result) == expected, "a scope has not told of its children");
}

/// Sends in its destructor.
struct Sends(Sender<Counted>, Option<Counted>);

impl Drop for Sends {
    fn drop(&mut self) {
        _ = self.1.take().map(|value| self.0.send(value));
    }
}

/// To send while unwinding must not wait for those who have started on the same thread, so there is room.
fn one_who_sends_on_the_way(trial: &Trial, random: &mut Random) {
    let ((tx, rx), moment): ((_, Receiver<Counted>), _) = (channel(1), random.micros(200));
    let sends = Sends(tx, Some(trial.counted()));
    trial.goroutines_start(1);
    let panics = go!(move || {
        let _sends = sends;
        sleep(moment);
        planned::panic();
    });
    trial.check(rx.recv().is_ok(), "a value was not sent that was to be sent while unwinding");
    trial.check(rx.recv().is_err(), "a goroutine that has panicked has kept its channel");
    drop(panics);
}

fn members_of_a_group(trial: &Trial, random: &mut Random) {
    let (group, members) = (WaitGroup::new(), random.amount(10));
    trial.goroutines_start(members);
    for me in 0..members {
        let (kept, levels, trial) = (trial.counted(), random.below(20), trial.clone());
        group.go(move || {
            let _kept = kept;
            descend(&trial, levels, [|| planned::panic(), || exit_goroutine(), yield_now][me % 3]);
        });
    }
    group.wait();
}
