//! A program that uses what the runtime and its neighbours could have chances of their own in.

use std::sync::Arc;
use std::time::Duration;

use gocsp::sync::{Map, WaitGroup};
use gocsp::{channel, select, sleep};

/// What 200 schedules of it come to, from the seed 1. The lines of this file are part of that.
pub(crate) const HASH: u64 = 10_790_662_445_888_443_925;

/// The program.
pub(crate) fn run() {
    let (map, group) = (Arc::new(Map::new()), WaitGroup::new());
    let (tx, rx) = channel(1);
    for number in 0..4 {
        let (map, tx) = (Arc::clone(&map), tx.clone());
        group.go(move || {
            sleep(Duration::from_millis(number % 2));
            map.store(number, ());
            select! {
                send(tx, number) -> sent => sent.unwrap(),
                default(Duration::from_millis(1)) => map.store(10 + number, ()),
            }
        });
    }
    drop(tx);
    for number in &rx {
        map.iter().for_each(|(key, ())| sleep(Duration::from_nanos(key ^ number)));
    }
    group.wait();
}
