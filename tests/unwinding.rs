//! What destructors may do while a panic unwinds their goroutine: they block the thread, and others see nothing of it.

#[path = "common/migrating.rs"]
mod migrating;
#[path = "common/procs.rs"]
mod procs;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use gocsp::context::Context;
use gocsp::sync::{Cond, Mutex, RwLock, WaitGroup};
use gocsp::time::{Timer, after_func};
use gocsp::{Chan, Go, Receiver, Sender, after, blocking, channel, go, scope, select, set_max_procs, sleep, yield_now};
use migrating::on_migrating_procs;
use procs::{on_one_and_more_procs, on_procs};

/// Panics without a message on the terminal.
fn quiet_panic<T>(message: &'static str) -> T {
    resume_unwind(Box::new(message))
}

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Calls `f` in a destructor while a panic unwinds the caller.
fn unwinding(f: impl FnMut()) {
    let unwind = || {
        let _on_drop = OnDrop(f);
        quiet_panic("so that it is dropped while this unwinds")
    };
    let caught: thread::Result<()> = catch_unwind(AssertUnwindSafe(unwind));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"so that it is dropped while this unwinds"));
}

const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(1000);

/// Ways to wait for a goroutine that has not been started when the wait begins, or for a time.
const WAITS: [(&str, fn()); 19] = [
    ("recv", || {
        let (tx, rx) = channel(0);
        go!(move || tx.send(7));
        assert_eq!(rx.recv(), Ok(7));
    }),
    ("send", || {
        let (tx, rx) = channel(0);
        go!(move || rx.recv());
        tx.send(7).unwrap();
    }),
    ("recv_timeout", || {
        let (tx, rx) = channel(0);
        go!(move || tx.send(7));
        assert_eq!(rx.recv_timeout(LONG), Ok(7));
    }),
    ("a close", || {
        let (tx, rx) = channel::<()>(0);
        go!(move || drop(tx));
        rx.recv().unwrap_err();
    }),
    ("select", || {
        let (tx, rx) = channel(0);
        go!(move || tx.send(7));
        select! {
            recv(rx) -> value => assert_eq!(value, Ok(7)),
            recv(Receiver::<()>::nil()) => unreachable!(),
        }
    }),
    ("select with a timeout", || {
        let (_tx, rx) = channel::<()>(0);
        select! {
            recv(rx) => unreachable!(),
            default(SHORT) => {}
        }
    }),
    ("select with a timer", || {
        let (_tx, rx) = channel::<()>(0);
        select! {
            recv(rx) => unreachable!(),
            recv(after(SHORT)) => {}
        }
    }),
    ("timer", || {
        let timer = Timer::new(LONG);
        timer.reset(SHORT);
        timer.receiver().recv().unwrap();
    }),
    ("after_func", || {
        let (tx, rx) = channel(1);
        after_func(SHORT, move || tx.send(()).unwrap());
        rx.recv().unwrap();
    }),
    ("context", || {
        let (context, _cancel) = Context::background().with_timeout(SHORT);
        context.done().recv().unwrap_err();
    }),
    ("sleep", || sleep(SHORT)),
    ("join", || assert_eq!(go!(|| 7).join().unwrap(), 7)),
    ("scope", || assert_eq!(scope(|s| s.go(|| 7).join().unwrap()), 7)),
    ("wait group", || {
        let group = WaitGroup::new();
        (0..3).for_each(|_| group.go(yield_now));
        group.wait();
    }),
    ("mutex", || {
        let (mutex, (tx, rx)) = (Arc::new(Mutex::new(0)), channel(0));
        let theirs = Arc::clone(&mutex);
        go!(move || {
            let mut guard = theirs.lock();
            tx.send(()).unwrap();
            yield_now();
            *guard = 7;
        });
        rx.recv().unwrap();
        assert_eq!(*mutex.lock(), 7);
    }),
    ("rwlock", || {
        let (lock, (tx, rx)) = (Arc::new(RwLock::new(0)), channel(0));
        let theirs = Arc::clone(&lock);
        go!(move || {
            let mut guard = theirs.write();
            tx.send(()).unwrap();
            yield_now();
            *guard = 7;
        });
        rx.recv().unwrap();
        assert_eq!(*lock.read(), 7);
    }),
    ("cond", || {
        let shared = Arc::new((Mutex::new(false), Cond::new()));
        let theirs = Arc::clone(&shared);
        let mut ready = shared.0.lock();
        go!(move || {
            *theirs.0.lock() = true;
            theirs.1.signal();
        });
        while !*ready {
            shared.1.wait(&mut ready);
        }
    }),
    ("yield", || {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&done);
        go!(move || theirs.store(true, Ordering::SeqCst));
        while !done.load(Ordering::SeqCst) {
            yield_now();
        }
    }),
    ("blocking", || {
        let (tx, rx) = mpsc::channel();
        go!(move || tx.send(7).unwrap());
        assert_eq!(blocking(move || rx.recv().unwrap()), 7);
    }),
];

/// Has destructors wait so in main, and in several goroutines, one on each worker if there are enough.
fn wait_while_unwinding(wait: fn()) {
    unwinding(wait);
    let goroutines: [_; 4] = std::array::from_fn(|_| Go::new().spread().spawn(move || unwinding(wait)).unwrap());
    goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    assert!(!thread::panicking());
}

#[test]
fn a_destructor_may_wait_in_any_way_while_a_panic_unwinds() {
    for (name, wait) in WAITS {
        eprintln!("{name}");
        on_one_and_more_procs(|| wait_while_unwinding(wait));
    }
}

#[test]
fn under_migrate_a_destructor_may_wait_in_any_way_while_a_panic_unwinds() {
    for (name, wait) in WAITS {
        eprintln!("{name}");
        for procs in [1, 2] {
            on_migrating_procs(procs, || wait_while_unwinding(wait));
        }
    }
}

#[test]
fn a_destructor_may_wait_in_any_way_within_another_that_waits_while_panics_unwind() {
    on_procs(1, || {
        for (_, wait) in WAITS {
            unwinding(move || {
                // All workers that there are wait by now, each in place.
                go!(move || unwinding(move || go!(move || unwinding(wait)).join().unwrap())).join().unwrap();
            });
        }
    });
}

/// A goroutine at home on another worker than the caller's that waits until the sender is dropped, and then calls `f`.
fn elsewhere(f: impl FnOnce() + Clone + Send + 'static) -> Sender<()> {
    let (here, (tell, place)) = (thread::current().id(), channel(0));
    loop {
        let ((go_on, until), tell, f) = (channel(0), tell.clone(), f.clone());
        let waits = move || {
            tell.send(thread::current().id()).unwrap();
            until.recv().unwrap_err();
            f();
        };
        Go::new().spread().spawn(waits).unwrap();
        if place.recv() != Ok(here) {
            return go_on;
        }
    }
}

/// It kept the permit that the other needed, and went on for ever.
#[test]
fn a_destructor_may_yield_until_a_goroutine_of_another_worker_is_done_though_there_is_one_proc() {
    on_procs(2, || {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&done);
        let mut go_on = Some(elsewhere(move || theirs.store(true, Ordering::SeqCst)));
        set_max_procs(1);
        unwinding(|| {
            drop(go_on.take());
            while !done.load(Ordering::SeqCst) {
                yield_now();
            }
        });
    });
}

#[test]
fn a_destructor_may_block_the_thread_until_a_goroutine_of_another_worker_is_done_though_there_is_one_proc() {
    on_procs(2, || {
        let (tx, rx) = mpsc::channel();
        let mut go_on = Some((elsewhere(move || tx.send(7).unwrap()), rx));
        set_max_procs(1);
        unwinding(|| {
            let (go_on, rx) = go_on.take().unwrap();
            drop(go_on);
            assert_eq!(blocking(move || rx.recv().unwrap()), 7);
        });
    });
}

#[test]
fn that_a_goroutine_unwinds_is_not_seen_by_another() {
    /// Lets others run while its goroutine unwinds, as far as it can.
    struct Lingers(Chan<()>);
    impl Drop for Lingers {
        fn drop(&mut self) {
            assert!(thread::panicking());
            yield_now();
            let _ = self.0.try_send(());
            let _ = self.0.recv_timeout(Duration::from_micros(50));
            sleep(Duration::from_micros(50));
            assert!(thread::panicking());
        }
    }
    on_one_and_more_procs(|| {
        let chan = Chan::new(1);
        let stop = Arc::new(AtomicBool::new(false));
        let watchers: [_; 3] = std::array::from_fn(|_| {
            let stop = Arc::clone(&stop);
            go!(move || while !stop.load(Ordering::Relaxed) {
                assert!(!thread::panicking());
                yield_now();
                assert!(!thread::panicking());
                sleep(Duration::from_micros(20));
                assert!(!thread::panicking());
            })
        });
        for _ in 0..50 {
            let lingers = Lingers(chan.clone());
            let unwinding = go! {
                let _lingers = lingers;
                yield_now();
                quiet_panic::<()>("unwind")
            };
            assert!(unwinding.join().unwrap_err().is::<&str>());
            assert!(!thread::panicking());
        }
        stop.store(true, Ordering::Relaxed);
        watchers.into_iter().for_each(|watcher| watcher.join().unwrap());
    });
}
