//! Selects that wait on ordinary threads. What select! is to do is tested on goroutines, with Go's rules.

use std::thread;
use std::time::{Duration, Instant};

use gocsp_channels::{Chan, Receiver, RecvError, SendError, Sender, channel};
use gocsp_select::select;

const SHORT: Duration = Duration::from_millis(5);

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
