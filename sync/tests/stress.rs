//! Many threads, all ways to lock at once: exclusion is never broken, and no wake-up or hand-off is lost (a lost one
//! leaves a thread waiting for ever).

#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gocsp_sync::{Mutex, RwLock, WaitGroup};

/// xorshift64, seeded with a number that the test prints.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn timeout(&mut self) -> Duration {
        Duration::from_micros(self.below(50))
    }
}

/// Runs `body` on `threads` threads, each with a seed of its own.
fn on_threads(threads: u64, body: impl Fn(Random) + Sync) {
    let seed = gocsp_runtime::random::next_u64();
    println!("seed {seed:#x}");
    thread::scope(|scope| {
        let start = |n: u64| {
            let body = &body;
            scope.spawn(move || body(Random((seed ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1)))
        };
        let threads: Vec<_> = (0..threads).map(start).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Unwinds, with no message.
fn unwind(f: impl FnOnce()) {
    let result = catch_unwind(AssertUnwindSafe(|| {
        f();
        resume_unwind(Box::new(()));
    }));
    assert!(result.is_err());
}

#[test]
fn mutex_in_every_way() {
    const STEPS: usize = 4_000;
    for threads in [2, 4, 16] {
        // Not atomic as a whole, so that two threads inside would lose a step.
        let mutex = Mutex::new(0_usize);
        let failed = AtomicUsize::new(0);
        on_threads(threads, |mut random| {
            for _ in 0..STEPS {
                let guard = match random.below(8) {
                    0 => mutex.try_lock(),
                    1 => mutex.try_lock_for(random.timeout()),
                    2 => {
                        unwind(|| *mutex.lock() += 1);
                        continue;
                    }
                    _ => Some(mutex.lock()),
                };
                let Some(mut guard) = guard else {
                    failed.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                let before = *guard;
                if random.below(16) == 0 {
                    thread::yield_now();
                }
                *guard = before + 1;
            }
        });
        assert!(mutex.try_lock().is_some());
        assert_eq!(mutex.into_inner() + failed.into_inner(), threads as usize * STEPS);
    }
}

#[test]
fn rwlock_in_every_way() {
    const STEPS: usize = 4_000;
    for threads in [2, 4, 16] {
        // A writer changes one after the other; nobody may see them differ.
        let lock = RwLock::new([0_usize; 2]);
        let others = AtomicUsize::new(0);
        on_threads(threads, |mut random| {
            for _ in 0..STEPS {
                let choice = random.below(12);
                let write = match choice {
                    0 => lock.try_write(),
                    1 => lock.try_write_for(random.timeout()),
                    2 | 3 => Some(lock.write()),
                    _ => None,
                };
                if let Some(mut value) = write {
                    value[0] += 1;
                    if random.below(16) == 0 {
                        thread::yield_now();
                    }
                    value[1] += 1;
                    assert_eq!(value[0], value[1]);
                    continue;
                }
                others.fetch_add(1, Ordering::Relaxed);
                let read = match choice {
                    0..4 => None,
                    4 => lock.try_read(),
                    5 => lock.try_read_for(random.timeout()),
                    6 => {
                        unwind(|| {
                            let value = lock.read();
                            assert_eq!(value[0], value[1]);
                        });
                        None
                    }
                    _ => Some(lock.read()),
                };
                if let Some(value) = read {
                    let first = value[0];
                    if random.below(16) == 0 {
                        thread::yield_now();
                    }
                    assert_eq!(first, value[1]);
                }
            }
        });
        assert!(lock.try_write().is_some());
        assert_eq!(lock.into_inner()[0] + others.into_inner(), threads as usize * STEPS);
    }
}

/// All who wait see all that was done, whether they come before or after the end.
#[test]
fn wait_group_with_many_on_both_sides() {
    for (workers, waiters) in [(1, 8), (8, 1), (6, 6)] {
        for _ in 0..50 {
            let group = WaitGroup::new();
            let finished = AtomicUsize::new(0);
            group.add(workers);
            thread::scope(|scope| {
                let wait = |n| {
                    let (group, finished) = (&group, &finished);
                    scope.spawn(move || {
                        if n % 2 == 1 {
                            while !group.wait_timeout(Duration::from_micros(20)) {}
                        } else {
                            group.wait();
                        }
                        assert_eq!(finished.load(Ordering::Relaxed), workers as usize);
                    })
                };
                let work = |_| {
                    scope.spawn(|| {
                        finished.fetch_add(1, Ordering::Relaxed);
                        group.done();
                    })
                };
                let waiters: Vec<_> = (0..waiters).map(wait).collect();
                let workers: Vec<_> = (0..workers).map(work).collect();
                waiters.into_iter().chain(workers).for_each(|thread| thread.join().unwrap());
            });
        }
    }
}
