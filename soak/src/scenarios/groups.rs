//! Groups of goroutines: wait groups that are used again and again, barriers, and groups whose members may fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::context::Context;
use gocsp::sync::{Barrier, WaitGroup, errgroup};
use gocsp::{go, yield_now};

use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    for _ in 0..random.amount(20) {
        match random.below(3) {
            0 => a_wait_group(trial, random),
            1 => a_barrier(trial, random),
            _ => an_errgroup(trial, random),
        }
    }
}

fn a_wait_group(trial: &Trial, random: &mut Random) {
    let (group, done) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
    let mut expected = 0;
    for _ in 0..random.amount(20) {
        let members = random.amount(100);
        expected += members;
        trial.goroutines_start(members);
        for _ in 0..members {
            let (done, trial) = (Arc::clone(&done), trial.clone());
            let work = move || {
                trial.step();
                done.fetch_add(1, Ordering::Relaxed);
            };
            if random.one_in(2) {
                group.go(work);
            } else {
                let member = group.clone();
                group.add(1);
                go! {
                    work();
                    member.done();
                };
            }
        }
        group.wait();
        trial.check(done.load(Ordering::Relaxed) == expected, "a wait has ended before all were done");
    }
}

fn a_barrier(trial: &Trial, random: &mut Random) {
    let (size, phases) = (random.amount(40), random.amount(40));
    let (barrier, arrived, leaders) = (Barrier::new(size), AtomicUsize::new(0), AtomicUsize::new(0));
    let mut crew = Crew::new();
    for _ in 0..size {
        let (barrier, arrived, leaders, mut random) = (&barrier, &arrived, &leaders, random.fork());
        crew.add(move || {
            for phase in 1..=phases {
                if random.one_in(4) {
                    yield_now();
                }
                arrived.fetch_add(1, Ordering::Relaxed);
                let is_leader = barrier.wait().is_leader();
                leaders.fetch_add(usize::from(is_leader), Ordering::Relaxed);
                trial.check(arrived.load(Ordering::Relaxed) >= phase * size, "a barrier has let somebody pass");
                trial.step();
            }
        });
    }
    crew.work(trial, random);
    trial.check(leaders.into_inner() == phases, "there was not one leader in each phase");
}

fn an_errgroup(trial: &Trial, random: &mut Random) {
    let (mut group, context) = errgroup::Group::with_context(&Context::background());
    let limit = random.one_in(2).then(|| random.amount(10));
    group.set_limit(limit);
    let members = random.amount(100);
    let failing = if random.one_in(2) { random.amount(members) } else { 0 };
    let running = Arc::new(AtomicUsize::new(0));
    trial.goroutines_start(members);
    for me in 0..members {
        let (trial, running, context, kept) = (trial.clone(), Arc::clone(&running), context.clone(), trial.counted());
        group.go(move || {
            let _kept = kept;
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            trial.check(limit.is_none_or(|limit| now <= limit), "more run than the limit allows");
            yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            trial.step();
            if me < failing {
                return Err(me);
            }
            // The others are told when somebody has failed.
            if failing > 0 && limit.is_none() {
                trial.check(context.done().recv().is_err(), "a context's channel gave a value");
            }
            Ok(())
        });
    }
    match group.wait() {
        Ok(()) => trial.check(failing == 0, "an error was lost"),
        Err(first) => {
            trial.check(first < failing, "somebody else has failed");
            let cause = context.cause().map(|cause| cause.to_string());
            trial.check(cause == Some(first.to_string()), "the cause is not the first error");
        }
    }
    trial.check(context.err().is_some(), "a group was waited for, and its context goes on");
}
