//! What a runtime does for its goroutines: joining, scopes, blocking calls, migration.

#[path = "common/drops.rs"]
mod drops;
#[path = "common/load.rs"]
mod load;
#[path = "common/migrating.rs"]
mod migrating;
#[path = "common/procs.rs"]
mod procs;

use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use drops::Drops;
use gocsp::sync::{Mutex, WaitGroup};
use gocsp::time::{self, sleep_until};
use gocsp::{
    Chan, Go, GoroutineId, JoinHandle, Runtime, blocking, channel, go, lock_os_thread, max_procs, num_goroutines,
    scope, sleep, yield_now,
};
use load::mixed_load;
use migrating::on_migrating_procs;
use procs::{on_one_and_more_procs, on_procs};

#[test]
fn the_three_forms_of_go() {
    struct Adder(i32);
    impl Adder {
        fn add(&mut self, n: i32) -> i32 {
            self.0 += n;
            self.0
        }
    }
    on_one_and_more_procs(|| {
        let word = String::from("word");
        assert_eq!(go!(move || word.len()).join().unwrap(), 4);
        assert_eq!(go!(i32::pow(2, 10)).join().unwrap(), 1024);
        assert_eq!(go!(Adder(1).add(2)).join().unwrap(), 3);
        assert_eq!(go!("7".parse::<i32>()).join().unwrap(), Ok(7));
        let block = go! {
            let half = 21;
            half * 2
        };
        assert_eq!(block.join().unwrap(), 42);
    });
}

#[test]
fn those_who_sleep_until_the_same_moment_wake_in_the_order_in_which_they_fell_asleep() {
    // More than are fired at one look.
    const SLEEPERS: usize = 100;
    on_procs(1, || {
        let moment = Instant::now() + Duration::from_millis(50);
        let asleep = AtomicUsize::new(0);
        let woken = Mutex::new(Vec::new());
        scope(|scope| {
            for _ in 0..SLEEPERS {
                let (asleep, woken) = (&asleep, &woken);
                scope.go(move || {
                    let number = asleep.fetch_add(1, Ordering::Relaxed);
                    sleep_until(moment);
                    woken.lock().push((number, Instant::now() >= moment));
                });
            }
        });
        assert!(woken.into_inner().into_iter().eq((0..SLEEPERS).map(|number| (number, true))));
    });
}

#[test]
fn the_destructor_of_a_detached_result_may_park() {
    struct Sends(Chan<i32>);
    impl Drop for Sends {
        fn drop(&mut self) {
            self.0.send(7).unwrap();
        }
    }
    on_one_and_more_procs(|| {
        let chan = Chan::new(0);
        for _ in 0..50 {
            let result = Sends(chan.clone());
            // If it ends before it is detached, this is where the result is dropped.
            go!(move || drop(go!(move || result)));
            assert_eq!(chan.recv(), Ok(7));
        }
    });
}

#[test]
fn handles_are_joined_dropped_and_asked_at_any_moment() {
    on_one_and_more_procs(|| {
        let drops = Drops::default();
        for round in 0..1000 {
            let value = drops.value();
            let handle = go!(move || {
                (0..round % 7).for_each(|_| yield_now());
                value
            });
            (0..round % 5).for_each(|_| yield_now());
            match round % 3 {
                0 => drop(handle.join().unwrap()),
                1 => drop(handle),
                _ => drop(blocking(move || thread::spawn(move || handle.join().unwrap()).join().unwrap())),
            }
        }
        while num_goroutines() > 1 {
            yield_now();
        }
        drops.assert_all(1000);
    });
}

#[test]
fn ids_are_unique_and_names_are_kept() {
    on_one_and_more_procs(|| {
        let handles: Vec<_> = (0..300).map(|n| Go::new().name(format!("number {n}")).spawn(|| ()).unwrap()).collect();
        let mut ids: Vec<GoroutineId> = handles.iter().map(JoinHandle::id).collect();
        for (n, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.name(), Some(&*format!("number {n}")));
            handle.join().unwrap();
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 300);
        assert_eq!(go!(|| ()).name(), None);
    });
}

#[test]
fn goroutines_are_counted_from_spawn_to_end() {
    on_one_and_more_procs(|| {
        let chan = Chan::<()>::new(0);
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let chan = chan.clone();
                go!(move || chan.recv())
            })
            .collect();
        assert_eq!(num_goroutines(), 101);
        chan.close().unwrap();
        for (ended, handle) in handles.into_iter().enumerate() {
            drop(handle.join());
            assert!(num_goroutines() <= 100 - ended);
        }
        assert_eq!(num_goroutines(), 1);
    });
}

#[test]
fn stacks_of_all_sizes() {
    fn deep(kib: usize) -> usize {
        let block = std::hint::black_box([1_u8; 1024]);
        if kib == 0 { 0 } else { block.len() + deep(kib - 1) }
    }
    on_one_and_more_procs(|| {
        for kib in [32, 33, 64, 100, 1 << 10, 64 << 10, 1 << 20] {
            // A quarter of it is for frames that a debug build makes larger.
            let usable = (kib / 8).min(4 << 10);
            let goroutine = Go::new().stack_size(kib << 10).spawn(move || deep(usable)).unwrap();
            assert_eq!(goroutine.join().unwrap(), usable << 10);
        }
        for bytes in [0, 1, (32 << 10) - 1, (1 << 30) + 1, usize::MAX] {
            assert!(Go::new().stack_size(bytes).spawn(|| ()).is_err());
        }
    });
}

#[test]
fn builders_refuse_numbers_outside_their_limits() {
    for procs in [0, 1025, usize::MAX] {
        let error = Runtime::builder().procs(procs).build().unwrap_err();
        assert!(error.to_string().contains(&procs.to_string()), "{error}");
    }
    let error = Runtime::builder().procs(1).stack_size(100).build().unwrap_err();
    assert!(error.to_string().contains("100"), "{error}");
}

#[test]
fn scoped_goroutines_borrow_and_are_joined() {
    on_one_and_more_procs(|| {
        let numbers: Vec<usize> = (0..1000).collect();
        let sum = AtomicUsize::new(0);
        scope(|s| {
            for part in numbers.chunks(7) {
                let sum = &sum;
                s.go(move || {
                    yield_now();
                    sum.fetch_add(part.iter().sum(), Ordering::Relaxed)
                });
            }
        });
        assert_eq!(sum.into_inner(), 499_500);
    });
}

#[test]
fn scopes_work_from_threads_and_within_scopes() {
    let total = AtomicUsize::new(0);
    scope(|s| {
        for _ in 0..10 {
            s.go(|| {
                scope(|inner| {
                    for _ in 0..10 {
                        inner.go(|| total.fetch_add(1, Ordering::Relaxed));
                    }
                });
            });
        }
    });
    assert_eq!(total.into_inner(), 100);
}

#[test]
fn blocking_calls_let_others_run() {
    on_one_and_more_procs(|| {
        // Every job waits until all have begun, which the workers alone could not give them.
        let barrier = Barrier::new(20);
        scope(|s| {
            let jobs: [_; 20] = std::array::from_fn(|_| {
                s.go(|| {
                    blocking(|| {
                        barrier.wait();
                        thread::current().id()
                    })
                })
            });
            let mut threads: Vec<_> = jobs.into_iter().map(|job| format!("{:?}", job.join().unwrap())).collect();
            threads.sort();
            threads.dedup();
            assert_eq!(threads.len(), 20);
        });
    });
}

#[test]
fn a_blocking_call_may_borrow_return_and_panic() {
    on_one_and_more_procs(|| {
        let mut numbers = vec![1, 2, 3];
        assert_eq!(
            blocking(|| {
                numbers.push(4);
                numbers.len()
            }),
            4
        );
        let caught = catch_unwind(|| blocking(|| -> () { resume_unwind(Box::new("in the pool")) }));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "in the pool");
        assert_eq!(blocking(|| 1), 1);
    });
    assert_eq!(blocking(|| thread::current().id()), thread::current().id());
}

#[test]
fn more_blocking_calls_than_the_pool_has_threads() {
    on_procs(2, || {
        let sum = AtomicUsize::new(0);
        scope(|s| {
            for n in 0..2000 {
                let sum = &sum;
                s.go(move || blocking(move || sum.fetch_add(n, Ordering::Relaxed)));
            }
        });
        assert_eq!(sum.into_inner(), 1_999_000);
    });
}

#[test]
fn a_mixed_load() {
    on_one_and_more_procs(|| mixed_load(1000));
}

#[test]
fn a_mixed_load_under_migrate() {
    for procs in [1, 2, 5] {
        on_migrating_procs(procs, || (0..3).for_each(|_| mixed_load(1000)));
    }
}

#[test]
fn under_migrate_a_started_goroutine_is_run_elsewhere_when_its_worker_is_hogged() {
    on_migrating_procs(2, || {
        for _ in 0..20 {
            let (stop, counter) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
            let goroutines: [_; 4] = std::array::from_fn(|_| {
                let (stop, counter) = (Arc::clone(&stop), Arc::clone(&counter));
                go!(move || while !stop.load(Ordering::Relaxed) {
                    counter.fetch_add(1, Ordering::Relaxed);
                    yield_now();
                })
            });
            (0..10).for_each(|_| yield_now());
            // This computes until they have gone on, all of them on the other worker by now.
            let enough = counter.load(Ordering::Relaxed) + 1000;
            while counter.load(Ordering::Relaxed) < enough {
                std::hint::spin_loop();
            }
            stop.store(true, Ordering::Relaxed);
            goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
        }
    });
}

/// Calls `step` until `stop` is set, and counts the calls.
fn counted(stop: &Arc<AtomicBool>, mut step: impl FnMut() + Send + 'static) -> (JoinHandle<()>, Arc<AtomicUsize>) {
    let (stop, count) = (Arc::clone(stop), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&count);
    let goroutine = go!(move || while !stop.load(Ordering::Relaxed) {
        step();
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (goroutine, count)
}

#[test]
fn under_migrate_those_who_wait_where_everybody_computes_go_on_elsewhere() {
    for procs in [1, 2] {
        on_migrating_procs(procs, move || {
            let stop = Arc::new(AtomicBool::new(false));
            let (tx, rx) = channel(0);
            let ticks = time::tick(Duration::from_micros(200));
            let waiting = [
                counted(&stop, || sleep(Duration::from_micros(100))),
                counted(&stop, move || _ = ticks.recv().unwrap()),
                counted(&stop, move || _ = rx.recv()),
            ];
            // These stay where they are, and go on as soon as nobody computes any more.
            let (_silent, silence) = channel::<()>(0);
            let staying = [
                counted(&stop, move || assert!(silence.recv_timeout(Duration::from_micros(100)).is_err())),
                counted(&stop, || {
                    let (_guard, home) = (lock_os_thread(), thread::current().id());
                    sleep(Duration::from_micros(100));
                    assert_eq!(thread::current().id(), home);
                }),
            ];
            let thread = thread::spawn(move || while tx.send(()).is_ok() {});
            let counts = waiting.iter().map(|(_, count)| Arc::clone(count)).collect::<Vec<_>>();
            let hogs: Vec<_> = (0..procs)
                .map(|_| {
                    let counts = counts.clone();
                    go!(move || for _ in 0..3 {
                        let enough: Vec<_> = counts.iter().map(|count| count.load(Ordering::Relaxed) + 20).collect();
                        while counts.iter().zip(&enough).any(|(count, &enough)| count.load(Ordering::Relaxed) < enough)
                        {
                            std::hint::spin_loop();
                        }
                        yield_now();
                    })
                })
                .collect();
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
            let before: Vec<_> = staying.iter().map(|(_, count)| count.load(Ordering::Relaxed)).collect();
            while staying.iter().zip(&before).any(|((_, count), before)| count.load(Ordering::Relaxed) < before + 3) {
                sleep(Duration::from_micros(100));
            }
            stop.store(true, Ordering::Relaxed);
            waiting.into_iter().chain(staying).for_each(|(goroutine, _)| goroutine.join().unwrap());
            thread.join().unwrap();
            assert_eq!(max_procs(), procs);
        });
    }
}

#[test]
fn under_migrate_what_waits_to_be_started_is_run_although_everybody_computes() {
    for procs in [1, 2] {
        on_migrating_procs(procs, move || {
            let started = Arc::new(AtomicUsize::new(0));
            let goroutines: Vec<_> = (0..=procs)
                .map(|_| {
                    let started = Arc::clone(&started);
                    go!(move || {
                        started.fetch_add(1, Ordering::Relaxed);
                        while started.load(Ordering::Relaxed) <= procs {
                            std::hint::spin_loop();
                        }
                    })
                })
                .collect();
            goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
            assert_eq!(max_procs(), procs);
        });
    }
}

#[test]
fn a_locked_os_thread_is_kept_even_under_migrate() {
    on_migrating_procs(3, || {
        scope(|s| {
            for _ in 0..20 {
                s.go(|| {
                    let guard = lock_os_thread();
                    let nested = lock_os_thread();
                    let home = thread::current().id();
                    for round in 0..100 {
                        match round % 3 {
                            0 => sleep(Duration::from_micros(5)),
                            _ => yield_now(),
                        }
                        assert_eq!(thread::current().id(), home);
                    }
                    drop(nested);
                    yield_now();
                    assert_eq!(thread::current().id(), home);
                    drop(guard);
                });
            }
        });
    });
}

#[test]
fn without_migrate_a_goroutine_never_changes_threads() {
    on_one_and_more_procs(|| {
        scope(|s| {
            for n in 0..50 {
                s.go(move || {
                    let home = thread::current().id();
                    for round in 0..50 {
                        match (n + round) % 4 {
                            0 => yield_now(),
                            1 => sleep(Duration::from_micros(10)),
                            2 => blocking(|| ()),
                            _ => drop(go!(|| ()).join()),
                        }
                        assert_eq!(thread::current().id(), home);
                    }
                });
            }
        });
    });
}

#[test]
fn what_waits_behind_a_goroutine_that_never_yields_is_run_by_another_worker() {
    on_procs(2, || {
        let [started, stop] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
        let (hog_started, hog_stop) = (Arc::clone(&started), Arc::clone(&stop));
        let hog = go!(move || {
            hog_started.store(true, Ordering::Relaxed);
            while !hog_stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        // As long as this computes, only the other worker can start the hog.
        while !started.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        let group = WaitGroup::new();
        for _ in 0..100 {
            group.go(|| ());
        }
        for _ in 0..10 {
            Go::new()
                .spread()
                .spawn({
                    let group = group.clone();
                    group.add(1);
                    move || group.done()
                })
                .unwrap();
        }
        group.wait();
        stop.store(true, Ordering::Relaxed);
        hog.join().unwrap();
    });
}
