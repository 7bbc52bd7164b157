//! Bugs that tests under chosen schedules have to find, and to find again.

#[path = "common/found.rs"]
mod found;
#[path = "common/opposite_locks.rs"]
mod opposite_locks;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use found::found;
use gocsp::sync::{Mutex, Once};
use gocsp::testing::FailureKind;
use gocsp::{Chan, channel, go, select, sleep, yield_now};

/// The flag is set, and nobody is told, between the look at the flag and the wait.
#[test]
fn a_lost_wake_up() {
    found(FailureKind::Deadlock, || {
        let flag = Arc::new(AtomicBool::new(false));
        let (bell, rung) = channel::<()>(0);
        let (raised, told) = (Arc::clone(&flag), bell.clone());
        go!(move || {
            raised.store(true, Ordering::Relaxed);
            // Whoever does not wait yet need not be told.
            let _ = told.try_send(());
        });
        if !flag.load(Ordering::Relaxed) {
            rung.recv().unwrap();
        }
        drop(bell);
    });
}

#[test]
fn check_then_act_on_a_map() {
    fn get(map: &Mutex<HashMap<&str, u32>>, made: &AtomicU32) {
        if !map.lock().contains_key("key") {
            map.lock().insert("key", made.fetch_add(1, Ordering::Relaxed));
        }
    }
    found(FailureKind::Panic, || {
        let (map, made) = (Arc::new(Mutex::new(HashMap::new())), Arc::new(AtomicU32::new(0)));
        let (shared, counted) = (Arc::clone(&map), Arc::clone(&made));
        let other = go!(move || get(&shared, &counted));
        get(&map, &made);
        other.join().unwrap();
        assert_eq!(made.load(Ordering::Relaxed), 1, "made twice");
    });
}

/// Each calls the other from within.
#[test]
fn the_once_deadlock() {
    found(FailureKind::Deadlock, || {
        let onces = Arc::new([Once::new(), Once::new()]);
        let call = |onces: &[Once; 2], first: usize| onces[first].call_once(|| onces[1 - first].call_once(|| ()));
        let shared = Arc::clone(&onces);
        let other = go!(move || call(&shared, 0));
        call(&onces, 1);
        other.join().unwrap();
    });
}

#[test]
fn two_locks_in_opposite_order() {
    found(FailureKind::Deadlock, opposite_locks::run);
}

/// Two meet, and each steps aside for the other, again and again.
#[test]
fn the_hallway_livelock() {
    fn walk(places: &[AtomicU32; 2], me: usize) {
        while places[me].load(Ordering::Relaxed) == places[1 - me].load(Ordering::Relaxed) {
            yield_now();
            let side = places[me].load(Ordering::Relaxed);
            places[me].store(1 - side, Ordering::Relaxed);
            yield_now();
        }
    }
    found(FailureKind::Livelock, || {
        let places = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let shared = Arc::clone(&places);
        let other = go!(move || walk(&shared, 1));
        walk(&places, 0);
        other.join().unwrap();
    });
}

/// Nobody takes the second result when the first is an error.
#[test]
fn a_goroutine_leaked_by_an_early_return() {
    fn both() -> Result<u32, &'static str> {
        // Who has a handle can receive as well, so the channel stays open as in Go.
        let parts = Chan::new(0);
        for part in [Err("no"), Ok(1)] {
            let parts = parts.clone();
            go!(move || parts.send(part));
        }
        Ok(parts.recv().unwrap()? + parts.recv().unwrap()?)
    }
    found(FailureKind::Leak, || _ = both());
}

/// The result comes at the moment at which nobody waits for it any more.
#[test]
fn a_race_between_a_result_and_a_deadline() {
    found(FailureKind::Panic, || {
        let (tx, rx) = channel(1);
        go!(move || {
            sleep(Duration::from_secs(1));
            tx.send(42)
        });
        let result = select! {
            recv(rx) -> result => result.ok(),
            default(Duration::from_secs(1)) => None,
        };
        assert_eq!(result, Some(42), "it was in time");
    });
}

#[test]
fn an_unbounded_retry_loop() {
    found(FailureKind::Livelock, || {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock();
        let wanted = Arc::clone(&lock);
        let other = go!(move || {
            while wanted.try_lock().is_none() {
                yield_now();
            }
        });
        other.join().unwrap();
        drop(held);
    });
}
