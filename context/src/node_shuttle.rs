//! The tree under random schedules: what is cancelled from several places, while it grows, shrinks, expires and is listened
//! to. `ci/shuttle.sh` runs it.
//!
//! A deadline passes when the model fires its alarm. Each model gives what it has seen, and that is compared with all that
//! has to be possible; a wait that is never ended is a deadlock, which shuttle reports with the schedule that leads there.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gocsp_channels::TryRecvError;
use gocsp_runtime::models::outcomes;
use gocsp_runtime::timer::Expire;
use shuttle::thread;

use super::Node;
use crate::{CancelFunc, Context, ContextError};

const HOUR: Duration = Duration::from_secs(3600);

fn root() -> (Context, CancelFunc) {
    Context::background().with_cancel()
}

fn node(context: &Context) -> &Arc<Node> {
    context.node.as_ref().expect("it can end")
}

/// The deadline passes, unless the node has ended.
fn expire(node: &Arc<Node>) {
    let alarm = node.state.lock().alarm.clone();
    if let Some(alarm) = alarm {
        assert_eq!(alarm.expire(std::time::Instant::now()), None);
    }
}

fn is_closed(context: &Context) -> bool {
    context.done().try_recv() == Err(TryRecvError::Disconnected)
}

fn assert_ended(contexts: &[Context]) {
    for context in contexts {
        assert!(context.err().is_some());
        assert!(is_closed(context));
    }
}

/// Runs the bodies on a thread each, to the end.
fn all<const N: usize>(bodies: [Box<dyn FnOnce() + Send>; N]) {
    for thread in bodies.map(thread::spawn) {
        thread.join().unwrap();
    }
}

/// A body for [`all`].
fn body(f: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce() + Send> {
    Box::new(f)
}

#[test]
fn whoever_cancels_finds_all_below_ended() {
    let seen = outcomes(|| {
        let (top, cancel_top) = Context::background().with_cancel_cause();
        let (middle, cancel_middle) = top.with_cancel_cause();
        let (low, cancel_low) = middle.with_cancel_cause();
        let leaf = low.with_cancel().0;
        let [of_top, of_middle, of_low] = [
            [top.clone(), middle.clone(), low.clone(), leaf.clone()].to_vec(),
            [middle.clone(), low.clone(), leaf.clone()].to_vec(),
            [low.clone(), leaf.clone()].to_vec(),
        ];
        let again = (cancel_top.clone(), of_top.clone());
        let cancel = |cancel: crate::CancelCauseFunc, cause: &'static str, below: Vec<Context>| {
            body(move || {
                cancel.cancel(cause);
                assert_ended(&below);
            })
        };
        all([
            cancel(cancel_top, "t", of_top),
            cancel(again.0, "a", again.1),
            cancel(cancel_middle, "m", of_middle),
            cancel(cancel_low, "l", of_low),
        ]);
        let causes = [&top, &middle, &low].map(|context| context.cause().unwrap().to_string());
        assert_eq!(leaf.cause().unwrap().to_string(), causes[2], "it cannot be cancelled by itself");
        for context in [&top, &middle, &low, &leaf] {
            assert!(node(context).state.lock().children.is_empty());
        }
        causes.concat()
    });
    // A node has its own cause or the one that its parent has.
    let mut possible = BTreeSet::new();
    for top in ["t", "a"] {
        for middle in [top, "m"] {
            for low in [middle, "l"] {
                possible.insert([top, middle, low].concat());
            }
        }
    }
    assert_eq!(seen, possible);
}

#[test]
fn who_is_made_while_its_parent_ends_ends_as_well() {
    let seen = outcomes(|| {
        let (top, cancel) = root();
        let parent = top.clone();
        let maker = thread::spawn(move || {
            let (child, _cancel) = parent.with_cancel();
            let early = child.err().is_none();
            let leaf = child.with_value(1).with_timeout(HOUR).0;
            (early, leaf.err().is_none(), leaf)
        });
        let canceller = thread::spawn(move || cancel.cancel());
        let (child_early, leaf_early, leaf) = maker.join().unwrap();
        canceller.join().unwrap();
        assert_ended(&[top, leaf.clone()]);
        assert!(node(&leaf).state.lock().alarm.is_none());
        (child_early, leaf_early)
    });
    assert_eq!(seen, [(false, false), (true, false), (true, true)].into());
}

#[test]
fn an_error_and_the_end_of_done_come_together() {
    let seen = outcomes(|| {
        let (top, cancel) = root();
        let child = top.with_cancel().0;
        let [listener, observer] = [child.clone(), child.clone()];
        let observed = Arc::new(AtomicUsize::new(0));
        let note = Arc::clone(&observed);
        all([
            body(move || cancel.cancel()),
            body(move || {
                assert!(listener.done().recv().is_err());
                assert!(listener.err().is_some());
            }),
            body(move || {
                let done = observer.done().clone();
                let (ended, closed) = (observer.err().is_some(), done.is_closed());
                assert!(!ended || closed);
                let (closed, ended) = (done.is_closed(), observer.err().is_some());
                assert!(!closed || ended);
                note.store(1 + usize::from(ended), Ordering::Relaxed);
            }),
        ]);
        observed.load(Ordering::Relaxed)
    });
    assert_eq!(seen, [1, 2].into());
}

#[test]
fn a_deadline_and_a_cancel_leave_one_of_two_ends_and_no_node() {
    let seen = outcomes(|| {
        let (top, cancel_top) = root();
        let (late, cancel) = top.with_timeout_cause(HOUR, "late");
        let below = late.with_cancel().0;
        let [of_top, of_late, of_below] = [&top, &late, &below].map(|context| Arc::downgrade(node(context)));
        let alarm = Weak::clone(&of_late);
        let ended = thread::spawn(move || {
            // It may be that nobody needs the node any more.
            if let Some(node) = alarm.upgrade() {
                expire(&node);
            }
        });
        let canceller = thread::spawn(move || cancel.cancel());
        let dropper = thread::spawn(move || {
            cancel_top.cancel();
            let ends = [&late, &below].map(|context| (context.err().unwrap(), context.cause().unwrap().to_string()));
            drop((top, late, below));
            ends
        });
        ended.join().unwrap();
        canceller.join().unwrap();
        let [late, below] = dropper.join().unwrap();
        // The goroutine of the alarm may run on, and is no longer needed.
        while [&of_top, &of_late, &of_below].iter().any(|node| node.strong_count() > 0) {
            thread::yield_now();
        }
        assert_eq!(late, below);
        assert_eq!(late.0 == ContextError::DeadlineExceeded, late.1 == "late");
        late.1
    });
    assert_eq!(seen, ["context canceled".to_string(), "late".to_string()].into());
}

#[test]
fn a_function_runs_once_or_was_stopped() {
    let seen = outcomes(|| {
        let (top, cancel) = root();
        let child = top.with_cancel().0;
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let (again, cancelled_again) = (cancel.clone(), child.clone());
        let stopped = thread::spawn(move || {
            let function = child.after_func(move || {
                counted.fetch_add(1, Ordering::Relaxed);
            });
            let stopped = function.stop();
            assert!(!function.stop());
            stopped
        });
        all([body(move || cancel.cancel()), body(move || again.cancel())]);
        let stopped = stopped.join().unwrap();
        while !stopped && runs.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        assert!(node(&cancelled_again).state.lock().children.is_empty());
        drop((top, cancelled_again));
        (stopped, runs.load(Ordering::Relaxed))
    });
    assert_eq!(seen, [(false, 1), (true, 0)].into());
}

#[test]
fn what_is_dropped_leaves_no_trace_in_its_parent() {
    let seen = outcomes(|| {
        let (top, _cancel) = root();
        let (middle, cancel) = top.with_timeout(HOUR);
        let [low, other] = [(); 2].map(|()| middle.with_cancel().0);
        let weak = Arc::downgrade(node(&middle));
        let function = low.after_func(|| unreachable!("nobody cancels it"));
        all([
            body(move || drop(middle)),
            body(move || drop(low)),
            body(move || drop(other)),
            body(move || assert!(function.stop())),
            body(move || drop(cancel)),
        ]);
        assert!(node(&top).state.lock().children.is_empty());
        assert_eq!(weak.strong_count(), 0);
    });
    assert_eq!(seen, [()].into());
}

#[test]
fn a_receiver_that_outlives_its_context_is_told_of_the_deadline() {
    let seen = outcomes(|| {
        let (late, _) = Context::background().with_timeout(HOUR);
        let alarm = node(&late).state.lock().alarm.clone().expect("it has a deadline");
        let weak = Arc::downgrade(node(&late));
        let done = late.done().clone();
        let kept = thread::spawn(move || {
            drop(late);
            weak.strong_count() > 0
        });
        let listener = thread::spawn(move || assert!(done.recv().is_err()));
        alarm.expire(std::time::Instant::now());
        listener.join().unwrap();
        kept.join().unwrap()
    });
    assert_eq!(seen, [false, true].into());
}
