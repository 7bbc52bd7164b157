//! What outlives its runtime, and who waits for its end.

#[path = "common/drops.rs"]
mod drops;
#[path = "common/procs.rs"]
mod procs;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use drops::Drops;
use gocsp::context::Context;
use gocsp::sync::{Mutex, RwLock, Semaphore, WaitGroup};
use gocsp::time::{Timer, after_func};
use gocsp::{
    Cancelled, Chan, Go, Receiver, RecvTimeoutError, Runtime, after, blocking, channel, go, run, sleep, tick, yield_now,
};
use procs::{on_one_and_more_procs, on_procs};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(1000);

/// Calls `f` from where what has outlived a runtime may be used: an ordinary thread, and goroutines of other runtimes.
fn elsewhere(f: impl Fn() + Sync) {
    f();
    on_one_and_more_procs(f);
}

/// Takes the lock when it is dropped.
struct Locks(Arc<Mutex<()>>);

impl Drop for Locks {
    fn drop(&mut self) {
        drop(self.0.lock());
    }
}

#[test]
fn a_goroutine_that_drops_another_runtime_lets_its_neighbours_go_on() {
    on_procs(1, || {
        let mutex = Arc::new(Mutex::new(()));
        let (tx, rx) = channel(0);
        let held = Arc::clone(&mutex);
        let holder = go!(move || {
            let guard = held.lock();
            tx.send(()).unwrap();
            sleep(Duration::from_millis(5));
            drop(guard);
        });
        rx.recv().unwrap();
        let inner = Runtime::builder().procs(1).build().unwrap();
        inner.run(|| {
            let locks = Locks(Arc::clone(&mutex));
            go! {
                let _locks = locks;
                Receiver::<()>::nil().recv()
            };
            yield_now();
        });
        drop(inner);
        holder.join().unwrap();
    });
}

#[test]
fn a_goroutine_that_waits_for_a_run_lets_its_neighbours_go_on() {
    on_procs(1, || {
        let (tx, rx) = channel(0);
        let neighbour = go!(move || rx.iter().sum::<i32>());
        // The inner goroutines are served by one of the outer runtime.
        run(|| (1..=10).for_each(|n| tx.send(n).unwrap()));
        drop(tx);
        assert_eq!(neighbour.join().unwrap(), 55);
    });
}

#[test]
fn a_runtime_dropped_by_a_blocking_call_of_its_own_goroutine_ends_in_the_background() {
    let drops = Drops::default();
    let (give, take) = mpsc::channel::<Runtime>();
    let runtime = Runtime::builder().procs(2).build().unwrap();
    let value = drops.value();
    let last_owner = runtime.run(move || {
        go!(move || {
            let _value = value;
            blocking(move || drop(take.recv().unwrap()));
            // Its runtime ends.
            Receiver::<()>::nil().recv()
        })
    });
    give.send(runtime).unwrap();
    assert!(last_owner.join().unwrap_err().is::<Cancelled>());
    drops.assert_all(1);
}

#[test]
fn channels_outlive_the_runtimes_of_those_who_wait() {
    let drops = Drops::default();
    let (tx, rx) = channel(4);
    let (no_room, out) = channel(0);
    on_procs(2, || {
        for _ in 0..4 {
            tx.send(drops.value()).unwrap_or_else(|_| panic!("there is room"));
        }
        for _ in 0..10 {
            let (tx, value, no_room, out) = (tx.clone(), drops.value(), no_room.clone(), out.clone());
            go!(move || tx.send(value));
            go!(move || no_room.send(1));
            go!(move || out.recv());
        }
        yield_now();
    });
    // What was buffered is still there; who waited is gone, with what he had.
    assert_eq!(drops.dropped(), 10);
    elsewhere(|| drop(rx.recv().unwrap()));
    assert!(rx.is_empty() && !rx.is_closed());
    drops.assert_all(14);
    elsewhere(|| {
        assert!(no_room.try_send(2).is_err() && out.try_recv().is_err(), "nobody waits at the other end");
        tx.send(drops.value()).unwrap_or_else(|_| panic!("there is room"));
        drop(rx.recv().unwrap());
    });
    drop((tx, out));
    assert!(rx.recv().is_err() && no_room.send(3).is_err());
}

#[test]
fn handles_outlive_their_runtime() {
    let drops = Drops::default();
    let handles = on_procs(2, || {
        let (done, parked) = (drops.value(), drops.value());
        let done = Go::new().name("done").spawn(move || done).unwrap();
        let parked = go!(move || {
            let _parked = parked;
            Receiver::<()>::nil().recv()
        });
        let detached = go!(|| ());
        while !done.is_finished() || !detached.is_finished() {
            yield_now();
        }
        (done, parked, detached)
    });
    let (done, parked, detached) = handles;
    assert_eq!(drops.dropped(), 1);
    assert!(done.is_finished() && parked.is_finished());
    assert_eq!(done.name(), Some("done"));
    assert_ne!(done.id(), parked.id());
    drop(detached);
    on_procs(1, || {
        assert!(parked.join().unwrap_err().is::<Cancelled>());
        drop(done.join().unwrap());
    });
    drops.assert_all(2);
}

#[test]
fn locks_outlive_the_runtimes_of_those_who_held_them() {
    let held = Arc::new((Mutex::new(0), RwLock::new(0), Semaphore::new(3), WaitGroup::new()));
    on_procs(2, || {
        let (locked, all_locked) = channel(0);
        let theirs = Arc::clone(&held);
        theirs.3.clone().go(move || {
            let (mut mutex, mut lock, _permits) = (theirs.0.lock(), theirs.1.write(), theirs.2.acquire(3));
            (*mutex, *lock) = (1, 1);
            locked.send(()).unwrap();
            let _ = Receiver::<()>::nil().recv();
        });
        all_locked.recv().unwrap();
        for _ in 0..10 {
            let theirs = Arc::clone(&held);
            go!(move || *theirs.0.lock() += 1);
            let theirs = Arc::clone(&held);
            go!(move || *theirs.1.write() += 1);
        }
        yield_now();
    });
    elsewhere(|| {
        let (mutex, lock, semaphore, group) = &*held;
        // Who was given a lock before his own turn to be unwound went on, up to his next wait.
        assert!((1..=11).contains(&*mutex.lock()) && (1..=11).contains(&*lock.write()));
        drop(semaphore.acquire(3));
        group.wait();
    });
}

#[test]
fn contexts_outlive_the_runtime_in_which_they_were_made() {
    let ran = Arc::new(AtomicUsize::new(0));
    for procs in [1, 2] {
        let make = || {
            let (context, cancel) = Context::background().with_cancel();
            let (child, _) = context.with_timeout(LONG);
            let ran = Arc::clone(&ran);
            drop(child.after_func(move || _ = ran.fetch_add(1, Ordering::SeqCst)));
            let waits = child.clone();
            go!(move || waits.done().recv());
            yield_now();
            (cancel, child)
        };
        let (cancel, child) = on_procs(procs, make);
        elsewhere(|| assert_eq!(child.err(), None));
        let grandchild = child.with_cancel().0;
        cancel.cancel();
        elsewhere(|| {
            child.done().recv().unwrap_err();
            grandchild.done().recv().unwrap_err();
            assert!(child.err().is_some());
        });
    }
    // It runs in the runtime of who cancelled.
    while ran.load(Ordering::SeqCst) < 2 {
        thread::yield_now();
    }
}

/// They belong to the runtime in which they were set, as their documentation says.
#[test]
fn timers_end_with_their_runtime_and_can_be_set_anew_elsewhere() {
    for procs in [1, 2] {
        let runtime = Runtime::builder().procs(procs).build().unwrap();
        let (after, ticker, timer, function) = runtime.run(|| {
            let timer = Timer::new(LONG);
            let _ = timer.receiver();
            (after(SHORT), tick(SHORT), timer, after_func(LONG, || ()))
        });
        // Put off, they keep their places where they were set.
        assert!(timer.reset(2 * LONG) && function.reset(2 * LONG));
        drop(runtime);
        assert!(!timer.stop() && !function.stop());
        // These may have fired before.
        let _ = (after.try_recv(), ticker.try_recv());
        elsewhere(|| {
            assert_eq!(after.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
            assert_eq!(ticker.recv_timeout(2 * SHORT), Err(RecvTimeoutError::Timeout));
            timer.reset(SHORT);
            timer.receiver().recv().unwrap();
        });
    }
}

#[test]
fn a_channel_made_in_a_runtime_joins_two_others() {
    let chan = on_procs(1, || Chan::new(0));
    thread::scope(|s| {
        s.spawn(|| on_procs(2, || (0..100).for_each(|n| chan.send(n).unwrap())));
        s.spawn(|| on_procs(1, || assert!((0..100).all(|n| chan.recv() == Ok(n)))));
    });
}
