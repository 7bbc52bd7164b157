//! The runtime in numbers, and the trace of the scheduler.

#[path = "common/child.rs"]
mod child;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use child::{in_child, in_prepared_child};
use gocsp::{Go, Receiver, Runtime, blocking, channel, go, run, sleep, yield_now};

/// Waits until nothing runs or is to be started any more: then all numbers are exact.
fn come_to_rest(runtime: &Runtime) {
    let start = Instant::now();
    // Who was queued may run by the next look.
    let mut looks = 0;
    while looks < 2 {
        assert!(start.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(1));
        let metrics = runtime.metrics();
        looks = if metrics.running_workers == 0 && metrics.queued == 0 { looks + 1 } else { 0 };
    }
}

fn runtime(procs: usize) -> Runtime {
    Runtime::builder().procs(procs).build().unwrap()
}

#[test]
fn who_was_spawned_and_who_has_finished_is_counted() {
    for procs in [1, 2, 5] {
        let runtime = runtime(procs);
        assert_eq!(runtime.metrics().spawned, 0);
        runtime.run(|| {
            let joined: Vec<_> = (0..100).map(|_| go!(|| ())).collect();
            joined.into_iter().for_each(|goroutine| goroutine.join().unwrap());
            assert!(
                go!(|| if true {
                    panic!("counted as well")
                })
                .join()
                .is_err()
            );
            (0..7).for_each(|_| drop(go!(|| Receiver::<()>::nil().recv())));
        });
        let metrics = runtime.metrics();
        assert_eq!((metrics.spawned, metrics.finished, metrics.goroutines), (109, 102, 7));
        assert_eq!((metrics.procs, metrics.workers, metrics.threads), (procs, procs, procs + 1));
    }
}

#[test]
fn parks_wake_ups_and_hand_offs_are_counted() {
    const MESSAGES: u64 = 10_000;
    let runtime = runtime(1);
    runtime.run(|| ());
    come_to_rest(&runtime);
    let before = runtime.metrics();
    // Every wake-up is by a goroutine of the same worker.
    assert_eq!((before.parks, before.wake_ups, before.hand_offs, before.yields), (0, 0, 0, 0));
    runtime.run(|| {
        let (tx, rx) = channel(0);
        let sends = go!(move || (0..MESSAGES).for_each(|n| tx.send(n).unwrap()));
        (0..MESSAGES).for_each(|n| assert_eq!(rx.recv(), Ok(n)));
        sends.join().unwrap();
    });
    come_to_rest(&runtime);
    let after = runtime.metrics();
    // A park for each message or two, and each of them ended.
    assert_eq!(after.parks, after.wake_ups);
    assert!((MESSAGES / 2..=2 * MESSAGES + 2).contains(&after.parks), "{after:?}");
    // One turn in 122 is not.
    assert!(after.hand_offs <= after.wake_ups && after.hand_offs > after.wake_ups * 9 / 10, "{after:?}");
    assert_eq!((after.remote_wake_ups, after.timed_wake_ups, after.steals, after.stolen), (0, 0, 0, 0));
}

#[test]
fn who_is_parked_has_parked_and_was_not_woken() {
    for procs in [1, 3] {
        let runtime = runtime(procs);
        let (tx, rx) = channel::<()>(0);
        let go_on = {
            let rx = rx.clone();
            runtime.run(move || {
                (0..100)
                    .map(|_| {
                        let rx = rx.clone();
                        go!(move || _ = rx.recv())
                    })
                    .collect::<Vec<_>>()
            })
        };
        come_to_rest(&runtime);
        let parked = runtime.metrics();
        assert_eq!((parked.parks - parked.wake_ups, parked.goroutines, parked.queued), (100, 100, 0));
        // This thread wakes all of them.
        drop(tx);
        go_on.into_iter().for_each(|goroutine| goroutine.join().unwrap());
        come_to_rest(&runtime);
        let woken = runtime.metrics();
        assert_eq!((woken.parks, woken.wake_ups), (parked.parks, parked.parks));
        assert_eq!((woken.remote_wake_ups - parked.remote_wake_ups, woken.goroutines), (100, 0));
    }
}

#[test]
fn sleeps_and_timers_are_counted() {
    let runtime = runtime(2);
    runtime.run(|| {
        let sleepers: Vec<_> = (0..50).map(|_| go!(|| sleep(Duration::from_millis(5)))).collect();
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
        (0..20).for_each(|_| drop(go!(|| sleep(Duration::from_secs(1000)))));
    });
    come_to_rest(&runtime);
    let metrics = runtime.metrics();
    assert_eq!((metrics.timed_wake_ups, metrics.timers), (50, 20), "{metrics:?}");
}

#[test]
fn yields_are_counted_whether_others_are_ready_or_not() {
    let runtime = runtime(1);
    runtime.run(|| (0..1000).for_each(|_| yield_now()));
    come_to_rest(&runtime);
    let alone = runtime.metrics();
    assert_eq!((alone.yields, alone.parks, alone.wake_ups, alone.hand_offs), (1000, 0, 0, 0));
    runtime.run(|| {
        let others: Vec<_> = (0..3).map(|_| go!(|| (0..1000).for_each(|_| yield_now()))).collect();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
    come_to_rest(&runtime);
    let after = runtime.metrics();
    assert!((4000..4010).contains(&after.yields), "spawning may yield as well: {after:?}");
    // Main has joined three.
    assert!(after.parks <= 3 && after.parks == after.wake_ups, "{after:?}");
}

#[test]
fn steals_are_counted() {
    let runtime = runtime(2);
    runtime.run(|| {
        let (started, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (has_started, stopped) = (Arc::clone(&started), Arc::clone(&stop));
        let stolen = Go::new().local().spawn(move || {
            has_started.store(true, Ordering::Relaxed);
            while !stopped.load(Ordering::Relaxed) {
                yield_now();
            }
        });
        // As long as this computes, only the other worker can start it.
        while !started.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        stop.store(true, Ordering::Relaxed);
        stolen.unwrap().join().unwrap();
    });
    let metrics = runtime.metrics();
    assert!(metrics.steals >= 1 && metrics.stolen >= metrics.steals, "{metrics:?}");
}

#[test]
fn the_memory_of_stacks_is_told() {
    const STACK: usize = 64 << 10;
    let runtime = Runtime::builder().procs(2).stack_size(STACK).build().unwrap();
    let none = runtime.metrics();
    assert_eq!((none.stacks_reserved, none.stacks_in_use, none.stacks_in_stock), (0, 0, 0));
    let (tx, rx) = channel::<()>(0);
    let goroutines = runtime.run(move || {
        let goroutines: Vec<_> = (0..100)
            .map(|_| {
                let rx = rx.clone();
                go!(move || _ = rx.recv())
            })
            .collect();
        sleep(Duration::from_millis(1));
        goroutines
    });
    come_to_rest(&runtime);
    let used = runtime.metrics();
    assert_eq!(used.stacks_in_use, 100 * STACK, "{used:?}");
    // That of main.
    assert_eq!(used.stacks_in_stock, 8 << 20);
    assert!(used.stacks_reserved >= 100 * STACK + (8 << 20));
    drop(tx);
    goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    come_to_rest(&runtime);
    let kept = runtime.metrics();
    assert_eq!((kept.stacks_in_use, kept.stacks_reserved), (0, used.stacks_reserved));
    // What nobody needs is given back by and by.
    let start = Instant::now();
    while runtime.metrics().stacks_in_stock > 0 {
        assert!(start.elapsed() < Duration::from_secs(30));
        assert_eq!(runtime.metrics().stacks_in_use, 0);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_threads_of_blocking_calls_are_told() {
    let runtime = runtime(1);
    runtime.run(|| blocking(|| ()));
    assert!((1..=512).contains(&runtime.metrics().blocking_threads));
}

#[test]
fn the_numbers_add_up_under_a_mixed_load() {
    for procs in [1, 2, 5] {
        for migrate in [false, true] {
            let builder = Runtime::builder().procs(procs);
            // SAFETY: these goroutines keep nothing that is bound to a thread.
            let builder = if migrate { unsafe { builder.migrate() } } else { builder };
            let runtime = builder.build().unwrap();
            runtime.run(|| {
                let (tx, rx) = channel(3);
                let all: Vec<_> = (0..300)
                    .map(|n| {
                        let (tx, rx) = (tx.clone(), rx.clone());
                        go!(move || for _ in 0..20 {
                            match n % 5 {
                                0 => tx.send(()).unwrap(),
                                1 => rx.recv().unwrap(),
                                2 => yield_now(),
                                3 => sleep(Duration::from_micros(50)),
                                _ => go!(|| ()).join().unwrap(),
                            }
                        })
                    })
                    .collect();
                all.into_iter().for_each(|goroutine| goroutine.join().unwrap());
            });
            come_to_rest(&runtime);
            let metrics = runtime.metrics();
            assert_eq!((metrics.goroutines, metrics.queued, metrics.stacks_in_use), (0, 0, 0), "{metrics:?}");
            assert_eq!(metrics.spawned, 1 + 300 + 60 * 20);
            assert_eq!(metrics.parks, metrics.wake_ups, "{metrics:?}");
            assert!(metrics.remote_wake_ups + metrics.timed_wake_ups <= metrics.wake_ups, "{metrics:?}");
            assert!(metrics.hand_offs <= metrics.wake_ups && metrics.yields >= 60 * 20, "{metrics:?}");
        }
    }
}

/// The number that stands behind `field=` in a line of the trace.
fn number(line: &str, field: &str) -> u64 {
    let (_, rest) = line.split_once(&format!(" {field}=")).unwrap_or_else(|| panic!("no {field} in {line}"));
    rest.trim_start_matches('+').split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{field} in {line}"))
}

#[test]
fn the_trace_prints_a_line_per_interval() {
    let name = "the_trace_prints_a_line_per_interval";
    let prepare = |command: &mut std::process::Command| _ = command.env("GOCSP_SCHEDTRACE", "50");
    let program = || {
        let runtime = Runtime::builder().procs(2).build().unwrap();
        runtime.run(|| {
            (0..10).for_each(|_| drop(go!(|| Receiver::<()>::nil().recv())));
            sleep(Duration::from_millis(500));
        });
    };
    if let Some(ended) = in_prepared_child(name, prepare, program) {
        assert!(ended.status.success(), "{}", ended.stderr);
        let lines: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("SCHED ")).collect();
        assert!(lines.len() >= 2, "{}", ended.stderr);
        let mut last = 0;
        for line in &lines {
            let millis: u64 = line[6..].split("ms: ").next().unwrap().parse().unwrap();
            assert!(millis > last, "{}", ended.stderr);
            last = millis;
            assert_eq!((number(line, "procs"), number(line, "workers"), number(line, "threads")), (2, 2, 3));
            assert!(line.ends_with("runqueue=0 [0 0]"), "{line}");
        }
        assert!(lines.len() as u64 <= last / 50, "{}", ended.stderr);
        let sum = |field| lines.iter().map(|line| number(line, field)).sum::<u64>();
        // Main and ten. The last line may come when they have ended.
        assert_eq!((sum("spawned"), number(lines[0], "goroutines")), (11, 11), "{}", ended.stderr);
        assert_eq!((number(lines[0], "finished"), number(lines[1], "spawned")), (0, 0), "{}", ended.stderr);
    }
}

#[test]
fn without_the_variable_there_is_no_trace() {
    for value in [None, Some("0"), Some("")] {
        let name = "without_the_variable_there_is_no_trace";
        let prepare = |command: &mut std::process::Command| match value {
            Some(value) => _ = command.env("GOCSP_SCHEDTRACE", value),
            None => _ = command.env_remove("GOCSP_SCHEDTRACE"),
        };
        match in_prepared_child(name, prepare, || run(|| sleep(Duration::from_millis(100)))) {
            Some(ended) => assert!(ended.status.success() && ended.stderr.is_empty(), "{}", ended.stderr),
            None => return,
        }
    }
}

#[test]
fn an_interval_that_is_none_is_a_clear_error() {
    let name = "an_interval_that_is_none_is_a_clear_error";
    let ended = in_prepared_child(name, |command| _ = command.env("GOCSP_SCHEDTRACE", "1s"), || run(|| ()));
    if let Some(ended) = ended {
        assert_eq!(ended.status.code(), Some(101));
        for part in ["GOCSP_SCHEDTRACE", "milliseconds", "\"1s\""] {
            assert!(ended.stderr.contains(part), "{}", ended.stderr);
        }
    }
}

#[test]
fn a_process_without_a_standard_error_stream_is_not_ended_by_the_trace() {
    let name = "a_process_without_a_standard_error_stream_is_not_ended_by_the_trace";
    let ended = in_child(name, || {
        // SAFETY: no other thread of this process sets or reads a variable now.
        unsafe { std::env::set_var("GOCSP_SCHEDTRACE", "10") };
        // SAFETY: nothing of this process owns that descriptor.
        unsafe { libc::close(libc::STDERR_FILENO) };
        run(|| sleep(Duration::from_millis(100)));
        println!("went on");
    });
    if let Some(ended) = ended {
        assert!(ended.status.success() && ended.stdout.contains("went on"), "{}", ended.stdout);
    }
}
