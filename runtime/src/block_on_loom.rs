//! The notice of a `block_on` under loom's schedules: whoever wakes is heard, and each wait ends.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::*;
use crate::models::outcomes;

/// Something that becomes ready, once, and then wakes the last who has asked.
#[derive(Default)]
struct Event {
    happened: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Event {
    /// How many polls it took.
    async fn wait(&self) -> u32 {
        let mut polls = 0;
        poll_fn(|context| {
            polls += 1;
            *self.waker.lock().unwrap() = Some(context.waker().clone());
            if self.happened.load(Ordering::Acquire) { Poll::Ready(polls) } else { Poll::Pending }
        })
        .await
    }

    /// Gives the waker that it has woken, if there was one.
    fn happen(&self) -> Option<Waker> {
        self.happened.store(true, Ordering::Release);
        let waker = self.waker.lock().unwrap().clone()?;
        waker.wake_by_ref();
        Some(waker)
    }
}

/// A lost call would be a deadlock, which loom reports.
#[test]
fn one_call_is_heard_whenever_it_comes() {
    let seen = outcomes(3, || {
        let event = Arc::new(Event::default());
        let other = thread::spawn({
            let event = Arc::clone(&event);
            move || event.happen().is_some()
        });
        let polls = block_on(event.wait());
        (other.join().unwrap(), polls)
    });
    // It comes before the first poll, in the middle of that, or after it; and in the middle of the second, if there is
    // one.
    assert_eq!(seen, BTreeSet::from([(false, 1), (true, 1), (true, 2)]));
}

/// A waker that is used late calls for nobody: the second wait is woken by its own, and takes no more polls for it.
#[test]
fn a_waker_that_is_kept_does_not_reach_the_next_wait() {
    let seen = outcomes(2, || {
        let events = Arc::new([Event::default(), Event::default()]);
        let other = thread::spawn({
            let events = Arc::clone(&events);
            move || {
                let kept = events[0].happen();
                if let Some(kept) = &kept {
                    kept.wake_by_ref();
                }
                events[1].happen();
            }
        });
        let polls = (block_on(events[0].wait()), block_on(events[1].wait()));
        other.join().unwrap();
        polls
    });
    assert!(seen.iter().all(|&(_, second)| second <= 2), "found {seen:?}");
    assert!(seen.contains(&(2, 2)) && seen.contains(&(1, 1)), "found {seen:?}");
}
