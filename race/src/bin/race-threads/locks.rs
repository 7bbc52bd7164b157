//! Workloads of locks.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use race::task::{Reply, Task};

pub(crate) fn mutex(task: &Task) -> Reply {
    let (locks, goroutines) = (task.size("locks"), task.size("goroutines"));
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let counting: Vec<_> = (0..goroutines)
        .map(|_| {
            let count = Arc::clone(&count);
            thread::spawn(move || {
                for _ in 0..locks / goroutines {
                    *count.lock().expect("nobody panics") += 1;
                }
            })
        })
        .collect();
    counting.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    let elapsed = start.elapsed();
    let count = *count.lock().expect("nobody panics");
    Reply::nanos_each(count, elapsed, locks)
}
