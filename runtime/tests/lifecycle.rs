//! Runtimes that come and go, many times: what happens only now and then at their beginning or end happens here.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gocsp_runtime::{Cancelled, Go, Runtime, blocking, run, set_max_procs, sleep, spawn, yield_now};

const TIMES: usize = 300;

#[test]
fn the_first_goroutine_of_a_fresh_runtime_runs() {
    for _ in 0..TIMES {
        assert_eq!(run(|| spawn(|| 5).join().unwrap()), 5);
    }
}

#[test]
fn a_runtime_that_was_never_used_can_be_dropped() {
    for procs in (1..=4).cycle().take(TIMES) {
        drop(Runtime::builder().procs(procs).build().unwrap());
    }
}

#[test]
fn whatever_a_goroutine_is_doing_at_the_end_it_drops_what_it_holds() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    for _ in 0..TIMES {
        let hold = || Counted(Arc::clone(&dropped));
        let (sleeper, yielder, fresh) = (hold(), hold(), hold());
        run(move || {
            spawn(move || {
                let _held = sleeper;
                sleep(Duration::from_secs(1_000));
            });
            spawn(move || {
                let _held = yielder;
                loop {
                    yield_now();
                }
            });
            yield_now();
            spawn(move || drop(fresh));
        });
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 3 * TIMES);
}

#[test]
fn a_goroutine_that_catches_its_end_again_and_again_is_left_behind() {
    let (started, has_started) = std::sync::mpsc::channel();
    let caught = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&caught);
    let handle = Runtime::builder().procs(1).build().unwrap().run(move || {
        let handle = spawn(move || {
            started.send(()).unwrap();
            loop {
                let _ = catch_unwind(|| sleep(Duration::from_secs(1_000)));
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        yield_now();
        handle
    });
    has_started.recv().unwrap();
    // The runtime is gone, so the goroutine has ended as far as anybody can tell.
    let result: std::thread::Result<()> = handle.join();
    assert!(result.unwrap_err().is::<Cancelled>());
    assert!(caught.load(Ordering::Relaxed) >= 100);
}

#[test]
fn the_last_owner_of_a_runtime_may_be_a_blocking_job_in_it() {
    let runtime = Arc::new(Runtime::builder().procs(1).build().unwrap());
    let owner = Arc::clone(&runtime);
    let (sender, receiver) = std::sync::mpsc::channel();
    let handle = runtime.run(move || {
        spawn(move || {
            blocking(move || {
                receiver.recv().unwrap();
                drop(owner);
            });
        })
    });
    drop(runtime);
    sender.send(()).unwrap();
    let _ = handle.join();
}

#[test]
fn a_goroutine_that_computes_does_not_keep_run_from_returning() {
    let stop = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&stop);
    let (started, has_started) = std::sync::mpsc::channel();
    let value = run(move || {
        // One for main and one for the goroutine, even on one processor.
        set_max_procs(2);
        let hog = Go::new().spread().spawn(move || {
            started.send(()).unwrap();
            while seen.load(Ordering::Relaxed) == 0 {
                std::hint::spin_loop();
            }
        });
        drop(hog);
        // Without parking, so that the goroutine starts on the other worker.
        while has_started.try_recv().is_err() {
            std::thread::yield_now();
        }
        5
    });
    assert_eq!(value, 5);
    stop.store(1, Ordering::Relaxed);
}
