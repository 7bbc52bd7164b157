//! Go's rules for select, one test each, on goroutines.

#[path = "common/procs.rs"]
mod procs;
#[path = "common/schedules.rs"]
mod schedules;

use std::cell::RefCell;
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gocsp::{Chan, Receiver, RecvError, Select, SendError, Sender, channel, go, scope, select, yield_now};
use procs::{on_one_and_more_procs, on_procs};
use schedules::on_many_schedules;

const SHORT: Duration = Duration::from_millis(2);

/// Every count lies within ten standard deviations of its share, and above a tenth of it.
fn assert_uniform(counts: &[u32]) {
    let rounds = f64::from(counts.iter().sum::<u32>());
    let share = rounds / counts.len() as f64;
    let deviation = (share * (1.0 - 1.0 / counts.len() as f64)).sqrt();
    for &count in counts {
        assert!((f64::from(count) - share).abs() < 10.0 * deviation, "{counts:?}");
        assert!(f64::from(count) > share / 10.0, "{counts:?}");
    }
}

#[test]
fn ready_cases_are_chosen_uniformly_at_random() {
    on_many_schedules(|| {
        let (full, empty, closed) = (Chan::new(1), Chan::new(1), Chan::<()>::new(0));
        full.send(0).unwrap();
        closed.close().unwrap();
        let mut counts = [0_u32; 4];
        for _ in 0..10_000 {
            select! {
                recv(full) -> n => { counts[0] += 1; full.send(n.unwrap()).unwrap(); }
                send(empty, 0) -> sent => { counts[1] += 1; sent.unwrap(); empty.recv().unwrap(); }
                recv(closed) => counts[2] += 1,
                send(closed, ()) => counts[3] += 1,
            }
        }
        assert_uniform(&counts);
    });
}

#[test]
fn ready_cases_of_a_dynamic_select_are_chosen_uniformly_at_random() {
    on_many_schedules(|| {
        let channels: [Chan<()>; 12] = std::array::from_fn(|_| Chan::new(0));
        channels.iter().for_each(|chan| chan.close().unwrap());
        let mut counts = [0_u32; 12];
        let mut select = Select::new();
        for chan in &channels {
            select.recv(chan);
        }
        for _ in 0..12_000 {
            counts[select.select().index()] += 1;
        }
        assert_uniform(&counts);
    });
}

#[test]
fn all_cases_are_judged_at_one_instant() {
    const ROUNDS: usize = 10_000;
    // At any instant one of two channels is ready, or both: `b` becomes so before `a` is emptied.
    let make_ready: [fn(&Chan<i32>); 2] = [|b| b.send(1).unwrap(), |b| b.close().unwrap()];
    on_one_and_more_procs(|| {
        let all: Vec<[Chan<i32>; 6]> = (0..ROUNDS).map(|_| std::array::from_fn(|_| Chan::new(1))).collect();
        // Whoever judged one after the other, in whatever order, would begin with either.
        let pair = |round: usize| {
            if round % 4 < 2 { (&all[round][0], &all[round][5]) } else { (&all[round][5], &all[round][0]) }
        };
        (0..ROUNDS).for_each(|round| pair(round).0.send(1).unwrap());
        let defaults = AtomicUsize::new(0);
        let change = |round| {
            let (a, b) = pair(round);
            make_ready[round % 2](b);
            select! {
                recv(a) => {}
                default => {}
            }
        };
        let look = |round| {
            // The others are never ready: they keep whoever judges one after the other busy for a while.
            let [one, c, d, e, f, other] = &all[round];
            select! {
                recv(one) => {}
                recv(c) => unreachable!(),
                recv(d) => unreachable!(),
                recv(e) => unreachable!(),
                recv(f) => unreachable!(),
                recv(other) => {}
                default => _ = defaults.fetch_add(1, Ordering::Relaxed),
            }
        };
        at_once(ROUNDS, [&change, &look]);
        assert_eq!(defaults.into_inner(), 0, "a default was taken although a case was ready");
    });
}

/// Runs both, round by round at the same time, if there is more than one proc.
fn at_once(rounds: usize, parties: [&(dyn Fn(usize) + Sync); 2]) {
    let arrived = AtomicUsize::new(0);
    scope(|s| {
        // Spawned by one line, they are dealt out.
        for (party, delay) in parties.into_iter().zip([7, 11]) {
            let arrived = &arrived;
            s.go(move || {
                for round in 0..rounds {
                    arrived.fetch_add(1, Ordering::Relaxed);
                    while arrived.load(Ordering::Relaxed) < 2 * (round + 1) {
                        yield_now();
                    }
                    // Not always the same one first.
                    (0..round % delay).for_each(|_| hint::spin_loop());
                    party(round);
                }
            });
        }
    });
}

#[test]
fn expressions_are_evaluated_once_and_in_source_order_also_of_cases_not_chosen() {
    on_many_schedules(|| {
        let (tx, rx) = channel(1);
        let (full, never) = (Chan::new(1), Receiver::<i32>::nil());
        full.send(0).unwrap();
        let log = RefCell::new(Vec::new());
        let note = |what| log.borrow_mut().push(what);
        for _ in 0..20 {
            log.borrow_mut().clear();
            select! {
                recv({ note("1"); &never }) => unreachable!(),
                send({ note("2"); &full }, { note("3"); 1 }) => unreachable!(),
                default({ note("4"); Duration::MAX }) => unreachable!(),
                send({ note("5"); &tx }, { note("6"); 1 }) -> sent => sent.unwrap(),
            }
            assert_eq!(*log.borrow(), ["1", "2", "3", "4", "5", "6"]);
            rx.recv().unwrap();
        }
    });
}

#[test]
fn a_value_not_sent_is_still_the_callers() {
    on_many_schedules(|| {
        let (tx, _rx) = channel(0);
        let (other, from_other) = channel(0);
        go!(move || other.send("instead"));
        let value = String::from("mine");
        select! {
            send(tx, value) => unreachable!(),
            recv(from_other) -> message => assert_eq!(message, Ok("instead")),
        }
        assert_eq!(value, "mine");
        select! {
            send(tx, value) => unreachable!(),
            default(SHORT) => {}
        }
        assert_eq!(value, "mine");
        select! {
            send(tx, value) => unreachable!(),
            default => {}
        }
        assert_eq!(value, "mine");
    });
}

#[test]
fn a_select_never_pairs_with_itself() {
    on_many_schedules(|| {
        let chan = Chan::new(0);
        for _ in 0..20 {
            select! {
                recv(chan) => unreachable!(),
                send(chan, 1) => unreachable!(),
                default => {}
            }
        }
        select! {
            send(chan, 1) => unreachable!(),
            recv(chan) => unreachable!(),
            default(SHORT) => {}
        }
        // With room in the buffer it can send, and still does not receive what it sends.
        let chan = Chan::new(1);
        select! {
            send(chan, 1) -> sent => sent.unwrap(),
            recv(chan) => unreachable!(),
        }
        assert_eq!(chan.len(), 1);
    });
}

#[test]
fn two_selects_that_both_send_and_receive_pair_with_each_other() {
    on_many_schedules(|| {
        let chan = Chan::new(0);
        let (sent, received) = (AtomicUsize::new(0), AtomicUsize::new(0));
        scope(|s| {
            for _ in 0..10 {
                s.go(|| {
                    for _ in 0..100 {
                        select! {
                            send(chan, 7) -> result => { result.unwrap(); sent.fetch_add(1, Ordering::Relaxed); }
                            recv(chan) -> n => { assert_eq!(n, Ok(7)); received.fetch_add(1, Ordering::Relaxed); }
                            // Who is left over at the end has nobody to pair with.
                            default(SHORT) => {}
                        }
                    }
                });
            }
        });
        assert_eq!(sent.load(Ordering::Relaxed), received.load(Ordering::Relaxed));
    });
}

#[test]
fn the_same_channel_may_stand_in_several_cases() {
    on_many_schedules(|| {
        let (tx, rx) = channel(0);
        go!(move || while tx.send(1).is_ok() {});
        let mut chosen = [false; 3];
        while chosen != [true; 3] {
            select! {
                recv(rx) -> n => { assert_eq!(n, Ok(1)); chosen[0] = true; }
                recv(rx) -> n => { assert_eq!(n, Ok(1)); chosen[1] = true; }
                recv(rx) -> n => { assert_eq!(n, Ok(1)); chosen[2] = true; }
            }
        }
    });
}

#[test]
fn no_case_and_no_default_blocks_for_ever() {
    on_one_and_more_procs(|| {
        let blocked = go!(|| -> () {
            select! {}
        });
        let nil = go!(|| {
            select! {
                recv(Receiver::<i32>::nil()) => {}
                send(Sender::nil(), 1) => {}
            }
        });
        select! { default(SHORT) => {} }
        assert!(!blocked.is_finished() && !nil.is_finished());
    });
}

#[test]
fn one_woken_select_fires_exactly_one_case() {
    on_many_schedules(|| {
        for _ in 0..300 {
            let channels: [Chan<u32>; 4] = std::array::from_fn(|_| Chan::new(1));
            let [a, b, c, d] = &channels;
            let mut fired = 0;
            scope(|s| {
                for chan in &channels {
                    s.go(|| chan.send(1).unwrap());
                }
                select! {
                    recv(a) -> n => fired += n.unwrap(),
                    recv(b) -> n => fired += n.unwrap(),
                    recv(c) -> n => fired += n.unwrap(),
                    recv(d) -> n => fired += n.unwrap(),
                }
            });
            let left: u32 = channels.iter().filter_map(|chan| chan.try_recv().ok()).sum();
            assert_eq!((fired, left), (1, 3));
        }
    });
}

#[test]
fn no_value_is_lost_between_two_selects_that_are_claimed_at_once() {
    on_many_schedules(|| {
        let (a, b) = (Chan::new(0), Chan::new(0));
        let received = AtomicUsize::new(0);
        scope(|s| {
            for _ in 0..2 {
                s.go(|| {
                    for _ in 0..500 {
                        select! {
                            send(a, 1) -> sent => sent.unwrap(),
                            send(b, 1) -> sent => sent.unwrap(),
                        }
                    }
                });
                s.go(|| {
                    for _ in 0..500 {
                        let n = select! {
                            recv(b) -> n => n.unwrap(),
                            recv(a) -> n => n.unwrap(),
                        };
                        received.fetch_add(n, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(received.load(Ordering::Relaxed), 1000);
    });
}

#[test]
fn the_send_case_of_a_closed_channel_is_ready_and_yields_the_error() {
    on_many_schedules(|| {
        let (tx, _rx) = channel(1);
        tx.close().unwrap();
        let value = String::from("x");
        let result = select! {
            send(tx, value) -> sent => sent,
            default => unreachable!(),
        };
        assert_eq!(result, Err(SendError(String::from("x"))));
    });
}

#[test]
fn the_send_case_of_a_channel_without_receivers_is_ready_and_yields_the_error() {
    on_many_schedules(|| {
        let (tx, rx) = channel(1);
        drop(rx);
        let result = select! { send(tx, String::from("x")) -> sent => sent };
        assert_eq!(result, Err(SendError(String::from("x"))));
    });
}

#[test]
fn the_receive_case_of_a_closed_and_drained_channel_is_ready_and_yields_the_error() {
    on_many_schedules(|| {
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
    });
}

#[test]
fn a_close_wakes_a_select_that_waits_to_send_or_to_receive() {
    on_procs(1, || {
        let (to_recv, to_send) = (Chan::<String>::new(0), Chan::<String>::new(0));
        let (receiving, sending) = (to_recv.clone(), to_send.clone());
        let receiver = go! {
            select! {
                recv(receiving) -> n => n,
                recv(Receiver::<()>::nil()) => unreachable!(),
            }
        };
        let sender = go! {
            let value = String::from("back");
            select! {
                send(sending, value) -> sent => sent,
                recv(Receiver::<()>::nil()) => unreachable!(),
            }
        };
        yield_now();
        to_recv.close().unwrap();
        to_send.close().unwrap();
        assert_eq!(receiver.join().unwrap(), Err(RecvError));
        assert_eq!(sender.join().unwrap(), Err(SendError(String::from("back"))));
    });
}

#[test]
fn a_nil_channel_is_never_chosen() {
    on_many_schedules(|| {
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
    });
}

#[test]
fn a_default_with_a_duration_comes_no_earlier_and_only_if_nothing_was_ready() {
    on_one_and_more_procs(|| {
        let (tx, rx) = channel::<i32>(0);
        let start = Instant::now();
        select! {
            recv(rx) => unreachable!(),
            default(SHORT) => {}
        }
        assert!(start.elapsed() >= SHORT);
        go!(move || tx.send(1));
        select! {
            recv(rx) -> n => assert_eq!(n, Ok(1)),
            default(Duration::MAX) => unreachable!(),
        }
    });
}

#[test]
fn a_busy_case_does_not_starve_another() {
    // Both channels always have a value to give, so each must be taken from again and again.
    on_one_and_more_procs(|| {
        let (busy, calm) = (Chan::new(16), Chan::new(1));
        let stop = Arc::new(AtomicBool::new(false));
        for chan in [&busy, &calm] {
            let (chan, stop) = (chan.clone(), Arc::clone(&stop));
            go!(move || while !stop.load(Ordering::Relaxed) && chan.send(()).is_ok() {});
        }
        let mut from_calm = 0;
        while from_calm < 100 {
            select! {
                recv(busy) => {}
                recv(calm) => from_calm += 1,
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn sixteen_cases_and_more_of_all_kinds() {
    on_many_schedules(|| {
        let channels: [Chan<usize>; 17] = std::array::from_fn(|_| Chan::new(0));
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = &channels;
        scope(|s| {
            for (number, chan) in channels.iter().enumerate() {
                s.go(move || match number % 2 {
                    0 => chan.send(number).unwrap(),
                    _ => assert_eq!(chan.recv(), Ok(100)),
                });
            }
            let mut seen = [false; 17];
            while seen != [true; 17] {
                let chosen = select! {
                    recv(a) -> n => n.unwrap(), send(b, 100) => 1, recv(c) -> n => n.unwrap(), send(d, 100) => 3,
                    recv(e) -> n => n.unwrap(), send(f, 100) => 5, recv(g) -> n => n.unwrap(), send(h, 100) => 7,
                    recv(i) -> n => n.unwrap(), send(j, 100) => 9, recv(k) -> n => n.unwrap(), send(l, 100) => 11,
                    recv(m) -> n => n.unwrap(), send(n, 100) => 13, recv(o) -> n => n.unwrap(), send(p, 100) => 15,
                    recv(q) -> n => n.unwrap(),
                };
                assert!(!std::mem::replace(&mut seen[chosen], true), "case {chosen} fired twice");
            }
        });
    });
}
