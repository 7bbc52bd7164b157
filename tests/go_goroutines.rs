//! Go's rules for goroutines and the runtime, one test each.
//!
//! That the program ends with main, and what sets the default number of procs, are seen from outside: `process.rs`.

#[path = "common/drops.rs"]
mod drops;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/schedules.rs"]
mod schedules;

use std::collections::HashSet;
use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use drops::Drops;
use gocsp::{
    Cancelled, Go, Runtime, channel, exit_goroutine, go, max_procs, num_goroutines, scope, set_max_procs, sleep,
    yield_now,
};
use procs::on_procs;
use schedules::on_many_schedules;

/// Waits without calling the runtime: the worker is kept busy.
fn compute_until(flag: &AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        hint::spin_loop();
    }
}

#[test]
fn arguments_are_evaluated_in_the_caller_before_the_goroutine_exists() {
    fn pair(first: usize, second: usize) -> (usize, usize) {
        (first, second)
    }
    on_many_schedules(|| {
        let log = Mutex::new(Vec::new());
        let note = |what: &'static str| {
            log.lock().unwrap().push((what, num_goroutines(), thread::current().id()));
            log.lock().unwrap().len()
        };
        let goroutine = go!(pair(note("first"), note("second")));
        // The result of both was there before the goroutine was, and in order.
        let here = thread::current().id();
        assert_eq!(*log.lock().unwrap(), [("first", 1, here), ("second", 1, here)]);
        assert_eq!(goroutine.join().unwrap(), (1, 2));
    });
}

#[test]
fn what_is_called_is_evaluated_in_the_caller_as_well() {
    on_many_schedules(|| {
        let order = Mutex::new(Vec::new());
        let choose = || {
            order.lock().unwrap().push("function");
            i32::abs
        };
        let argument = || {
            order.lock().unwrap().push("argument");
            -3
        };
        let call = go!(choose()(argument()));
        assert_eq!(*order.lock().unwrap(), ["function", "argument"]);
        assert_eq!(call.join().unwrap(), 3);

        let receiver = || {
            order.lock().unwrap().push("receiver");
            String::from("abc")
        };
        let method = go!(receiver().repeat({
            order.lock().unwrap().push("times");
            2
        }));
        assert_eq!(order.lock().unwrap()[2..], ["receiver", "times"]);
        assert_eq!(method.join().unwrap(), "abcabc");
    });
}

#[test]
fn run_returns_the_value_of_main_while_others_still_wait() {
    for procs in [1, 2, 5] {
        let (tx, rx) = channel::<()>(0);
        let value = on_procs(procs, || {
            for _ in 0..100 {
                let rx = rx.clone();
                go!(move || rx.recv());
            }
            yield_now();
            "main's value"
        });
        assert_eq!(value, "main's value");
        // Nobody has been told to end.
        assert!(!tx.is_closed());
    }
}

#[test]
fn when_main_returns_the_destructors_of_the_others_run() {
    for procs in [1, 2, 5] {
        let drops = Drops::default();
        on_procs(procs, || {
            let (started, all_started) = channel(0);
            for _ in 0..100 {
                let (value, started) = (drops.value(), started.clone());
                go!(move || {
                    let _value = value;
                    started.send(()).unwrap();
                    gocsp::Receiver::<()>::nil().recv()
                });
            }
            all_started.iter().take(100).for_each(drop);
            assert_eq!(drops.dropped(), 0);
        });
        drops.assert_all(100);
    }
}

#[test]
fn yield_now_lets_every_other_ready_goroutine_run_first() {
    on_procs(1, || {
        let ran = Arc::new(AtomicUsize::new(0));
        for round in 1..=50 {
            // Some that have started and some that have not.
            for _ in 0..10 {
                let ran = Arc::clone(&ran);
                go!(move || {
                    ran.fetch_add(1, Ordering::Relaxed);
                    yield_now();
                    ran.fetch_add(1, Ordering::Relaxed);
                });
            }
            yield_now();
            assert_eq!(ran.load(Ordering::Relaxed), 20 * round - 10);
            yield_now();
            assert_eq!(ran.load(Ordering::Relaxed), 20 * round);
        }
    });
}

#[test]
fn who_yields_alone_lets_everyone_run_who_becomes_ready() {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    let ran = AtomicUsize::new(0);
    let (tx, rx) = channel(0);
    thread::scope(|threads| {
        let (runtime, ran) = (&runtime, &ran);
        runtime.run(move || {
            scope(|goroutines| {
                // By its deadline, and by a thread.
                goroutines.go(|| {
                    sleep(Duration::from_millis(1));
                    ran.fetch_add(1, Ordering::Relaxed);
                });
                goroutines.go(|| {
                    rx.recv().unwrap();
                    ran.fetch_add(1, Ordering::Relaxed);
                });
                threads.spawn(move || tx.send(()).unwrap());
                // Placed here by a thread.
                threads.spawn(|| {
                    runtime.run(|| ran.fetch_add(1, Ordering::Relaxed));
                });
                while ran.load(Ordering::Relaxed) < 3 {
                    yield_now();
                }
            });
        });
    });
}

#[test]
fn exit_goroutine_runs_destructors_and_nothing_after_it() {
    on_many_schedules(|| {
        let drops = Drops::default();
        let value = drops.value();
        let went_on = Arc::new(AtomicBool::new(false));
        let after = Arc::clone(&went_on);
        let goroutine = go! {
            let _value = value;
            deeper(10);
            after.store(true, Ordering::Relaxed);
        };
        let payload = goroutine.join().unwrap_err();
        assert!(payload.is::<Cancelled>());
        drops.assert_all(1);
        assert!(!went_on.load(Ordering::Relaxed));
    });

    fn deeper(levels: u32) {
        match levels {
            0 => exit_goroutine(),
            _ => deeper(levels - 1),
        }
    }
}

#[test]
fn exit_goroutine_leaves_the_others_alone() {
    on_many_schedules(|| {
        let (tx, rx) = channel(0);
        for n in 0..100 {
            let tx = tx.clone();
            go!(move || {
                if n % 2 == 0 {
                    exit_goroutine();
                }
                tx.send(n).unwrap();
            });
        }
        drop(tx);
        assert_eq!(rx.iter().sum::<i32>(), (0..100).filter(|n| n % 2 == 1).sum());
    });
}

#[test]
fn set_max_procs_returns_the_old_value_and_zero_only_reads() {
    on_procs(3, || {
        assert_eq!(max_procs(), 3);
        assert_eq!(set_max_procs(0), 3);
        assert_eq!(set_max_procs(1), 3);
        assert_eq!(set_max_procs(4), 1);
        assert_eq!(set_max_procs(0), 4);
        assert_eq!(max_procs(), 4);
    });
}

#[test]
fn set_max_procs_takes_effect_while_goroutines_run() {
    on_procs(1, || {
        let stop = AtomicBool::new(false);
        let met = AtomicUsize::new(0);
        scope(|s| {
            // These wait for each other without ever yielding, which needs three workers.
            let meet = || {
                met.fetch_add(1, Ordering::Relaxed);
                while met.load(Ordering::Relaxed) < 3 {
                    hint::spin_loop();
                }
            };
            let busy = s.go(|| {
                while !stop.load(Ordering::Relaxed) {
                    yield_now();
                }
            });
            set_max_procs(3);
            let goroutines: [_; 3] = std::array::from_fn(|_| s.go(meet));
            for goroutine in goroutines {
                goroutine.join().unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            busy.join().unwrap();
        });
    });
}

#[test]
fn a_lowered_number_of_procs_soon_bounds_how_many_run_at_once() {
    on_procs(4, || {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let stop = AtomicBool::new(false);
        scope(|s| {
            for _ in 0..16 {
                s.go(|| {
                    while !stop.load(Ordering::Relaxed) {
                        most.fetch_max(inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                        (0..200).for_each(|_| hint::spin_loop());
                        inside.fetch_sub(1, Ordering::Relaxed);
                        yield_now();
                    }
                });
            }
            set_max_procs(1);
            // It does not take effect at once, but from some time on nobody ever meets another.
            let mut alone = 0;
            while alone < 20 {
                most.store(0, Ordering::Relaxed);
                (0..20).for_each(|_| yield_now());
                alone = if most.load(Ordering::Relaxed) <= 1 { alone + 1 } else { 0 };
            }
            stop.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn two_goroutines_that_never_block_run_truly_in_parallel() {
    for procs in [2, 5] {
        on_procs(procs, || {
            let flags = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
            let goroutines: Vec<_> = (0..2)
                .map(|me| {
                    let flags = Arc::clone(&flags);
                    go!(move || {
                        flags[me].store(true, Ordering::Relaxed);
                        compute_until(&flags[1 - me]);
                        thread::current().id()
                    })
                })
                .collect();
            let threads: HashSet<_> = goroutines.into_iter().map(|goroutine| goroutine.join().unwrap()).collect();
            assert_eq!(threads.len(), 2);
        });
    }
}

#[test]
fn a_goroutine_spawned_while_its_worker_computes_is_run_by_another() {
    for procs in [2, 5] {
        on_procs(procs, || {
            for _ in 0..100 {
                let flag = Arc::new(AtomicBool::new(false));
                let set = Arc::clone(&flag);
                let child = go!(move || {
                    set.store(true, Ordering::Relaxed);
                    thread::current().id()
                });
                compute_until(&flag);
                assert_ne!(child.join().unwrap(), thread::current().id());
            }
        });
    }
}

#[test]
fn a_goroutine_behind_one_that_computes_is_run_by_another_that_has_work_of_its_own() {
    on_procs(2, || {
        for _ in 0..10 {
            let flag = Arc::new(AtomicBool::new(false));
            let set = Arc::clone(&flag);
            // On the other worker: main lives on the first that had a turn.
            let hog = Go::new().spread().spawn(move || {
                let behind = Arc::clone(&set);
                drop(Go::new().local().spawn(move || behind.store(true, Ordering::Relaxed)));
                compute_until(&set);
            });
            // Never idle, and so never on the lookout for work.
            while !flag.load(Ordering::Relaxed) {
                yield_now();
            }
            hog.unwrap().join().unwrap();
            // The turn comes round to the other worker again.
            Go::new().spread().spawn(|| ()).unwrap().join().unwrap();
        }
    });
}

#[test]
fn go_works_from_an_ordinary_thread() {
    let (tx, rx) = channel(0);
    let goroutine = go!(move || tx.send(thread::current().id()));
    assert_ne!(rx.recv().unwrap(), thread::current().id());
    assert_eq!(goroutine.join().unwrap(), Ok(()));
}

#[test]
fn a_runtime_can_be_run_again_and_again() {
    for procs in [1, 2] {
        let runtime = Runtime::builder().procs(procs).build().unwrap();
        let left_over = runtime.run(|| {
            let (tx, rx) = channel(0);
            go!(move || tx.send("still there"));
            rx
        });
        for n in 0..100 {
            assert_eq!(runtime.run(|| go!(move || n).join().unwrap()), n);
        }
        assert_eq!(runtime.run(|| left_over.recv()), Ok("still there"));
    }
}
