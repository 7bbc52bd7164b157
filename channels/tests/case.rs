//! The seam to select, one party at a time: what each method of a case does to a channel.
#![cfg(not(shuttle))]

#[path = "common/choose.rs"]
mod choose;

use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::thread;
use std::time::Instant;

use choose::{choose, reason, swap};
use gocsp_channels::case::{AsReceiver, AsSender, Case, RecvCase, SendCase};
use gocsp_channels::*;
use gocsp_runtime::park::{RawLock, Unparked, Waiter};

fn lock_of(case: &dyn Case) -> &RawLock {
    case.lock().expect("the channel is not nil")
}

fn enqueue(case: &mut dyn Case, waiter: &Waiter, index: u32) {
    lock_of(case).acquire();
    // SAFETY: the lock is held; the tests dequeue every case before it or its waiter goes.
    unsafe { case.enqueue(waiter, index) };
    // SAFETY: taken above.
    unsafe { lock_of(case).release() };
}

fn dequeue(case: &mut dyn Case) {
    lock_of(case).acquire();
    // SAFETY: the lock is held.
    unsafe { case.dequeue() };
    // SAFETY: taken above.
    unsafe { lock_of(case).release() };
}

/// Tries the case alone; whether it completed.
fn try_now(case: &mut dyn Case) -> bool {
    choose(&mut [case], Some(Instant::now())).is_some()
}

#[test]
fn receivers_are_served_in_the_order_in_which_they_came() {
    for capacity in [0, 2] {
        let (tx, rx) = channel(capacity);
        let waiters = [(); 3].map(|()| Waiter::current());
        let mut cases = [(); 3].map(|()| RecvCase::new(&rx));
        for (case, waiter) in cases.iter_mut().zip(&waiters) {
            enqueue(case, waiter, 0);
        }
        for n in 0..3 {
            assert_eq!(tx.try_send(n), Ok(()));
        }
        assert!(rx.is_empty(), "the waiting receivers come first");
        cases.iter_mut().for_each(|case| dequeue(case));
        for (n, (case, waiter)) in cases.into_iter().zip(&waiters).enumerate() {
            assert_eq!(waiter.winner(), Some(0));
            assert_eq!(case.finish(), Ok(n));
        }
    }
}

#[test]
fn senders_are_served_in_the_order_in_which_they_came_and_behind_the_buffer() {
    for capacity in [0, 2] {
        let (tx, rx) = channel(capacity);
        (0..capacity).for_each(|n| tx.send(n).unwrap());
        let waiters = [(); 3].map(|()| Waiter::current());
        let mut cases = [0, 1, 2].map(|n| SendCase::new(&tx, capacity + n));
        for (case, waiter) in cases.iter_mut().zip(&waiters) {
            enqueue(case, waiter, 0);
        }
        assert!(rx.try_iter().eq(0..capacity + 3));
        cases.iter_mut().for_each(|case| dequeue(case));
        for (case, waiter) in cases.into_iter().zip(&waiters) {
            assert_eq!(waiter.winner(), Some(0));
            assert_eq!(case.finish(), Ok(()));
        }
    }
}

#[test]
fn a_receive_from_a_full_buffer_moves_the_first_blocked_value_to_its_tail() {
    let (tx, rx) = channel(2);
    (0..2).for_each(|n| tx.send(n).unwrap());
    let waiters = [(); 2].map(|()| Waiter::current());
    let mut cases = [2, 3].map(|n| SendCase::new(&tx, n));
    for (case, waiter) in cases.iter_mut().zip(&waiters) {
        enqueue(case, waiter, 0);
    }
    assert_eq!(rx.recv(), Ok(0));
    assert!(rx.is_full());
    assert_eq!((waiters[0].winner(), waiters[1].winner()), (Some(0), None));
    cases.iter_mut().for_each(|case| dequeue(case));
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_select_is_claimed_once_and_passed_over_afterwards() {
    let ((tx_a, rx_a), (tx_b, rx_b)) = (channel(0), channel(0));
    let waiter = Waiter::current();
    let (mut a, mut b) = (RecvCase::new(&rx_a), RecvCase::new(&rx_b));
    enqueue(&mut a, &waiter, 0);
    enqueue(&mut b, &waiter, 1);
    assert_eq!(tx_b.try_send(7), Ok(()));
    assert_eq!(tx_a.try_send(8), Err(TrySendError::Full(8)));
    assert_eq!(tx_b.try_send(9), Err(TrySendError::Full(9)));
    dequeue(&mut a);
    dequeue(&mut b);
    assert_eq!(waiter.winner(), Some(1));
    // SAFETY: the waiter was made by this thread.
    let unparked = unsafe { waiter.park(gocsp_runtime::park::Patience::FOREVER, reason(), || ()) };
    assert_eq!(unparked, Unparked::Woken);
    assert_eq!(b.finish(), Ok(7));
}

#[test]
fn a_dequeued_case_is_out_of_reach_and_keeps_its_value() {
    let (tx, rx) = channel(0);
    let waiter = Waiter::current();
    let mut case = SendCase::new(&tx, "mine");
    enqueue(&mut case, &waiter, 0);
    dequeue(&mut case);
    dequeue(&mut case);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(waiter.winner(), None);
    assert!(!case.was_sent());
    assert_eq!(case.into_value(), "mine");
}

#[test]
fn a_case_completes_at_once_if_it_can() {
    let (tx, rx) = channel(1);
    assert!(!try_now(&mut RecvCase::new(&rx)));
    let mut send = SendCase::new(&tx, 1);
    assert!(try_now(&mut send) && send.was_sent());
    assert_eq!(send.finish(), Ok(()));
    let mut full = SendCase::new(&tx, 2);
    assert!(!try_now(&mut full));
    assert_eq!(full.into_value(), 2);
    let mut recv = RecvCase::new(&rx);
    assert!(try_now(&mut recv));
    assert_eq!(recv.finish(), Ok(1));

    tx.close().unwrap();
    let mut recv = RecvCase::new(&rx);
    assert!(try_now(&mut recv));
    assert_eq!(recv.finish(), Err(RecvError));
    let mut send = SendCase::new(&tx, 3);
    assert!(try_now(&mut send) && !send.was_sent());
    assert_eq!(send.finish(), Err(SendError(3)));
}

#[test]
fn closing_completes_the_cases_that_wait() {
    let (tx, rx) = channel(0);
    let waiters = [(); 2].map(|()| Waiter::current());
    let (mut recv, other) = (RecvCase::new(&rx), channel(0));
    let mut send = SendCase::new(&other.0, "mine");
    enqueue(&mut recv, &waiters[0], 3);
    enqueue(&mut send, &waiters[1], 4);
    tx.close().unwrap();
    other.0.close().unwrap();
    dequeue(&mut recv);
    dequeue(&mut send);
    assert_eq!((waiters[0].winner(), waiters[1].winner()), (Some(3), Some(4)));
    assert_eq!(recv.finish(), Err::<&str, _>(RecvError));
    assert_eq!(send.finish(), Err(SendError("mine")));
}

#[test]
fn a_borrowed_value_stays_where_it_is_unless_it_was_sent() {
    let (tx, rx) = channel(1);
    let counted = Rc::new(());
    let value = ManuallyDrop::new(counted.clone());
    // SAFETY: the variable is used only after the case is gone, and forgotten as it is sent.
    let mut case = unsafe { SendCase::borrowed(&tx, &*value) };
    assert!(try_now(&mut case) && case.was_sent());
    assert_eq!(Rc::strong_count(&counted), 2);
    drop(rx);
    assert_eq!(Rc::strong_count(&counted), 1);

    let value = counted.clone();
    // SAFETY: the variable is used only after the case is gone, and kept as it is not sent.
    let mut case = unsafe { SendCase::borrowed(&tx, &value) };
    assert!(try_now(&mut case) && !case.was_sent());
    assert_eq!(Rc::strong_count(&value), 2);
}

#[test]
fn a_nil_channel_is_never_chosen() {
    let (tx, rx) = (Sender::nil(), Receiver::<i32>::nil());
    let (mut send, mut recv) = (SendCase::new(&tx, 1), RecvCase::new(&rx));
    assert!(send.lock().is_none() && recv.lock().is_none());
    assert!(!try_now(&mut send) && !try_now(&mut recv));
    let chan = Chan::new(1);
    chan.send(2).unwrap();
    let mut live = RecvCase::new(chan.as_receiver());
    assert_eq!(choose(&mut [&mut send, &mut recv, &mut live], None), Some(2));
    assert_eq!(live.finish(), Ok(2));
    assert_eq!(send.into_value(), 1);
}

#[test]
fn a_select_does_not_pair_with_itself() {
    let chan = Chan::new(0);
    let mut send = SendCase::new(chan.as_sender(), 1);
    let mut recv = RecvCase::new(chan.as_receiver());
    assert_eq!(choose(&mut [&mut send, &mut recv], Some(Instant::now())), None);
    assert_eq!(chan.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(chan.try_send(2), Err(TrySendError::Full(2)));
}

#[test]
fn any_handle_and_any_reference_to_one_may_stand_in_a_select() {
    fn sender<T>(handle: impl AsSender<T>) -> bool {
        !handle.as_sender().is_closed()
    }
    fn receiver<T>(handle: impl AsReceiver<T>) -> bool {
        !handle.as_receiver().is_closed()
    }
    let mut chan = Chan::<i32>::new(0);
    let (tx, rx) = (Sender::from(&chan), Receiver::from(&chan));
    let (tx_again, rx_again) = (&&tx, &&rx);
    assert!(sender(&tx) && sender(tx_again) && sender(&chan) && sender(&mut chan) && sender(tx.clone()));
    assert!(receiver(&rx) && receiver(rx_again) && receiver(&chan) && receiver(&mut chan) && receiver(rx.clone()));
}

#[test]
fn two_selects_that_swap_meet_each_other_whatever_their_order() {
    const ROUNDS: usize = 2_000;
    let (a, b) = (Chan::new(0), Chan::new(0));
    thread::scope(|scope| {
        let other = scope.spawn(|| swap(&b, &a, ROUNDS));
        let (sent, received) = swap(&a, &b, ROUNDS);
        assert_eq!(other.join().unwrap(), (received, sent));
    });
}
