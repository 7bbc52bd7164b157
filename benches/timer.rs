//! What timers cost, and how late they are.
//!
//! - `make_and_drop`: a timer of a minute is made, and dropped, beside ten thousand of an hour.
//! - `timeout`: a receive with a limit of a minute that is never reached: the value comes. The time is that of a round trip.
//! - `sleep_50us`: one goroutine sleeps for 50 µs, and nobody else runs. What is above 50 µs is how late it wakes.
//! - `sleepers`: a thousand goroutines sleep until moments that are spread over 1 ms; until the last is awake.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::{Criterion, criterion_group, criterion_main};
use gocsp::{channel, go, scope, time};

fn timers(criterion: &mut Criterion) {
    let operations: [(&str, Timed); 4] =
        [("make_and_drop", make_and_drop), ("timeout", timeout), ("sleep_50us", sleep), ("sleepers", sleepers)];
    for (name, timed) in operations {
        let mut group = criterion.benchmark_group(name);
        on_goroutines(&mut group, timed);
        group.finish();
    }
}

fn make_and_drop(count: u64) -> Duration {
    let armed: Vec<_> = (0..10_000).map(|_| time::after(Duration::from_secs(3600))).collect();
    let start = Instant::now();
    for _ in 0..count {
        drop(black_box(time::after(Duration::from_secs(60))));
    }
    let elapsed = start.elapsed();
    drop(armed);
    elapsed
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
        black_box(answered.recv_timeout(Duration::from_secs(60)).expect("the answer comes"));
    }
    start.elapsed()
}

fn sleep(count: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        time::sleep(Duration::from_micros(50));
    }
    start.elapsed()
}

fn sleepers(count: u64) -> Duration {
    const SLEEPERS: u64 = 1_000;
    let start = Instant::now();
    for _ in 0..count {
        let first = Instant::now();
        scope(|scope| {
            for number in 0..SLEEPERS {
                // A prime that does not divide the number: all moments, in no order.
                let due = first + Duration::from_micros(number * 619 % SLEEPERS);
                scope.go(move || time::sleep_until(due));
            }
        });
    }
    start.elapsed()
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = timers
}
criterion_main!(benches);
