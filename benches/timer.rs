//! What timers cost, and how late they are.
//!
//! - `make_and_stop`: a timer of a minute is made and stopped, beside a hundred thousand of an hour.
//! - `arm_and_stop`: the same, but in between somebody asks for its receiver.
//! - `after_and_drop`: the same with the channel of `after`, which is dropped.
//! - `put_off`: a timer that somebody may receive from is set to a minute from now, again and again.
//! - `timeout`: a receive with a limit of a minute that is never reached: the value comes. The time is that of a round trip.
//! - `sleep_50us`: one goroutine sleeps for 50 µs, and nobody else runs. What is above 50 µs is how late it wakes.
//! - `sleepers`: a thousand goroutines sleep until moments that are spread over 1 ms; until the last is awake.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::{Criterion, criterion_group, criterion_main};
use gocsp::time::{self, Timer};
use gocsp::{channel, go, scope};

const MINUTE: Duration = Duration::from_secs(60);

fn timers(criterion: &mut Criterion) {
    let operations: [(&str, Timed); 7] = [
        ("make_and_stop", make_and_stop),
        ("arm_and_stop", arm_and_stop),
        ("after_and_drop", after_and_drop),
        ("put_off", put_off),
        ("timeout", timeout),
        ("sleep_50us", sleep),
        ("sleepers", sleepers),
    ];
    for (name, timed) in operations {
        let mut group = criterion.benchmark_group(name);
        on_goroutines(&mut group, timed);
        group.finish();
    }
}

fn make_and_stop(count: u64) -> Duration {
    beside_armed(count, || black_box(Timer::new(MINUTE)).stop())
}

fn arm_and_stop(count: u64) -> Duration {
    beside_armed(count, || {
        let timer = Timer::new(MINUTE);
        black_box(timer.receiver());
        timer.stop()
    })
}

fn after_and_drop(count: u64) -> Duration {
    beside_armed(count, || black_box(time::after(MINUTE)).is_empty())
}

fn put_off(count: u64) -> Duration {
    let timer = Timer::new(MINUTE);
    black_box(timer.receiver());
    beside_armed(count, || timer.reset(MINUTE))
}

/// Times so many operations beside a hundred thousand timers that are armed.
fn beside_armed(count: u64, operation: impl Fn() -> bool) -> Duration {
    let armed: Vec<_> = (0..100_000).map(|_| time::after(60 * MINUTE)).collect();
    let start = Instant::now();
    for _ in 0..count {
        assert!(operation());
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
