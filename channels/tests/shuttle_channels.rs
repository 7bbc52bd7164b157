//! Channels under schedules that shuttle makes up: no wake-up is lost (shuttle reports a deadlock), and every value
//! arrives or comes back exactly once.
//!
//! Shuttle knows no time. A deadline in the past stands for one that passes at any moment: between the release of
//! the lock and the moment when the waiter finds itself out of time, everyone else may run.
//!
//! A failing test prints its schedule, to be replayed by `shuttle::replay`.
#![cfg(shuttle)]

#[path = "common/choose.rs"]
mod choose;
#[path = "common/ledger.rs"]
mod ledger;
#[path = "common/schedules.rs"]
mod schedules;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use choose::{choose, swap};
use gocsp_channels::case::RecvCase;
use gocsp_channels::*;
use ledger::{Ledger, Value};
use schedules::check;
use shuttle::thread;

/// How often an operation ran out of time, in all schedules of a test.
#[derive(Default)]
struct Timeouts(AtomicUsize);

impl Timeouts {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// Sends a value: first as often as `hasty` says with a deadline that has passed, then for ever.
fn send<'a>(tx: &Sender<Value<'a>>, mut value: Value<'a>, hasty: usize, timeouts: &Timeouts) -> Result<(), Value<'a>> {
    for _ in 0..hasty {
        value = match tx.send_deadline(value, Instant::now()) {
            Ok(()) => return Ok(()),
            Err(SendTimeoutError::Disconnected(value)) => return Err(value),
            Err(SendTimeoutError::Timeout(value)) => value,
        };
        timeouts.count();
    }
    tx.send(value).map_err(SendError::into_inner)
}

/// Receives a value: first as often as `hasty` says with a deadline that has passed, then for ever.
fn recv<'a>(rx: &Receiver<Value<'a>>, hasty: usize, timeouts: &Timeouts) -> Option<Value<'a>> {
    for _ in 0..hasty {
        match rx.recv_deadline(Instant::now()) {
            Ok(value) => return Some(value),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => timeouts.count(),
        }
    }
    rx.recv().ok()
}

/// What ends a scenario.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// All senders are done.
    Done,
    /// Somebody closes the channel at any moment.
    Close,
    /// Every receiver leaves after one value.
    Abandon,
}

/// Some senders of two values each and some receivers, all of them hasty or none.
fn exchange(capacity: usize, parties: (usize, usize), hasty: usize, end: End, timeouts: &Timeouts) {
    const EACH: usize = 2;
    let ledger = Ledger::new(parties.0 * EACH);
    let (tx, rx) = channel(capacity);
    let sent = thread::scope(|scope| {
        let senders: Vec<_> = (0..parties.0)
            .map(|party| {
                let (tx, ledger) = (tx.clone(), &ledger);
                scope.spawn(move || {
                    let ids = party * EACH..(party + 1) * EACH;
                    ids.filter(|&id| match send(&tx, ledger.value(id), hasty, timeouts) {
                        Ok(()) => true,
                        Err(value) => {
                            assert_eq!(value.id, id);
                            false
                        }
                    })
                    .count()
                })
            })
            .collect();
        for _ in 0..parties.1 {
            let rx = rx.clone();
            scope.spawn(move || {
                while let Some(value) = recv(&rx, hasty, timeouts) {
                    value.receive();
                    if end == End::Abandon {
                        break;
                    }
                }
            });
        }
        drop(rx);
        if end == End::Close {
            assert_eq!(tx.close(), Ok(()));
        }
        drop(tx);
        senders.into_iter().map(|sender| sender.join().unwrap()).sum::<usize>()
    });
    match end {
        End::Done => assert_eq!(ledger.received(), parties.0 * EACH),
        End::Close => assert_eq!(ledger.received(), sent),
        // What was buffered at the end was sent, and dropped by the last receiver.
        End::Abandon => assert!((sent.saturating_sub(capacity)..=sent).contains(&ledger.received())),
    }
    ledger.check();
}

/// Checks the exchange for capacities 0, 1 and 2.
fn check_exchange(parties: (usize, usize), hasty: usize, end: End) {
    for capacity in 0..3 {
        let timeouts = Arc::new(Timeouts::default());
        let counted = Arc::clone(&timeouts);
        check(move || exchange(capacity, parties, hasty, end, &counted));
        assert_eq!(timeouts.happened(), hasty > 0, "the schedules miss what they are meant to find");
    }
}

#[test]
fn one_to_one() {
    check_exchange((1, 1), 0, End::Done);
}

#[test]
fn many_to_many() {
    check_exchange((2, 2), 0, End::Done);
}

#[test]
fn one_to_one_in_haste() {
    check_exchange((1, 1), 2, End::Done);
}

#[test]
fn many_to_many_in_haste() {
    check_exchange((2, 2), 1, End::Done);
}

#[test]
fn closed_at_any_moment() {
    check_exchange((2, 2), 0, End::Close);
}

#[test]
fn closed_at_any_moment_in_haste() {
    check_exchange((2, 1), 1, End::Close);
    check_exchange((1, 2), 1, End::Close);
}

#[test]
fn abandoned_at_any_moment() {
    check_exchange((2, 1), 0, End::Abandon);
    check_exchange((2, 2), 1, End::Abandon);
}

/// One selects among two channels, hasty or not, what two others send.
fn select_two(capacity: usize, hasty: usize, timeouts: &Timeouts) {
    let ledger = Ledger::new(4);
    let ((tx_a, rx_a), (tx_b, rx_b)) = (channel(capacity), channel(capacity));
    thread::scope(|scope| {
        for (tx, first) in [(tx_a, 0), (tx_b, 2)] {
            let ledger = &ledger;
            scope.spawn(move || {
                for id in first..first + 2 {
                    assert!(send(&tx, ledger.value(id), hasty, timeouts).is_ok());
                }
            });
        }
        let mut hasty_left = hasty;
        let mut open = [&rx_a, &rx_b].to_vec();
        while !open.is_empty() {
            let deadline = (hasty_left > 0).then(Instant::now);
            hasty_left = hasty_left.saturating_sub(1);
            let nil = Receiver::nil();
            let mut first = RecvCase::new(open[0]);
            let mut second = RecvCase::new(open.get(1).copied().unwrap_or(&nil));
            let (index, message) = match choose(&mut [&mut first, &mut second], deadline) {
                None => {
                    timeouts.count();
                    continue;
                }
                Some(0) => (0, first.finish()),
                Some(index) => (index, second.finish()),
            };
            match message {
                Ok(value) => value.receive(),
                Err(RecvError) => drop(open.remove(index)),
            }
        }
    });
    assert_eq!(ledger.received(), 4);
    ledger.check();
}

#[test]
fn a_select_takes_one_value_at_a_time() {
    for (capacity, hasty) in [(0, 0), (1, 0), (0, 2), (1, 2)] {
        let timeouts = Arc::new(Timeouts::default());
        let counted = Arc::clone(&timeouts);
        check(move || select_two(capacity, hasty, &counted));
        assert_eq!(timeouts.happened(), hasty > 0, "the schedules miss what they are meant to find");
    }
}

#[test]
fn two_selects_meet() {
    check(|| {
        let (a, b) = (Chan::new(0), Chan::new(0));
        thread::scope(|scope| {
            let other = scope.spawn(|| swap(&b, &a, 3));
            let (sent, received) = swap(&a, &b, 3);
            assert_eq!(other.join().unwrap(), (received, sent));
        });
    });
}

/// A select that is claimed by a close and by a sender at once is so by one of them.
fn close_against_send() {
    let ledger = Ledger::new(1);
    let ((tx_a, rx_a), (tx_b, rx_b)) = (channel::<Value<'_>>(0), channel::<Value<'_>>(0));
    thread::scope(|scope| {
        let ledger = &ledger;
        let sender = scope.spawn(move || tx_a.send(ledger.value(0)).is_ok());
        scope.spawn(move || assert_eq!(tx_b.close(), Ok(())));
        let (mut a, mut b) = (RecvCase::new(&rx_a), RecvCase::new(&rx_b));
        match choose(&mut [&mut a, &mut b], None) {
            Some(0) => {
                assert!(b.finish().is_err());
                a.finish().expect("it was sent").receive();
                assert!(sender.join().unwrap());
            }
            _ => {
                assert!(b.finish().is_err());
                drop(a);
                drop(rx_a);
                assert!(!sender.join().unwrap());
            }
        }
    });
    ledger.check();
}

#[test]
fn a_select_is_woken_by_one_cause() {
    check(close_against_send);
}
