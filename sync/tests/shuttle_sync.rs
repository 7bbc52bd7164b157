//! The locks and the wait group under random schedules. `RUSTFLAGS="--cfg shuttle" cargo test -p gocsp-sync --release
//! --test shuttle_sync`.
//!
//! Whether a waiter has waited for too long is drawn by the model, so that barging and hand-off mix. A timeout of zero
//! is one that may pass at any moment between joining the queue and being woken. A lost wake-up is a deadlock, which
//! shuttle reports with the schedule that leads there.

#![cfg(shuttle)]

use std::time::Duration;

use gocsp_context::Context;
use gocsp_sync::{Barrier, Cond, Mutex, Once, RwLock, Semaphore, WaitGroup};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::{rand, thread};

const RANDOM: usize = 20_000;
const PCT: usize = 10_000;

/// Runs `body` under random schedules, and under those with few switches at unlikely places.
fn check(body: impl Fn() + Copy + Send + Sync + 'static) {
    shuttle::check_random(body, RANDOM);
    shuttle::check_pct(body, PCT, 3);
}

/// A number drawn with the schedule.
fn below(bound: u32) -> u32 {
    rand::Rng::gen_range(&mut rand::thread_rng(), 0..bound)
}

/// Runs `bodies` on a thread each, to the end.
fn all(bodies: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = bodies.into_iter().map(thread::spawn).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// `count` times the body that `make` makes.
fn times<F: FnOnce() + Send + 'static>(count: usize, make: impl Fn() -> F) -> Vec<Box<dyn FnOnce() + Send>> {
    (0..count).map(|_| Box::new(make()) as Box<dyn FnOnce() + Send>).collect()
}

/// Changes `value` in two steps, with a chance for others in between.
fn increment(value: &mut usize) {
    let before = *value;
    thread::yield_now();
    *value = before + 1;
}

#[test]
fn mutex_excludes_and_serves_everyone() {
    check(|| {
        let mutex = Arc::new(Mutex::new(0));
        all(times(3, || {
            let mutex = mutex.clone();
            move || {
                for _ in 0..2 {
                    increment(&mut mutex.lock());
                }
            }
        }));
        assert_eq!(*mutex.try_lock().expect("free"), 6);
    });
}

#[test]
fn mutex_timeouts_lose_no_hand_off() {
    check(|| {
        let mutex = Arc::new(Mutex::new(0));
        let locked = Arc::new(AtomicUsize::new(0));
        all(times(4, || {
            let (mutex, locked) = (mutex.clone(), locked.clone());
            move || {
                let guard = match below(3) {
                    0 => Some(mutex.lock()),
                    1 => mutex.try_lock(),
                    _ => mutex.try_lock_for(Duration::ZERO),
                };
                if let Some(mut guard) = guard {
                    increment(&mut guard);
                    locked.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
        assert_eq!(*mutex.try_lock().expect("free"), locked.load(Ordering::Relaxed));
    });
}

/// Counts those inside, to check that a writer is alone.
#[derive(Default)]
struct Inside {
    readers: AtomicUsize,
    writers: AtomicUsize,
}

impl Inside {
    fn read(&self) {
        self.readers.fetch_add(1, Ordering::SeqCst);
        assert_eq!(self.writers.load(Ordering::SeqCst), 0);
        thread::yield_now();
        self.readers.fetch_sub(1, Ordering::SeqCst);
    }

    fn write(&self) {
        assert_eq!(self.writers.fetch_add(1, Ordering::SeqCst), 0);
        assert_eq!(self.readers.load(Ordering::SeqCst), 0);
        thread::yield_now();
        assert_eq!(self.readers.load(Ordering::SeqCst), 0);
        self.writers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn rwlock_excludes_and_serves_everyone() {
    check(|| {
        let lock = Arc::new(RwLock::new(Inside::default()));
        let mut bodies = times(2, || {
            let lock = lock.clone();
            move || {
                for _ in 0..2 {
                    lock.write().write();
                }
            }
        });
        bodies.extend(times(2, || {
            let lock = lock.clone();
            move || {
                for _ in 0..2 {
                    lock.read().read();
                }
            }
        }));
        all(bodies);
        assert!(lock.try_write().is_some());
    });
}

/// A reader that leaves as the last one may be so late that the writer that it meets waits for other readers.
#[test]
fn rwlock_late_reader_wakes_no_later_writer() {
    check(|| {
        let lock = Arc::new(RwLock::new(Inside::default()));
        let mut bodies = times(2, || {
            let lock = lock.clone();
            move || lock.read().read()
        });
        bodies.extend(times(1, || {
            let lock = lock.clone();
            move || {
                lock.write().write();
                lock.write().write();
            }
        }));
        all(bodies);
    });
}

#[test]
fn rwlock_timeouts_lose_no_wake_up() {
    check(|| {
        let lock = Arc::new(RwLock::new(Inside::default()));
        all(times(4, || {
            let lock = lock.clone();
            move || match below(6) {
                0 => lock.read().read(),
                1 => lock.write().write(),
                2 => drop(lock.try_read().map(|guard| guard.read())),
                3 => drop(lock.try_write().map(|guard| guard.write())),
                4 => drop(lock.try_read_for(Duration::ZERO).map(|guard| guard.read())),
                _ => drop(lock.try_write_for(Duration::ZERO).map(|guard| guard.write())),
            }
        }));
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn wait_group_wakes_everyone_after_the_end() {
    check(|| {
        let group = WaitGroup::new();
        let finished = Arc::new(AtomicUsize::new(0));
        group.add(2);
        let mut bodies = times(2, || {
            let (group, finished) = (group.clone(), finished.clone());
            move || {
                finished.fetch_add(1, Ordering::Relaxed);
                group.done();
            }
        });
        bodies.extend(times(2, || {
            let (group, finished) = (group.clone(), finished.clone());
            move || {
                if below(2) == 0 {
                    group.wait();
                } else if !group.wait_timeout(Duration::ZERO) {
                    return;
                }
                assert_eq!(finished.load(Ordering::Relaxed), 2);
            }
        }));
        all(bodies);
    });
}

/// A wait that begins in one round does not end before that round, and does end, though another thread begins the next
/// round as soon as it can.
#[test]
fn wait_group_rounds_do_not_mix() {
    check(|| {
        let group = WaitGroup::new();
        group.add(1);
        let (begun, ended) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(0)));
        let mut bodies = times(2, || {
            let (group, begun, ended) = (group.clone(), begun.clone(), ended.clone());
            move || {
                for _ in 0..2 {
                    let round = begun.load(Ordering::SeqCst);
                    group.wait();
                    assert!(ended.load(Ordering::SeqCst) >= round);
                }
            }
        });
        let first = (group.clone(), ended.clone());
        bodies.push(Box::new(move || {
            first.1.store(1, Ordering::SeqCst);
            first.0.done();
        }));
        bodies.push(Box::new(move || {
            group.wait();
            group.add(1);
            begun.store(2, Ordering::SeqCst);
            thread::yield_now();
            ended.store(2, Ordering::SeqCst);
            group.done();
        }));
        all(bodies);
    });
}

/// A signal that is given once the lock was free reaches who had the lock before.
#[test]
fn cond_signals_are_not_lost() {
    check(|| {
        let shared = Arc::new((Mutex::new(0_usize), Cond::new()));
        let mut bodies = times(2, || {
            let shared = shared.clone();
            move || {
                let mut ready = shared.0.lock();
                shared.1.wait_while(&mut ready, |ready| **ready == 0);
                *ready -= 1;
            }
        });
        bodies.extend(times(2, || {
            let shared = shared.clone();
            move || {
                *shared.0.lock() += 1;
                shared.1.signal();
            }
        }));
        all(bodies);
        assert_eq!(*shared.0.try_lock().expect("free"), 0);
    });
}

/// Who gives up, and who is woken at the same time, has the lock; and the others get their signals.
#[test]
fn cond_timeouts_lose_no_signal() {
    check(|| {
        let shared = Arc::new((Mutex::new(0_usize), Cond::new()));
        let waiters = times(3, || {
            let shared = shared.clone();
            move || {
                let mut ready = shared.0.lock();
                while *ready == 0 {
                    if below(2) == 0 {
                        shared.1.wait(&mut ready);
                    } else {
                        shared.1.wait_timeout(&mut ready, Duration::ZERO);
                    }
                    increment(&mut ready);
                    *ready -= 1;
                }
            }
        });
        let opener = shared.clone();
        let mut bodies = waiters;
        bodies.push(Box::new(move || {
            *opener.0.lock() = 1;
            opener.1.broadcast();
        }));
        all(bodies);
    });
}

#[test]
fn cond_waits_with_the_guards_of_a_read_write_lock() {
    check(|| {
        let shared = Arc::new((RwLock::new(0_usize), Cond::new()));
        let mut bodies = times(2, || {
            let shared = shared.clone();
            move || {
                let mut guard = shared.0.read();
                shared.1.wait_while(&mut guard, |value| **value == 0);
            }
        });
        for wanted in [0, 1] {
            let shared = shared.clone();
            bodies.push(Box::new(move || {
                let mut guard = shared.0.write();
                shared.1.wait_while(&mut guard, |value| **value < wanted);
                increment(&mut guard);
                drop(guard);
                shared.1.broadcast();
            }));
        }
        all(bodies);
        assert_eq!(*shared.0.try_read().expect("free"), 2);
    });
}

#[test]
fn once_is_done_once_and_waited_for() {
    check(|| {
        let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
        all(times(3, || {
            let shared = shared.clone();
            move || {
                shared.0.call_once(|| {
                    thread::yield_now();
                    shared.1.fetch_add(1, Ordering::SeqCst);
                });
                assert_eq!(shared.1.load(Ordering::SeqCst), 1);
            }
        }));
    });
}

#[test]
fn barrier_lets_nobody_go_on_too_early() {
    check(|| {
        let shared = Arc::new((Barrier::new(3), AtomicUsize::new(0), AtomicUsize::new(0)));
        all(times(3, || {
            let shared = shared.clone();
            move || {
                for round in 1..=2 {
                    shared.1.fetch_add(1, Ordering::SeqCst);
                    if shared.0.wait().is_leader() {
                        shared.2.fetch_add(1, Ordering::SeqCst);
                    }
                    assert!(shared.1.load(Ordering::SeqCst) >= 3 * round);
                }
            }
        }));
        assert_eq!(shared.2.load(Ordering::SeqCst), 2);
    });
}

/// Grants, timeouts and cancellations lose no permit, and give none twice.
#[test]
fn semaphore_loses_no_permit() {
    check(|| {
        let semaphore = Semaphore::new(2);
        let (context, cancel) = Context::background().with_cancel();
        let inside = Arc::new(AtomicUsize::new(0));
        let mut bodies = times(3, || {
            let (semaphore, context, inside) = (semaphore.clone(), context.clone(), inside.clone());
            move || {
                let weight = 1 + below(2) as usize;
                let permit = match below(3) {
                    0 => Some(semaphore.acquire(weight)),
                    1 => semaphore.acquire_timeout(weight, Duration::ZERO),
                    _ => semaphore.acquire_context(&context, weight).ok(),
                };
                if permit.is_some() {
                    assert!(inside.fetch_add(weight, Ordering::SeqCst) + weight <= 2);
                    thread::yield_now();
                    inside.fetch_sub(weight, Ordering::SeqCst);
                }
            }
        });
        bodies.push(Box::new(move || cancel.cancel()));
        all(bodies);
        assert_eq!(semaphore.available(), 2);
    });
}
