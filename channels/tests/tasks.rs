//! Operations of tasks, polled step by step: who is served, who is woken, and what becomes of a value whose task goes.
#![cfg(not(shuttle))]

#[path = "common/ledger.rs"]
mod ledger;
#[path = "common/polled.rs"]
mod polled;

use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_core::Stream;
use gocsp_channels::*;
use gocsp_runtime::{block_on, go};
use ledger::Ledger;
use polled::{Calls, poll};

const PENDING: Poll<Result<i32, RecvError>> = Poll::Pending;

fn received<T>(value: T) -> Poll<Result<T, RecvError>> {
    Poll::Ready(Ok(value))
}

/// How many wakers there are still that call it.
fn kept(calls: &Arc<Calls>) -> usize {
    Arc::strong_count(calls) - 1
}

#[test]
fn a_task_that_need_not_wait_does_not() {
    let (tx, rx) = channel(1);
    let calls = Calls::new();
    assert_eq!(poll(&mut pin!(tx.send_async(1)), &calls), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut pin!(rx.recv_async()), &calls), received(1));
    drop(tx);
    assert_eq!(poll(&mut pin!(rx.recv_async()), &calls), Poll::Ready(Err(RecvError)));
    assert_eq!(calls.count(), 0);
}

#[test]
fn a_send_completes_with_the_task_that_waits_and_calls_it_once() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut future = pin!(rx.recv_async());
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(poll(&mut future, &calls), PENDING);
    assert_eq!(poll(&mut future, &calls), PENDING);
    assert_eq!((tx.try_send(1), calls.count()), (Ok(()), 1));
    assert_eq!((tx.try_send(2), tx.len()), (Err(TrySendError::Full(2)), 0));
    assert_eq!(poll(&mut future, &calls), received(1));
    assert_eq!(calls.count(), 1);
}

#[test]
fn a_receive_takes_from_the_task_that_waits_and_calls_it_once() {
    for capacity in [0, 1] {
        let (tx, rx) = channel(capacity);
        let calls = Calls::new();
        (0..capacity).for_each(|n| tx.send(n).unwrap());
        let mut future = pin!(tx.send_async(capacity));
        assert_eq!(poll(&mut future, &calls), Poll::Pending);
        assert_eq!((rx.try_recv(), calls.count()), (Ok(0), 1));
        assert_eq!(poll(&mut future, &calls), Poll::Ready(Ok(())));
        assert_eq!(rx.try_recv().ok(), (capacity > 0).then_some(1));
    }
}

#[test]
fn two_tasks_meet() {
    let (tx, rx) = channel(0);
    let calls = [Calls::new(), Calls::new()];
    let (mut send, mut recv) = (pin!(tx.send_async(1)), pin!(rx.recv_async()));
    assert_eq!(poll(&mut send, &calls[0]), Poll::Pending);
    assert_eq!(poll(&mut recv, &calls[1]), received(1));
    assert_eq!(poll(&mut send, &calls[0]), Poll::Ready(Ok(())));
    let (mut send, mut recv) = (pin!(tx.send_async(2)), pin!(rx.recv_async()));
    assert_eq!(poll(&mut recv, &calls[1]), PENDING);
    assert_eq!(poll(&mut send, &calls[0]), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut recv, &calls[1]), received(2));
    assert_eq!(calls.map(|calls| calls.count()), [1, 1]);
}

#[test]
fn the_last_waker_is_called_and_no_other() {
    let (tx, rx) = channel(0);
    let [first, last] = [Calls::new(), Calls::new()];
    let mut future = pin!(rx.recv_async());
    assert_eq!(poll(&mut future, &first), PENDING);
    assert_eq!(poll(&mut future, &last), PENDING);
    assert_eq!(kept(&first), 0);
    tx.try_send(1).unwrap();
    assert_eq!((first.count(), last.count()), (0, 1));
    assert_eq!(kept(&last), 0);
    // A task that was called may be polled by another one.
    assert_eq!(poll(&mut future, &first), received(1));
}

#[test]
fn those_who_wait_are_served_in_the_order_in_which_they_came() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut futures = [0, 1, 2].map(|_| Box::pin(rx.recv_async()));
    for future in &mut futures {
        assert_eq!(poll(future, &calls), PENDING);
    }
    // The place is kept, also by who is polled again.
    assert_eq!(poll(&mut futures[0], &calls), PENDING);
    (1..=3).for_each(|n| tx.try_send(n).unwrap());
    assert!(tx.try_send(4).is_err());
    assert_eq!(futures.map(|mut future| poll(&mut future, &calls)), [1, 2, 3].map(received));
}

#[test]
fn a_future_that_goes_before_it_was_called_leaves_no_trace() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    {
        let (mut first, mut second) = (pin!(rx.recv_async()), Box::pin(rx.recv_async()));
        assert_eq!(poll(&mut first, &calls), PENDING);
        assert_eq!(poll(&mut second, &calls), PENDING);
        drop(second);
        assert_eq!(tx.try_send(1), Ok(()));
        assert!(tx.try_send(2).is_err());
        assert_eq!(poll(&mut first, &calls), received(1));
    }
    let ledger = Ledger::new(2);
    let (tx, rx) = channel(0);
    let mut future = Box::pin(tx.send_async(ledger.value(0)));
    assert!(poll(&mut future, &calls).is_pending());
    drop(future);
    assert!(rx.try_recv().is_err());
    drop(tx.send_async(ledger.value(1)));
    ledger.check();
    assert_eq!((ledger.received(), kept(&calls)), (0, 0));
}

#[test]
fn a_send_that_was_taken_is_sent_though_its_future_goes() {
    let ledger = Ledger::new(1);
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut future = Box::pin(tx.send_async(ledger.value(0)));
    assert!(poll(&mut future, &calls).is_pending());
    rx.try_recv().expect("a task offers it").receive();
    drop(future);
    ledger.check();
    assert_eq!(ledger.received(), 1);
}

/// Two that were called for 1 and 2, and go in this order.
#[test]
fn values_of_tasks_that_go_come_back_in_order() {
    for order in [[0, 1], [1, 0]] {
        for capacity in [0, 2] {
            let (tx, rx) = channel(capacity);
            let calls = Calls::new();
            let mut futures = [0, 1].map(|_| Some(Box::pin(rx.recv_async())));
            for future in futures.iter_mut().flatten() {
                assert_eq!(poll(future, &calls), PENDING);
            }
            (1..=2).for_each(|n| tx.try_send(n).unwrap());
            let buffered: Vec<_> = (3..).map_while(|n| tx.try_send(n).map(|()| n).ok()).collect();
            assert_eq!(buffered.len(), capacity);
            for place in order {
                futures[place] = None;
            }
            assert_eq!(tx.len(), capacity + 2);
            assert!(tx.is_full() && tx.try_send(9).is_err());
            let left: Vec<_> = rx.try_iter().collect();
            assert_eq!(left, (1..=2 + capacity as i32).collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_oldest_value_is_for_whoever_looks_first() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut futures = [0, 1, 2].map(|_| Box::pin(rx.recv_async()));
    for future in &mut futures {
        assert_eq!(poll(future, &calls), PENDING);
    }
    (1..=2).for_each(|n| tx.try_send(n).unwrap());
    let [first, mut second, mut third] = futures;
    assert_eq!(poll(&mut second, &calls), received(1));
    // The value goes to who waits next.
    drop(first);
    assert_eq!(calls.count(), 3);
    assert_eq!(poll(&mut third, &calls), received(2));
    assert_eq!(tx.len(), 0);
}

#[test]
fn who_was_not_called_takes_the_oldest_value_only_for_a_younger_one() {
    let (tx, rx) = channel(1);
    let calls = Calls::new();
    let mut called = pin!(rx.recv_async());
    assert_eq!(poll(&mut called, &calls), PENDING);
    tx.try_send(1).unwrap();
    assert_eq!(poll(&mut pin!(rx.recv_async()), &calls), PENDING);
    tx.try_send(2).unwrap();
    assert_eq!(poll(&mut pin!(rx.recv_async()), &calls), received(1));
    assert_eq!(poll(&mut called, &calls), received(2));
}

#[test]
fn who_has_received_gives_up_nothing_when_it_goes() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let [mut first, mut second, mut third] = [0; 3].map(|_| Box::pin(rx.recv_async()));
    for future in [&mut first, &mut second, &mut third] {
        assert_eq!(poll(future, &calls), PENDING);
    }
    (1..=2).for_each(|n| tx.try_send(n).unwrap());
    assert_eq!(poll(&mut first, &calls), received(1));
    drop(first);
    assert_eq!(poll(&mut third, &calls), PENDING);
    assert_eq!(poll(&mut second, &calls), received(2));
}

#[test]
fn what_comes_back_to_a_full_channel_is_not_refilled() {
    let (tx, rx) = channel(1);
    let calls = Calls::new();
    let mut recv = Box::pin(rx.recv_async());
    assert_eq!(poll(&mut recv, &calls), PENDING);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let mut send = pin!(tx.send_async(3));
    assert_eq!(poll(&mut send, &calls), Poll::Pending);
    drop(recv);
    assert_eq!(tx.len(), 2);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!((tx.len(), poll(&mut send, &calls)), (1, Poll::Pending));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!((tx.len(), poll(&mut send, &calls)), (1, Poll::Ready(Ok(()))));
    assert_eq!(rx.try_recv(), Ok(3));
}

#[test]
fn a_value_that_comes_back_to_a_rendezvous_is_received_before_those_who_wait_are_served() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut recv = Box::pin(rx.recv_async());
    assert_eq!(poll(&mut recv, &calls), PENDING);
    tx.try_send(1).unwrap();
    drop(recv);
    let mut send = pin!(tx.send_async(2));
    assert_eq!(poll(&mut send, &calls), Poll::Pending);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!((poll(&mut send, &calls), tx.len()), (Poll::Pending, 0));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(poll(&mut send, &calls), Poll::Ready(Ok(())));
}

#[test]
fn closing_calls_all_tasks_and_leaves_what_was_sent() {
    let ((tx, rx), (full, _rx)) = (channel(0), channel(1));
    let calls = Calls::new();
    let mut recvs = [0; 100].map(|_| Box::pin(rx.recv_async()));
    for future in &mut recvs {
        assert_eq!(poll(future, &calls), PENDING);
    }
    full.send(0).unwrap();
    let mut send = pin!(full.send_async(1));
    assert_eq!(poll(&mut send, &calls), Poll::Pending);
    tx.try_send(7).unwrap();
    assert_eq!((tx.close(), full.close(), calls.count()), (Ok(()), Ok(()), 101));
    let found = recvs.map(|mut future| poll(&mut future, &calls));
    assert_eq!(found[0], received(7));
    assert!(found[1..].iter().all(|other| *other == Poll::Ready(Err(RecvError))));
    assert_eq!(poll(&mut send, &calls), Poll::Ready(Err(SendError(1))));
    assert_eq!(kept(&calls), 0);
}

#[test]
fn a_value_outlives_the_close_and_the_task_that_it_was_sent_to() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let (mut called, mut closed) = (Box::pin(rx.recv_async()), pin!(rx.recv_async()));
    assert_eq!(poll(&mut called, &calls), PENDING);
    assert_eq!(poll(&mut closed, &calls), PENDING);
    tx.try_send(1).unwrap();
    drop(tx);
    drop(called);
    assert_eq!(poll(&mut closed, &calls), received(1));
    assert_eq!(rx.recv(), Err(RecvError));
}

#[test]
fn when_the_last_receiver_goes_senders_have_their_values_back() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut future = pin!(tx.send_async(1));
    assert_eq!(poll(&mut future, &calls), Poll::Pending);
    drop(rx);
    assert_eq!((calls.count(), poll(&mut future, &calls)), (1, Poll::Ready(Err(SendError(1)))));
}

#[test]
fn a_task_is_called_for_after_those_who_came_before() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    thread::scope(|scope| {
        let mut task = pin!(rx.recv_async());
        assert_eq!(poll(&mut task, &calls), PENDING);
        let thread = scope.spawn(|| rx.recv());
        // Blocks until the thread is there as well.
        assert_eq!(tx.send(1), Ok(()));
        assert_eq!(tx.send(2), Ok(()));
        assert_eq!(poll(&mut task, &calls), received(1));
        assert_eq!(thread.join().unwrap(), Ok(2));
    });
}

#[test]
fn a_value_comes_to_the_goroutine_that_waits_when_its_task_goes() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut task = Box::pin(rx.recv_async());
    assert_eq!(poll(&mut task, &calls), PENDING);
    tx.try_send(1).unwrap();
    let other = rx.clone();
    let goroutine = go!(move || other.recv());
    drop(task);
    assert_eq!(goroutine.join().unwrap(), Ok(1));
}

#[test]
fn a_nil_channel_is_pending_for_ever() {
    let calls = Calls::new();
    assert_eq!(poll(&mut pin!(Sender::nil().send_async(1)), &calls), Poll::Pending);
    assert_eq!(poll(&mut pin!(Receiver::<i32>::nil().recv_async()), &calls), PENDING);
    assert_eq!((calls.count(), kept(&calls)), (0, 0));
}

#[test]
fn the_time_comes_to_tasks_as_well_and_not_after_it_was_stopped() {
    assert!(block_on(after(Duration::from_micros(10)).recv_async()).is_ok());
    let timer = Timer::new(Duration::from_secs(3600));
    let calls = Calls::new();
    let mut future = pin!(timer.receiver().recv_async());
    assert!(poll(&mut future, &calls).is_pending());
    timer.reset(Duration::from_micros(10));
    while calls.count() == 0 {
        thread::yield_now();
    }
    // What was sent and not received is taken back, and its task waits for the next.
    assert!(timer.stop());
    assert!(poll(&mut future, &calls).is_pending());
    timer.reset(Duration::from_micros(10));
    assert!(block_on(future).is_ok());
}

#[test]
fn a_stream_loses_nothing_between_its_values() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut stream = Box::pin(rx.stream());
    let next = |stream: &mut Pin<Box<RecvStream<i32>>>| {
        poll(&mut pin!(poll_fn(|context| stream.as_mut().poll_next(context))), &calls)
    };
    for n in 1..=2 {
        assert_eq!(next(&mut stream), Poll::Pending);
        tx.try_send(n).unwrap();
        assert_eq!(next(&mut stream), Poll::Ready(Some(n)));
    }
    assert_eq!(next(&mut stream), Poll::Pending);
    tx.try_send(3).unwrap();
    drop(stream);
    assert_eq!(rx.recv(), Ok(3));
    let mut stream = Box::pin(rx.stream());
    assert_eq!(next(&mut stream), Poll::Pending);
    drop((tx, rx));
    assert_eq!(next(&mut stream), Poll::Ready(None));
    assert_eq!(calls.count(), 4);
}

#[test]
fn a_future_that_is_forgotten_harms_nobody() {
    let (tx, rx) = channel(0);
    let calls = Calls::new();
    let mut forgotten = Box::pin(rx.recv_async());
    assert_eq!(poll(&mut forgotten, &calls), PENDING);
    mem::forget(forgotten);
    let mut future = pin!(rx.recv_async());
    assert_eq!(poll(&mut future, &calls), PENDING);
    (1..=2).for_each(|n| tx.try_send(n).unwrap());
    assert_eq!(poll(&mut future, &calls), received(1));
    drop(tx);
}

/// Panics whenever it is called.
struct Panicking;

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        panic!("a waker that fails");
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken() {
    let (tx, rx) = channel::<i32>(0);
    let (waker, calls) = (Waker::from(Arc::new(Panicking)), Calls::new());
    let (mut first, mut second) = (pin!(rx.recv_async()), pin!(rx.recv_async()));
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(poll(&mut second, &calls), PENDING);
    assert_eq!((tx.close(), calls.count()), (Ok(()), 1));
}

/// Drops a future when it is called.
struct Dropping<F>(std::sync::Mutex<Option<Pin<Box<F>>>>);

impl<F: Send> Wake for Dropping<F> {
    fn wake(self: Arc<Self>) {
        let dropped = self.0.lock().unwrap().take();
        drop(dropped);
    }
}

#[test]
fn a_waker_may_drop_a_future_that_was_called_with_it() {
    let (tx, rx) = channel::<i32>(0);
    let rx: &'static Receiver<i32> = Box::leak(Box::new(rx));
    let calls = Calls::new();
    let dropping = Arc::new(Dropping(std::sync::Mutex::new(None)));
    let (mut first, mut second) = (Box::pin(rx.recv_async()), Box::pin(rx.recv_async()));
    assert!(first.as_mut().poll(&mut Context::from_waker(&Waker::from(dropping.clone()))).is_pending());
    assert_eq!(poll(&mut second, &calls), PENDING);
    *dropping.0.lock().unwrap() = Some(second);
    tx.close().unwrap();
    assert_eq!((calls.count(), kept(&calls)), (0, 0));
    assert_eq!(poll(&mut first, &calls), Poll::Ready(Err(RecvError)));
}

#[test]
fn a_future_of_a_send_is_ready_once() {
    let (tx, _rx) = channel(1);
    let calls = Calls::new();
    let mut future = pin!(tx.send_async(1));
    assert_eq!(poll(&mut future, &calls), Poll::Ready(Ok(())));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut future, &calls))).is_err());
    assert_eq!(tx.len(), 1);
}
