//! Workloads of locks.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use race::measure::{add_reader_test, reader_tests};
use race::task::{Reply, Task};
use tokio::sync::{Mutex, RwLock};

use crate::group::WaitGroup;

pub(crate) async fn mutex(task: &Task) -> Reply {
    let (locks, goroutines) = (task.size("locks"), task.size("goroutines"));
    let count = Arc::new(Mutex::new(0));
    let group = WaitGroup::new();
    let start = Instant::now();
    for _ in 0..goroutines {
        group.add(1);
        let (count, group) = (Arc::clone(&count), group.clone());
        tokio::spawn(async move {
            for _ in 0..locks / goroutines {
                *count.lock().await += 1;
            }
            group.done();
        });
    }
    group.wait().await;
    let elapsed = start.elapsed();
    let count = *count.lock().await;
    Reply::nanos_each(count, elapsed, locks)
}

pub(crate) async fn rwlock(task: &Task) -> Reply {
    let mut reply = Reply::answer(0);
    for (readers, exclusive) in reader_tests(task) {
        let result = test(task.size("writes"), readers, exclusive).await;
        reply = add_reader_test(reply, (readers, exclusive), result);
    }
    reply
}

/// How long it takes a writer and `readers` readers until all are done, and how often the writer wrote.
async fn test(writes: u64, readers: u64, exclusive: bool) -> (Duration, u64) {
    let value = Arc::new(RwLock::new(0));
    let group = WaitGroup::new();
    let start = Instant::now();
    let writer = {
        let value = Arc::clone(&value);
        tokio::spawn(async move {
            for _ in 0..writes {
                *value.write().await += 1;
                tokio::time::sleep(Duration::from_nanos(1)).await;
            }
        })
    };
    for _ in 0..readers {
        group.add(1);
        let (value, group) = (Arc::clone(&value), group.clone());
        tokio::spawn(async move {
            match exclusive {
                false => black_box(*value.read().await),
                true => black_box(*value.write().await),
            };
            group.done();
        });
    }
    writer.await.expect("the writer does not panic");
    group.wait().await;
    let elapsed = start.elapsed();
    let written = *value.read().await;
    (elapsed, written)
}
