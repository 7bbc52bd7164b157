//! Workloads of timers, and of goroutines that keep others from running.

use std::time::{Duration, Instant};

use gocsp::{go, time};
use race::task::{Reply, Task};
use race::work::{compute, median, shuffled};

pub(crate) fn sleep(task: &Task) -> Reply {
    let duration = Duration::from_nanos(task.size("nanos"));
    let slept: Vec<Duration> = (0..task.size("sleeps"))
        .map(|_| {
            let start = Instant::now();
            time::sleep(duration);
            start.elapsed()
        })
        .collect();
    let not_early = slept.iter().filter(|&&slept| slept >= duration).count();
    Reply::micros(not_early as u64, median(slept))
}

pub(crate) fn timerstop(task: &Task) -> Reply {
    let timers = task.size("timers");
    // A timer that is not received from any more is a receiver that is dropped. To become `Timer::stop`, once there is one.
    let armed: Vec<_> = (0..task.size("armed")).map(|_| time::after(Duration::from_secs(3600))).collect();
    let mut stopped = 0;
    let start = Instant::now();
    for _ in 0..timers {
        let timer = time::after(Duration::from_secs(60));
        stopped += timer.is_empty() as u64;
        drop(timer);
    }
    let elapsed = start.elapsed();
    drop(armed);
    Reply::nanos_each(stopped, elapsed, timers).note("gocsp has no timer that can be stopped yet: it drops an `after`")
}

pub(crate) fn sleepers(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let within = Duration::from_millis(task.size("within_ms"));
    let first = Instant::now() + Duration::from_millis(task.size("lead_ms"));
    let last = first + within;
    let sleeping: Vec<_> = (0..goroutines)
        .map(|number| {
            let due = first + within.mul_f64((shuffled(number, goroutines) + 1) as f64 / goroutines as f64);
            go! {
                time::sleep(due.saturating_duration_since(Instant::now()));
                let woken = Instant::now();
                (woken >= due, woken)
            }
        })
        .collect();
    let woken: Vec<_> = sleeping.into_iter().map(|sleeper| sleeper.join().expect("it does not panic")).collect();
    let not_early = woken.iter().filter(|(not_early, _)| *not_early).count();
    let last_woken = woken.iter().map(|&(_, woken)| woken).max().expect("there are sleepers");
    Reply::millis(not_early as u64, last_woken.saturating_duration_since(last))
}

pub(crate) fn hogs(task: &Task) -> Reply {
    let steps = task.size("steps");
    let start = Instant::now();
    let end = start + Duration::from_millis(task.size("millis"));
    let ticker = go! {
        let ticks = time::tick(Duration::from_millis(1));
        let (mut last, mut longest) = (start, Duration::ZERO);
        while last < end {
            ticks.recv().expect("it ticks for ever");
            let now = Instant::now();
            longest = longest.max(now - last);
            last = now;
        }
        longest
    };
    let hogs: Vec<_> = (0..task.procs as u64)
        .map(|mut number| {
            go! {
                while Instant::now() < end {
                    number = compute(number, steps);
                }
                number
            }
        })
        .collect();
    let computed = hogs.into_iter().all(|hog| hog.join().expect("it does not panic") != 0);
    let longest = ticker.join().expect("the ticker does not panic");
    Reply::millis(computed as u64, longest)
}
