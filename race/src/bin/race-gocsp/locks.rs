//! Workloads of locks.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gocsp::sync::{Mutex, RwLock, WaitGroup};
use gocsp::{go, time};
use race::measure::{add_reader_test, reader_tests};
use race::task::{Reply, Task};

pub(crate) fn mutex(task: &Task) -> Reply {
    let (locks, goroutines) = (task.size("locks"), task.size("goroutines"));
    let count = Arc::new(Mutex::new(0));
    let group = WaitGroup::new();
    let start = Instant::now();
    for _ in 0..goroutines {
        let count = Arc::clone(&count);
        group.go(move || {
            for _ in 0..locks / goroutines {
                *count.lock() += 1;
            }
        });
    }
    group.wait();
    let elapsed = start.elapsed();
    let count = *count.lock();
    Reply::nanos_each(count, elapsed, locks)
}

pub(crate) fn rwlock(task: &Task) -> Reply {
    let mut reply = Reply::answer(0);
    for (readers, exclusive) in reader_tests(task) {
        let result = test(task.size("writes"), readers, exclusive);
        reply = add_reader_test(reply, (readers, exclusive), result);
    }
    reply
}

/// How long it takes a writer and `readers` readers until all are done, and how often the writer wrote.
fn test(writes: u64, readers: u64, exclusive: bool) -> (Duration, u64) {
    let value = Arc::new(RwLock::new(0));
    let group = WaitGroup::new();
    let start = Instant::now();
    let writer = {
        let value = Arc::clone(&value);
        go! {
            for _ in 0..writes {
                *value.write() += 1;
                time::sleep(Duration::from_nanos(1));
            }
        }
    };
    for _ in 0..readers {
        let value = Arc::clone(&value);
        group.go(move || {
            match exclusive {
                false => black_box(*value.read()),
                true => black_box(*value.write()),
            };
        });
    }
    writer.join().expect("the writer does not panic");
    group.wait();
    let elapsed = start.elapsed();
    let written = *value.read();
    (elapsed, written)
}
