//! Tasks on channels under schedules that shuttle makes up, beside threads: futures are dropped at any moment, and no
//! value is lost with them, and no wake-up.
//!
//! A future is polled once and dropped. In between everyone else may run.
#![cfg(shuttle)]

#[path = "common/ledger.rs"]
mod ledger;
#[path = "common/polled.rs"]
mod polled;
#[path = "common/schedules.rs"]
mod schedules;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use gocsp_channels::*;
use gocsp_runtime::block_on;
use ledger::{Ledger, Value};
use polled::{Calls, poll};
use schedules::check;
use shuttle::thread;

/// How often a future was dropped after it had been called, in all schedules of a test.
#[derive(Default)]
struct TooLate(AtomicUsize);

impl TooLate {
    fn note(&self, calls: &Calls) {
        self.0.fetch_add(calls.count(), Ordering::Relaxed);
    }

    fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// How a party sends or receives.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// It blocks.
    Thread,
    /// As a task, which first drops as many futures.
    Task(usize),
}

use Manner::{Task, Thread};

/// `None` when the channel is closed.
fn recv<'a>(rx: &Receiver<Value<'a>>, manner: Manner, late: &TooLate) -> Option<Value<'a>> {
    let Task(hasty) = manner else { return rx.recv().ok() };
    for _ in 0..hasty {
        let calls = Calls::new();
        {
            let mut future = pin!(rx.recv_async());
            if let Poll::Ready(received) = poll(&mut future, &calls) {
                return received.ok();
            }
        }
        late.note(&calls);
    }
    block_on(rx.recv_async()).ok()
}

/// Sends these values. As many as it is hasty, the last of them, go with their futures, unless they have been sent.
fn send<'a>(tx: &Sender<Value<'a>>, ids: std::ops::Range<usize>, manner: Manner, ledger: &'a Ledger, late: &TooLate) {
    for (place, id) in ids.enumerate() {
        let value = ledger.value(id);
        match manner {
            Thread => _ = tx.send(value),
            Task(hasty) if place + hasty >= EACH => {
                let calls = Calls::new();
                let mut future = Box::pin(tx.send_async(value));
                let _ = poll(&mut future, &calls);
                drop(future);
                late.note(&calls);
            }
            Task(_) => _ = block_on(tx.send_async(value)),
        }
    }
}

const EACH: usize = 2;

/// Senders of [`EACH`] values, and receivers, until all are received or, if it is closed before, as many as were sent.
fn exchange(capacity: usize, senders: &[Manner], receivers: &[Manner], close: bool, late: &TooLate) {
    let ledger = Ledger::new(senders.len() * EACH);
    let (tx, rx) = channel(capacity);
    thread::scope(|scope| {
        for (party, &manner) in senders.iter().enumerate() {
            let (tx, ledger) = (tx.clone(), &ledger);
            scope.spawn(move || send(&tx, party * EACH..(party + 1) * EACH, manner, ledger, late));
        }
        for &manner in receivers {
            let rx = rx.clone();
            scope.spawn(move || {
                let mut last = None;
                while let Some(value) = recv(&rx, manner, late) {
                    // Who is alone has everything in order, whatever it has dropped in between.
                    if receivers.len() == 1 && senders.len() == 1 {
                        assert!(last.replace(value.id) < Some(value.id));
                    }
                    value.receive();
                }
            });
        }
        drop(rx);
        if close {
            assert_eq!(tx.close(), Ok(()));
        }
        drop(tx);
    });
    let patient = senders.iter().all(|&manner| matches!(manner, Thread | Task(0)));
    if patient && !close {
        assert_eq!(ledger.received(), senders.len() * EACH);
    }
    ledger.check();
}

/// Checks the exchange for capacities 0 and 1. With futures that are dropped, some have to be called before.
fn check_exchange(senders: &'static [Manner], receivers: &'static [Manner], close: bool) {
    let hasty = senders.iter().chain(receivers).any(|&manner| !matches!(manner, Thread | Task(0)));
    for capacity in 0..2 {
        let late = Arc::new(TooLate::default());
        let noted = Arc::clone(&late);
        check(move || exchange(capacity, senders, receivers, close, &noted));
        assert_eq!(late.happened(), hasty, "the schedules miss what they are meant to find");
    }
}

#[test]
fn tasks_and_threads_meet() {
    check_exchange(&[Thread, Task(0)], &[Thread, Task(0)], false);
    check_exchange(&[Task(0)], &[Task(0)], false);
}

#[test]
fn receivers_that_go_lose_nothing() {
    check_exchange(&[Thread], &[Task(2)], false);
    check_exchange(&[Thread, Thread], &[Task(1), Task(1)], false);
    check_exchange(&[Task(0), Thread], &[Task(1), Thread], false);
}

#[test]
fn senders_that_go_have_sent_or_not() {
    check_exchange(&[Task(1)], &[Thread], false);
    check_exchange(&[Task(1), Task(1)], &[Task(1), Thread], false);
}

#[test]
fn a_close_at_any_moment_ends_all() {
    check_exchange(&[Thread, Task(0)], &[Task(1), Task(0)], true);
    check_exchange(&[Task(1)], &[Task(1), Thread], true);
}

/// Two futures of one task, of which both may be called before either is dropped, beside one that blocks.
#[test]
fn what_two_futures_were_called_for_is_received_by_others() {
    for capacity in 0..2 {
        check(move || {
            let ledger = Ledger::new(3);
            let (tx, rx) = channel(capacity);
            thread::scope(|scope| {
                let ledger = &ledger;
                scope.spawn(move || (0..3).for_each(|id| assert!(tx.send(ledger.value(id)).is_ok())));
                let other = rx.clone();
                scope.spawn(move || other.iter().for_each(Value::receive));
                let calls = Calls::new();
                let mut futures = [0, 1].map(|_| Box::pin(rx.recv_async()));
                for future in &mut futures {
                    if let Poll::Ready(Ok(value)) = poll(future, &calls) {
                        value.receive();
                    }
                }
                drop(futures);
                // The other may have found the channel closed before they were dropped.
                rx.iter().for_each(Value::receive);
            });
            assert_eq!(ledger.received(), 3);
            ledger.check();
        });
    }
}
