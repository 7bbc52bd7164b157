//! Trees of contexts: whoever is below one that ends has ended as well, and who waits for it is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gocsp::context::{CancelCauseFunc, Context, ContextError};
use gocsp::{Receiver, TryRecvError, select, sleep};

use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    for _ in 0..random.amount(20) {
        match random.below(3) {
            0 => a_deadline(trial, random),
            _ => a_tree(trial, random),
        }
    }
}

/// Those below a context.
struct Family {
    contexts: Vec<Context>,
    cancels: Vec<CancelCauseFunc>,
}

/// A tree of so many contexts, of any form.
fn grow(root: &Context, size: usize, random: &mut Random) -> Family {
    let mut family = Family { contexts: vec![], cancels: vec![] };
    for me in 0..size {
        let parent = if family.contexts.is_empty() || random.one_in(5) { root } else { random.pick(&family.contexts) };
        let (context, cancel) = match random.below(3) {
            0 => parent.with_value(me).with_cancel_cause(),
            1 => parent.with_timeout(Duration::from_secs(3600)).0.with_cancel_cause(),
            _ => parent.with_cancel_cause(),
        };
        family.contexts.push(context);
        family.cancels.push(cancel);
    }
    family
}

fn a_tree(trial: &Trial, random: &mut Random) {
    let (root, cancel_root) = Context::background().with_cancel_cause();
    let family = grow(&root.with_value("the root"), random.amount(60), random);
    let Family { contexts, cancels } = &family;
    let ran = Arc::new(AtomicUsize::new(0));
    let functions: Vec<_> = (0..random.below(10))
        .map(|_| {
            let (ran, kept) = (Arc::clone(&ran), trial.counted());
            random.pick(contexts).after_func(move || {
                let _kept = kept;
                ran.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    let mut crew = Crew::new();
    for _ in 0..random.amount(60) {
        let (context, detached) = (random.pick(contexts).clone(), random.one_in(10));
        crew.add(move || {
            trial.check(context.value() == Some(&"the root"), "a value was not inherited");
            if detached {
                let detached = context.without_cancel();
                trial.check(detached.done().try_recv() == Err(TryRecvError::Empty), "it ends with its parent");
            }
            select! {
                recv(context.done()) -> done => trial.check(done.is_err(), "a context's channel gave a value"),
                recv(Receiver::<()>::nil()) => unreachable!(),
            }
            trial.check(context.err() == Some(ContextError::Cancelled), "a context is done, and has no error");
            trial.step();
        });
    }
    for _ in 0..random.below(5) {
        let (cancel, moment) = (random.pick(cancels), random.micros(300));
        crew.add(move || {
            sleep(moment);
            cancel.cancel("one of the family");
        });
    }
    let moment = random.micros(300);
    crew.add(move || {
        sleep(moment);
        cancel_root.cancel("the whole family");
        for context in contexts {
            let closed = context.done().try_recv() == Err(TryRecvError::Disconnected);
            trial.check(context.err().is_some() && closed, "a context goes on below one that was cancelled");
            let cause = context.cause().map(|cause| cause.to_string());
            let known = ["one of the family", "the whole family"].map(|cause| Some(cause.to_owned()));
            trial.check(known.contains(&cause), format_args!("a context has another cause: {cause:?}"));
        }
    });
    crew.work(trial, random);
    let all = functions.len();
    let stopped = functions.iter().filter(|function| function.stop()).count();
    trial.check(stopped == 0, "a function was still to run, though its context has ended");
    trial.goroutines_start(all);
    while ran.load(Ordering::SeqCst) < all {
        sleep(Duration::from_micros(50));
    }
}

fn a_deadline(trial: &Trial, random: &mut Random) {
    let time = random.micros(2000);
    let due = Instant::now() + time;
    let (parent, _cancel) = Context::background().with_deadline_cause(due, "late");
    let family = grow(&parent, random.amount(10), random);
    let (later, _cancel) = parent.with_timeout(Duration::from_secs(3600));
    trial.check(later.deadline() == Some(due), "a later deadline changes an earlier one");
    let mut crew = Crew::new();
    for context in family.contexts.iter().chain([&later]) {
        crew.add(move || {
            trial.check(context.done().recv().is_err(), "a context's channel gave a value");
            trial.not_before(due, "a deadline");
            trial.check(context.err() == Some(ContextError::DeadlineExceeded), "a deadline has another error");
            trial.check(context.cause().is_some_and(|cause| cause.to_string() == "late"), "it has another cause");
            trial.step();
        });
    }
    crew.work(trial, random);
}
