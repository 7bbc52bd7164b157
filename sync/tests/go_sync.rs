//! Go's rules for `sync`, one test each. (Those that need to know who waits are with the raw locks, as unit tests.)

#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use gocsp_sync::{Mutex, RwLock, WaitGroup};

fn spin_until(mut done: impl FnMut() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

/// The message of the panic that `f` ends in.
fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap()
}

#[test]
fn mutex_try_lock_fails_when_locked() {
    let mutex = Mutex::new(());
    let guard = mutex.lock();
    assert!(mutex.is_locked());
    assert!(mutex.try_lock().is_none());
    assert!(thread::scope(|scope| scope.spawn(|| mutex.try_lock().is_none()).join().unwrap()));
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

/// A hog that holds the lock nearly all the time cannot keep a waiter out for much more than a millisecond.
#[test]
fn mutex_waiter_is_not_starved_by_a_hog() {
    const ROUNDS: u32 = 50;
    const HELD: Duration = Duration::from_micros(50);
    let mutex = Mutex::new(());
    let served = AtomicBool::new(false);
    let running = Barrier::new(2);
    let elapsed = thread::scope(|scope| {
        let hog = scope.spawn(|| {
            running.wait();
            while !served.load(Ordering::Relaxed) {
                let _guard = mutex.lock();
                let start = Instant::now();
                while start.elapsed() < HELD {}
            }
        });
        running.wait();
        let start = Instant::now();
        for _ in 0..ROUNDS {
            drop(mutex.lock());
        }
        served.store(true, Ordering::Relaxed);
        hog.join().unwrap();
        start.elapsed()
    });
    // About 1 ms each; the rest is for the moods of a busy machine.
    assert!(elapsed < ROUNDS * Duration::from_millis(40), "{ROUNDS} locks took {elapsed:?}");
}

#[test]
fn rwlock_readers_are_inside_together() {
    let lock = RwLock::new(());
    let together = Barrier::new(4);
    thread::scope(|scope| {
        let read = |_| {
            scope.spawn(|| {
                let _guard = lock.read();
                together.wait();
            })
        };
        [(); 4].map(read).into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn rwlock_waiting_writer_blocks_new_readers() {
    let lock = RwLock::new(0);
    thread::scope(|scope| {
        let reader = lock.read();
        let writer = scope.spawn(|| *lock.write() += 1);
        spin_until(|| lock.try_read().is_none());
        assert!(lock.try_read_for(Duration::from_millis(1)).is_none());
        assert!(!writer.is_finished());
        drop(reader);
        assert_eq!(*lock.read(), 1, "the writer was first");
        writer.join().unwrap();
    });
}

/// Readers that overlap all the time, so that some are always inside, cannot keep a writer out.
#[test]
fn rwlock_writer_is_not_starved_by_readers() {
    let lock = RwLock::new(0);
    let written = AtomicBool::new(false);
    let turn = AtomicU32::new(0);
    thread::scope(|scope| {
        let read = |me| {
            let (lock, written, turn) = (&lock, &written, &turn);
            scope.spawn(move || {
                while !written.load(Ordering::Relaxed) {
                    let _guard = lock.read();
                    // Inside until the other one has come in after this one, as far as it can.
                    turn.store(me, Ordering::Relaxed);
                    for _ in 0..100 {
                        if turn.load(Ordering::Relaxed) != me || written.load(Ordering::Relaxed) {
                            break;
                        }
                        thread::yield_now();
                    }
                }
            })
        };
        let readers = [0, 1].map(read);
        for _ in 0..100 {
            *lock.write() += 1;
        }
        written.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(lock.into_inner(), 100);
}

#[test]
fn rwlock_readers_are_not_starved_by_writers() {
    let lock = RwLock::new(0_u64);
    let served = AtomicBool::new(false);
    thread::scope(|scope| {
        let write = |_| {
            scope.spawn(|| {
                while !served.load(Ordering::Relaxed) {
                    *lock.write() += 1;
                }
            })
        };
        let writers = [(); 2].map(write);
        for _ in 0..100 {
            drop(lock.read());
        }
        served.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}

#[test]
fn wait_group_below_zero_panics_and_leaves_the_counter() {
    let group = WaitGroup::new();
    assert_eq!(panic_of(|| group.done()), "negative WaitGroup counter");
    group.add(2);
    assert_eq!(panic_of(|| group.add(-3)), "negative WaitGroup counter");
    assert!(!group.wait_timeout(Duration::ZERO));
    group.add(-2);
    group.wait();
    assert_eq!(panic_of(|| group.add(isize::MAX)), "WaitGroup counter overflow");
    group.wait();
}

#[test]
fn wait_group_wakes_everyone_who_waits() {
    let group = WaitGroup::new();
    let finished = AtomicBool::new(false);
    group.add(1);
    thread::scope(|scope| {
        let wait = |_| {
            scope.spawn(|| {
                group.wait();
                assert!(finished.load(Ordering::Relaxed));
            })
        };
        let waiters = [(); 8].map(wait);
        finished.store(true, Ordering::Relaxed);
        group.done();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn wait_group_is_reusable_after_wait() {
    let group = WaitGroup::new();
    let runs = Arc::new(AtomicU32::new(0));
    for round in 1..=200 {
        for _ in 0..3 {
            let runs = Arc::clone(&runs);
            group.go(move || {
                runs.fetch_add(1, Ordering::Relaxed);
            });
        }
        group.wait();
        assert_eq!(runs.load(Ordering::Relaxed), 3 * round);
    }
}

/// The next round may begin while the waiters of the last one are still waking up, and no wait ends before its round.
#[test]
fn wait_group_rounds_do_not_mix() {
    const ROUNDS: u32 = 5_000;
    let group = WaitGroup::new();
    let (begun, ended) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        let wait = |_| {
            scope.spawn(|| {
                while ended.load(Ordering::Relaxed) < ROUNDS {
                    let round = begun.load(Ordering::Acquire);
                    group.wait();
                    let ended = ended.load(Ordering::Relaxed);
                    assert!(ended >= round, "waited for round {round}, got {ended}");
                }
            })
        };
        let waiters = [(); 3].map(wait);
        for round in 1..=ROUNDS {
            group.add(1);
            begun.store(round, Ordering::Release);
            if round % 8 == 0 {
                thread::yield_now();
            }
            ended.store(round, Ordering::Relaxed);
            group.done();
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn wait_group_go_is_done_also_when_f_panics() {
    let group = WaitGroup::new();
    group.go(|| panic!("this panic is part of the test"));
    group.wait();
}
