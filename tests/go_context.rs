//! Go's rules for contexts, one test each, on goroutines.

#[path = "common/contexts.rs"]
mod contexts;
#[path = "common/drops.rs"]
mod drops;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/schedules.rs"]
mod schedules;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contexts::{CountedCause, HOUR, SHORT, is_closed, tree};
use drops::Drops;
use gocsp::context::{Context, ContextError};
use gocsp::{RecvError, after, channel, go, scope, select, sleep, yield_now};
use procs::on_one_and_more_procs;
use schedules::on_many_schedules;

#[test]
fn cancelling_a_parent_cancels_every_descendant_before_cancel_returns() {
    on_many_schedules(|| {
        let (root, cancel) = Context::background().with_cancel();
        let descendants = tree(&root, 4, 4);
        let receivers: Vec<_> = descendants.iter().step_by(2).map(|(context, _)| context.done().clone()).collect();
        assert!(descendants.iter().all(|(context, _)| context.err().is_none() && !is_closed(context)));
        cancel.cancel();
        for (context, _) in &descendants {
            assert_eq!(context.err(), Some(ContextError::Cancelled));
            assert!(is_closed(context));
        }
        assert!(receivers.iter().all(|done| done.is_closed()));
    });
}

#[test]
fn cancelling_a_child_leaves_its_parent_and_siblings_alone() {
    on_many_schedules(|| {
        let (root, _cancel) = Context::background().with_cancel();
        let [one, other] = [(); 2].map(|()| root.with_cancel());
        one.1.cancel();
        assert!(one.0.err().is_some());
        assert!(root.err().is_none() && other.0.err().is_none());
    });
}

#[test]
fn of_many_who_cancel_in_one_tree_each_finds_what_is_below_it_cancelled() {
    on_many_schedules(|| {
        for _ in 0..50 {
            let (root, cancel) = Context::background().with_cancel();
            let descendants = tree(&root, 2, 6);
            scope(|s| {
                for n in [0, 1, 3, 7] {
                    let (descendants, cancel) = (&descendants, &cancel);
                    s.go(move || {
                        let (below, cancel) = match n {
                            0 => (&descendants[..], cancel),
                            // The first of each level, and those of the last level that are below it.
                            _ => (&descendants[62..62 + 64 / (n + 1)], &descendants[n - 1].1),
                        };
                        cancel.cancel();
                        assert!(below.iter().all(|(context, _)| context.err().is_some() && is_closed(context)));
                    });
                }
            });
        }
    });
}

#[test]
fn a_context_derived_from_one_that_has_ended_has_ended_the_same_way() {
    on_many_schedules(|| {
        let (root, cancel) = Context::background().with_cancel_cause();
        cancel.cancel("first");
        let (child, _cancel) = root.with_timeout(Duration::ZERO);
        assert_eq!(child.err(), Some(ContextError::Cancelled));
        assert_eq!(child.cause().unwrap().to_string(), "first");
        assert!(is_closed(&child));
    });
}

#[test]
fn a_context_made_while_its_parent_is_cancelled_ends_with_it() {
    on_many_schedules(|| {
        for _ in 0..100 {
            let (root, cancel) = Context::background().with_cancel();
            let parent = root.clone();
            let maker = go!(move || std::array::from_fn::<_, 20, _>(|_| parent.with_cancel().0));
            yield_now();
            cancel.cancel();
            assert!(maker.join().unwrap().iter().all(|child| child.err().is_some()));
        }
    });
}

#[test]
fn the_first_cause_wins() {
    on_many_schedules(|| {
        for _ in 0..50 {
            let (root, cancel) = Context::background().with_cancel_cause();
            let (child, _cancel) = root.with_cancel();
            scope(|s| {
                for n in 0..4 {
                    let (cancel, root) = (&cancel, &root);
                    s.go(move || {
                        cancel.cancel(n.to_string());
                        let cause = root.cause().unwrap();
                        assert!(Arc::ptr_eq(&cause, &root.cause().unwrap()));
                    });
                }
            });
            assert!(Arc::ptr_eq(&child.cause().unwrap(), &root.cause().unwrap()));
        }
        let (parent, cancel_parent) = Context::background().with_cancel_cause();
        let (child, cancel_child) = parent.with_cancel_cause();
        cancel_child.cancel("the child's");
        cancel_parent.cancel("the parent's");
        assert_eq!(child.cause().unwrap().to_string(), "the child's");
        assert_eq!(parent.cause().unwrap().to_string(), "the parent's");
    });
}

#[test]
fn without_a_cause_the_error_is_the_cause() {
    let (context, cancel) = Context::background().with_cancel();
    assert!(context.cause().is_none());
    cancel.cancel();
    assert_eq!(context.cause().unwrap().downcast_ref(), Some(&ContextError::Cancelled));
    let (late, _cancel) = Context::background().with_timeout(Duration::ZERO);
    assert_eq!(late.cause().unwrap().downcast_ref(), Some(&ContextError::DeadlineExceeded));
}

#[test]
fn an_error_that_is_set_implies_a_closed_channel_and_a_closed_channel_an_error() {
    on_many_schedules(|| {
        for round in 0..200 {
            let (root, cancel) = Context::background().with_cancel();
            let (child, _cancel) = root.with_cancel();
            let early = (round % 2 == 0).then(|| child.done().clone());
            scope(|s| {
                s.go(|| {
                    while child.err().is_none() {
                        yield_now();
                    }
                    assert!(is_closed(&child) && early.as_ref().is_none_or(|done| done.is_closed()));
                });
                s.go(|| {
                    assert_eq!(child.done().recv(), Err(RecvError));
                    assert!(child.err().is_some());
                });
                s.go(|| cancel.cancel());
            });
        }
    });
}

#[test]
fn a_deadline_later_than_the_parents_changes_nothing() {
    on_many_schedules(|| {
        let (parent, _cancel) = Context::background().with_timeout_cause(SHORT, "the parent's");
        for (child, _cancel) in [parent.with_timeout(HOUR), parent.with_timeout_cause(HOUR, "the child's")] {
            assert_eq!(child.deadline(), parent.deadline());
            assert_eq!(child.done().recv(), Err(RecvError));
            assert_eq!(child.cause().unwrap().to_string(), "the parent's");
        }
    });
}

#[test]
fn a_deadline_ends_the_context_and_what_is_below_it_and_never_early() {
    on_one_and_more_procs(|| {
        let start = Instant::now();
        let (parent, _cancel) = Context::background().with_timeout(HOUR);
        let (context, _cancel) = parent.with_timeout_cause(SHORT, "too slow");
        let descendants = tree(&context, 2, 3);
        assert!(context.deadline().unwrap() >= start + SHORT);
        assert_eq!(context.done().recv(), Err(RecvError));
        assert!(start.elapsed() >= SHORT);
        assert_eq!(context.err(), Some(ContextError::DeadlineExceeded));
        for (context, _) in &descendants {
            assert_eq!(context.done().recv(), Err(RecvError));
            assert_eq!(context.err(), Some(ContextError::DeadlineExceeded));
            assert_eq!(context.cause().unwrap().to_string(), "too slow");
        }
        assert!(parent.err().is_none());
    });
}

#[test]
fn a_deadline_that_has_passed_ends_the_context_at_once_and_one_that_is_too_far_never() {
    on_one_and_more_procs(|| {
        let (past, _cancel) = Context::background().with_deadline(Instant::now());
        assert_eq!(past.err(), Some(ContextError::DeadlineExceeded));
        let (far, _cancel) = Context::background().with_timeout(Duration::MAX);
        assert!(far.err().is_none() && far.deadline().is_some());
    });
}

#[test]
fn a_cancelled_context_is_not_ended_again_by_its_deadline() {
    on_many_schedules(|| {
        let (context, cancel) = Context::background().with_timeout(SHORT);
        cancel.cancel();
        sleep(2 * SHORT);
        assert_eq!(context.err(), Some(ContextError::Cancelled));
    });
}

#[test]
fn with_value_looks_up_the_chain_and_the_nearest_wins() {
    on_many_schedules(|| {
        let root = Context::background().with_value(1_u8).with_value("root");
        let (middle, _cancel) = root.with_cancel();
        let leaf = middle.with_timeout(HOUR).0.with_value(2_u8);
        assert_eq!(leaf.value::<u8>(), Some(&2));
        assert_eq!(middle.value::<u8>(), Some(&1));
        assert_eq!(leaf.value::<&str>(), Some(&"root"));
        assert_eq!(leaf.value::<u16>(), None);
        assert_eq!(Context::background().value::<u8>(), None);
    });
}

#[test]
fn after_func_runs_once_in_a_goroutine_of_its_own() {
    on_many_schedules(|| {
        let (tx, rx) = channel(10);
        let (context, cancel) = Context::background().with_cancel();
        let (child, _cancel) = context.with_cancel();
        for n in 0..3 {
            let (tx, inside) = (tx.clone(), Context::clone(if n == 0 { &context } else { &child }));
            context.after_func(move || tx.send((n, inside.err())).unwrap());
        }
        drop(tx);
        yield_now();
        assert!(rx.is_empty());
        cancel.cancel();
        cancel.cancel();
        let mut ran: Vec<_> = rx.iter().collect();
        ran.sort_unstable_by_key(|(n, _)| *n);
        assert_eq!(ran, [0, 1, 2].map(|n| (n, Some(ContextError::Cancelled))));
    });
}

#[test]
fn after_func_of_a_context_that_has_ended_runs_at_once_and_who_cancels_does_not_wait_for_it() {
    on_many_schedules(|| {
        let (context, cancel) = Context::background().with_cancel();
        let (proceed, wait) = channel::<()>(0);
        let (tx, rx) = channel(2);
        for early in [true, false] {
            if !early {
                cancel.cancel();
            }
            let (wait, tx) = (wait.clone(), tx.clone());
            let function = context.after_func(move || tx.send(wait.recv()).unwrap());
            assert!(early || !function.stop());
        }
        assert!(rx.is_empty());
        drop(proceed);
        assert_eq!((rx.recv(), rx.recv()), (Ok(Err(RecvError)), Ok(Err(RecvError))));
    });
}

#[test]
fn the_stop_of_after_func_says_whether_it_prevented_the_run() {
    on_many_schedules(|| {
        for _ in 0..200 {
            let drops = Drops::default();
            let (tx, rx) = channel(1);
            let (context, cancel) = Context::background().with_cancel();
            let value = drops.value();
            let function = context.after_func(move || {
                tx.send(()).unwrap();
                drop(value);
            });
            let canceller = go!(move || cancel.cancel());
            yield_now();
            let prevented = function.stop();
            assert!(!prevented || drops.dropped() == 1, "what is prevented is dropped");
            assert!(!function.stop());
            canceller.join().unwrap();
            // It runs, and sends, or is dropped, and closes.
            assert_eq!(rx.recv().is_err(), prevented);
        }
    });
}

#[test]
fn without_cancel_keeps_values_only() {
    on_many_schedules(|| {
        let (context, cancel) = Context::background().with_value(1).with_timeout(HOUR);
        let kept = context.without_cancel();
        let (below, _cancel) = kept.with_cancel();
        cancel.cancel();
        assert_eq!(kept.value(), Some(&1));
        assert_eq!((kept.err(), kept.deadline()), (None, None));
        assert!(below.err().is_none());
    });
}

#[test]
fn a_background_context_is_never_done() {
    on_many_schedules(|| {
        for context in [Context::background(), Context::todo(), Context::default()] {
            assert_eq!((context.err(), context.deadline()), (None, None));
            assert!(context.cause().is_none());
            select! {
                recv(context.done()) => panic!("nil is never chosen"),
                recv(after(SHORT)) => {}
            }
        }
    });
}

#[test]
fn done_is_a_case_of_select() {
    on_many_schedules(|| {
        let (context, cancel) = Context::background().with_cancel();
        let (tx, rx) = channel(0);
        let worker = go! {
            let mut sum = 0;
            loop {
                select! {
                    recv(context.done()) => return (sum, context.err()),
                    recv(rx) -> n => sum += n.unwrap_or(0),
                }
            }
        };
        (1..=10).for_each(|n| tx.send(n).unwrap());
        cancel.cancel();
        assert_eq!(worker.join().unwrap(), (55, Some(ContextError::Cancelled)));
    });
}

#[test]
fn a_finished_context_holds_no_reference_from_its_parent() {
    on_many_schedules(|| {
        let drops = Drops::default();
        let (parent, _cancel) = Context::background().with_cancel();
        for n in 0..100 {
            let (child, cancel) = parent.with_timeout_cause(HOUR, CountedCause(drops.value()));
            let value = drops.value();
            let function = child.after_func(move || drop(value));
            let grandchild = child.with_cancel();
            match n % 4 {
                // Cancelled, and then dropped.
                0 => cancel.cancel(),
                // Never cancelled.
                1 => drop(grandchild.1),
                // The last handle is that of a descendant.
                2 => drop((cancel, child.clone())),
                // Cancelled by a guard.
                _ => drop(cancel.drop_guard()),
            }
            function.stop();
        }
        // The functions that were not stopped run.
        while drops.dropped() < 200 {
            yield_now();
        }
        drops.assert_all(200);
        assert!(parent.err().is_none());
    });
}

#[test]
fn the_errors_have_gos_texts() {
    let errors: [Box<dyn Error>; 2] = [Box::new(ContextError::Cancelled), Box::new(ContextError::DeadlineExceeded)];
    assert_eq!(errors.map(|error| error.to_string()), ["context canceled", "context deadline exceeded"]);
}
