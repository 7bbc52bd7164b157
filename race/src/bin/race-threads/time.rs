//! Workloads of sleeping, and of threads that keep others from running.

use std::thread;
use std::time::{Duration, Instant};

use race::task::{Reply, Task};
use race::work::{compute, median};

pub(crate) fn sleep(task: &Task) -> Reply {
    let duration = Duration::from_nanos(task.size("nanos"));
    let slept: Vec<Duration> = (0..task.size("sleeps"))
        .map(|_| {
            let start = Instant::now();
            thread::sleep(duration);
            start.elapsed()
        })
        .collect();
    let not_early = slept.iter().filter(|&&slept| slept >= duration).count();
    Reply::micros(not_early as u64, median(slept))
}

pub(crate) fn hogs(task: &Task) -> Reply {
    let steps = task.size("steps");
    let start = Instant::now();
    let end = start + Duration::from_millis(task.size("millis"));
    let ticker = thread::spawn(move || {
        let ticks = crossbeam_channel::tick(Duration::from_millis(1));
        let (mut last, mut longest) = (start, Duration::ZERO);
        while last < end {
            ticks.recv().expect("it ticks for ever");
            let now = Instant::now();
            longest = longest.max(now - last);
            last = now;
        }
        longest
    });
    let hogs: Vec<_> = (0..task.procs as u64)
        .map(|mut number| {
            thread::spawn(move || {
                while Instant::now() < end {
                    number = compute(number, steps);
                }
                number
            })
        })
        .collect();
    let computed = hogs.into_iter().all(|hog| hog.join().expect("it does not panic") != 0);
    let longest = ticker.join().expect("the ticker does not panic");
    Reply::millis(computed as u64, longest)
}
