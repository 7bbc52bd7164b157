//! Workloads of timers, and of tasks that keep others from running.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use race::task::{Reply, Task};
use race::work::{compute, median, shuffled};
use tokio::time::{Sleep, interval};

pub(crate) async fn sleep(task: &Task) -> Reply {
    let duration = Duration::from_nanos(task.size("nanos"));
    let mut slept = Vec::new();
    for _ in 0..task.size("sleeps") {
        let start = Instant::now();
        tokio::time::sleep(duration).await;
        slept.push(start.elapsed());
    }
    let not_early = slept.iter().filter(|&&slept| slept >= duration).count();
    Reply::micros(not_early as u64, median(slept))
}

pub(crate) async fn timerstop(task: &Task) -> Reply {
    let timers = task.size("timers");
    let mut armed = Vec::new();
    for _ in 0..task.size("armed") {
        let mut timer = Box::pin(tokio::time::sleep(Duration::from_secs(3600)));
        arm(timer.as_mut()).await;
        armed.push(timer);
    }
    let mut stopped = 0;
    let start = Instant::now();
    for _ in 0..timers {
        let mut timer = std::pin::pin!(tokio::time::sleep(Duration::from_secs(60)));
        arm(timer.as_mut()).await;
        stopped += !timer.is_elapsed() as u64;
    }
    let elapsed = start.elapsed();
    drop(armed);
    Reply::nanos_each(stopped, elapsed, timers)
}

/// A timer of tokio's is armed when it is polled first, and stopped when it is dropped.
async fn arm(mut timer: Pin<&mut Sleep>) {
    poll_fn(|context| {
        let _pending = timer.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

pub(crate) async fn sleepers(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let within = Duration::from_millis(task.size("within_ms"));
    let first = Instant::now() + Duration::from_millis(task.size("lead_ms"));
    let last = first + within;
    let sleeping: Vec<_> = (0..goroutines)
        .map(|number| {
            let due = first + within.mul_f64((shuffled(number, goroutines) + 1) as f64 / goroutines as f64);
            tokio::spawn(async move {
                tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
                let woken = Instant::now();
                (woken >= due, woken)
            })
        })
        .collect();
    let mut woken = Vec::new();
    for sleeper in sleeping {
        woken.push(sleeper.await.expect("it does not panic"));
    }
    let not_early = woken.iter().filter(|(not_early, _)| *not_early).count();
    let last_woken = woken.iter().map(|&(_, woken)| woken).max().expect("there are sleepers");
    Reply::millis(not_early as u64, last_woken.saturating_duration_since(last))
}

pub(crate) async fn hogs(task: &Task) -> Reply {
    let steps = task.size("steps");
    let start = Instant::now();
    let end = start + Duration::from_millis(task.size("millis"));
    let ticker = tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(1));
        let (mut last, mut longest) = (start, Duration::ZERO);
        while last < end {
            ticks.tick().await;
            let now = Instant::now();
            longest = longest.max(now - last);
            last = now;
        }
        longest
    });
    let hogs: Vec<_> = (0..task.procs as u64)
        .map(|mut number| {
            tokio::spawn(async move {
                while Instant::now() < end {
                    number = compute(number, steps);
                }
                number
            })
        })
        .collect();
    let mut computed = true;
    for hog in hogs {
        computed &= hog.await.expect("it does not panic") != 0;
    }
    let longest = ticker.await.expect("the ticker does not panic");
    Reply::millis(computed as u64, longest)
}
