//! Threads that cannot be started: for want of memory, or because the process has as many as it may have.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gocsp::{Runtime, blocking, channel, go, max_procs, num_goroutines, run, set_max_procs, sleep, yield_now};

use crate::cases::in_children;
use crate::child::in_child;
use crate::limits::{allow_threads, lift_address_space, limit_address_space, refuse_threads};
use crate::{MIB, assert_success, catch, mixed_load, text};

/// How many threads of this name the process has.
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists the threads of a process");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|of_thread| of_thread.starts_with(name)).count()
}

/// That a thread cannot be started, and what to do.
fn assert_says_threads(message: &str) {
    for part in ["a thread cannot be started", "ulimit -u", "pids.max", "ulimit -v", "GOCSP_MAXPROCS"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_runtime_whose_threads_cannot_be_started_is_a_clear_error() {
    let ended = in_child("threads::a_runtime_whose_threads_cannot_be_started_is_a_clear_error", || {
        refuse_threads();
        let error = Runtime::builder().procs(2).build().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_says_threads(&error.to_string());
        let panics = catch(|| run(|| ())).unwrap_err();
        assert!(text(&*panics).starts_with("the runtime cannot be started: "));
        assert_says_threads(text(&*panics));
        // For an ordinary thread that needs the global one.
        let asks: [fn(); 4] = [
            || drop(go!(|| ())),
            || _ = max_procs(),
            || _ = num_goroutines(),
            || _ = gocsp::after(Duration::from_millis(1)).recv(),
        ];
        for ask in asks {
            let panics = catch(ask).unwrap_err();
            assert!(text(&*panics).starts_with("the global runtime cannot be started: "));
            assert_says_threads(text(&*panics));
        }
        // None is needed for that.
        let (tx, rx) = channel(1);
        tx.send(5).unwrap();
        assert_eq!((rx.recv(), blocking(|| 6)), (Ok(5), 6));
        rx.recv_timeout(Duration::from_millis(1)).unwrap_err();
        sleep(Duration::from_millis(1));
        // Nothing is broken.
        allow_threads();
        run(|| mixed_load(30));
        mixed_load(30);
        gocsp::after(Duration::from_millis(1)).recv().unwrap();
    });
    if let Some(ended) = ended {
        assert_success(&ended);
    }
}

/// Starts a runtime with so little address space left. Whether it did.
fn start_with(room: usize) -> bool {
    limit_address_space(room);
    let started = match Runtime::builder().procs(4).build() {
        Err(error) => {
            lift_address_space();
            assert_says_threads(&error.to_string());
            // What could be started has been ended again.
            assert_eq!((threads("gocsp-worker"), threads("gocsp-monitor")), (0, 0));
            false
        }
        Ok(runtime) => {
            // It may have too little for the main goroutine's stack.
            let result = catch(|| runtime.run(|| 5));
            lift_address_space();
            match result {
                Ok(value) => assert_eq!(value, 5),
                Err(panics) => assert!(text(&*panics).contains("no stack of 8192 KiB can be mapped")),
            }
            true
        }
    };
    assert_eq!(Runtime::builder().procs(4).build().unwrap().run(|| 6), 6);
    started
}

/// Wherever on its way to the last thread the start fails.
#[test]
fn a_runtime_for_whose_threads_there_is_no_memory_is_a_clear_error() {
    let rooms: Vec<usize> = (1..32).map(|number| number * MIB).collect();
    let name = "threads::a_runtime_for_whose_threads_there_is_no_memory_is_a_clear_error";
    let ended = in_children(name, &rooms, |&room| println!("started: {}", start_with(room)));
    ended.iter().for_each(assert_success);
    if let [least, .., most] = &ended[..] {
        assert!(least.stdout.contains("started: false") && most.stdout.contains("started: true"));
    }
}

/// The C library keeps the stacks of threads that have ended. So a thread can be started with nothing left, and then maps its
/// signal stack.
#[test]
fn a_thread_is_not_started_only_to_find_no_memory() {
    let ended = in_child("threads::a_thread_is_not_started_only_to_find_no_memory", || {
        run(|| mixed_load(30));
        (0..40).for_each(|number| assert!(!start_with(number << 12)));
    });
    if let Some(ended) = ended {
        assert_success(&ended);
    }
}

#[test]
fn procs_for_which_there_are_no_threads_are_a_clear_panic() {
    let ended = in_child("threads::procs_for_which_there_are_no_threads_are_a_clear_panic", || {
        Runtime::builder().procs(2).build().unwrap().run(|| {
            let stop = Arc::new(AtomicBool::new(false));
            let ticking = {
                let stop = Arc::clone(&stop);
                go!(move || while !stop.load(Ordering::Relaxed) {
                    yield_now();
                })
            };
            refuse_threads();
            let panics = catch(|| set_max_procs(64)).unwrap_err();
            assert!(text(&*panics).starts_with("set_max_procs(64): "));
            assert_says_threads(text(&*panics));
            assert_eq!(max_procs(), 2);
            mixed_load(30);
            // That takes none.
            assert_eq!((set_max_procs(1), set_max_procs(2)), (2, 1));
            allow_threads();
            assert_eq!((set_max_procs(6), max_procs()), (2, 6));
            mixed_load(30);
            stop.store(true, Ordering::Relaxed);
            ticking.join().unwrap();
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        assert_eq!(ended.stderr.matches("panicked").count(), 2, "{}", ended.stderr);
    }
}

#[test]
fn jobs_for_which_there_is_no_thread_are_done_nevertheless() {
    let ended = in_child("threads::jobs_for_which_there_is_no_thread_are_done_nevertheless", || {
        let thread_name = || thread::current().name().map(str::to_owned).expect("all threads here have names");
        let job = move || {
            thread::sleep(Duration::from_millis(1));
            thread_name()
        };
        let ten = || {
            let jobs: [_; 10] = std::array::from_fn(|_| go!(blocking(job)));
            jobs.map(|job| job.join().unwrap())
        };
        run(|| {
            refuse_threads();
            // Whoever has a job does it itself.
            assert!(ten().iter().all(|name| name.starts_with("gocsp-worker")));
            let panics = go!(|| blocking(|| panic!("the job's own"))).join().unwrap_err();
            assert_eq!(text(&*panics), "the job's own");
            allow_threads();
            assert_eq!(blocking(thread_name), "gocsp-blocking");
            let most = threads("gocsp-blocking");
            refuse_threads();
            // Now there is a thread, and they wait for it.
            assert!(ten().iter().all(|name| name == "gocsp-blocking"));
            assert_eq!(threads("gocsp-blocking"), most);
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
    }
}

/// Goroutines that compute and never yield, more than there may ever be workers, on a runtime that may migrate; and some that
/// wait. What the workers came to is looked at; then the former stop, and all have to end.
fn hog_all(procs: usize, look: impl FnOnce(&AtomicUsize)) {
    // SAFETY: nothing here is bound to a thread.
    let builder = unsafe { Runtime::builder().procs(procs).migrate() };
    let (stop, computing) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let runtime = builder.build().unwrap();
    let goroutines = runtime.run(|| {
        let waiting = (0..20).map(|_| go!(|| sleep(Duration::from_millis(1))));
        let hog = |_| {
            let (stop, computing) = (Arc::clone(&stop), Arc::clone(&computing));
            go! {
                computing.fetch_add(1, Ordering::Relaxed);
                while !stop.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            }
        };
        waiting.chain((0..4 * procs).map(hog)).collect::<Vec<_>>()
    });
    look(&computing);
    stop.store(true, Ordering::Relaxed);
    goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    assert_eq!(computing.load(Ordering::Relaxed), 4 * procs);
    runtime.run(|| mixed_load(30));
}

#[test]
fn there_are_no_more_spare_workers_than_procs() {
    let ended = in_children("threads::there_are_no_more_spare_workers_than_procs", &[1, 2], |&procs| {
        hog_all(procs, |computing| {
            let start = Instant::now();
            while computing.load(Ordering::Relaxed) < 2 * procs {
                assert!(start.elapsed() < Duration::from_secs(30), "{computing:?} compute");
                thread::sleep(Duration::from_millis(1));
            }
            // Time for some more to be started, if they were.
            thread::sleep(Duration::from_millis(200));
            assert_eq!((computing.load(Ordering::Relaxed), threads("gocsp-worker")), (2 * procs, 2 * procs));
        });
    });
    ended.iter().for_each(assert_success);
}

#[test]
fn workers_that_no_spare_one_can_relieve_go_on_when_they_can() {
    let ended = in_children("threads::workers_that_no_spare_one_can_relieve_go_on_when_they_can", &[1, 2], |&procs| {
        Runtime::builder().procs(procs).build().unwrap().run(|| ());
        hog_all(procs, |computing| {
            // As soon as it can be: there may be spare ones already.
            refuse_threads();
            thread::sleep(Duration::from_millis(200));
            assert_eq!(computing.load(Ordering::Relaxed), threads("gocsp-worker"));
        });
    });
    ended.iter().for_each(assert_success);
}
