//! What the primitives of `sync` promise, under chosen schedules.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gocsp::sync::errgroup;
use gocsp::sync::singleflight;
use gocsp::sync::{Barrier, Cond, Map, Mutex, Once, OnceCell, Pool, RwLock, Semaphore, WaitGroup};
use gocsp::testing::{Config, Strategy};
use gocsp::{go, sleep, yield_now};

/// Runs `body` under a bounded number of schedules, chosen in two ways.
fn check(body: impl Fn() + Send + Sync + Clone + 'static) {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        Config::default().schedules(300).time(Duration::from_secs(2)).strategy(strategy).check(body.clone());
    }
}

/// Runs so many goroutines with the same thing, and waits for them.
fn together<T: Send + Sync + 'static>(
    count: usize,
    thing: T,
    work: impl Fn(&T, usize) + Send + Sync + Copy + 'static,
) -> T {
    let (thing, group) = (Arc::new(thing), WaitGroup::new());
    for number in 0..count {
        let thing = Arc::clone(&thing);
        group.go(move || work(&thing, number));
    }
    group.wait();
    // The count goes down a moment before the closure is gone.
    let mut thing = thing;
    loop {
        match Arc::try_unwrap(thing) {
            Ok(thing) => return thing,
            Err(shared) => thing = shared,
        }
        yield_now();
    }
}

#[test]
fn a_mutex_lets_one_in() {
    check(|| {
        let sum = together(3, Mutex::new(0), |sum, _| {
            let mut guard = sum.lock();
            let before = *guard;
            yield_now();
            *guard = before + 1;
        });
        assert_eq!(sum.into_inner(), 3);
    });
}

#[test]
fn a_read_write_lock_keeps_writers_alone() {
    check(|| {
        let lock = RwLock::new((0, 0));
        let lock = together(4, lock, |lock, number| match number % 2 {
            0 => {
                let mut pair = lock.write();
                pair.0 += 1;
                yield_now();
                pair.1 += 1;
            }
            _ => {
                let pair = lock.read();
                assert_eq!(pair.0, pair.1);
                yield_now();
                assert_eq!(pair.0, pair.1);
            }
        });
        assert_eq!(lock.into_inner(), (2, 2));
    });
}

#[test]
fn no_signal_of_a_condition_is_lost() {
    check(|| {
        let queue = (Mutex::new(Vec::new()), Cond::new());
        together(4, queue, |(queue, filled), number| {
            let mut items = queue.lock();
            if number % 2 == 0 {
                items.push(number);
                drop(items);
                filled.signal();
            } else {
                filled.wait_while(&mut items, |items| items.is_empty());
                items.pop().unwrap();
            }
        });
    });
}

#[test]
fn a_semaphore_gives_no_more_than_it_has() {
    check(|| {
        let things = (Semaphore::new(2), AtomicU32::new(0));
        together(4, things, |(semaphore, inside), number| {
            let permit = semaphore.acquire(1 + number % 2);
            let weight = 1 + number as u32 % 2;
            assert!(inside.fetch_add(weight, Ordering::Relaxed) + weight <= 2);
            yield_now();
            inside.fetch_sub(weight, Ordering::Relaxed);
            drop(permit);
        });
    });
}

#[test]
fn a_barrier_opens_for_all_at_once() {
    check(|| {
        let things = (Barrier::new(3), AtomicU32::new(0));
        together(3, things, |(barrier, arrived), _| {
            for round in 1..=2 {
                arrived.fetch_add(1, Ordering::Relaxed);
                barrier.wait();
                assert!(arrived.load(Ordering::Relaxed) >= 3 * round);
                barrier.wait();
            }
        });
    });
}

#[test]
fn what_is_done_once_is_done_when_any_call_returns() {
    check(|| {
        let things = (Once::new(), OnceCell::new(), AtomicU32::new(0));
        let (_, _, calls) = together(3, things, |(once, cell, calls), number| {
            once.call_once(|| {
                yield_now();
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(calls.load(Ordering::Relaxed), 1);
            let first = *cell.get_or_init(|| {
                yield_now();
                number
            });
            assert_eq!(cell.get(), Some(&first));
        });
        assert_eq!(calls.into_inner(), 1);
    });
}

#[test]
fn who_asks_for_the_same_shares_an_answer() {
    check(|| {
        let things = (singleflight::Group::new(), AtomicU32::new(0));
        let (_, calls) = together(3, things, |(group, calls), _| {
            let answer = group.do_call("key", || {
                sleep(Duration::from_millis(1));
                calls.fetch_add(1, Ordering::Relaxed);
                42
            });
            assert_eq!(answer.value, 42);
        });
        assert_eq!(calls.into_inner(), 1, "all of them came within the millisecond");
    });
}

#[test]
fn of_a_group_with_an_error_the_first_counts() {
    check(|| {
        let group = errgroup::Group::new();
        for number in 0..3 {
            group.go(move || {
                sleep(Duration::from_millis(number));
                if number == 0 { Ok(()) } else { Err(number.to_string()) }
            });
        }
        assert_eq!(group.wait().unwrap_err().to_string(), "1");
    });
}

#[test]
fn of_two_who_store_in_a_map_one_is_first() {
    check(|| {
        let things = (Map::new(), AtomicU32::new(0));
        let (map, stored) = together(3, things, |(map, stored), number| {
            let (value, was_there) = map.load_or_store("key", number);
            assert_eq!(map.load("key"), Some(value));
            stored.fetch_add(u32::from(!was_there), Ordering::Relaxed);
        });
        assert_eq!((map.len(), stored.into_inner()), (1, 1));
    });
}

#[test]
fn nothing_of_a_pool_is_lent_twice() {
    check(|| {
        type Things = Pool<AtomicU32, fn() -> AtomicU32>;
        fn borrow(pool: &Things) {
            let thing = pool.lend();
            assert_eq!(thing.fetch_add(1, Ordering::Relaxed), 0, "somebody else has it");
            yield_now();
            thing.fetch_sub(1, Ordering::Relaxed);
        }
        let pool: Arc<Things> = Arc::new(Pool::new(|| AtomicU32::new(0)));
        let theirs = Arc::clone(&pool);
        let other = go!(move || borrow(&theirs));
        borrow(&pool);
        other.join().unwrap();
    });
}
