//! Workloads of channels and select.

use std::pin::pin;
use std::time::Instant;

use kanal::{AsyncReceiver, AsyncSender, bounded_async};
use race::task::{Reply, Task};
use race::work::compute;
use tokio::sync::mpsc;

use crate::group::WaitGroup;

pub(crate) async fn ctxswitch(task: &Task) -> Reply {
    let messages = task.size("messages");
    let (begin, begun) = bounded_async::<()>(0);
    let (tx, rx) = bounded_async::<()>(0);
    let group = WaitGroup::new();
    group.add(1);
    tokio::spawn({
        let (group, begun) = (group.clone(), begun.clone());
        async move {
            let _closed = begun.recv().await;
            for _ in 0..messages {
                tx.send(()).await.expect("the receiver is there");
            }
            group.done();
        }
    });
    let receiver = tokio::spawn(async move {
        let _closed = begun.recv().await;
        let mut received = 0;
        for _ in 0..messages {
            received += rx.recv().await.is_ok() as u64;
        }
        received
    });
    let start = Instant::now();
    begin.close().expect("it is closed once");
    let received = receiver.await.expect("the receiver does not panic");
    group.wait().await;
    Reply::nanos_each(received, start.elapsed(), messages)
}

pub(crate) async fn pingpong(task: &Task) -> Reply {
    let messages = task.size("messages");
    let (ping, pinged) = bounded_async(0);
    let (pong, ponged) = bounded_async(0);
    tokio::spawn(async move {
        while let Ok(number) = pinged.recv().await {
            pong.send(number).await.expect("somebody listens");
        }
    });
    let mut sum = 0;
    let start = Instant::now();
    for number in 0..messages {
        ping.send(number).await.expect("the echo is there");
        sum += ponged.recv().await.expect("the echo answers");
    }
    Reply::nanos_each(sum, start.elapsed(), messages)
}

/// Whether tokio has such a channel itself.
pub(crate) fn fits_mpsc(task: &Task) -> bool {
    task.size("capacity") > 0 && task.size("consumers") == 1
}

pub(crate) async fn flow(task: &Task) -> Reply {
    if fits_mpsc(task) && task.contender != "tokio-kanal" {
        return flow_over_mpsc(task).await;
    }
    let (messages, producers, consumers) = (task.size("messages"), task.size("producers"), task.size("consumers"));
    let start = Instant::now();
    let (tx, rx) = bounded_async(task.count("capacity"));
    for first in 0..producers {
        let tx = tx.clone();
        tokio::spawn(async move {
            for number in (first..messages).step_by(producers as usize) {
                tx.send(number).await.expect("consumers are there");
            }
        });
    }
    // The last producer to end closes the channel.
    drop(tx);
    let consumers: Vec<_> = (0..consumers)
        .map(|_| {
            let rx = rx.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                while let Ok(number) = rx.recv().await {
                    sum += number;
                }
                sum
            })
        })
        .collect();
    let mut sum = 0;
    for consumer in consumers {
        sum += consumer.await.expect("consumers do not panic");
    }
    let reply = Reply::nanos_each(sum, start.elapsed(), messages);
    if task.size("capacity") > 0 { reply.note("over a channel of kanal") } else { reply }
}

async fn flow_over_mpsc(task: &Task) -> Reply {
    let (messages, producers) = (task.size("messages"), task.size("producers"));
    let start = Instant::now();
    let (tx, mut rx) = mpsc::channel(task.count("capacity"));
    for first in 0..producers {
        let tx = tx.clone();
        tokio::spawn(async move {
            for number in (first..messages).step_by(producers as usize) {
                tx.send(number).await.expect("the consumer is there");
            }
        });
    }
    drop(tx);
    let consumer = tokio::spawn(async move {
        let mut sum = 0;
        while let Some(number) = rx.recv().await {
            sum += number;
        }
        sum
    });
    let sum = consumer.await.expect("the consumer does not panic");
    Reply::nanos_each(sum, start.elapsed(), messages).note("over a channel of tokio")
}

pub(crate) async fn select3(task: &Task) -> Reply {
    let messages = task.size("messages");
    let (tx_even, even) = bounded_async(0);
    let (tx_odd, odd) = bounded_async(0);
    let (_quit, quitting) = bounded_async::<()>(0);
    let start = Instant::now();
    // They get clones: a channel that lost its last sender is closed, which makes its case ready.
    tokio::spawn(produce(tx_even.clone(), 0, messages));
    tokio::spawn(produce(tx_odd.clone(), 1, messages));
    let consumer = tokio::spawn(async move {
        // Futures of kanal are polled until they are done, as a dropped one may have received something. It is faster, too.
        let mut even_number = pin!(even.recv());
        let mut odd_number = pin!(odd.recv());
        let mut quit = pin!(quitting.recv());
        let mut sum = 0;
        for _ in 0..messages {
            tokio::select! {
                number = &mut even_number => {
                    sum += number.expect("the producer has more");
                    even_number.set(even.recv());
                }
                number = &mut odd_number => {
                    sum += number.expect("the producer has more");
                    odd_number.set(odd.recv());
                }
                _ = &mut quit => break,
            }
        }
        sum
    });
    let sum = consumer.await.expect("the consumer does not panic");
    Reply::nanos_each(sum, start.elapsed(), messages)
}

/// Sends every other number below `messages`.
async fn produce(tx: AsyncSender<u64>, first: u64, messages: u64) {
    for number in (first..messages).step_by(2) {
        tx.send(number).await.expect("the consumer is there");
    }
}

pub(crate) async fn ring(task: &Task) -> Reply {
    let (hops, nodes) = (task.size("hops"), task.size("nodes"));
    let (stop, stopped) = bounded_async(0);
    let (first, mut rx) = bounded_async::<u64>(0);
    for node in 0..nodes {
        // The last one sends to the first.
        let (tx, next) = if node + 1 < nodes { bounded_async(0) } else { (first.clone(), rx.clone()) };
        let (rx, stop) = (std::mem::replace(&mut rx, next), stop.clone());
        tokio::spawn(async move {
            while let Ok(left) = rx.recv().await {
                match left {
                    0 => stop.send(node).await.expect("somebody waits for the token"),
                    _ => tx.send(left - 1).await.expect("the ring is closed"),
                }
            }
        });
    }
    let lap = async |hops: u64| {
        first.send(hops).await.expect("the ring is closed");
        stopped.recv().await.expect("the token stops")
    };
    lap(nodes).await;
    let start = Instant::now();
    let node = lap(hops).await;
    Reply::nanos_each(node, start.elapsed(), hops)
}

pub(crate) async fn sieve(task: &Task) -> Reply {
    let start = Instant::now();
    let (quit, quitting) = bounded_async::<()>(0);
    let (tx, mut numbers) = bounded_async(0);
    tokio::spawn(generate(tx, quitting.clone()));
    let mut prime = 0;
    for _ in 0..task.size("nth") {
        prime = numbers.recv().await.expect("there is no last prime");
        let (tx, rx) = bounded_async(0);
        tokio::spawn(filter(prime, std::mem::replace(&mut numbers, rx), tx, quitting.clone()));
    }
    let elapsed = start.elapsed();
    quit.close().expect("it is closed once");
    Reply::millis(prime, elapsed)
}

async fn generate(tx: AsyncSender<u64>, quit: AsyncReceiver<()>) {
    let mut quit = pin!(quit.recv());
    for number in 2.. {
        tokio::select! {
            _ = tx.send(number) => {}
            _ = &mut quit => return,
        }
    }
}

async fn filter(prime: u64, rx: AsyncReceiver<u64>, tx: AsyncSender<u64>, quit: AsyncReceiver<()>) {
    let mut quit = pin!(quit.recv());
    loop {
        let number = tokio::select! {
            // Without a number, the stage before has ended first.
            number = rx.recv() => match number {
                Ok(number) => number,
                Err(_) => return,
            },
            _ = &mut quit => return,
        };
        if number % prime != 0 {
            tokio::select! {
                _ = tx.send(number) => {}
                _ = &mut quit => return,
            }
        }
    }
}

pub(crate) async fn pool(task: &Task) -> Reply {
    let (jobs, steps) = (task.size("jobs"), task.size("steps"));
    let start = Instant::now();
    let (tx, rx) = bounded_async(0);
    let workers: Vec<_> = (0..task.size("workers"))
        .map(|_| {
            let rx = rx.clone();
            tokio::spawn(async move {
                let mut sum = 0u64;
                while let Ok(job) = rx.recv().await {
                    sum = sum.wrapping_add(compute(job, steps));
                }
                sum
            })
        })
        .collect();
    for job in 0..jobs {
        tx.send(job).await.expect("workers are there");
    }
    drop(tx);
    let mut sum = 0u64;
    for worker in workers {
        sum = sum.wrapping_add(worker.await.expect("workers do not panic"));
    }
    Reply::millis(sum, start.elapsed())
}
