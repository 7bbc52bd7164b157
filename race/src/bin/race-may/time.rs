//! Workloads of timers, and of goroutines that keep others from running.

use std::time::{Duration, Instant};

use may::{coroutine, go};
use race::measure::{Schedule, Ticks, Wake, hog, sleeps};
use race::task::{Reply, Task};

pub(crate) fn sleep(task: &Task) -> Reply {
    let duration = Duration::from_nanos(task.size("nanos"));
    let slept: Vec<Duration> = (0..task.size("sleeps"))
        .map(|_| {
            let start = Instant::now();
            coroutine::sleep(duration);
            start.elapsed()
        })
        .collect();
    sleeps(duration, slept)
}

pub(crate) fn sleepers(task: &Task) -> Reply {
    let schedule = Schedule::begin(task);
    let sleeping: Vec<_> = (0..task.size("goroutines"))
        .map(|number| {
            let due = schedule.due(number);
            go!(move || {
                coroutine::sleep(due.saturating_duration_since(Instant::now()));
                Wake::now(due)
            })
        })
        .collect();
    let wakes: Vec<_> = sleeping.into_iter().map(|sleeper| sleeper.join().expect("it does not panic")).collect();
    schedule.reply(&wakes)
}

pub(crate) fn hogs(task: &Task) -> Reply {
    let steps = task.size("steps");
    let start = Instant::now();
    let end = start + Duration::from_millis(task.size("millis"));
    let ticker = go!(move || {
        let mut ticked = Ticks::since(start);
        while ticked.last() < end {
            coroutine::sleep(Duration::from_millis(1));
            ticked.tick();
        }
        ticked.longest()
    });
    let hogs: Vec<_> = (0..task.procs as u64).map(|number| go!(move || hog(number, steps, end))).collect();
    let computed = hogs.into_iter().all(|hog| hog.join().expect("it does not panic") != 0);
    let longest = ticker.join().expect("the ticker does not panic");
    Reply::millis(computed as u64, longest).note("may has no ticker: it sleeps")
}
