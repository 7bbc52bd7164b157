//! Go's rules for select, one test each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gocsp_channels::{Chan, Receiver, RecvError, SendError, Sender, channel};
use gocsp_select::select;

const SHORT: Duration = Duration::from_millis(5);

#[test]
fn ready_cases_are_chosen_uniformly() {
    const ROUNDS: u32 = 40_000;
    let channels: [Chan<usize>; 4] = std::array::from_fn(|_| Chan::new(1));
    let [a, b, c, d] = &channels;
    for (i, channel) in channels.iter().enumerate() {
        channel.send(i).unwrap();
    }
    let mut counts = [0_u32; 4];
    for _ in 0..ROUNDS {
        let chosen = select! {
            recv(a) -> i => i,
            recv(b) -> i => i,
            recv(c) -> i => i,
            recv(d) -> i => i,
        }
        .unwrap();
        counts[chosen] += 1;
        channels[chosen].send(chosen).unwrap();
    }
    assert_uniform(&counts);
}

#[test]
fn sends_and_receives_are_chosen_uniformly() {
    const ROUNDS: u32 = 30_000;
    let (full, empty, closed) = (Chan::new(1), Chan::new(1), Chan::<()>::new(0));
    full.send(0).unwrap();
    closed.close().unwrap();
    let mut counts = [0_u32; 3];
    for _ in 0..ROUNDS {
        select! {
            recv(full) -> n => { counts[0] += 1; full.send(n.unwrap()).unwrap(); }
            send(empty, 0) -> sent => { counts[1] += 1; sent.unwrap(); empty.recv().unwrap(); }
            recv(closed) => counts[2] += 1,
        }
    }
    assert_uniform(&counts);
}

/// No count is further than ten standard deviations from its share.
fn assert_uniform(counts: &[u32]) {
    let rounds = f64::from(counts.iter().sum::<u32>());
    let share = rounds / counts.len() as f64;
    let deviation = (share * (1.0 - 1.0 / counts.len() as f64)).sqrt();
    for &count in counts {
        assert!((f64::from(count) - share).abs() < 10.0 * deviation, "{counts:?}");
    }
}

#[test]
fn all_cases_are_judged_at_one_instant() {
    // At any time there is a value in one of the channels, or both.
    for _ in 0..2_000 {
        let (a, b) = (Chan::new(1), Chan::new(1));
        a.send(1).unwrap();
        thread_pair(
            || {
                select! {
                    recv(a) => {}
                    recv(b) => {}
                    default => panic!("no value was seen"),
                }
            },
            || {
                b.send(1).unwrap();
                select! {
                    recv(a) => {}
                    default => {}
                }
            },
        );
    }
}

#[test]
fn a_close_in_flight_is_not_missed() {
    for _ in 0..2_000 {
        let (a, b) = (Chan::new(1), Chan::<i32>::new(0));
        a.send(1).unwrap();
        thread_pair(
            || {
                select! {
                    recv(a) => {}
                    recv(b) => {}
                    default => panic!("neither the value nor the close was seen"),
                }
            },
            || {
                b.close().unwrap();
                select! {
                    recv(a) => {}
                    default => {}
                }
            },
        );
    }
}

/// Runs both at the same time, as far as that can be had.
fn thread_pair(first: impl FnOnce() + Send, second: impl FnOnce()) {
    let started = AtomicBool::new(false);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            started.store(true, Ordering::Relaxed);
            first();
        });
        while !started.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        second();
        other.join().unwrap();
    });
}

#[test]
fn operands_are_evaluated_once_in_source_order_whatever_is_chosen() {
    let (tx, rx) = channel(1);
    let (other_tx, other_rx) = channel::<i32>(1);
    let log = std::cell::RefCell::new(Vec::new());
    let note = |what| log.borrow_mut().push(what);
    for _ in 0..10 {
        log.borrow_mut().clear();
        select! {
            send({ note("channel 1"); &tx }, { note("value 1"); 1 }) => {}
            default({ note("duration"); SHORT }) => unreachable!(),
            recv({ note("channel 2"); &other_rx }) => {}
            send({ note("channel 3"); &other_tx }, { note("value 3"); 3 }) => {}
        }
        assert_eq!(*log.borrow(), ["channel 1", "value 1", "duration", "channel 2", "channel 3", "value 3"]);
        let _ = rx.try_recv();
    }
}

#[test]
fn a_value_not_sent_is_still_the_callers() {
    let (tx, _rx) = channel(0);
    let value = String::from("mine");
    select! {
        send(tx, value) => unreachable!(),
        default => {}
    }
    assert_eq!(value, "mine");
    select! {
        send(tx, value) => unreachable!(),
        default(SHORT) => {}
    }
    assert_eq!(value, "mine");
}

#[test]
fn a_select_never_pairs_with_itself() {
    for capacity in [0, 1] {
        let chan = Chan::new(capacity);
        if capacity == 1 {
            chan.send(0).unwrap();
            assert_eq!(chan.recv(), Ok(0));
        }
        let chosen = select! {
            recv(chan) -> n => n.map(|_| "received"),
            send(chan, 7) -> sent => Ok(sent.map_or("refused", |()| "sent")),
            default(SHORT) => Ok("neither"),
        };
        assert_eq!(chosen, Ok(if capacity == 0 { "neither" } else { "sent" }));
    }
}

#[test]
fn two_selects_that_send_and_receive_on_one_channel_pair_with_each_other() {
    for _ in 0..1_000 {
        let chan = Chan::new(0);
        let party = || {
            select! {
                recv(chan) -> n => { assert_eq!(n, Ok(7)); false }
                send(chan, 7) -> sent => { assert_eq!(sent, Ok(())); true }
            }
        };
        let (one, other) = thread::scope(|scope| {
            let one = scope.spawn(party);
            let other = scope.spawn(party);
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_ne!(one, other, "one sends, one receives");
    }
}

#[test]
fn one_channel_may_stand_in_several_cases() {
    let (tx, rx) = channel(0);
    let mut arms = [false; 3];
    while arms != [true; 3] {
        let sender = tx.clone();
        let other = thread::spawn(move || sender.send(1));
        select! {
            recv(rx) -> n => { arms[0] = true; assert_eq!(n, Ok(1)); }
            recv(rx) -> n => { arms[1] = true; assert_eq!(n, Ok(1)); }
            recv(&rx) -> n => { arms[2] = true; assert_eq!(n, Ok(1)); }
        }
        assert_eq!(other.join().unwrap(), Ok(()));
    }
}

#[test]
fn no_case_and_no_default_blocks_for_ever() {
    let blocked = thread::spawn(|| -> () {
        select! {}
    });
    // Nothing can be waited for: that it has not ended yet is all there is to see.
    thread::yield_now();
    assert!(!blocked.is_finished());
}

#[test]
fn one_woken_select_fires_exactly_one_case() {
    for _ in 0..2_000 {
        let channels: [(Sender<u32>, Receiver<u32>); 3] = std::array::from_fn(|_| channel(1));
        let [a, b, c] = &channels;
        let (mut fired, mut left) = (0, 0);
        thread::scope(|scope| {
            for (tx, _) in &channels {
                scope.spawn(|| tx.send(1).unwrap());
            }
            select! {
                recv(a.1) -> n => fired += n.unwrap(),
                recv(b.1) -> n => fired += n.unwrap(),
                recv(c.1) -> n => fired += n.unwrap(),
            }
        });
        for (_, rx) in &channels {
            left += rx.try_recv().unwrap_or(0);
        }
        assert_eq!((fired, left), (1, 2));
    }
}

#[test]
fn the_send_case_of_a_closed_channel_is_ready_and_gives_the_value_back() {
    let (tx, _rx) = channel(1);
    tx.close().unwrap();
    let value = String::from("x");
    let result = select! {
        send(tx, value) -> sent => sent,
        default => unreachable!(),
    };
    assert_eq!(result, Err(SendError(String::from("x"))));
}

#[test]
fn the_send_case_of_a_channel_without_receivers_is_ready_and_gives_the_value_back() {
    let (tx, rx) = channel(1);
    drop(rx);
    let result = select! { send(tx, String::from("x")) -> sent => sent };
    assert_eq!(result, Err(SendError(String::from("x"))));
}

#[test]
fn the_receive_case_of_a_closed_channel_is_drained_first_then_fails() {
    let (tx, rx) = channel(1);
    tx.send(1).unwrap();
    tx.close().unwrap();
    for expected in [Ok(1), Err(RecvError), Err(RecvError)] {
        let result = select! {
            recv(rx) -> n => n,
            default => unreachable!(),
        };
        assert_eq!(result, expected);
    }
}

#[test]
fn a_close_wakes_a_select_that_waits() {
    let (tx, rx) = channel::<i32>(0);
    let (full, _unread) = channel(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            select! {
                recv(rx) -> n => assert_eq!(n, Err(RecvError)),
                recv(Receiver::<()>::nil()) => unreachable!(),
            }
        });
        scope.spawn(|| {
            let value = String::from("back");
            select! {
                send(full, value) -> sent => assert_eq!(sent, Err(SendError(String::from("back")))),
                recv(Receiver::<()>::nil()) => unreachable!(),
            }
        });
        tx.close().unwrap();
        full.close().unwrap();
    });
}

#[test]
fn a_nil_channel_is_never_chosen() {
    let nil = Chan::<i32>::nil();
    let (tx, rx) = channel(1);
    for _ in 0..100 {
        tx.send(1).unwrap();
        select! {
            recv(nil) => unreachable!(),
            send(nil, 1) => unreachable!(),
            recv(rx) -> n => assert_eq!(n, Ok(1)),
        }
    }
    select! {
        recv(nil) => unreachable!(),
        send(nil, 1) => unreachable!(),
        default => {}
    }
    select! {
        recv(nil) => unreachable!(),
        default(SHORT) => {}
    }
}

#[test]
fn a_default_with_a_duration_is_chosen_no_earlier() {
    let (_tx, rx) = channel::<i32>(0);
    let start = Instant::now();
    select! {
        recv(rx) => unreachable!(),
        default(SHORT) => {}
    }
    assert!(start.elapsed() >= SHORT);
    let start = Instant::now();
    select! { default(SHORT) => {} }
    assert!(start.elapsed() >= SHORT);
}

#[test]
fn a_default_with_a_duration_leaves_the_case_its_chance() {
    let (tx, rx) = channel(0);
    thread::scope(|scope| {
        scope.spawn(|| tx.send(1).unwrap());
        select! {
            recv(rx) -> n => assert_eq!(n, Ok(1)),
            default(Duration::MAX) => unreachable!(),
        }
    });
}
