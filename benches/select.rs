//! What it costs to wait for one of several channels.
//!
//! - `two_producers`: a consumer selects on the unbuffered channels of two producers, and on one on which nothing comes. The
//!   time is that of one message. `two_producers_dynamic` does the same with a `Select` that is used again and again.
//! - `ready`: a select of three, of which one has a value in its buffer.
//! - `default`: a select of three in which nothing is ready.
//! - `timeout`: a select that waits for an answer, with a limit of a minute that it never reaches.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::{Criterion, criterion_group, criterion_main};
use gocsp::{Select, Sender, channel, go, select};

fn selects(criterion: &mut Criterion) {
    let operations: [(&str, Timed); 5] = [
        ("two_producers", two_producers),
        ("two_producers_dynamic", two_producers_dynamic),
        ("ready", ready),
        ("default", default),
        ("timeout", timeout),
    ];
    for (name, timed) in operations {
        let mut group = criterion.benchmark_group(name);
        on_goroutines(&mut group, timed);
        group.finish();
    }
}

fn two_producers(count: u64) -> Duration {
    let (a, from_a) = channel(0);
    let (b, from_b) = channel(0);
    let (_quit, quitted) = channel::<()>(0);
    go!(produce(a.clone(), count / 2));
    go!(produce(b.clone(), count - count / 2));
    let start = Instant::now();
    for _ in 0..count {
        select! {
            recv(from_a) -> number => _ = black_box(number),
            recv(from_b) -> number => _ = black_box(number),
            recv(quitted) -> _ => unreachable!("nobody quits"),
        }
    }
    start.elapsed()
}

fn two_producers_dynamic(count: u64) -> Duration {
    let (a, from_a) = channel(0);
    let (b, from_b) = channel(0);
    let (_quit, quitted) = channel::<()>(0);
    go!(produce(a.clone(), count / 2));
    go!(produce(b.clone(), count - count / 2));
    let mut select = Select::new();
    let (of_a, of_b) = (select.recv(&from_a), select.recv(&from_b));
    select.recv(&quitted);
    let start = Instant::now();
    for _ in 0..count {
        let selected = select.select();
        let number = match selected.index() {
            index if index == of_a => selected.recv(&from_a),
            index if index == of_b => selected.recv(&from_b),
            _ => unreachable!("nobody quits"),
        };
        _ = black_box(number);
    }
    start.elapsed()
}

fn produce(tx: Sender<u64>, count: u64) {
    for number in 0..count {
        tx.send(number).expect("the consumer is there");
    }
}

fn ready(count: u64) -> Duration {
    let (tx, rx) = channel(1);
    let (_other_tx, other) = channel::<u64>(1);
    let (_third_tx, third) = channel::<u64>(1);
    let start = Instant::now();
    for number in 0..count {
        tx.send(number).expect("there is room");
        select! {
            recv(rx) -> number => _ = black_box(number),
            recv(other) -> _ => unreachable!("nothing was sent"),
            recv(third) -> _ => unreachable!("nothing was sent"),
        }
    }
    start.elapsed()
}

fn default(count: u64) -> Duration {
    let (_tx, rx) = channel::<u64>(0);
    let (_other_tx, other) = channel::<u64>(0);
    let (_third_tx, third) = channel::<u64>(0);
    let start = Instant::now();
    for _ in 0..count {
        select! {
            recv(rx) -> _ => unreachable!("nothing was sent"),
            recv(other) -> _ => unreachable!("nothing was sent"),
            recv(third) -> _ => unreachable!("nothing was sent"),
            default => {}
        }
    }
    start.elapsed()
}

fn timeout(count: u64) -> Duration {
    let (ask, asked) = channel(0);
    let (answer, answered) = channel(0);
    go! {
        for number in &asked {
            answer.send(number).expect("somebody listens");
        }
    };
    let start = Instant::now();
    for number in 0..count {
        ask.send(number).expect("the answerer is there");
        select! {
            recv(answered) -> number => _ = black_box(number),
            default(Duration::from_secs(60)) => unreachable!("the answer comes"),
        }
    }
    start.elapsed()
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = selects
}
criterion_main!(benches);
