//! What of contexts is not Go's: what becomes of those that are dropped, what destructors may do, and how much there may be
//! of everything.

#[path = "common/contexts.rs"]
mod contexts;
#[path = "common/drops.rs"]
mod drops;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/schedules.rs"]
mod schedules;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use contexts::{CountedCause, HOUR, SHORT, is_closed, tree};
use drops::Drops;
use gocsp::context::{CancelFunc, Context};
use gocsp::{Go, RecvError, TryRecvError, channel, go, num_goroutines, sleep, yield_now};
use procs::on_procs;
use schedules::on_many_schedules;

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_cancelled_context_lets_go_of_its_deadline_at_once() {
    let drops = Drops::default();
    let (parent, cancel_parent) = Context::background().with_cancel();
    let (child, cancel) = parent.with_timeout_cause(HOUR, CountedCause(drops.value()));
    let (other, _cancel) = parent.with_timeout_cause(HOUR, CountedCause(drops.value()));
    cancel.cancel();
    assert_eq!(drops.dropped(), 1);
    cancel_parent.cancel();
    drops.assert_all(2);
    drop((child, other));
}

#[test]
fn a_deadline_takes_no_goroutine() {
    on_many_schedules(|| {
        let before = num_goroutines();
        let contexts: Vec<_> = (0..1000).map(|_| Context::background().with_timeout(HOUR)).collect();
        assert_eq!(num_goroutines(), before);
        drop(contexts);
    });
}

#[test]
fn a_value_lives_as_long_as_a_context_that_has_it() {
    let drops = Drops::default();
    let root = Context::background().with_value(drops.value());
    let child = root.with_value(1);
    drop(root);
    assert_eq!(drops.dropped(), 0);
    drop(child);
    drops.assert_all(1);
}

#[test]
fn an_after_func_of_a_context_that_never_ends_does_not_run() {
    let drops = Drops::default();
    let value = drops.value();
    let function = Context::background().after_func(move || drop(value));
    assert!(function.stop() && !function.stop());
    drops.assert_all(1);
}

#[test]
fn a_finished_context_that_is_dropped_takes_nobody_else_out_of_its_parent() {
    on_many_schedules(|| {
        let (parent, cancel_parent) = Context::background().with_cancel();
        let (ended, cancel) = parent.with_cancel();
        cancel.cancel();
        // In the place of the one that has ended.
        let (other, _cancel) = parent.with_cancel();
        drop((ended, cancel));
        let (unneeded, cancel_unneeded) = parent.with_cancel();
        drop(unneeded);
        let (another, _cancel) = parent.with_cancel();
        cancel_unneeded.cancel();
        cancel_parent.cancel();
        assert!(other.err().is_some() && another.err().is_some());
    });
}

#[test]
fn dropping_a_cancel_function_cancels_nothing_and_dropping_its_guard_does() {
    on_many_schedules(|| {
        let (context, cancel) = Context::background().with_cancel();
        drop(cancel.clone());
        let cancel = cancel.drop_guard().disarm();
        assert!(context.err().is_none());
        drop(cancel.drop_guard());
        assert!(context.err().is_some());
    });
}

#[test]
fn what_listens_is_told_of_the_end_also_when_all_contexts_are_gone() {
    on_many_schedules(|| {
        let (tx, rx) = channel(2);
        let (root, cancel) = Context::background().with_cancel();
        let (child, _) = root.with_cancel();
        let done = child.done().clone();
        let by_cancel = tx.clone();
        child.after_func(move || by_cancel.send("cancelled").unwrap());
        drop((child, root));
        cancel.cancel();
        assert_eq!(done.recv(), Err(RecvError));
        assert_eq!(rx.recv(), Ok("cancelled"));

        let (late, _) = Context::background().with_timeout(SHORT);
        let done = late.done().clone();
        late.after_func(move || tx.send("late").unwrap());
        drop(late);
        assert_eq!(done.recv(), Err(RecvError));
        assert_eq!(rx.recv(), Ok("late"));
    });
}

#[test]
fn what_nobody_can_end_any_more_stays_open() {
    on_many_schedules(|| {
        let drops = Drops::default();
        let value = drops.value();
        let (context, cancel) = Context::background().with_cancel();
        let done = context.done().clone();
        context.after_func(move || drop(value));
        drop((context, cancel));
        assert_eq!(done.try_recv(), Err(TryRecvError::Empty));
        drops.assert_all(1);
    });
}

#[test]
fn a_deadline_whose_runtime_has_ended_keeps_nothing() {
    for procs in [1, 2] {
        let drops = Drops::default();
        let made = drops.clone();
        let done = on_procs(procs, move || {
            let (listened_to, _) = Context::background().with_timeout(HOUR);
            let value = made.value();
            listened_to.after_func(move || drop(value));
            let (watched, _) = Context::background().with_timeout_cause(HOUR, CountedCause(made.value()));
            watched.done().clone()
        });
        assert_eq!(done.try_recv(), Err(TryRecvError::Empty));
        drops.assert_all(2);
    }
}

#[test]
fn a_long_chain_overflows_no_stack() {
    on_many_schedules(|| {
        let walk = |drop_first: bool| {
            move || {
                let (root, cancel) = Context::background().with_cancel();
                let mut leaf = root.clone();
                for n in 0..50_000 {
                    leaf = leaf.with_value(n).with_cancel().0;
                }
                let leaf_ended = Arc::new(AtomicBool::new(false));
                let ended = Arc::clone(&leaf_ended);
                leaf.after_func(move || ended.store(true, Ordering::Relaxed));
                assert_eq!(leaf.value::<u8>(), None);
                if drop_first {
                    drop((leaf, cancel));
                    return;
                }
                cancel.cancel();
                assert!(leaf.err().is_some());
                while !leaf_ended.load(Ordering::Relaxed) {
                    yield_now();
                }
            }
        };
        for drop_first in [false, true] {
            Go::new().stack_size(32 << 10).spawn(walk(drop_first)).unwrap().join().unwrap();
        }
    });
}

#[test]
fn ten_thousand_children_are_cancelled_in_less_than_ten_milliseconds() {
    on_procs(2, || {
        let fastest = (0..20)
            .map(|_| {
                let (root, cancel) = Context::background().with_cancel();
                let children: Vec<_> = (0..10_000).map(|_| root.with_cancel().0).collect();
                let start = Instant::now();
                cancel.cancel();
                let took = start.elapsed();
                assert!(children.iter().all(|child| child.err().is_some()));
                took
            })
            .min();
        assert!(fastest < Some(Duration::from_millis(10)), "{fastest:?}");
    });
}

#[test]
fn threads_and_goroutines_cancel_and_wait_alike() {
    let (context, cancel) = Context::background().with_cancel();
    let (below, cancel_below) = context.with_timeout(HOUR);
    std::thread::scope(|threads| {
        threads.spawn(|| assert_eq!(below.done().recv(), Err(RecvError)));
        threads.spawn(|| on_procs(2, || assert_eq!(context.done().recv(), Err(RecvError))));
        threads.spawn(|| on_procs(1, || cancel_below.cancel()));
        threads.spawn(|| {
            assert_eq!(below.done().recv(), Err(RecvError));
            cancel.cancel();
        });
    });
    let (late, _cancel) = Context::background().with_timeout(SHORT);
    assert_eq!(late.done().recv(), Err(RecvError));
}

#[test]
fn a_destructor_may_cancel_also_while_a_panic_unwinds() {
    on_many_schedules(|| {
        let (context, cancel) = Context::background().with_cancel();
        let children = tree(&context, 3, 3);
        let (tx, rx) = channel(1);
        context.after_func(move || tx.send(()).unwrap());
        let waiter = children[0].0.clone();
        let waiter = go!(move || waiter.done().recv());
        yield_now();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = cancel.drop_guard();
            resume_unwind(Box::new("a panic without a message"));
        }));
        assert!(panicked.is_err());
        assert!(children.iter().all(|(child, _)| child.err().is_some()));
        assert_eq!((waiter.join().unwrap(), rx.recv()), (Err(RecvError), Ok(())));
    });
}

#[test]
fn destructors_may_use_the_context_that_drops_what_they_belong_to() {
    on_many_schedules(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (context, cancel) = Context::background().with_cancel();
        let (child, cancel_child) = context.with_cancel();
        let user = |cancel: &CancelFunc| {
            let (context, cancel, dropped) = (context.clone(), cancel.clone(), Arc::clone(&dropped));
            OnDrop(move || {
                let _ = (context.with_cancel(), context.done(), context.cause());
                cancel.cancel();
                dropped.fetch_add(1, Ordering::Relaxed);
            })
        };
        let function = user(&cancel_child);
        drop(child.after_func(move || drop(function)));
        let stopped = user(&cancel_child);
        assert!(child.after_func(move || drop(stopped)).stop());
        drop(child.with_value(std::sync::Mutex::new(user(&cancel))));
        while dropped.load(Ordering::Relaxed) < 3 {
            yield_now();
        }
        assert!(context.err().is_some() && child.err().is_some());
    });
}

#[test]
fn a_runtime_that_ends_unwinds_who_waits_for_a_context_and_who_cancels_then_reaches_all() {
    for procs in [1, 2] {
        let (context, cancel) = Context::background().with_cancel();
        let children = tree(&context, 3, 3);
        let seen = on_procs(procs, || {
            let (waiter, guard) = (context.clone(), cancel.clone().drop_guard());
            let seen = context.done().clone();
            go! {
                let _guard = guard;
                let _ = waiter.done().recv();
            };
            // Started on no runtime but one that shuts down: it is dropped.
            context.after_func(|| ());
            yield_now();
            sleep(SHORT);
            seen
        });
        assert_eq!(seen.recv(), Err(RecvError));
        assert!(children.iter().all(|(child, _)| is_closed(child) && child.err().is_some()));
    }
}
