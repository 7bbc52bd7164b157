//! Dumps, and who is left behind.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;

use std::panic::catch_unwind;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{hint, process, thread};

use child::{Ended, in_child, in_prepared_child};
use gocsp::runtime::{Activity, Dump, GoroutineDump, Leak, WorkerDump, WorkerState, assert_no_leaks, dump, leaks};
use gocsp::sync::{Mutex, WaitGroup};
use gocsp::{Go, JoinHandle, Receiver, Runtime, blocking, channel, go, run, scope, set_max_procs, sleep, yield_now};

/// A limit that nobody has waited for.
const NEVER: Duration = Duration::from_secs(3600);

fn find<'a>(dump: &'a Dump, name: &str) -> &'a GoroutineDump {
    let named = |goroutine: &&GoroutineDump| goroutine.name.as_deref() == Some(name);
    dump.goroutines.iter().find(named).unwrap_or_else(|| panic!("{name}\n{dump}"))
}

fn named<T: Send + 'static>(name: &str, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Go::new().name(name).spawn(f).unwrap()
}

/// Until `done`, which others bring about.
fn wait_until(mut done: impl FnMut() -> bool) {
    while !done() {
        sleep(Duration::from_millis(1));
    }
}

fn waits(name: &str, state: &str) -> impl FnMut() -> bool {
    move || {
        dump().goroutines.iter().any(|goroutine| {
            goroutine.name.as_deref() == Some(name) && goroutine.wait().is_some_and(|wait| wait.state() == state)
        })
    }
}

#[test]
fn a_dump_tells_what_everybody_does() {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(|| {
        let (tx, rx) = channel::<u32>(0);
        named("receives", move || rx.recv());
        let line = line!() - 1;
        named("sleeps", || sleep(NEVER));
        yield_now();
        wait_until(waits("receives", "chan receive"));
        wait_until(waits("sleeps", "sleep"));
        let dump = dump();
        let receives = find(&dump, "receives");
        let wait = receives.wait().expect("it waits");
        assert_eq!((wait.place.file(), wait.place.line()), (file!(), line));
        assert_eq!((receives.spawned_at.file(), receives.worker), (file!(), Some(0)));
        assert!(!wait.ends_by_itself);
        assert!(receives.stack.as_ref().is_some_and(|stack| stack.len() == 256 << 10));
        assert!(find(&dump, "sleeps").wait().expect("it waits").ends_by_itself);
        let text = dump.to_string();
        assert!(text.contains(" 'receives' [chan receive, ") && text.contains("which has one sender"), "{text}");
        drop(tx);
    });
}

#[test]
fn a_dump_tells_for_how_long_somebody_has_waited() {
    run(|| {
        named("old", || Receiver::<()>::nil().recv());
        wait_until(waits("old", "chan receive (nil chan)"));
        sleep(Duration::from_millis(100));
        let lasted = find(&dump(), "old").wait().expect("it waits").lasted;
        assert!((Duration::from_millis(80)..Duration::from_secs(60)).contains(&lasted), "{lasted:?}");
    });
}

#[test]
fn those_are_counted_who_have_not_started_or_are_ready() {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    let (go_on, count) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|threads| {
        threads.spawn(|| {
            runtime.run(|| {
                named("unstarted", || ());
                scope(|s| {
                    s.go(|| {
                        while !go_on.load(Ordering::Relaxed) {
                            count.store(true, Ordering::Relaxed);
                            hint::spin_loop();
                        }
                    });
                });
            });
        });
        while !count.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        // A worker that does not answer.
        let dump = dump();
        let running = |goroutine: &&GoroutineDump| matches!(goroutine.activity, Activity::Running);
        let hog = dump.goroutines.iter().find(running).unwrap_or_else(|| panic!("{dump}"));
        assert!(matches!(find(&dump, "unstarted").activity, Activity::Unstarted), "{dump}");
        let busy = |worker: &WorkerDump| match worker.state {
            WorkerState::Busy { goroutine, lasted } => goroutine == hog.id && lasted >= Duration::from_millis(50),
            _ => false,
        };
        assert!(dump.workers.iter().any(busy), "{dump}");
        go_on.store(true, Ordering::Relaxed);
    });
}

#[test]
fn dumps_may_be_taken_while_goroutines_come_and_go() {
    for migrate in [false, true] {
        let builder = Runtime::builder().procs(3);
        // SAFETY: nothing that is bound to a thread is kept across a call.
        let builder = if migrate { unsafe { builder.migrate() } } else { builder };
        let runtime = builder.build().unwrap();
        let done = Arc::new(AtomicBool::new(false));
        runtime.run(|| {
            let group = WaitGroup::new();
            for pair in 0..8 {
                let ((tx, rx), done) = (channel(pair % 3), Arc::clone(&done));
                group.go(move || {
                    while !done.load(Ordering::Relaxed) {
                        let tx = tx.clone();
                        let short = named("short", move || tx.send(vec![1; 10]));
                        assert_eq!(rx.recv().unwrap().len(), 10);
                        short.join().unwrap().unwrap();
                    }
                });
            }
            for _ in 0..50 {
                let dump = dump();
                assert!(dump.goroutines.windows(2).all(|pair| pair[0].id < pair[1].id));
                assert!(dump.to_string().contains("goroutine "));
            }
            done.store(true, Ordering::Relaxed);
            group.wait();
        });
    }
}

/// The names of those who can never go on, in the runtime of the one who calls: there are other tests in the process.
fn stuck(found: &[Leak]) -> Vec<&str> {
    let here =
        found.iter().find(|leak| leak.goroutine.name.as_deref() == Some("nil")).map(|leak| leak.goroutine.runtime);
    let stuck = found.iter().filter(|leak| leak.is_stuck && Some(leak.goroutine.runtime) == here);
    stuck.filter_map(|leak| leak.goroutine.name.as_deref()).collect()
}

#[test]
fn who_can_never_go_on_is_a_leak() {
    run(|| {
        named("nil", || Receiver::<u32>::nil().recv());
        let joins = named("joins itself out", || named("joined", || Receiver::<u32>::nil().recv()).join());
        let mutex = Arc::new(Mutex::new(()));
        let (held, wanted) = (Arc::clone(&mutex), Arc::clone(&mutex));
        named("holds", move || {
            let _guard = held.lock();
            Receiver::<u32>::nil().recv()
        });
        wait_until(|| mutex.try_lock().is_none());
        named("wants", move || drop(wanted.lock()));
        // These will go on.
        let (tx, rx) = channel::<u32>(0);
        let waits = named("waits", move || rx.recv());
        named("sleeps", || sleep(NEVER));
        let expected = ["nil", "joins itself out", "joined", "holds", "wants"];
        let mut found = leaks(NEVER);
        wait_until(|| {
            found = leaks(NEVER);
            stuck(&found).len() >= expected.len()
        });
        let mut names = stuck(&found);
        names.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected, "{found:?}");
        assert!(found.iter().all(|leak| leak.to_string().contains("it can never go on")), "{found:?}");
        // It may be taken for lost, but not for stuck.
        let overdue = leaks(Duration::ZERO);
        let overdue = overdue.iter().find(|leak| leak.goroutine.name.as_deref() == Some("waits")).expect("it waits");
        assert!(!overdue.is_stuck && overdue.to_string().contains("longer than the limit"), "{overdue}");
        tx.send(1).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(1));
        drop(joins);
    });
}

#[test]
fn who_waits_for_a_thread_is_no_leak() {
    run(|| {
        let (by_job, by_thread) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let done = Arc::new(AtomicBool::new(false));
        let hold = |mutex: &Arc<Mutex<()>>| {
            let (mutex, done) = (Arc::clone(mutex), Arc::clone(&done));
            move || {
                let _guard = mutex.lock();
                while !done.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        };
        let job = hold(&by_job);
        go!(move || blocking(job));
        thread::spawn(hold(&by_thread));
        let want = |mutex: &Arc<Mutex<()>>| {
            wait_until(|| mutex.try_lock().is_none());
            let mutex = Arc::clone(mutex);
            named("wants", move || drop(mutex.lock()))
        };
        let wants = [want(&by_job), want(&by_thread)];
        sleep(Duration::from_millis(200));
        let mut found = leaks(NEVER);
        // There are other tests in the process.
        found.retain(|leak| wants.iter().any(|goroutine| goroutine.id() == leak.goroutine.id));
        assert!(found.is_empty(), "{found:?}");
        done.store(true, Ordering::Relaxed);
        wants.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    });
}

/// Each waits for the end of the next, and the last for a message that will come.
#[test]
fn a_long_chain_whose_end_goes_on_is_no_leak() {
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let (tx, rx) = channel::<()>(0);
        let mut last = go!(move || _ = rx.recv());
        let mut chain = Vec::new();
        for _ in 0..2000 {
            let next = last;
            last = named("link", move || next.join().unwrap());
            chain.push(last.id());
        }
        sleep(Duration::from_millis(200));
        let mut found = leaks(NEVER);
        // There are other tests in the process.
        found.retain(|leak| chain.contains(&leak.goroutine.id));
        assert!(found.is_empty(), "{found:?}");
        tx.send(()).unwrap();
        last.join().unwrap();
    });
}

/// The worker of its child answers only when the child has ended.
#[test]
fn who_waits_for_a_child_that_ends_during_the_look_is_no_leak() {
    let runtime = Runtime::builder().procs(2).build().unwrap();
    let (begun, now) = (AtomicBool::new(false), AtomicBool::new(false));
    runtime.run(|| {
        thread::scope(|threads| {
            let (begun, now) = (&begun, &now);
            let finds = threads.spawn(move || {
                while !begun.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                thread::sleep(Duration::from_millis(200));
                now.store(true, Ordering::Relaxed);
                leaks(NEVER)
            });
            scope(|goroutines| {
                goroutines.go(|| {
                    begun.store(true, Ordering::Relaxed);
                    while !now.load(Ordering::Relaxed) {
                        hint::spin_loop();
                    }
                    let until = Instant::now() + Duration::from_millis(20);
                    while Instant::now() < until {
                        hint::spin_loop();
                    }
                });
                // So that the other worker takes it.
                while !begun.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
            let mut found = blocking(|| finds.join().unwrap());
            // There are other tests in the process.
            found.retain(|leak| leak.goroutine.wait().is_some_and(|wait| wait.state() == "scope"));
            assert!(found.is_empty(), "{found:?}");
        });
    });
}

#[test]
fn workers_may_start_during_a_dump() {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let dumps = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                dump();
            }
        });
        runtime.run(|| (2..300).for_each(|procs| _ = set_max_procs(procs)));
        done.store(true, Ordering::Relaxed);
        dumps.join().expect("no dump panics");
    });
}

#[test]
fn a_program_without_leaks_passes() {
    assert_no_leaks(|| {
        let (tx, rx) = channel(0);
        go!(move || (0..10).try_for_each(|n| tx.send(n)));
        assert_eq!(rx.iter().sum::<u32>(), 45);
        // It ends only after main has.
        go!(|| sleep(Duration::from_millis(20)));
    });
}

#[test]
fn a_program_with_a_leak_does_not_pass() {
    let result = catch_unwind(|| {
        assert_no_leaks(|| {
            named("forgotten", || Receiver::<u32>::nil().recv());
        });
    });
    let payload = result.expect_err("one is left behind");
    let message = payload.downcast_ref::<String>().expect("a message");
    assert!(message.starts_with("1 goroutine was left behind") && message.contains("'forgotten'"), "{message}");
}

#[test]
fn a_program_that_hangs_does_not_pass() {
    let result = catch_unwind(|| {
        assert_no_leaks(|| {
            let (_tx, rx) = channel::<u32>(0);
            _ = rx.recv();
        });
    });
    let payload = result.expect_err("it cannot go on");
    let message = payload.downcast_ref::<String>().expect("a message");
    assert!(message.contains("deadlock") && message.contains("'main' [chan receive, "), "{message}");
}

/// Has `SIGQUIT` ignored, or do what it does by default, whatever those who started the tests had it do: a shell script has what it
/// starts with `&` ignore it. Whether it was ignored before.
fn ignore_quit(ignored: bool) -> bool {
    let action = if ignored { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: both are actions of the system's own.
    unsafe { libc::signal(libc::SIGQUIT, action) == libc::SIG_IGN }
}

fn quit() {
    let this = process::id().cast_signed();
    // SAFETY: a signal to this process is always allowed.
    unsafe { libc::kill(this, libc::SIGQUIT) };
}

#[test]
fn a_quit_signal_prints_everything_and_ends_the_process() {
    let two_procs = |command: &mut Command| _ = command.env("GOCSP_MAXPROCS", "2");
    let ended = in_prepared_child("a_quit_signal_prints_everything_and_ends_the_process", two_procs, || {
        ignore_quit(false);
        run(|| {
            named("sleeps", || sleep(NEVER));
            named("hogs", || {
                // Who is taken over while others are asked may be missing.
                wait_until(waits("sleeps", "sleep"));
                quit();
                loop {
                    hint::spin_loop();
                }
            });
            // A worker may be the hog's, and main's: so this is all that main does.
            Receiver::<()>::nil().recv().unwrap();
        });
    });
    let Some(Ended { status, stdout, stderr }) = ended else { return };
    assert_eq!(status.code(), Some(2), "{stdout}\n{stderr}");
    for text in [
        "SIGQUIT: quit",
        "'main' [",
        "'sleeps' [",
        "'hogs' [running]",
        "worker 0: ",
        "worker 1: ",
        "spawned at tests/dump.rs:",
    ] {
        assert!(stderr.contains(text), "{text}\n{stderr}");
    }
}

#[test]
fn who_ignores_the_quit_signal_is_left_alone() {
    let ended = in_child("who_ignores_the_quit_signal_is_left_alone", || {
        ignore_quit(true);
        run(quit);
        assert!(ignore_quit(true));
    });
    let Some(Ended { status, stdout, stderr }) = ended else { return };
    assert!(status.success() && !stderr.contains("SIGQUIT"), "{status}\n{stdout}\n{stderr}");
}
