//! Workloads of starting, yielding and parking.

use std::time::Instant;

use may::coroutine::yield_now;
use may::go;
use may::sync::WaitGroup;
use may::sync::mpmc::{Sender, channel};
use race::task::{Reply, Task, nanos_each};
use race::work::memory;

use crate::UNBOUNDED;

pub(crate) fn spawn(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let group = WaitGroup::new();
    let start = Instant::now();
    for _ in 0..goroutines {
        let group = group.clone();
        go!(move || drop(group));
    }
    group.wait();
    Reply::nanos_each(goroutines, start.elapsed(), goroutines)
}

pub(crate) fn spawnjoin(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let mut sum = 0;
    let start = Instant::now();
    for number in 0..goroutines {
        sum += go!(move || number).join().expect("it does not panic");
    }
    Reply::nanos_each(sum, start.elapsed(), goroutines)
}

pub(crate) fn skynet(task: &Task) -> Reply {
    let start = Instant::now();
    let (tx, rx) = channel();
    let leaves = task.size("leaves");
    go!(move || tree(tx, 0, leaves));
    let sum = rx.recv().expect("the root sends its sum");
    Reply::millis(sum, start.elapsed()).note(UNBOUNDED)
}

fn tree(parent: Sender<u64>, first: u64, leaves: u64) {
    if leaves == 1 {
        parent.send(first).expect("the parent waits");
        return;
    }
    let (tx, rx) = channel();
    for child in 0..10 {
        let tx = tx.clone();
        go!(move || tree(tx, first + child * (leaves / 10), leaves / 10));
    }
    let sum = (0..10).map(|_| rx.recv().expect("each child sends its sum")).sum();
    parent.send(sum).expect("the parent waits");
}

pub(crate) fn fib(task: &Task) -> Reply {
    let start = Instant::now();
    let number = fibonacci(task.size("n"));
    Reply::millis(number, start.elapsed()).note(UNBOUNDED)
}

fn fibonacci(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (tx, left) = channel();
    go!(move || {
        tx.send(fibonacci(n - 1)).expect("the caller waits");
    });
    let right = fibonacci(n - 2);
    left.recv().expect("the left call answers") + right
}

pub(crate) fn yields(task: &Task) -> Reply {
    let (yields, goroutines) = (task.size("yields"), task.size("goroutines"));
    let start = Instant::now();
    let yielding: Vec<_> = (0..goroutines)
        .map(|_| {
            go!(move || {
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

pub(crate) fn parked(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let (begin, wait) = channel::<()>();
    let (ready, woken) = (WaitGroup::new(), WaitGroup::new());
    let before = memory();
    let start = Instant::now();
    for _ in 0..goroutines {
        let (wait, ready, woken) = (wait.clone(), ready.clone(), woken.clone());
        go!(move || {
            drop(ready);
            let _closed = wait.recv();
            drop(woken);
        });
    }
    ready.wait();
    let spawned = start.elapsed();
    let grown = memory() - before;
    let start = Instant::now();
    drop(begin);
    woken.wait();
    let woken = start.elapsed();
    Reply::answer(goroutines)
        .figure("bytes", grown as f64 / goroutines as f64)
        .figure("spawn", nanos_each(spawned, goroutines))
        .figure("wake", nanos_each(woken, goroutines))
}
