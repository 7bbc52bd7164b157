//! Go's rules for channels, one test each, on goroutines.
//!
//! On one worker `yield_now` lets everybody else run until they block, so who blocks in which order is known; the rules
//! about order are tested there. What holds whatever the order is tested with several workers as well.

#[path = "common/procs.rs"]
mod procs;
#[path = "common/schedules.rs"]
mod schedules;

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gocsp::{
    Chan, CloseError, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, after, channel, go, scope, select, yield_now,
};
use procs::{on_one_and_more_procs, on_procs};
use schedules::on_many_schedules;

const SHORT: Duration = Duration::from_millis(2);

#[test]
fn without_capacity_a_send_completes_only_with_a_receive() {
    on_many_schedules(|| {
        let (tx, rx) = channel(0);
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sent);
        let sender = go! {
            for n in 0..100 {
                tx.send(n).unwrap();
                counter.fetch_add(1, Ordering::Relaxed);
            }
        };
        for n in 0..100 {
            yield_now();
            assert!(sent.load(Ordering::Relaxed) <= n, "a send completed without a receive");
            assert_eq!(rx.recv(), Ok(n));
        }
        sender.join().unwrap();
    });
}

#[test]
fn without_capacity_nothing_is_sent_when_nobody_receives() {
    on_many_schedules(|| {
        let (tx, rx) = channel(0);
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(tx.send_timeout(1, SHORT), Err(SendTimeoutError::Timeout(1)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!((tx.len(), tx.capacity()), (0, 0));
    });
}

#[test]
fn values_arrive_in_the_order_in_which_they_were_sent() {
    on_many_schedules(|| {
        for capacity in [0, 1, 3, 1000] {
            let (tx, rx) = channel(capacity);
            go!(move || (0..500).try_for_each(|n| tx.send(n)));
            assert!(rx.iter().eq(0..500), "capacity {capacity}");
        }
    });
}

#[test]
fn receivers_are_served_in_the_order_in_which_they_came() {
    on_procs(1, || {
        for capacity in [0, 1, 3] {
            let (tx, rx) = channel(capacity);
            let (done, served) = channel(100);
            for receiver in 0..100 {
                let (rx, done) = (rx.clone(), done.clone());
                go!(move || done.send((receiver, rx.recv().unwrap())));
                yield_now();
            }
            for n in 0..100 {
                tx.send(n).unwrap();
            }
            assert!(served.iter().take(100).all(|(receiver, n)| receiver == n));
        }
    });
}

#[test]
fn senders_are_served_in_the_order_in_which_they_came() {
    on_procs(1, || {
        for capacity in [0, 1, 3] {
            let (tx, rx) = channel(capacity);
            for sender in 0..100 {
                let tx = tx.clone();
                go!(move || tx.send(sender));
                yield_now();
            }
            assert!(rx.iter().take(100).eq(0..100));
        }
    });
}

#[test]
fn a_receiver_that_gave_up_is_passed_over() {
    on_procs(1, || {
        let (tx, rx) = channel(0);
        let impatient = rx.clone();
        let first = go!(move || impatient.recv_timeout(SHORT));
        yield_now();
        let second = go!(move || rx.recv());
        yield_now();
        assert_eq!(first.join().unwrap(), Err(RecvTimeoutError::Timeout));
        tx.send(1).unwrap();
        assert_eq!(second.join().unwrap(), Ok(1));
    });
}

#[test]
fn a_receive_from_a_full_buffer_takes_the_head_and_lets_the_first_blocked_sender_in() {
    on_procs(1, || {
        let (tx, rx) = channel(2);
        tx.send(0).unwrap();
        tx.send(1).unwrap();
        let completed = Arc::new(AtomicUsize::new(0));
        for n in 2..4 {
            let (tx, completed) = (tx.clone(), Arc::clone(&completed));
            go! {
                tx.send(n).unwrap();
                completed.fetch_add(1, Ordering::Relaxed);
            };
            yield_now();
        }
        for n in 0..2 {
            assert_eq!(completed.load(Ordering::Relaxed), n);
            assert_eq!(rx.recv(), Ok(n));
            // The buffer is full again before the sender has run.
            assert!(rx.is_full());
            yield_now();
        }
        assert_eq!(completed.load(Ordering::Relaxed), 2);
        assert!(rx.try_iter().eq(2..4));
    });
}

#[test]
fn after_a_close_the_buffer_is_drained_and_then_every_receive_fails_at_once() {
    on_many_schedules(|| {
        let (tx, rx) = channel(3);
        (0..3).for_each(|n| tx.send(n).unwrap());
        tx.close().unwrap();
        assert!(rx.is_closed());
        for n in 0..3 {
            assert_eq!(rx.recv(), Ok(n));
        }
        for _ in 0..3 {
            assert_eq!(rx.recv(), Err(RecvError));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
            assert_eq!(rx.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Disconnected));
        }
    });
}

#[test]
fn dropping_the_last_sender_closes() {
    on_many_schedules(|| {
        let (tx, rx) = channel::<i32>(1);
        let other = tx.clone();
        let receiver = go!(move || rx.iter().collect::<Vec<_>>());
        tx.send(1).unwrap();
        drop(tx);
        assert!(!other.is_closed());
        other.send(2).unwrap();
        drop(other);
        assert_eq!(receiver.join().unwrap(), [1, 2]);
    });
}

#[test]
fn a_close_wakes_all_blocked_receivers() {
    on_many_schedules(|| {
        let (tx, rx) = channel::<i32>(0);
        let receivers: Vec<_> = (0..200)
            .map(|_| {
                let rx = rx.clone();
                go!(move || rx.recv())
            })
            .collect();
        yield_now();
        tx.close().unwrap();
        assert!(receivers.into_iter().all(|receiver| receiver.join().unwrap() == Err(RecvError)));
    });
}

#[test]
fn a_close_wakes_all_blocked_senders_and_each_gets_its_value_back() {
    on_many_schedules(|| {
        let (tx, rx) = channel(2);
        let senders: Vec<_> = (0..200)
            .map(|n| {
                let tx = tx.clone();
                go!(move || tx.send(n.to_string()))
            })
            .collect();
        yield_now();
        tx.close().unwrap();
        let mut came_through: Vec<_> = rx.iter().collect();
        for (n, sender) in senders.into_iter().enumerate() {
            match sender.join().unwrap() {
                Err(SendError(value)) => assert_eq!(value, n.to_string()),
                Ok(()) => came_through.retain(|value| *value != n.to_string()),
            }
        }
        // What was sent is what was received.
        assert!(came_through.is_empty());
    });
}

#[test]
fn sending_on_a_closed_channel_gives_the_value_back_also_with_room_in_the_buffer() {
    on_many_schedules(|| {
        let (tx, _rx) = channel(1);
        tx.close().unwrap();
        assert_eq!(tx.send(1), Err(SendError(1)));
        assert_eq!(tx.try_send(1), Err(TrySendError::Disconnected(1)));
        assert_eq!(tx.send_timeout(1, Duration::MAX), Err(SendTimeoutError::Disconnected(1)));
    });
}

#[test]
fn without_a_receiver_blocked_and_later_senders_get_their_values_back() {
    on_many_schedules(|| {
        let (tx, rx) = channel(0);
        let blocked = tx.clone();
        let blocked = go!(move || blocked.send("blocked"));
        yield_now();
        drop(rx);
        assert_eq!(blocked.join().unwrap(), Err(SendError("blocked")));
        assert_eq!(tx.send("late"), Err(SendError("late")));
    });
}

#[test]
fn closing_twice_is_an_error() {
    on_many_schedules(|| {
        let (tx, _rx) = channel::<()>(0);
        assert_eq!(tx.close(), Ok(()));
        assert_eq!(tx.clone().close(), Err(CloseError));
        assert_eq!(Sender::<()>::nil().close(), Err(CloseError));
    });
}

#[test]
fn of_many_who_close_at_once_one_succeeds() {
    on_many_schedules(|| {
        for _ in 0..50 {
            let (tx, _rx) = channel::<()>(0);
            let closers: [_; 8] = std::array::from_fn(|_| {
                let tx = tx.clone();
                go!(move || tx.close())
            });
            let closed = closers.into_iter().filter_map(|closer| closer.join().unwrap().ok()).count();
            assert_eq!(closed, 1);
        }
    });
}

#[test]
fn length_and_capacity_of_a_nil_channel_are_zero() {
    let chan = Chan::<i32>::nil();
    assert_eq!((chan.len(), chan.capacity()), (0, 0));
    assert_eq!((Sender::<i32>::nil().len(), Receiver::<i32>::nil().len()), (0, 0));
    assert_eq!((Sender::<i32>::nil().capacity(), Receiver::<i32>::nil().capacity()), (0, 0));
}

#[test]
fn a_nil_channel_blocks_for_ever() {
    on_one_and_more_procs(|| {
        let receiver = go!(|| Receiver::<i32>::nil().recv());
        let sender = go!(|| Sender::nil().send(1));
        after(SHORT).recv().unwrap();
        assert!(!receiver.is_finished() && !sender.is_finished());
        assert_eq!(Receiver::<i32>::nil().recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!(Sender::nil().send_timeout(1, SHORT), Err(SendTimeoutError::Timeout(1)));
    });
}

#[test]
fn iteration_ends_at_close() {
    on_many_schedules(|| {
        let (tx, rx) = channel(1);
        let receiver = go! {
            let mut seen = Vec::new();
            for n in &rx {
                seen.push(n);
            }
            seen
        };
        (0..5).for_each(|n| tx.send(n).unwrap());
        tx.close().unwrap();
        assert_eq!(receiver.join().unwrap(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn closing_is_a_broadcast_to_any_number_of_waiters_of_any_kind() {
    on_many_schedules(|| {
        let (tx, rx) = channel::<()>(0);
        let released = AtomicUsize::new(0);
        scope(|s| {
            for n in 0..300 {
                let (rx, released) = (rx.clone(), &released);
                s.go(move || {
                    match n % 4 {
                        0 => assert_eq!(rx.recv(), Err(RecvError)),
                        1 => assert_eq!(rx.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Disconnected)),
                        2 => assert_eq!(rx.iter().next(), None),
                        _ => select! {
                            recv(rx) -> end => assert_eq!(end, Err(RecvError)),
                            recv(Receiver::<()>::nil()) => unreachable!(),
                        },
                    }
                    released.fetch_add(1, Ordering::Relaxed);
                });
            }
            yield_now();
            tx.close().unwrap();
        });
        assert_eq!(released.load(Ordering::Relaxed), 300);
    });
}

#[test]
fn a_send_happens_before_the_matching_receive_completes() {
    on_many_schedules(|| {
        for capacity in [0, 1, 4] {
            let (tx, rx) = channel(capacity);
            let written: Arc<[AtomicUsize]> = (0..500).map(|_| AtomicUsize::new(0)).collect();
            let seen = Arc::clone(&written);
            go! {
                for n in 0..500 {
                    written[n].store(n + 1, Ordering::Relaxed);
                    tx.send(n).unwrap();
                }
            };
            for n in rx {
                assert_eq!(seen[n].load(Ordering::Relaxed), n + 1);
            }
        }
    });
}

#[test]
fn a_close_happens_before_the_receive_that_reports_it() {
    on_many_schedules(|| {
        for _ in 0..200 {
            let (tx, rx) = channel::<()>(0);
            let written = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&written);
            go! {
                written.store(1, Ordering::Relaxed);
                tx.close().unwrap();
            };
            assert_eq!(rx.recv(), Err(RecvError));
            assert_eq!(seen.load(Ordering::Relaxed), 1);
        }
    });
}

#[test]
fn a_receive_happens_before_the_send_that_it_makes_room_for_completes() {
    // So a channel is a semaphore: no more are inside than it has places.
    on_many_schedules(|| {
        for capacity in [1, 3] {
            let (enter, leave) = channel(capacity);
            let inside = AtomicUsize::new(0);
            scope(|s| {
                for _ in 0..8 {
                    s.go(|| {
                        for _ in 0..100 {
                            enter.send(()).unwrap();
                            assert!(inside.fetch_add(1, Ordering::Relaxed) < capacity);
                            yield_now();
                            inside.fetch_sub(1, Ordering::Relaxed);
                            leave.recv().unwrap();
                        }
                    });
                }
            });
        }
    });
}

#[test]
fn a_capacity_that_overflows_is_a_clear_error() {
    for capacity in [usize::MAX, isize::MAX as usize, isize::MAX as usize / 8] {
        let payload = on_procs(1, || catch_unwind(|| channel::<u64>(capacity)).map(drop).unwrap_err());
        let message = payload.downcast::<String>().expect("a message");
        assert!(message.starts_with(&format!("cannot make a channel of capacity {capacity}: ")), "{message}");
    }
}

#[test]
fn values_of_no_size_cost_no_memory_and_are_counted() {
    on_many_schedules(|| {
        let (tx, rx) = channel(usize::MAX);
        (0..1000).for_each(|_| tx.send(()).unwrap());
        assert_eq!(rx.len(), 1000);
        drop(tx);
        assert_eq!(rx.iter().count(), 1000);
    });
}

#[test]
fn a_timeout_is_never_early() {
    on_one_and_more_procs(|| {
        let (tx, rx) = channel::<()>(0);
        let start = Instant::now();
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert!(start.elapsed() >= SHORT);
        let start = Instant::now();
        assert_eq!(tx.send_deadline((), start + SHORT), Err(SendTimeoutError::Timeout(())));
        assert!(start.elapsed() >= SHORT);
    });
}
