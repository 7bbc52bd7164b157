//! The end of a runtime: everything that is parked is unwound, whatever it waits for and whatever its destructors do.
//!
//! Most of these tests check that they end at all.

#[path = "common/drops.rs"]
mod drops;
#[path = "common/procs.rs"]
mod procs;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use drops::{Counted, Drops};
use gocsp::sync::{Mutex, RwLock, WaitGroup};
use gocsp::{
    Cancelled, Chan, Receiver, Runtime, Select, Sender, block_on, blocking, channel, go, run, scope, select, sleep,
    yield_now,
};
use procs::{on_one_and_more_procs, on_procs};

const LONG: Duration = Duration::from_secs(1000);

/// What goroutines wait for without end in these tests.
#[derive(Clone, Default)]
struct World {
    mutex: Arc<Mutex<()>>,
    rwlock: Arc<RwLock<()>>,
    group: WaitGroup,
}

/// A way to wait without end.
type Wait = fn(&World);

const MUTEX: &str = "mutex";
const READ_LOCK: &str = "read lock";
const WRITE_LOCK: &str = "write lock";
const WAIT_GROUP: &str = "wait group";
const JOIN: &str = "join";
const BLOCK_ON: &str = "block_on";
const YIELD: &str = "yield";

const WAITS: [(&str, Wait); 17] = [
    ("recv", |_| _ = Chan::<()>::new(0).recv()),
    ("recv_timeout", |_| _ = Chan::<()>::new(0).recv_timeout(LONG)),
    ("send", |_| _ = Chan::new(0).send(())),
    ("send_timeout", |_| _ = Chan::new(0).send_timeout((), LONG)),
    ("nil recv", |_| _ = Receiver::<()>::nil().recv()),
    ("nil send", |_| _ = Sender::nil().send(())),
    ("select", |_| {
        let (a, b) = (Chan::<()>::new(0), Chan::new(0));
        select! {
            recv(a) => {}
            send(b, ()) => {}
        }
    }),
    ("select with a timeout", |_| {
        let chan = Chan::<()>::new(0);
        select! {
            recv(chan) => {}
            default(LONG) => {}
        }
    }),
    ("dynamic select", |_| {
        let chan = Chan::<()>::new(0);
        let mut select = Select::new();
        select.recv(&chan);
        let _ = select.select().recv(&chan);
    }),
    ("sleep", |_| sleep(LONG)),
    (JOIN, |_| _ = go!(|| Receiver::<()>::nil().recv()).join()),
    (MUTEX, |world| drop(world.mutex.lock())),
    (READ_LOCK, |world| drop(world.rwlock.read())),
    (WRITE_LOCK, |world| drop(world.rwlock.write())),
    (WAIT_GROUP, |world| world.group.wait()),
    (BLOCK_ON, |_| _ = block_on(Chan::<()>::new(0).recv_async())),
    (YIELD, |_| {
        loop {
            yield_now();
        }
    }),
];

/// Ends a runtime in which, for every kind of wait, `count` goroutines are in it, each with what `hold` gives it.
fn end_runtime_full_of_waits<H: Send + 'static>(procs: usize, count: usize, hold: impl Fn(&World) -> H + Sync) {
    let world = World::default();
    let _locked = (world.mutex.lock(), world.rwlock.write());
    world.group.add(1);
    on_procs(procs, || {
        let (started, all_started) = channel(count * WAITS.len());
        for (_, wait) in WAITS {
            for _ in 0..count {
                let (held, world, started) = (hold(&world), world.clone(), started.clone());
                go! {
                    let _held = held;
                    started.send(()).unwrap();
                    wait(&world);
                };
            }
        }
        all_started.iter().take(count * WAITS.len()).for_each(drop);
        yield_now();
    });
}

#[test]
fn thousands_parked_in_every_way_are_unwound_and_drop_what_they_hold_exactly_once() {
    for procs in [1, 2, 5] {
        let drops = Drops::default();
        end_runtime_full_of_waits(procs, 200, |_| drops.value());
        drops.assert_all(200 * WAITS.len());
    }
}

/// Far more than it takes, and far less than if each were looked for among all.
#[test]
fn twenty_thousand_parked_in_every_way_are_unwound_within_half_a_minute() {
    let (drops, parked) = (Drops::default(), Mutex::new(None));
    let note = |_: &World| {
        *parked.lock() = Some(Instant::now());
        drops.value()
    };
    end_runtime_full_of_waits(2, 1180, note);
    let since = parked.into_inner().expect("they were parked");
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    drops.assert_all(1180 * WAITS.len());
}

#[test]
fn values_that_wait_to_be_sent_are_dropped_exactly_once() {
    for procs in [1, 2, 5] {
        let drops = Drops::default();
        on_procs(procs, || {
            let (tx, rx) = channel(10);
            for n in 0..1000 {
                let (tx, value) = (tx.clone(), drops.value());
                go!(move || match n % 3 {
                    0 => drop(tx.send(value)),
                    1 => drop(tx.send_timeout(value, LONG)),
                    _ => select! {
                        send(tx, value) => {}
                        recv(Receiver::<()>::nil()) => {}
                    },
                });
            }
            for _ in 0..100 {
                drop(rx.recv());
            }
        });
        drops.assert_all(1000);
    }
}

#[test]
fn goroutines_that_have_not_started_are_dropped() {
    for procs in [1, 2, 5] {
        let drops = Drops::default();
        let handles: Vec<_> = on_procs(procs, || {
            let spawn = || {
                let value = drops.value();
                go!(move || drop(value))
            };
            (0..20_000).map(|_| spawn()).collect()
        });
        drops.assert_all(20_000);
        for handle in handles {
            assert!(handle.is_finished());
            // Many will have had the time to run.
            assert!(handle.join().map_or_else(|payload| payload.is::<Cancelled>(), |()| true));
        }
    }
}

#[test]
fn joining_a_goroutine_that_was_cancelled_says_so() {
    let (to_thread, handles) = mpsc::channel();
    on_procs(2, || {
        for _ in 0..10 {
            to_thread.send(go!(|| Receiver::<()>::nil().recv())).unwrap();
        }
        yield_now();
    });
    drop(to_thread);
    for handle in handles {
        assert!(handle.join().unwrap_err().is::<Cancelled>());
    }
}

#[test]
fn a_thread_that_joins_is_woken_when_the_goroutine_is_cancelled() {
    for procs in [1, 2] {
        let (to_thread, handles) = mpsc::channel::<gocsp::JoinHandle<()>>();
        let joiner =
            thread::spawn(move || handles.into_iter().all(|handle| handle.join().unwrap_err().is::<Cancelled>()));
        on_procs(procs, || {
            to_thread.send(go!(|| sleep(LONG))).unwrap();
            yield_now();
        });
        drop(to_thread);
        assert!(joiner.join().unwrap());
    }
}

/// Waits when it is dropped.
struct WaitsOnDrop {
    world: World,
    wait: Wait,
    _counted: Counted,
}

impl Drop for WaitsOnDrop {
    fn drop(&mut self) {
        (self.wait)(&self.world);
    }
}

/// Every kind of wait, in a destructor that the shutdown runs.
fn wait_in_destructors(wanted: impl Fn(&str) -> bool) {
    for (name, wait) in WAITS.into_iter().filter(|&(name, _)| wanted(name)) {
        for procs in [1, 2, 5] {
            eprintln!("{name} in a destructor, procs = {procs}");
            let drops = Drops::default();
            end_runtime_full_of_waits(procs, 3, |world| WaitsOnDrop {
                world: world.clone(),
                wait,
                _counted: drops.value(),
            });
            drops.assert_all(3 * WAITS.len());
        }
    }
}

#[test]
fn a_destructor_that_waits_for_a_channel_or_a_time_while_its_runtime_ends_does_not_hang() {
    wait_in_destructors(|name| ![MUTEX, READ_LOCK, WRITE_LOCK, WAIT_GROUP, JOIN, BLOCK_ON, YIELD].contains(&name));
}

#[test]
fn a_destructor_may_do_anything_that_ends_while_its_runtime_ends() {
    struct DoesMuch;
    impl Drop for DoesMuch {
        fn drop(&mut self) {
            yield_now();
            sleep(Duration::from_micros(10));
            assert_eq!(blocking(|| 5), 5);
            drop(go!(|| ()));
            let chan = Chan::new(1);
            chan.send(1).unwrap();
            assert_eq!(chan.recv(), Ok(1));
            chan.close().unwrap();
            drop(Mutex::new(1).lock());
            assert_eq!(thread::spawn(|| 7).join().unwrap(), 7);
        }
    }
    for procs in [1, 2, 5] {
        end_runtime_full_of_waits(procs, 3, |_| DoesMuch);
    }
}

#[test]
fn a_destructor_may_run_a_runtime_of_its_own_while_its_runtime_ends() {
    struct Runs;
    impl Drop for Runs {
        fn drop(&mut self) {
            assert_eq!(on_procs(1, || 5), 5);
        }
    }
    for procs in [1, 2] {
        end_runtime_full_of_waits(procs, 1, |_| Runs);
    }
}

#[test]
fn a_scope_is_left_only_when_all_its_goroutines_are_unwound() {
    for procs in [1, 2, 5] {
        let drops = Drops::default();
        on_procs(procs, || {
            let (started, all_started) = channel(0);
            for _ in 0..50 {
                let (drops, started) = (drops.clone(), started.clone());
                go! {
                    // The children borrow this, and look at it when they are unwound.
                    let borrowed = vec![7; 100];
                    scope(|s| {
                        for _ in 0..20 {
                            let held = (drops.value(), Looks(&borrowed));
                            s.go(|| {
                                let _held = held;
                                started.send(()).unwrap();
                                Receiver::<()>::nil().recv()
                            });
                        }
                        Receiver::<()>::nil().recv()
                    })
                };
            }
            all_started.iter().take(1000).for_each(drop);
        });
        drops.assert_all(1000);
    }

    struct Looks<'a>(&'a [i32]);
    impl Drop for Looks<'_> {
        fn drop(&mut self) {
            assert!(self.0.iter().all(|&n| n == 7));
        }
    }
}

#[test]
fn a_main_that_panics_ends_its_runtime() {
    for procs in [1, 2, 5] {
        let drops = Drops::default();
        let held = drops.clone();
        let result = thread::spawn(move || {
            on_procs(procs, || {
                for _ in 0..100 {
                    let value = held.value();
                    go! {
                        let _value = value;
                        Receiver::<()>::nil().recv()
                    };
                }
                yield_now();
                resume_unwind(Box::new("main's panic"));
            })
        });
        assert_eq!(*result.join().unwrap_err().downcast::<&str>().unwrap(), "main's panic");
        drops.assert_all(100);
    }
}

#[test]
fn a_runtime_dropped_by_one_of_its_goroutines_ends_in_the_background() {
    for procs in [1, 2, 5] {
        let drops = Drops::default();
        let runtime = Arc::new(Runtime::builder().procs(procs).build().unwrap());
        let (go_on, wait) = channel::<()>(0);
        let held = drops.clone();
        let inner = Arc::clone(&runtime);
        let last_owner = runtime.run(move || {
            for _ in 0..100 {
                let value = held.value();
                go! {
                    let _value = value;
                    Receiver::<()>::nil().recv()
                };
            }
            go! {
                let _ = wait.recv();
                drop(inner);
                // It may go on until it waits for something.
                let value = held.value();
                Receiver::<()>::nil().recv().map(|()| drop(value))
            }
        });
        // Now the goroutine has the runtime alone.
        drop(runtime);
        drop(go_on);
        assert!(last_owner.join().unwrap_err().is::<Cancelled>());
        // The others end as well, but who waits for them has only the count to look at.
        while drops.dropped() < 101 {
            thread::yield_now();
        }
        drops.assert_all(101);
    }
}

#[test]
fn a_runtime_dropped_by_a_goroutine_of_another_runtime_is_waited_for() {
    for procs in [1, 2] {
        let drops = Drops::default();
        on_procs(procs, || {
            let other = Runtime::builder().procs(procs).build().unwrap();
            other.run(|| {
                for _ in 0..100 {
                    let value = drops.value();
                    go! {
                        let _value = value;
                        Receiver::<()>::nil().recv()
                    };
                }
                yield_now();
            });
            drop(other);
            drops.assert_all(100);
        });
    }
}

#[test]
fn a_run_inside_a_run_has_a_runtime_of_its_own() {
    on_one_and_more_procs(|| {
        let outer = go!(|| run(|| go!(|| run(|| 1)).join().unwrap() + 1));
        let inner = run(|| {
            go!(|| Receiver::<()>::nil().recv());
            yield_now();
            10
        });
        assert_eq!(outer.join().unwrap() + inner, 12);
    });
}

#[test]
fn a_runtime_may_be_run_by_one_of_its_own_goroutines() {
    for procs in [1, 2] {
        let runtime = Runtime::builder().procs(procs).build().unwrap();
        assert_eq!(runtime.run(|| runtime.run(|| runtime.run(|| 5) + 1) + 1), 7);
    }
}

#[test]
fn a_goroutine_busy_on_the_blocking_pool_is_waited_for() {
    for procs in [1, 2] {
        let drops = Drops::default();
        let (begun, has_begun) = mpsc::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let (value, ended) = (drops.value(), Arc::new(AtomicBool::new(false)));
        let set = Arc::clone(&ended);
        let ending = thread::spawn(move || {
            on_procs(procs, || {
                go! {
                    let _value = value;
                    blocking(move || {
                        begun.send(()).unwrap();
                        let _ = may_end.recv();
                        set.store(true, Ordering::Relaxed);
                    });
                };
                // The job is under way before main returns.
                blocking(move || has_begun.recv().unwrap());
            });
            assert!(ended.load(Ordering::Relaxed), "the runtime ended before the job");
        });
        drop(end);
        ending.join().unwrap();
        drops.assert_all(1);
    }
}

#[test]
fn many_runtimes_are_made_and_ended_at_the_same_time() {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..25 {
                    let drops = Drops::default();
                    on_procs(1 + round % 4, || {
                        for _ in 0..50 {
                            let value = drops.value();
                            go! {
                                let _value = value;
                                sleep(LONG);
                            };
                        }
                    });
                    drops.assert_all(50);
                }
            });
        }
    });
}
