//! Workloads of timers, and of tasks that keep others from running.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use race::measure::{Schedule, Ticks, Wake, hog, sleeps};
use race::task::{Reply, Task};
use tokio::time::{Sleep, interval};

pub(crate) async fn sleep(task: &Task) -> Reply {
    let duration = Duration::from_nanos(task.size("nanos"));
    let mut slept = Vec::new();
    for _ in 0..task.size("sleeps") {
        let start = Instant::now();
        tokio::time::sleep(duration).await;
        slept.push(start.elapsed());
    }
    sleeps(duration, slept)
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
    let schedule = Schedule::begin(task);
    let sleeping: Vec<_> = (0..task.size("goroutines"))
        .map(|number| {
            let due = schedule.due(number);
            tokio::spawn(async move {
                tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
                Wake::now(due)
            })
        })
        .collect();
    let mut wakes = Vec::new();
    for sleeper in sleeping {
        wakes.push(sleeper.await.expect("it does not panic"));
    }
    schedule.reply(&wakes)
}

pub(crate) async fn hogs(task: &Task) -> Reply {
    let steps = task.size("steps");
    let start = Instant::now();
    let end = start + Duration::from_millis(task.size("millis"));
    let ticker = tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(1));
        let mut ticked = Ticks::since(start);
        while ticked.last() < end {
            ticks.tick().await;
            ticked.tick();
        }
        ticked.longest()
    });
    let hogs: Vec<_> =
        (0..task.procs as u64).map(|number| tokio::spawn(async move { hog(number, steps, end) })).collect();
    let mut computed = true;
    for hog in hogs {
        computed &= hog.await.expect("it does not panic") != 0;
    }
    let longest = ticker.await.expect("the ticker does not panic");
    Reply::millis(computed as u64, longest)
}
