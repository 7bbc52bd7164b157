//! Workloads of sleeping, and of threads that keep others from running.

use std::thread;
use std::time::{Duration, Instant};

use race::measure::{Ticks, hog, sleeps};
use race::task::{Reply, Task};

pub(crate) fn sleep(task: &Task) -> Reply {
    let duration = Duration::from_nanos(task.size("nanos"));
    let slept: Vec<Duration> = (0..task.size("sleeps"))
        .map(|_| {
            let start = Instant::now();
            thread::sleep(duration);
            start.elapsed()
        })
        .collect();
    sleeps(duration, slept)
}

pub(crate) fn hogs(task: &Task) -> Reply {
    let steps = task.size("steps");
    let start = Instant::now();
    let end = start + Duration::from_millis(task.size("millis"));
    let ticker = thread::spawn(move || {
        let ticks = crossbeam_channel::tick(Duration::from_millis(1));
        let mut ticked = Ticks::since(start);
        while ticked.last() < end {
            ticks.recv().expect("it ticks for ever");
            ticked.tick();
        }
        ticked.longest()
    });
    let hogs: Vec<_> = (0..task.procs as u64).map(|number| thread::spawn(move || hog(number, steps, end))).collect();
    let computed = hogs.into_iter().all(|hog| hog.join().expect("it does not panic") != 0);
    let longest = ticker.join().expect("the ticker does not panic");
    Reply::millis(computed as u64, longest)
}
