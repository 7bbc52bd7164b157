//! A semaphore: never more permits are out than it has, and all come back, whoever gives up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gocsp::context::Context;
use gocsp::sync::{Semaphore, SemaphorePermit};
use gocsp::{sleep, yield_now};

use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let size = random.amount(10);
    let (semaphore, out) = (Semaphore::new(size), AtomicUsize::new(0));
    let (context, cancel) = Context::background().with_cancel();
    let mut crew = Crew::new();
    for _ in 0..random.amount(30) {
        let (semaphore, out, context, times, mut random) =
            (&semaphore, &out, &context, random.amount(150), random.fork());
        crew.add(move || {
            for _ in 0..times {
                trial.step();
                let wanted = 1 + random.below(size);
                let Some(permit) = acquire(trial, semaphore, context, wanted, &mut random) else { continue };
                trial.check(permit.permits() == wanted, "a permit is for another number");
                let all = out.fetch_add(wanted, Ordering::SeqCst) + wanted;
                trial.check(all <= size, format_args!("of {size} permits {all} are out"));
                if random.one_in(2) {
                    yield_now();
                }
                out.fetch_sub(wanted, Ordering::SeqCst);
                if random.one_in(4) {
                    permit.forget();
                    semaphore.release(wanted);
                }
            }
        });
    }
    let moment = random.micros(5000);
    crew.add(move || {
        sleep(moment);
        cancel.cancel();
    });
    crew.work(trial, random);
    trial.check(semaphore.available() == size, "not all permits have come back");
}

fn acquire(
    trial: &Trial,
    semaphore: &Semaphore,
    context: &Context,
    wanted: usize,
    random: &mut Random,
) -> Option<SemaphorePermit> {
    match random.below(5) {
        0 | 1 => Some(semaphore.acquire(wanted)),
        2 => semaphore.try_acquire(wanted),
        3 => {
            let limit = random.micros(200);
            let due = Instant::now() + limit;
            let permit = semaphore.acquire_timeout(wanted, limit);
            if permit.is_none() {
                trial.not_before(due, "an attempt to acquire");
            }
            permit
        }
        _ => {
            let permit = semaphore.acquire_context(context, wanted);
            trial.check(permit.is_ok() || context.err().is_some(), "a context that goes on has ended a wait");
            permit.ok()
        }
    }
}
