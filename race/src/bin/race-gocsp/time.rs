//! Workloads of timers, and of goroutines that keep others from running.

use std::time::{Duration, Instant};

use gocsp::go;
use gocsp::time::{self, Timer};
use race::measure::{Schedule, Ticks, Wake, hog, sleeps};
use race::task::{Reply, Task};

pub(crate) fn sleep(task: &Task) -> Reply {
    let duration = Duration::from_nanos(task.size("nanos"));
    let slept: Vec<Duration> = (0..task.size("sleeps"))
        .map(|_| {
            let start = Instant::now();
            time::sleep(duration);
            start.elapsed()
        })
        .collect();
    sleeps(duration, slept)
}

pub(crate) fn timerstop(task: &Task) -> Reply {
    let timers = task.size("timers");
    let armed: Vec<_> = (0..task.size("armed")).map(|_| Timer::new(Duration::from_secs(3600))).collect();
    // Only who can be received from is armed.
    armed.iter().for_each(|timer| assert!(timer.receiver().is_empty()));
    let mut stopped = 0;
    let start = Instant::now();
    for _ in 0..timers {
        stopped += Timer::new(Duration::from_secs(60)).stop() as u64;
    }
    let elapsed = start.elapsed();
    drop(armed);
    Reply::nanos_each(stopped, elapsed, timers)
        .note("a timer is armed when somebody asks for its receiver; in Go when somebody waits on its channel; nobody does here")
}

pub(crate) fn sleepers(task: &Task) -> Reply {
    let schedule = Schedule::begin(task);
    let sleeping: Vec<_> = (0..task.size("goroutines"))
        .map(|number| {
            let due = schedule.due(number);
            go! {
                time::sleep(due.saturating_duration_since(Instant::now()));
                Wake::now(due)
            }
        })
        .collect();
    let wakes: Vec<_> = sleeping.into_iter().map(|sleeper| sleeper.join().expect("it does not panic")).collect();
    schedule.reply(&wakes)
}

pub(crate) fn hogs(task: &Task) -> Reply {
    let steps = task.size("steps");
    let start = Instant::now();
    let end = start + Duration::from_millis(task.size("millis"));
    let ticker = go! {
        let ticks = time::tick(Duration::from_millis(1));
        let mut ticked = Ticks::since(start);
        while ticked.last() < end {
            ticks.recv().expect("it ticks for ever");
            ticked.tick();
        }
        ticked.longest()
    };
    let hogs: Vec<_> = (0..task.procs as u64).map(|number| go!(hog(number, steps, end))).collect();
    let computed = hogs.into_iter().all(|hog| hog.join().expect("it does not panic") != 0);
    let longest = ticker.join().expect("the ticker does not panic");
    Reply::millis(computed as u64, longest)
}
