//! What it costs to hand a message from one goroutine to another, beside the same over threads of the system.
//!
//! `context_switch` is the benchmark of that name from "Concurrency in Go": a sender and a receiver wait for `begin` to be
//! closed, then pass empty messages over an unbuffered channel. The time is that of one message.
//!
//! `ping_pong` passes a number back and forth between two parties over two unbuffered channels. The time is that of
//! one round trip.
//!
//! Both run on runtimes of one and of two procs in the default mode, and over two threads with crossbeam-channel. Starting
//! the parties is outside of what is measured, but for their very first step.

mod common;

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use gocsp::sync::WaitGroup;
use gocsp::{channel, go};

fn context_switch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("context_switch");
    on_goroutines(&mut group, messages_between_goroutines);
    on_threads(&mut group, messages_between_threads);
    group.finish();
}

fn ping_pong(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ping_pong");
    on_goroutines(&mut group, round_trips_between_goroutines);
    on_threads(&mut group, round_trips_between_threads);
    group.finish();
}

fn on_threads(group: &mut BenchmarkGroup<'_, WallTime>, timed: Timed) {
    group.bench_function(BenchmarkId::new("threads", "crossbeam-channel"), |bencher| bencher.iter_custom(timed));
}

fn messages_between_goroutines(count: u64) -> Duration {
    let done = WaitGroup::new();
    let (begin, begun) = channel::<()>(0);
    let (tx, rx) = channel::<()>(0);
    done.add(2);
    let sender = {
        let (done, begun) = (done.clone(), begun.clone());
        move || {
            let _closed = begun.recv();
            for _ in 0..count {
                tx.send(()).expect("the receiver is there");
            }
            done.done();
        }
    };
    let receiver = {
        let done = done.clone();
        move || {
            let _closed = begun.recv();
            for _ in 0..count {
                rx.recv().expect("the sender is there");
            }
            done.done();
        }
    };
    go!(sender());
    go!(receiver());
    let start = Instant::now();
    begin.close().expect("it is closed once");
    done.wait();
    start.elapsed()
}

fn messages_between_threads(count: u64) -> Duration {
    let (begin, begun) = crossbeam_channel::bounded::<()>(0);
    let (tx, rx) = crossbeam_channel::bounded::<()>(0);
    let sender = thread::spawn({
        let begun = begun.clone();
        move || {
            let _closed = begun.recv();
            for _ in 0..count {
                tx.send(()).expect("the receiver is there");
            }
        }
    });
    let receiver = thread::spawn(move || {
        let _closed = begun.recv();
        for _ in 0..count {
            rx.recv().expect("the sender is there");
        }
    });
    let start = Instant::now();
    drop(begin);
    sender.join().expect("the sender does not panic");
    receiver.join().expect("the receiver does not panic");
    start.elapsed()
}

fn round_trips_between_goroutines(count: u64) -> Duration {
    let (ping, pinged) = channel(0);
    let (pong, ponged) = channel(0);
    let echo = go! {
        for number in &pinged {
            pong.send(number).expect("somebody listens");
        }
    };
    let start = Instant::now();
    for number in 0..count {
        ping.send(number).expect("the echo is there");
        black_box(ponged.recv().expect("the echo answers"));
    }
    let elapsed = start.elapsed();
    drop(ping);
    echo.join().expect("the echo does not panic");
    elapsed
}

fn round_trips_between_threads(count: u64) -> Duration {
    let (ping, pinged) = crossbeam_channel::bounded(0);
    let (pong, ponged) = crossbeam_channel::bounded(0);
    let echo = thread::spawn(move || {
        for number in &pinged {
            pong.send(number).expect("somebody listens");
        }
    });
    let start = Instant::now();
    for number in 0..count {
        ping.send(number).expect("the echo is there");
        black_box(ponged.recv().expect("the echo answers"));
    }
    let elapsed = start.elapsed();
    drop(ping);
    echo.join().expect("the echo does not panic");
    elapsed
}

criterion_group!(benches, context_switch, ping_pong);
criterion_main!(benches);
