//! Workloads of starting and yielding.

use std::thread::{self, yield_now};
use std::time::Instant;

use race::task::{Reply, Task};

pub(crate) fn spawnjoin(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let mut sum = 0;
    let start = Instant::now();
    for number in 0..goroutines {
        sum += thread::spawn(move || number).join().expect("it does not panic");
    }
    Reply::nanos_each(sum, start.elapsed(), goroutines)
}

pub(crate) fn yields(task: &Task) -> Reply {
    let (yields, goroutines) = (task.size("yields"), task.size("goroutines"));
    let start = Instant::now();
    let yielding: Vec<_> = (0..goroutines)
        .map(|_| {
            thread::spawn(move || {
                let mut done = 0;
                for _ in 0..yields / goroutines {
                    yield_now();
                    done += 1;
                }
                done
            })
        })
        .collect();
    let done = yielding.into_iter().map(|goroutine| goroutine.join().expect("it does not panic")).sum();
    Reply::nanos_each(done, start.elapsed(), yields)
}
