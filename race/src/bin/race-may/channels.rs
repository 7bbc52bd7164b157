//! Workloads of channels and select.

use std::time::Instant;

use may::go;
use may::sync::mpmc::channel;
use race::task::{Reply, Task};
use race::work::compute;

use crate::UNBOUNDED;

pub(crate) fn pingpong(task: &Task) -> Reply {
    let messages = task.size("messages");
    let (ping, pinged) = channel();
    let (pong, ponged) = channel();
    go!(move || {
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
    Reply::nanos_each(sum, start.elapsed(), messages).note(UNBOUNDED)
}

pub(crate) fn ring(task: &Task) -> Reply {
    let (hops, nodes) = (task.size("hops"), task.size("nodes"));
    let (stop, stopped) = channel();
    let (first, mut rx) = channel::<u64>();
    for node in 0..nodes {
        // The last one sends to the first.
        let (tx, next) = if node + 1 < nodes { channel() } else { (first.clone(), rx.clone()) };
        let (rx, stop) = (std::mem::replace(&mut rx, next), stop.clone());
        go!(move || {
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
    Reply::nanos_each(node, start.elapsed(), hops).note(UNBOUNDED)
}

pub(crate) fn pool(task: &Task) -> Reply {
    let (jobs, steps) = (task.size("jobs"), task.size("steps"));
    let start = Instant::now();
    let (tx, rx) = channel();
    let workers: Vec<_> = (0..task.size("workers"))
        .map(|_| {
            let rx = rx.clone();
            go!(move || rx.iter().fold(0, |sum: u64, job| sum.wrapping_add(compute(job, steps))))
        })
        .collect();
    for job in 0..jobs {
        tx.send(job).expect("workers are there");
    }
    drop(tx);
    let sums = workers.into_iter().map(|worker| worker.join().expect("workers do not panic"));
    let sum = sums.fold(0, u64::wrapping_add);
    Reply::millis(sum, start.elapsed()).note(UNBOUNDED)
}
