//! A load of everything.

use std::sync::Arc;
use std::time::Duration;

use gocsp::sync::{Mutex, WaitGroup};
use gocsp::{Receiver, blocking, channel, go, select, sleep, yield_now};

/// Goroutines that spawn, talk, sleep, lock and call blockingly.
pub(crate) fn mixed_load(rounds: usize) {
    let (tx, rx) = channel(3);
    let (count, group) = (Arc::new(Mutex::new(0)), WaitGroup::new());
    for round in 0..rounds {
        let (tx, count) = (tx.clone(), Arc::clone(&count));
        group.go(move || {
            match round % 5 {
                0 => sleep(Duration::from_micros(10)),
                1 => yield_now(),
                2 => assert_eq!(go!(move || round).join().unwrap(), round),
                3 => assert_eq!(blocking(|| 3), 3),
                _ => {}
            }
            *count.lock() += 1;
            select! {
                send(tx, round) -> sent => sent.unwrap(),
                recv(Receiver::<()>::nil()) => unreachable!(),
            }
        });
    }
    drop(tx);
    assert_eq!(rx.iter().sum::<usize>(), rounds * (rounds - 1) / 2);
    group.wait();
    assert_eq!(*count.lock(), rounds);
}
