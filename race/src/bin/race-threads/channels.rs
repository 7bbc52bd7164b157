//! Workloads of channels and select.

use std::thread;
use std::time::Instant;

use crossbeam_channel::{Sender, bounded, select};
use race::task::{Reply, Task};
use race::work::compute;

pub(crate) fn ctxswitch(task: &Task) -> Reply {
    let messages = task.size("messages");
    let (begin, begun) = bounded::<()>(0);
    let (tx, rx) = bounded::<()>(0);
    let sender = thread::spawn({
        let begun = begun.clone();
        move || {
            let _closed = begun.recv();
            for _ in 0..messages {
                tx.send(()).expect("the receiver is there");
            }
        }
    });
    let receiver = thread::spawn(move || {
        let _closed = begun.recv();
        let mut received = 0;
        for _ in 0..messages {
            received += rx.recv().is_ok() as u64;
        }
        received
    });
    let start = Instant::now();
    drop(begin);
    let received = receiver.join().expect("the receiver does not panic");
    sender.join().expect("the sender does not panic");
    Reply::nanos_each(received, start.elapsed(), messages)
}

pub(crate) fn pingpong(task: &Task) -> Reply {
    let messages = task.size("messages");
    let (ping, pinged) = bounded(0);
    let (pong, ponged) = bounded(0);
    thread::spawn(move || {
        for number in &pinged {
            pong.send(number).expect("somebody listens");
        }
    });
    let mut sum = 0;
    let start = Instant::now();
    for number in 0..messages {
        ping.send(number).expect("the echo is there");
        sum += ponged.recv().expect("the echo answers");
    }
    Reply::nanos_each(sum, start.elapsed(), messages)
}

pub(crate) fn flow(task: &Task) -> Reply {
    let (messages, producers, consumers) = (task.size("messages"), task.size("producers"), task.size("consumers"));
    let start = Instant::now();
    let (tx, rx) = bounded(task.count("capacity"));
    for first in 0..producers {
        let tx = tx.clone();
        thread::spawn(move || {
            for number in (first..messages).step_by(producers as usize) {
                tx.send(number).expect("consumers are there");
            }
        });
    }
    // The last producer to end closes the channel.
    drop(tx);
    let consumers: Vec<_> = (0..consumers)
        .map(|_| {
            let rx = rx.clone();
            thread::spawn(move || rx.iter().sum::<u64>())
        })
        .collect();
    let sum = consumers.into_iter().map(|consumer| consumer.join().expect("consumers do not panic")).sum();
    Reply::nanos_each(sum, start.elapsed(), messages)
}

pub(crate) fn select3(task: &Task) -> Reply {
    let messages = task.size("messages");
    let (tx_even, even) = bounded(0);
    let (tx_odd, odd) = bounded(0);
    let (_quit, quitting) = bounded::<()>(0);
    let start = Instant::now();
    // They get clones: a channel that lost its last sender is closed, which makes its case ready.
    let tx = tx_even.clone();
    thread::spawn(move || produce(tx, 0, messages));
    let tx = tx_odd.clone();
    thread::spawn(move || produce(tx, 1, messages));
    let consumer = thread::spawn(move || {
        let mut sum = 0;
        for _ in 0..messages {
            select! {
                recv(even) -> number => sum += number.expect("the producer has more"),
                recv(odd) -> number => sum += number.expect("the producer has more"),
                recv(quitting) -> _ => break,
            }
        }
        sum
    });
    let sum = consumer.join().expect("the consumer does not panic");
    Reply::nanos_each(sum, start.elapsed(), messages)
}

/// Sends every other number below `messages`.
fn produce(tx: Sender<u64>, first: u64, messages: u64) {
    for number in (first..messages).step_by(2) {
        tx.send(number).expect("the consumer is there");
    }
}

pub(crate) fn ring(task: &Task) -> Reply {
    let (hops, nodes) = (task.size("hops"), task.size("nodes"));
    let (stop, stopped) = bounded(0);
    let (first, mut rx) = bounded::<u64>(0);
    for node in 0..nodes {
        // The last one sends to the first.
        let (tx, next) = if node + 1 < nodes { bounded(0) } else { (first.clone(), rx.clone()) };
        let (rx, stop) = (std::mem::replace(&mut rx, next), stop.clone());
        thread::spawn(move || {
            for left in &rx {
                match left {
                    0 => stop.send(node).expect("somebody waits for the token"),
                    _ => tx.send(left - 1).expect("the ring is closed"),
                }
            }
        });
    }
    let lap = |hops: u64| {
        first.send(hops).expect("the ring is closed");
        stopped.recv().expect("the token stops")
    };
    lap(nodes);
    let start = Instant::now();
    let node = lap(hops);
    Reply::nanos_each(node, start.elapsed(), hops)
}

pub(crate) fn pool(task: &Task) -> Reply {
    let (jobs, steps) = (task.size("jobs"), task.size("steps"));
    let start = Instant::now();
    let (tx, rx) = bounded(0);
    let workers: Vec<_> = (0..task.size("workers"))
        .map(|_| {
            let rx = rx.clone();
            thread::spawn(move || rx.iter().fold(0, |sum: u64, job| sum.wrapping_add(compute(job, steps))))
        })
        .collect();
    for job in 0..jobs {
        tx.send(job).expect("workers are there");
    }
    drop(tx);
    let sums = workers.into_iter().map(|worker| worker.join().expect("workers do not panic"));
    let sum = sums.fold(0, u64::wrapping_add);
    Reply::millis(sum, start.elapsed())
}
