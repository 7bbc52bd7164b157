//! What goroutines cost in memory.
#![cfg(target_os = "linux")]

#[path = "common/child.rs"]
mod child;

use std::hint::black_box;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use child::in_child;
use gocsp::time::{Timer, after_func};
use gocsp::{Runtime, channel, go, num_goroutines, yield_now};

/// These tests measure the process, so they take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|failed| failed.into_inner())
}

/// The memory that the process occupies, page tables included, in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells the state of a process");
    let kib = |name: &str| -> usize {
        let line = status.lines().find(|line| line.starts_with(name)).expect("a line for each kind of memory");
        line[name.len()..].trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    };
    (kib("VmRSS:") + kib("VmPTE:")) << 10
}

/// The frames of a debug build are larger.
const MOST_BYTES_EACH: usize = if cfg!(debug_assertions) { 16 << 10 } else { 5 << 10 };

/// Parks `count` goroutines on one channel, and wakes them by closing it.
fn park_and_wake(count: usize, procs: usize) {
    let _turn = alone();
    let runtime = Runtime::builder().procs(procs).build().unwrap();
    let (before, during, woken) = runtime.run(|| {
        let (begin, wait) = channel::<()>(0);
        let (up, ups) = channel(1000);
        let (down, downs) = channel(1000);
        // What the first of all costs is not theirs.
        go!(|| ()).join().unwrap();
        let before = memory();
        for _ in 0..count {
            let (wait, up, down) = (wait.clone(), up.clone(), down.clone());
            go! {
                up.send(()).unwrap();
                drop(up);
                let end = wait.recv();
                down.send(end.is_err()).unwrap();
            };
        }
        drop((up, down));
        assert_eq!(ups.iter().count(), count);
        yield_now();
        assert_eq!(num_goroutines(), count + 1);
        let during = memory();
        // So `burst` looks at the right memory.
        assert!(stacks_touched() >= count);
        begin.close().unwrap();
        (before, during, downs.iter().filter(|&woken| woken).count())
    });
    assert_eq!(woken, count);
    let each = during.saturating_sub(before) / count;
    println!("{count} goroutines on {procs} procs: {each} bytes each");
    assert!(each <= MOST_BYTES_EACH, "{each} bytes each");
}

/// One stack for each worker would do.
const MOST_STACKS: usize = 200;

/// Spawns `count` short goroutines as fast as it can, which need only a few stacks.
fn burst(count: usize, procs: usize) {
    let _turn = alone();
    let runtime = Runtime::builder().procs(procs).build().unwrap();
    let (before, after) = runtime.run(|| {
        go!(|| ()).join().unwrap();
        let before = stacks_touched();
        for _ in 0..count {
            go!(|| ());
        }
        while num_goroutines() > 1 {
            yield_now();
        }
        (before, stacks_touched())
    });
    let stacks = after.saturating_sub(before);
    println!("{count} goroutines on {procs} procs: {stacks} more pages of stacks");
    assert!(stacks <= MOST_STACKS, "{stacks} more pages of stacks");
}

/// How many pages of memory for stacks are occupied: of mappings that are to have no huge pages, as those for stacks are.
fn stacks_touched() -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").expect("Linux tells the mappings of a process");
    let (mut pages, mut kib) = (0, 0);
    for line in maps.lines() {
        if let Some(rest) = line.strip_prefix("Rss:") {
            kib = rest.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
        } else if let Some(flags) = line.strip_prefix("VmFlags:")
            && flags.split_whitespace().any(|flag| flag == "nh")
        {
            pages += kib / 4;
        }
    }
    pages
}

#[test]
fn a_hundred_thousand_parked_goroutines_cost_little_more_than_a_page_each() {
    park_and_wake(100_000, 1);
    park_and_wake(100_000, 2);
}

#[test]
#[ignore = "takes 5 GB and long; meant for a release build"]
fn a_million_parked_goroutines_cost_little_more_than_a_page_each() {
    park_and_wake(1_000_000, 1);
    park_and_wake(1_000_000, 2);
}

#[test]
fn a_burst_of_a_hundred_thousand_goroutines_needs_a_few_stacks() {
    burst(100_000, 1);
    burst(100_000, 2);
}

#[test]
#[ignore = "takes long; meant for a release build"]
fn a_burst_of_two_million_goroutines_needs_a_few_stacks() {
    burst(2_000_000, 1);
    burst(2_000_000, 2);
}

#[test]
fn the_memory_of_goroutines_is_used_again() {
    let _turn = alone();
    let runtime = Runtime::builder().procs(2).build().unwrap();
    let round = || {
        let (begin, wait) = channel::<()>(0);
        let goroutines: Vec<_> = (0..5000)
            .map(|_| {
                let wait = wait.clone();
                go!(move || wait.recv())
            })
            .collect();
        yield_now();
        drop(begin);
        goroutines.into_iter().for_each(|goroutine| drop(goroutine.join()));
        memory()
    };
    let (early, late) = runtime.run(|| {
        let early = (0..5).map(|_| round()).max().unwrap();
        (early, (0..20).map(|_| round()).max().unwrap())
    });
    assert!(late < early + early / 2, "{early} bytes have become {late}");
}

#[test]
fn an_idle_runtime_gives_the_memory_of_unused_stacks_back() {
    const GOROUTINES: usize = 100;
    const PAGES_EACH: usize = 32;
    // Far longer than stacks are kept, for a machine that is busy with other things.
    const PATIENCE: Duration = Duration::from_secs(30);
    let name = "an_idle_runtime_gives_the_memory_of_unused_stacks_back";
    // In a process of its own: runtimes of other tests give stacks back as well, and at any time.
    let ended = in_child(name, || {
        let runtime = Runtime::builder().procs(2).build().unwrap();
        let (before, during) = runtime.run(|| {
            go!(|| ()).join().unwrap();
            let before = stacks_touched();
            let (begin, wait) = channel::<()>(0);
            let (up, ups) = channel(0);
            let goroutines: Vec<_> = (0..GOROUTINES)
                .map(|_| {
                    let (wait, up) = (wait.clone(), up.clone());
                    go! {
                        let pages = [1_u8; PAGES_EACH << 12];
                        up.send(()).unwrap();
                        wait.recv().unwrap_err();
                        black_box(&pages);
                    }
                })
                .collect();
            ups.iter().take(GOROUTINES).for_each(drop);
            let during = stacks_touched();
            begin.close().unwrap();
            goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
            (before, during)
        });
        let used = during.saturating_sub(before);
        assert!(used >= GOROUTINES * PAGES_EACH, "{used} more pages of stacks");
        let start = Instant::now();
        while stacks_touched().saturating_sub(before) > used / 10 {
            assert!(start.elapsed() < PATIENCE, "{before} pages of stacks, then {during}, now {}", stacks_touched());
            thread::sleep(Duration::from_millis(20));
        }
    });
    if let Some(ended) = ended {
        assert!(ended.status.success(), "{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_dropped_runtime_gives_its_memory_back() {
    let _turn = alone();
    let round = || {
        Runtime::builder().procs(2).build().unwrap().run(|| {
            for _ in 0..5000 {
                go!(|| gocsp::Receiver::<()>::nil().recv());
            }
            yield_now();
        });
        memory()
    };
    let early = (0..3).map(|_| round()).max().unwrap();
    let late = (0..10).map(|_| round()).max().unwrap();
    assert!(late < early + (10 << 20), "{early} bytes have become {late}");
}

#[test]
fn timers_that_nobody_waits_for_cost_nothing() {
    let _turn = alone();
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let (tx, rx) = channel(1);
        let hour = Duration::from_secs(3600);
        let mut latest = Instant::now() + 10 * hour;
        let (reset, brought_nearer) = (Timer::new(hour), Timer::new(hour));
        let function = after_func(hour, || ());
        let mut round = || {
            for number in 0..100_000 {
                tx.send(()).unwrap();
                assert!(rx.recv_timeout(hour).is_ok());
                drop(gocsp::after(hour));
                drop(Timer::new(hour).receiver().clone());
                assert!(after_func(hour, || ()).stop());
                assert!(reset.receiver().is_empty() && reset.reset(hour));
                latest -= Duration::from_micros(10);
                assert!(brought_nearer.receiver().is_empty() && brought_nearer.reset(latest - Instant::now()));
                assert!(function.reset(if number % 2 == 0 { hour } else { 2 * hour }));
            }
            memory()
        };
        let early = round();
        let late = (0..3).map(|_| round()).max().unwrap();
        assert!(late < early + (2 << 20), "{early} bytes have become {late}");
    });
}
