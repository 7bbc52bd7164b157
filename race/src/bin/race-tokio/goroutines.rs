//! Workloads of starting, yielding and parking.

use std::pin::Pin;
use std::time::Instant;

use kanal::{AsyncSender, bounded_async};
use race::task::{Reply, Task, nanos_each};
use race::work::memory;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::group::WaitGroup;

/// What a recursive function of tasks gives: its future cannot contain itself.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(crate) async fn spawn(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let group = WaitGroup::new();
    let start = Instant::now();
    for _ in 0..goroutines {
        group.add(1);
        let group = group.clone();
        tokio::spawn(async move { group.done() });
    }
    group.wait().await;
    Reply::nanos_each(goroutines, start.elapsed(), goroutines)
}

pub(crate) async fn spawnjoin(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let mut sum = 0;
    let start = Instant::now();
    for number in 0..goroutines {
        sum += tokio::spawn(async move { number }).await.expect("it does not panic");
    }
    Reply::nanos_each(sum, start.elapsed(), goroutines)
}

pub(crate) async fn skynet(task: &Task) -> Reply {
    let start = Instant::now();
    let (tx, rx) = bounded_async(0);
    tokio::spawn(tree(tx, 0, task.size("leaves")));
    let sum = rx.recv().await.expect("the root sends its sum");
    Reply::millis(sum, start.elapsed())
}

fn tree(parent: AsyncSender<u64>, first: u64, leaves: u64) -> Boxed<()> {
    Box::pin(async move {
        if leaves == 1 {
            parent.send(first).await.expect("the parent waits");
            return;
        }
        let (tx, rx) = bounded_async(0);
        for child in 0..10 {
            tokio::spawn(tree(tx.clone(), first + child * (leaves / 10), leaves / 10));
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += rx.recv().await.expect("each child sends its sum");
        }
        parent.send(sum).await.expect("the parent waits");
    })
}

pub(crate) async fn fib(task: &Task) -> Reply {
    let start = Instant::now();
    let number = fibonacci(task.size("n")).await;
    Reply::millis(number, start.elapsed()).note("over channels for one value")
}

fn fibonacci(n: u64) -> Boxed<u64> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let (tx, left) = oneshot::channel();
        tokio::spawn(async move {
            tx.send(fibonacci(n - 1).await).expect("the caller waits");
        });
        let right = fibonacci(n - 2).await;
        left.await.expect("the left call answers") + right
    })
}

pub(crate) async fn yields(task: &Task) -> Reply {
    let (yields, goroutines) = (task.size("yields"), task.size("goroutines"));
    let start = Instant::now();
    let yielding: Vec<_> = (0..goroutines)
        .map(|_| {
            tokio::spawn(async move {
                let mut done = 0;
                for _ in 0..yields / goroutines {
                    yield_now().await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for goroutine in yielding {
        done += goroutine.await.expect("it does not panic");
    }
    Reply::nanos_each(done, start.elapsed(), yields)
}

pub(crate) async fn parked(task: &Task) -> Reply {
    let goroutines = task.size("goroutines");
    let (begin, wait) = bounded_async::<()>(0);
    let (ready, woken) = (WaitGroup::new(), WaitGroup::new());
    ready.add(goroutines);
    let before = memory();
    let start = Instant::now();
    for _ in 0..goroutines {
        woken.add(1);
        let (wait, ready, woken) = (wait.clone(), ready.clone(), woken.clone());
        tokio::spawn(async move {
            ready.done();
            let _closed = wait.recv().await;
            woken.done();
        });
    }
    ready.wait().await;
    let spawned = start.elapsed();
    let grown = memory() - before;
    let start = Instant::now();
    begin.close().expect("it is closed once");
    woken.wait().await;
    let wake = start.elapsed();
    Reply::answer(goroutines)
        .figure("bytes", grown as f64 / goroutines as f64)
        .figure("spawn", nanos_each(spawned, goroutines))
        .figure("wake", nanos_each(wake, goroutines))
}
