//! What it costs to move values through channels, where that is not one rendezvous after the other
//! (`context_switch` measures those).
//!
//! - `buffered` and `unbuffered_4x4`, `buffered_4x4`: producers send, consumers receive, 1 and 1 or 4 and 4 of them, through
//!   a channel with 128 places or none. The time is that of one message.
//! - `oneshot`: a channel is made, one value goes through its one place, and it is dropped.
//! - `try_recv`: a look into a channel in which there is nothing.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::{Criterion, criterion_group, criterion_main};
use gocsp::{channel, scope};

fn channels(criterion: &mut Criterion) {
    let operations: [(&str, Timed); 5] = [
        ("buffered", |count| flow(count, 128, 1)),
        ("unbuffered_4x4", |count| flow(count, 0, 4)),
        ("buffered_4x4", |count| flow(count, 128, 4)),
        ("oneshot", oneshot),
        ("try_recv", try_recv),
    ];
    for (name, timed) in operations {
        let mut group = criterion.benchmark_group(name);
        on_goroutines(&mut group, timed);
        group.finish();
    }
}

/// `pairs` producers send `count` messages in all, and as many consumers receive them.
fn flow(count: u64, capacity: usize, pairs: u64) -> Duration {
    let (tx, rx) = channel(capacity);
    let start = Instant::now();
    scope(|scope| {
        for pair in 0..pairs {
            let (tx, rx) = (tx.clone(), rx.clone());
            scope.go(move || {
                for number in (pair..count).step_by(pairs as usize) {
                    tx.send(number).expect("the consumers are there");
                }
            });
            scope.go(move || rx.iter().for_each(|number| _ = black_box(number)));
        }
        drop(tx);
    });
    start.elapsed()
}

fn oneshot(count: u64) -> Duration {
    let start = Instant::now();
    for number in 0..count {
        let (tx, rx) = channel(1);
        tx.send(number).expect("there is room");
        black_box(rx.recv().expect("it was sent"));
    }
    start.elapsed()
}

fn try_recv(count: u64) -> Duration {
    let (_tx, rx) = channel::<u64>(1);
    let start = Instant::now();
    for _ in 0..count {
        black_box(rx.try_recv().expect_err("nothing was sent"));
    }
    start.elapsed()
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = channels
}
criterion_main!(benches);
