//! The protocol of a select under shuttle's schedules: `RUSTFLAGS="--cfg shuttle" cargo test --release --test shuttle_select`.
#![cfg(shuttle)]

use std::collections::BTreeSet;
use std::time::Duration;

use gocsp_channels::{Chan, channel};
use gocsp_runtime::models::outcomes;
use gocsp_select::{Select, select};
use shuttle::thread;

/// Over before it has begun: the select parks, and comes back early in every schedule that has not woken it by then.
const AT_ONCE: Duration = Duration::from_nanos(1);

#[test]
fn one_of_two_senders_is_received_and_the_other_is_not_lost() {
    let seen = outcomes(|| {
        let (a, b) = (Chan::new(0), Chan::new(0));
        let senders: Vec<_> = [(a.clone(), 1), (b.clone(), 2)]
            .into_iter()
            .map(|(channel, value)| thread::spawn(move || channel.send(value).unwrap()))
            .collect();
        let receive = || {
            select! {
                recv(a) -> value => value.unwrap(),
                recv(b) -> value => value.unwrap(),
            }
        };
        let received = (receive(), receive());
        for sender in senders {
            sender.join().unwrap();
        }
        received
    });
    assert_eq!(seen, BTreeSet::from([(1, 2), (2, 1)]));
}

#[test]
fn two_selects_meet_in_opposite_directions() {
    let seen = outcomes(|| {
        let (a, b) = (Chan::new(0), Chan::new(0));
        let party = {
            let (a, b) = (a.clone(), b.clone());
            // The channels stand in another order than below.
            thread::spawn(move || {
                select! {
                    send(b, 2) -> sent => { sent.unwrap(); "sent b" }
                    send(a, 1) -> sent => { sent.unwrap(); "sent a" }
                    recv(b) -> value => { assert_eq!(value, Ok(20)); "received b" }
                    recv(a) -> value => { assert_eq!(value, Ok(10)); "received a" }
                }
            })
        };
        let here = select! {
            recv(a) -> value => { assert_eq!(value, Ok(1)); "received a" }
            send(a, 10) -> sent => { sent.unwrap(); "sent a" }
            recv(b) -> value => { assert_eq!(value, Ok(2)); "received b" }
            send(b, 20) -> sent => { sent.unwrap(); "sent b" }
        };
        (here, party.join().unwrap())
    });
    let pairs =
        [("received a", "sent a"), ("received b", "sent b"), ("sent a", "received a"), ("sent b", "received b")];
    assert_eq!(seen, BTreeSet::from(pairs));
}

#[test]
fn three_selects_on_two_channels_leave_one_over() {
    let seen = outcomes(|| {
        let (a, b) = (Chan::new(0), Chan::new(0));
        let parties: Vec<_> = (0..3)
            .map(|n| {
                let (a, b) = (a.clone(), b.clone());
                thread::spawn(move || {
                    select! {
                        send(a, n) -> sent => if sent.is_ok() { 'a' } else { '-' },
                        recv(a) -> value => if value.is_ok() { 'A' } else { '-' },
                        send(b, n) -> sent => if sent.is_ok() { 'b' } else { '-' },
                        recv(b) -> value => if value.is_ok() { 'B' } else { '-' },
                    }
                })
            })
            .collect();
        // Two of them pair; the third is woken by a close.
        let closer = thread::spawn(move || {
            a.close().unwrap();
            b.close().unwrap();
        });
        let mut arms: Vec<char> = parties.into_iter().map(|party| party.join().unwrap()).collect();
        closer.join().unwrap();
        arms.sort_unstable();
        String::from_iter(arms)
    });
    let expected = ["---", "-Aa", "-Bb"].map(|arms| String::from_iter(BTreeSet::from_iter(arms.chars())));
    let seen: BTreeSet<String> = seen.iter().map(|arms| String::from_iter(BTreeSet::from_iter(arms.chars()))).collect();
    assert_eq!(seen, BTreeSet::from(expected));
}

#[test]
fn a_select_that_returns_early_has_either_taken_a_value_or_left_it() {
    let seen = outcomes(|| {
        let (a, b) = (channel(0), channel(0));
        let sender = thread::spawn({
            let (a, b) = (a.0.clone(), b.0.clone());
            move || {
                select! {
                    send(a, 1) -> sent => sent.is_ok(),
                    send(b, 2) -> sent => sent.is_ok(),
                }
            }
        });
        let taken = select! {
            recv(a.1) -> value => value.ok(),
            recv(b.1) -> value => value.ok(),
            default(AT_ONCE) => None,
        };
        // Without receivers the sender gets its value back.
        drop((a, b));
        assert_eq!(sender.join().unwrap(), taken.is_some());
        taken
    });
    assert_eq!(seen, BTreeSet::from([None, Some(1), Some(2)]));
}

#[test]
fn a_sender_that_returns_early_keeps_its_value_unless_it_was_taken() {
    let seen = outcomes(|| {
        let (tx, rx) = channel(0);
        let receiver = thread::spawn(move || select! { recv(rx) -> value => value.is_ok() });
        let value = Box::new(7);
        let kept = select! {
            send(tx, value) -> sent => { sent.unwrap(); None }
            default(AT_ONCE) => Some(value),
        };
        drop(tx);
        assert_eq!(receiver.join().unwrap(), kept.is_none());
        kept
    });
    assert_eq!(seen, BTreeSet::from([None, Some(Box::new(7))]));
}

#[test]
fn a_default_is_never_chosen_while_a_value_is_in_flight() {
    let seen = outcomes(|| {
        let (a, b) = (Chan::new(1), Chan::new(1));
        a.send(1).unwrap();
        let mover = thread::spawn({
            let (a, b) = (a.clone(), b.clone());
            move || {
                b.send(2).unwrap();
                let _ = a.try_recv();
            }
        });
        let value = select! {
            recv(a) -> value => value.unwrap(),
            recv(b) -> value => value.unwrap(),
            default => 0,
        };
        mover.join().unwrap();
        value
    });
    assert_eq!(seen, BTreeSet::from([1, 2]));
}

#[test]
fn the_dynamic_select_pairs_as_well() {
    let seen = outcomes(|| {
        let chan = Chan::new(0);
        let party = |chan: Chan<i32>| {
            let mut select = Select::new();
            let recv = select.recv(&chan);
            select.send(&chan, 1);
            let operation = select.select();
            if operation.index() == recv {
                assert_eq!(operation.recv(&chan), Ok(1));
                true
            } else {
                assert_eq!(operation.send(&chan), Ok(()));
                false
            }
        };
        let other = thread::spawn({
            let chan = chan.clone();
            move || party(chan)
        });
        (party(chan), other.join().unwrap())
    });
    assert_eq!(seen, BTreeSet::from([(true, false), (false, true)]));
}
