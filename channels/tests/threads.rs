//! Channels between OS threads: that every value arrives or comes back exactly once, that everyone wakes.
#![cfg(not(shuttle))]

#[path = "common/ledger.rs"]
mod ledger;

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gocsp_channels::*;
use ledger::Ledger;

const MOMENT: Duration = Duration::from_micros(20);

/// Sends in one of the four ways until the value is taken; false if the channel was closed.
fn send_by<T>(way: usize, tx: &Sender<T>, mut value: T) -> Result<(), T> {
    loop {
        value = match way % 4 {
            0 => return tx.send(value).map_err(SendError::into_inner),
            1 => match tx.try_send(value) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(value)) => return Err(value),
                Err(TrySendError::Full(value)) => {
                    thread::yield_now();
                    value
                }
            },
            2 => match tx.send_timeout(value, MOMENT) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(value)) => return Err(value),
                Err(SendTimeoutError::Timeout(value)) => value,
            },
            _ => match tx.send_deadline(value, Instant::now() + MOMENT) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(value)) => return Err(value),
                Err(SendTimeoutError::Timeout(value)) => value,
            },
        };
    }
}

/// Receives in one of the four ways until there is a value; `None` if the channel was closed.
fn recv_by<T>(way: usize, rx: &Receiver<T>) -> Option<T> {
    loop {
        match way % 4 {
            0 => return rx.recv().ok(),
            // With capacity 0 it would never meet a `try_send`.
            1 if rx.capacity() > 0 => match rx.try_recv() {
                Ok(value) => return Some(value),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => thread::yield_now(),
            },
            1 | 2 => match rx.recv_timeout(MOMENT) {
                Ok(value) => return Some(value),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            },
            _ => match rx.recv_deadline(Instant::now() + MOMENT) {
                Ok(value) => return Some(value),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            },
        }
    }
}

/// Calls `test` with every number of producers and consumers, and every kind of capacity.
fn table(test: impl Fn(usize, usize, usize)) {
    for capacity in [0, 1, 7] {
        for producers in [1, 2, 5] {
            for consumers in [1, 2, 5] {
                test(capacity, producers, consumers);
            }
        }
    }
}

#[test]
fn every_value_arrives_exactly_once() {
    const EACH: usize = 400;
    table(|capacity, producers, consumers| {
        for ways in 0..2 {
            let ledger = Ledger::new(producers * EACH);
            let (tx, rx) = channel(capacity);
            thread::scope(|scope| {
                for producer in 0..producers {
                    let (tx, ledger) = (tx.clone(), &ledger);
                    scope.spawn(move || {
                        for id in producer * EACH..(producer + 1) * EACH {
                            assert!(send_by(ways * producer, &tx, ledger.value(id)).is_ok());
                        }
                    });
                }
                for consumer in 0..consumers {
                    let rx = rx.clone();
                    scope.spawn(move || {
                        while let Some(value) = recv_by(ways * (consumer + 1), &rx) {
                            value.receive();
                        }
                    });
                }
                drop(tx);
            });
            assert_eq!(ledger.received(), producers * EACH);
            ledger.check();
        }
    });
}

#[test]
fn a_close_in_between_gives_back_what_did_not_arrive() {
    const EACH: usize = 100;
    table(|capacity, producers, consumers| {
        let ledger = Ledger::new(producers * EACH);
        let arrived = AtomicUsize::new(0);
        let (tx, rx) = channel(capacity);
        let sent = thread::scope(|scope| {
            let senders: Vec<_> = (0..producers)
                .map(|producer| {
                    let (tx, ledger) = (tx.clone(), &ledger);
                    scope.spawn(move || {
                        let ids = producer * EACH..(producer + 1) * EACH;
                        ids.filter(|&id| match send_by(producer, &tx, ledger.value(id)) {
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
            for consumer in 0..consumers {
                let (tx, rx, arrived) = (tx.clone(), rx.clone(), &arrived);
                scope.spawn(move || {
                    while let Some(value) = recv_by(consumer, &rx) {
                        value.receive();
                        if arrived.fetch_add(1, Ordering::Relaxed) == EACH / 4 {
                            assert_eq!(tx.close(), Ok(()));
                        }
                    }
                });
            }
            senders.into_iter().map(|sender| sender.join().unwrap()).sum::<usize>()
        });
        assert_eq!(ledger.received(), sent);
        ledger.check();
    });
}

#[test]
fn without_receivers_blocked_senders_get_their_values_back() {
    const EACH: usize = 100;
    table(|capacity, producers, consumers| {
        let ledger = Ledger::new(producers * EACH);
        let (tx, rx) = channel(capacity);
        thread::scope(|scope| {
            for producer in 0..producers {
                let (tx, ledger) = (tx.clone(), &ledger);
                scope.spawn(move || {
                    for id in producer * EACH..(producer + 1) * EACH {
                        if let Err(value) = send_by(producer, &tx, ledger.value(id)) {
                            assert_eq!(value.id, id);
                        }
                    }
                    assert!(tx.is_closed(), "the receivers do not take as many values");
                });
            }
            for consumer in 0..consumers {
                let rx = rx.clone();
                scope.spawn(move || {
                    for _ in 0..EACH / 10 {
                        let Some(value) = recv_by(consumer, &rx) else { break };
                        value.receive();
                    }
                });
            }
            drop(rx);
            drop(tx);
        });
        ledger.check();
    });
}

#[test]
fn a_close_wakes_every_receiver_and_every_sender() {
    const WAITERS: usize = 8;
    for capacity in [0, 1] {
        for _ in 0..20 {
            let (tx, rx) = channel(capacity);
            let ready = Barrier::new(WAITERS + 1);
            thread::scope(|scope| {
                for _ in 0..WAITERS {
                    scope.spawn(|| {
                        ready.wait();
                        assert_eq!(rx.recv(), Err(RecvError));
                    });
                }
                ready.wait();
                assert_eq!(tx.close(), Ok(()));
            });
            assert_eq!(tx.send(0), Err(SendError(0)));

            let (tx, rx) = channel(capacity);
            (0..capacity).for_each(|_| tx.send(WAITERS).unwrap());
            thread::scope(|scope| {
                for n in 0..WAITERS {
                    let (tx, ready) = (&tx, &ready);
                    scope.spawn(move || {
                        ready.wait();
                        assert_eq!(tx.send(n), Err(SendError(n)));
                    });
                }
                ready.wait();
                assert_eq!(tx.close(), Ok(()));
            });
            assert_eq!(rx.iter().collect::<Vec<_>>(), vec![WAITERS; capacity]);
        }
    }
}

#[test]
fn timeouts_are_never_early_and_give_the_value_back() {
    const TIMEOUT: Duration = Duration::from_millis(3);
    for (tx, rx) in [channel::<String>(0), (Sender::nil(), Receiver::nil())] {
        let start = Instant::now();
        let sent = tx.send_timeout("mine".into(), TIMEOUT);
        assert_eq!(sent, Err(SendTimeoutError::Timeout("mine".into())));
        assert!(start.elapsed() >= TIMEOUT);

        let start = Instant::now();
        assert_eq!(rx.recv_timeout(TIMEOUT), Err(RecvTimeoutError::Timeout));
        assert!(start.elapsed() >= TIMEOUT);

        let past = Instant::now();
        assert_eq!(tx.send_deadline("mine".into(), past), Err(SendTimeoutError::Timeout("mine".into())));
        assert_eq!(rx.recv_deadline(past), Err(RecvTimeoutError::Timeout));
    }
}

#[test]
fn a_timeout_beyond_the_clock_is_for_ever() {
    let (tx, rx) = channel(0);
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(rx.recv_timeout(Duration::MAX), Ok(1)));
        assert_eq!(tx.send_timeout(1, Duration::MAX), Ok(()));
    });
}

#[test]
fn an_operation_that_need_not_wait_succeeds_whatever_its_deadline() {
    let past = Instant::now();
    let (tx, rx) = channel(1);
    assert_eq!(tx.send_deadline(1, past), Ok(()));
    assert_eq!(rx.recv_deadline(past), Ok(1));
    tx.close().unwrap();
    assert_eq!(tx.send_deadline(2, past), Err(SendTimeoutError::Disconnected(2)));
    assert_eq!(rx.recv_deadline(past), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn after_receives_its_due_time_and_then_nothing() {
    const DELAY: Duration = Duration::from_millis(3);
    let start = Instant::now();
    let rx = after(DELAY);
    let due = rx.recv().unwrap();
    assert!(due >= start + DELAY);
    assert!(due <= Instant::now());
    assert_eq!(rx.recv_timeout(DELAY), Err(RecvTimeoutError::Timeout));
    assert!(!rx.is_closed());
}

#[test]
fn a_ticker_keeps_its_phase_when_its_receiver_is_slow() {
    const PERIOD: Duration = Duration::from_millis(2);
    let start = Instant::now();
    let ticks = tick(PERIOD);
    let first = ticks.recv().unwrap();
    assert!(first >= start + PERIOD);
    while Instant::now() < first + 5 * PERIOD {
        thread::yield_now();
    }
    let mut last = first;
    for _ in 0..3 {
        let tick = ticks.recv().unwrap();
        assert!(tick > last && tick <= Instant::now());
        assert_eq!((tick - first).as_nanos() % PERIOD.as_nanos(), 0);
        last = tick;
    }
}
