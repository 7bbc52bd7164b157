//! What contexts cost.
//!
//! - `with_cancel`: a context is derived from one that can end, and dropped.
//! - `with_timeout`: one with a deadline is derived, cancelled and dropped.
//! - `err`: a context that has not ended is asked whether it has.
//! - `done`: the channel of such a context is looked at.
//! - `cancel`: a context with 1,000 and with 10,000 children is cancelled; with 10,000 also where a goroutine waits for each
//!   of them.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::{Criterion, criterion_group, criterion_main};
use gocsp::context::Context;
use gocsp::{go, yield_now};

const MINUTE: Duration = Duration::from_secs(60);

fn contexts(criterion: &mut Criterion) {
    let operations: [(&str, Timed); 7] = [
        ("with_cancel", with_cancel),
        ("with_timeout", with_timeout),
        ("err", err),
        ("done", done),
        ("cancel_1000", |count| cancel(count, 1_000, false)),
        ("cancel_10000", |count| cancel(count, 10_000, false)),
        ("cancel_10000_awaited", |count| cancel(count, 10_000, true)),
    ];
    for (name, timed) in operations {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
        on_goroutines(&mut group, timed);
        group.finish();
    }
}

fn repeat(count: u64, mut operation: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        operation();
    }
    start.elapsed()
}

fn with_cancel(count: u64) -> Duration {
    let (parent, _cancel) = Context::background().with_cancel();
    repeat(count, || drop(black_box(parent.with_cancel())))
}

fn with_timeout(count: u64) -> Duration {
    let (parent, _cancel) = Context::background().with_cancel();
    repeat(count, || {
        let (context, cancel) = parent.with_timeout(MINUTE);
        cancel.cancel();
        drop(black_box(context));
    })
}

fn err(count: u64) -> Duration {
    let (context, _cancel) = Context::background().with_cancel();
    repeat(count, || assert!(black_box(&context).err().is_none()))
}

fn done(count: u64) -> Duration {
    let (context, _cancel) = Context::background().with_cancel();
    repeat(count, || assert!(black_box(&context).done().try_recv().is_err()))
}

/// The time until `cancel` returns.
fn cancel(count: u64, children: usize, awaited: bool) -> Duration {
    let mut sum = Duration::ZERO;
    for _ in 0..count {
        let (parent, cancel) = Context::background().with_cancel();
        let children: Vec<_> = (0..children).map(|_| parent.with_cancel().0).collect();
        let waiters: Vec<_> = children
            .iter()
            .filter(|_| awaited)
            .map(|child| {
                let child = child.clone();
                go!(move || child.done().recv())
            })
            .collect();
        yield_now();
        let start = Instant::now();
        cancel.cancel();
        sum += start.elapsed();
        waiters.into_iter().for_each(|waiter| assert!(waiter.join().is_ok()));
    }
    sum
}

criterion_group!(benches, contexts);
criterion_main!(benches);
