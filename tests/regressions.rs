//! What was once wrong.

#[path = "common/procs.rs"]
mod procs;

use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gocsp::context::Context;
use gocsp::sync::{Cond, Mutex, Semaphore, WaitGroup};
use gocsp::time::after_func;
use gocsp::{
    Go, JoinHandle, Receiver, RecvTimeoutError, Runtime, SendTimeoutError, blocking, channel, go, scope, set_max_procs,
    sleep, yield_now,
};
use procs::on_one_and_more_procs;

/// A goroutine whose deadline passed while a token was on its way to its home could be stolen; the home then delivered the
/// token to a goroutine that ran elsewhere, or that the deadline of a wait long past ended again.
#[test]
fn under_migrate_deadlines_and_wake_ups_may_meet() {
    const VALUES: usize = 500;
    let nanos = |random: &mut usize| {
        *random = (*random * 31 + 7919) % 8000;
        Duration::from_nanos(*random as u64)
    };
    for procs in [2, 4] {
        let builder = Runtime::builder().procs(procs);
        // SAFETY: these goroutines keep nothing that is bound to a thread.
        let runtime = unsafe { builder.migrate() }.build().unwrap();
        let received = AtomicUsize::new(0);
        runtime.run(|| {
            let (tx, rx) = channel(0);
            scope(|s| {
                for mut random in 0..8 {
                    let (tx, rx, received) = (tx.clone(), rx.clone(), &received);
                    s.go(move || {
                        for mut value in 0..VALUES {
                            while let Err(SendTimeoutError::Timeout(back)) = tx.send_timeout(value, nanos(&mut random))
                            {
                                value = back;
                            }
                        }
                    });
                    s.go(move || {
                        loop {
                            match rx.recv_timeout(nanos(&mut random)) {
                                Ok(_) => _ = received.fetch_add(1, Ordering::Relaxed),
                                Err(RecvTimeoutError::Timeout) => {}
                                Err(RecvTimeoutError::Disconnected) => break,
                            }
                        }
                    });
                }
                drop((tx, rx));
            });
        });
        assert_eq!(received.into_inner(), 8 * VALUES);
    }
}

// A destructor that waited while its runtime ended blocked the thread, and so the others whom only that thread could
// unwind. If it waited for one of them, it waited for ever.

/// Set by a goroutine that was not unwound.
static WENT_ON: AtomicBool = AtomicBool::new(false);

/// Waits until the runtime ends, and then is unwound.
fn stay() {
    _ = Receiver::<()>::nil().recv();
    WENT_ON.store(true, Ordering::SeqCst);
}

/// Ends runtimes in which `start` has started goroutines.
fn all_are_unwound(start: impl Fn() + Sync) {
    on_one_and_more_procs(|| {
        start();
        yield_now();
    });
    assert!(!WENT_ON.load(Ordering::SeqCst), "a goroutine went on when its runtime ended");
}

struct Joins(Option<JoinHandle<()>>);

impl Drop for Joins {
    fn drop(&mut self) {
        _ = self.0.take().map(JoinHandle::join);
    }
}

#[test]
fn a_destructor_that_joins_while_its_runtime_ends_does_not_hang() {
    all_are_unwound(|| {
        for _ in 0..10 {
            let joins = Joins(Some(go!(stay())));
            go! {
                let _joins = joins;
                stay();
            };
        }
    });
}

struct Waits(WaitGroup);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.wait();
    }
}

#[test]
fn a_destructor_that_waits_for_a_group_while_its_runtime_ends_does_not_hang() {
    all_are_unwound(|| {
        let group = WaitGroup::new();
        let waits = || {
            let waits = Waits(group.clone());
            go! {
                let _waits = waits;
                stay();
            }
        };
        // Some are unwound before those whom they wait for, some after.
        waits();
        for _ in 0..10 {
            group.go(stay);
        }
        waits();
    });
}

struct Locks(Arc<Mutex<()>>);

impl Drop for Locks {
    fn drop(&mut self) {
        drop(self.0.lock());
    }
}

#[test]
fn a_destructor_that_locks_while_its_runtime_ends_does_not_hang() {
    all_are_unwound(|| {
        let mutex = Arc::new(Mutex::new(()));
        for _ in 0..10 {
            let (locks, mutex) = (Locks(Arc::clone(&mutex)), Arc::clone(&mutex));
            go! {
                let _locks = locks;
                let _guard = mutex.lock();
                stay();
            };
        }
    });
}

#[test]
fn a_destructor_that_locks_in_a_goroutine_that_never_started_does_not_hang() {
    on_one_and_more_procs(|| {
        let mutex = Arc::new(Mutex::new(()));
        let held = Arc::clone(&mutex);
        go! {
            let _guard = held.lock();
            stay();
        };
        yield_now();
        for _ in 0..10 {
            let locks = Locks(Arc::clone(&mutex));
            go!(move || drop(locks));
        }
    });
}

#[test]
fn who_waits_while_another_unwinds_on_the_same_thread_is_unwound_too() {
    all_are_unwound(|| {
        let mutex = Arc::new(Mutex::new(()));
        let locks = Locks(Arc::clone(&mutex));
        go! {
            let _locks = locks;
            stay();
        };
        go! {
            let guard = mutex.lock();
            // Not ended by the shutdown: while this goes on, the other begins to unwind, and waits for the lock.
            blocking(|| std::thread::sleep(Duration::from_millis(20)));
            drop(guard);
            stay();
        };
    });
}

/// Says that it is being dropped, and locks.
struct SaysAndLocks {
    says: Arc<AtomicBool>,
    _locks: Locks,
}

impl Drop for SaysAndLocks {
    fn drop(&mut self) {
        self.says.store(true, Ordering::SeqCst);
    }
}

/// It took the other's panic for its own, and waited for ever. It had to come just after the beginning of the shutdown.
#[test]
fn who_waits_for_a_condition_while_another_unwinds_on_the_same_thread_is_unwound_too() {
    for _ in 0..100 {
        all_are_unwound(|| {
            let (mutex, begun) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
            let says_and_locks = SaysAndLocks { says: Arc::clone(&begun), _locks: Locks(Arc::clone(&mutex)) };
            go! {
                let _guard = mutex.lock();
                // Until the other begins to unwind.
                blocking(|| while !begun.load(Ordering::SeqCst) {
                    spin_loop();
                });
                let (other, never) = (Mutex::new(()), Cond::new());
                never.wait(&mut other.lock());
                WENT_ON.store(true, Ordering::SeqCst);
            };
            yield_now();
            go! {
                let _says_and_locks = says_and_locks;
                stay();
            };
        });
    }
}

/// Asks for a permit, in one of two ways.
struct Asks(Semaphore, bool, Arc<AtomicUsize>);

impl Drop for Asks {
    fn drop(&mut self) {
        let Self(semaphore, in_context, served) = self;
        let permit = if *in_context {
            semaphore.acquire_context(&Context::background(), 1).unwrap()
        } else {
            semaphore.acquire(1)
        };
        assert_eq!(semaphore.available(), 0);
        served.fetch_add(1, Ordering::SeqCst);
        drop(permit);
    }
}

/// It aborted the process; or, with a context, took a permit that there was not.
#[test]
fn a_destructor_that_asks_for_permits_while_its_runtime_ends_is_given_them() {
    let served = Arc::new(AtomicUsize::new(0));
    all_are_unwound(|| {
        let semaphore = Semaphore::new(1);
        let held = semaphore.acquire(1);
        for in_context in [false, true] {
            let asks = Asks(semaphore.clone(), in_context, Arc::clone(&served));
            go! {
                let _asks = asks;
                stay();
            };
        }
        go! {
            let _held = held;
            blocking(|| std::thread::sleep(Duration::from_millis(20)));
        };
    });
    assert_eq!(served.load(Ordering::SeqCst), 3 * 2);
}

#[test]
fn who_has_caught_its_cancellation_is_unwound_at_its_next_wait_though_another_is_unwinding() {
    on_one_and_more_procs(|| {
        let mutex = Arc::new(Mutex::new(()));
        let locks = Locks(Arc::clone(&mutex));
        go! {
            let _locks = locks;
            stay();
        };
        go! {
            let _guard = mutex.lock();
            drop(catch_unwind(|| Receiver::<()>::nil().recv()));
            loop {
                stay();
            }
        };
        yield_now();
    });
}

/// Loops in its destructor until another goroutine has been unwound.
struct LoopsUntil(Arc<AtomicBool>);

impl Drop for LoopsUntil {
    fn drop(&mut self) {
        let (_tx, rx) = channel::<()>(0);
        while !self.0.load(Ordering::SeqCst) {
            yield_now();
            _ = rx.try_recv();
            _ = rx.recv_timeout(Duration::from_micros(10));
        }
    }
}

/// Says so when it is dropped.
struct Says(Arc<AtomicBool>);

impl Drop for Says {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_destructor_that_loops_until_another_goroutine_is_unwound_does_not_hang() {
    on_one_and_more_procs(|| {
        let unwound = Arc::new(AtomicBool::new(false));
        let (loops, unstarted) = (LoopsUntil(Arc::clone(&unwound)), LoopsUntil(Arc::clone(&unwound)));
        go! {
            let _loops = loops;
            stay();
        };
        go! {
            let _says = Says(unwound);
            stay();
        };
        yield_now();
        go!(move || drop(unstarted));
    });
}

/// A hook that waited let another panic on the same thread find itself in a hook, which aborts the process.
#[test]
fn panic_hooks_that_wait_while_a_runtime_ends_do_not_abort() {
    let log = Arc::new(Mutex::new(0));
    // After that of the runtime, which calls it.
    drop(Runtime::builder().procs(1).build());
    let (hook, entries) = (std::panic::take_hook(), Arc::clone(&log));
    std::panic::set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some("at the end") {
            return hook(info);
        }
        *entries.lock() += 1;
        yield_now();
        sleep(Duration::from_micros(10));
    }));
    on_one_and_more_procs(|| {
        for _ in 0..4 {
            let log = Arc::clone(&log);
            go!(move || {
                // Not ended by the shutdown.
                blocking(|| std::thread::sleep(Duration::from_millis(5)));
                let _log = log;
                panic!("at the end");
            });
        }
        yield_now();
    });
    assert!(*log.lock() > 0);
}

/// Who spawned at the moment at which the runtime began to end dealt to workers that there were not.
#[test]
fn spawning_while_the_runtime_ends_loses_nobody() {
    for _ in 0..300 {
        on_one_and_more_procs(|| {
            for _ in 0..4 {
                go!(|| loop {
                    (0..10).for_each(|_| drop(go!(|| ())));
                    yield_now();
                });
            }
            yield_now();
        });
    }
}

/// Spawns when it is dropped, and sets a timer that will own another such.
struct Spawns(u32, Arc<AtomicUsize>);

impl Drop for Spawns {
    fn drop(&mut self) {
        for _ in 0..3 {
            let counted = Counted(Arc::clone(&self.1));
            go!(move || drop(counted));
        }
        if self.0 > 0 {
            let next = Self(self.0 - 1, Arc::clone(&self.1));
            after_func(Duration::from_secs(1000), move || _ = &next);
        }
    }
}

/// Counts that it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What spawned when a runtime dropped the functions that were to run later spawned on a worker that ran nobody any more; and
/// others waited for ever for those goroutines to end.
#[test]
fn spawning_while_the_timers_of_a_runtime_are_dropped_loses_nobody() {
    let dropped = Arc::new(AtomicUsize::new(0));
    for _ in 0..30 {
        on_one_and_more_procs(|| {
            for _ in 0..4 {
                let spawns = Spawns(1, Arc::clone(&dropped));
                go!(move || drop(after_func(Duration::from_secs(1000), move || _ = &spawns)));
            }
            yield_now();
        });
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 30 * 3 * 4 * 2 * 3);
}

/// Panics when it is dropped, with what panics when it is dropped.
struct Throws;

impl Drop for Throws {
    fn drop(&mut self) {
        struct Again;
        impl Drop for Again {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        panic_any(Again);
    }
}

/// It ended the process.
#[test]
fn a_function_that_panics_when_its_runtime_drops_it_is_dropped() {
    on_one_and_more_procs(|| {
        let throws = Throws;
        after_func(Duration::from_secs(1000), move || _ = &throws);
    });
}

/// Receives when it is dropped.
struct Receives(Receiver<()>);

impl Drop for Receives {
    fn drop(&mut self) {
        self.0.recv().unwrap();
    }
}

/// It kept the permit that the other needed, and waited for ever.
#[test]
fn a_destructor_may_wait_for_a_goroutine_of_another_worker_though_there_is_one_proc() {
    Runtime::builder().procs(2).build().unwrap().run(|| {
        let (here, (tell, place)) = (thread::current().id(), channel(0));
        let (go_on, receives) = loop {
            let ((go_on, until), (tx, rx), tell) = (channel::<()>(0), channel(1), tell.clone());
            let sends = move || {
                tell.send(thread::current().id()).unwrap();
                until.recv().unwrap_err();
                _ = tx.send(());
            };
            Go::new().spread().spawn(sends).unwrap();
            if place.recv() != Ok(here) {
                break (go_on, Receives(rx));
            }
        };
        set_max_procs(1);
        let panics = AssertUnwindSafe(|| {
            let _receives = receives;
            drop(go_on);
            panic!("so that it is dropped while this unwinds");
        });
        assert!(catch_unwind(panics).is_err());
    });
}

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// To drop that with which a goroutine had been unwound, while it was unwound again, was taken for the end of that. The
/// goroutine then waited without leaving its thread, and for ever if the lock was that of a neighbour.
#[test]
fn the_end_of_a_runtime_may_be_caught_and_dropped_when_it_unwinds_again() {
    let locked = Arc::new(Mutex::new(()));
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let mutex = Arc::clone(&locked);
        go!(move || {
            let _guard = mutex.lock();
            let _last = OnDrop(|| (0..10).for_each(|_| yield_now()));
            Receiver::<()>::nil().recv()
        });
        let mutex = Arc::clone(&locked);
        go!(move || {
            let _waits = OnDrop(|| drop(mutex.lock()));
            let _caught = catch_unwind(|| Receiver::<()>::nil().recv());
            Receiver::<()>::nil().recv()
        });
        yield_now();
    });
    assert!(locked.try_lock().is_some());
}
