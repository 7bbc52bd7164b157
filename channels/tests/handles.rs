//! Handles: counting, closing, nil, directions; what happens to values when handles go, and what errors say.
#![cfg(not(shuttle))]

#[path = "common/ledger.rs"]
mod ledger;

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use gocsp_channels::*;
use ledger::Ledger;

#[test]
fn the_last_receiver_drops_what_is_buffered_and_refuses_more() {
    let ledger = Ledger::new(4);
    let (tx, rx) = channel(2);
    assert!(tx.send(ledger.value(3)).is_ok());
    rx.recv().expect("it was sent").receive();
    let other = rx.clone();
    assert!(tx.send(ledger.value(0)).is_ok());
    assert!(tx.send(ledger.value(1)).is_ok());
    drop(rx);
    assert_eq!(tx.len(), 2);
    drop(other);
    assert_eq!(tx.len(), 0);
    assert!(tx.is_closed());
    let Err(SendError(back)) = tx.send(ledger.value(2)) else { panic!("nobody can receive it") };
    assert_eq!(back.id, 2);
    drop(back);
    ledger.check();
    assert_eq!(ledger.received(), 1);
    assert_eq!(tx.close(), Ok(()), "it was not closed by anybody");
    assert_eq!(tx.close(), Err(CloseError));
}

#[test]
fn a_bidirectional_handle_counts_as_both_and_turns_into_either() {
    let chan = Chan::new(1);
    let tx = Sender::from(&chan);
    let rx = Receiver::from(&chan);
    tx.send(1).unwrap();
    assert_eq!(chan.recv(), Ok(1));
    drop(tx);
    assert!(!rx.is_closed());
    chan.send(2).unwrap();

    let clone = chan.clone();
    assert!(clone.same_channel(&chan));
    drop(chan);
    let tx = Sender::from(clone);
    assert!(!tx.is_closed());
    drop(tx);
    assert_eq!(rx.iter().collect::<Vec<_>>(), [2]);

    let chan = Chan::new(0);
    let rx = Receiver::from(chan);
    assert_eq!(rx.recv(), Err::<i32, _>(RecvError));
}

#[test]
fn a_bidirectional_handle_iterates_over_what_was_sent() {
    let chan = Chan::new(3);
    (1..=3).for_each(|n| chan.send(n).unwrap());
    assert_eq!(chan.try_iter().take(1).collect::<Vec<_>>(), [1]);
    chan.close().unwrap();
    let mut rest = Vec::new();
    for n in &chan {
        rest.push(n);
    }
    assert_eq!(rest, [2, 3]);
}

#[test]
fn nil_is_empty_and_full_is_never_closed_and_equals_itself() {
    let (tx, rx, chan) = (Sender::<i32>::nil(), Receiver::<i32>::nil(), Chan::<i32>::nil());
    assert_eq!((tx.is_empty(), tx.is_full(), rx.is_empty(), rx.is_full()), (true, true, true, true));
    assert_eq!(tx.close(), Err(CloseError));
    assert_eq!(chan.close(), Err(CloseError));
    assert!(!tx.is_closed() && !rx.is_closed() && !chan.is_closed());
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert!(tx.same_channel(&Sender::from(&chan)) && rx.clone().same_channel(&Receiver::from(chan)));
    assert!(!tx.same_channel(&channel(0).0));
    assert_eq!(rx.try_iter().count(), 0);
    assert_eq!(format!("{tx:?} {rx:?}"), "Sender(nil) Receiver(nil)");
}

#[test]
fn length_and_capacity() {
    let (tx, rx) = channel(2);
    assert!(tx.is_empty() && rx.is_empty() && !tx.is_full() && !rx.is_full());
    tx.send(1).unwrap();
    assert_eq!((tx.len(), rx.len(), tx.capacity(), rx.capacity()), (1, 1, 2, 2));
    tx.send(2).unwrap();
    assert!(tx.is_full() && rx.is_full() && !tx.is_empty());
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(rx.recv(), Ok(1));
    assert_eq!(tx.try_send(3), Ok(()));
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [2, 3]);

    let (tx, rx) = channel::<i32>(0);
    assert!(tx.is_full() && rx.is_empty());
}

#[test]
#[should_panic(expected = "zero period for tick")]
fn a_ticker_needs_a_period() {
    let _ = tick(std::time::Duration::ZERO);
}

#[test]
fn every_error_is_an_error_whatever_its_value() {
    fn check<E: Error + 'static>(error: E, message: &str) {
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").is_empty());
    }
    struct Opaque;
    check(SendError(Opaque), "send on a closed channel");
    check(TrySendError::Full(Opaque), "send on a full channel");
    check(TrySendError::Disconnected(Opaque), "send on a closed channel");
    check(SendTimeoutError::Timeout(Opaque), "timed out sending");
    check(SendTimeoutError::Disconnected(Opaque), "send on a closed channel");
    check(RecvError, "receive from a closed and drained channel");
    check(TryRecvError::Empty, "receive from an empty channel");
    check(RecvTimeoutError::Timeout, "timed out receiving");
    check(CloseError, "close of a closed or nil channel");
}

#[test]
fn a_handle_takes_one_word() {
    assert_eq!(size_of::<Sender<[u64; 9]>>(), size_of::<usize>());
    assert_eq!(size_of::<Receiver<[u64; 9]>>(), size_of::<usize>());
}

/// Uses its own channel when it is dropped: that would hang if values were dropped under the lock.
struct Nosy(Sender<Nosy>);

impl Drop for Nosy {
    fn drop(&mut self) {
        assert_eq!(self.0.len(), 0);
    }
}

#[test]
fn values_are_dropped_outside_the_lock() {
    let (tx, rx) = channel(3);
    for _ in 0..3 {
        assert!(tx.send(Nosy(tx.clone())).is_ok());
    }
    drop(rx);
    assert!(tx.is_closed());
    drop(tx.send(Nosy(tx.clone())));
}

static DROPPED: AtomicU32 = AtomicU32::new(0);

struct Explosive(bool);

impl Drop for Explosive {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        assert!(!self.0, "explosive");
    }
}

#[test]
fn a_destructor_that_panics_keeps_nobody_asleep() {
    let (tx, rx) = channel(2);
    thread::scope(|scope| {
        assert!(tx.send(Explosive(true)).is_ok());
        assert!(tx.send(Explosive(false)).is_ok());
        let blocked = scope.spawn(|| tx.send(Explosive(false)).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
        assert!(blocked.join().unwrap());
    });
    assert_eq!(DROPPED.load(Ordering::Relaxed), 3);
    assert!(tx.is_closed());
}
