//! What it costs to take a lock and give it back.
//!
//! - `uncontended`: nobody else wants the lock; beside the locks of parking_lot and of the standard library.
//! - `mutex_1`, `mutex_8`: one goroutine, or eight, count under one lock. The time is that of one lock and unlock.
//! - `mutex_8_yielding`: eight that yield while they hold the lock, so that the others have to wait.
//! - `read`, `write`: a read-write lock that nobody else wants.
//! - `read_8`: eight goroutines read under one lock.

mod common;

use std::hint::black_box;
use std::sync::Mutex as StdMutex;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::{Criterion, criterion_group, criterion_main};
use gocsp::sync::{Mutex, RwLock};
use gocsp::{Runtime, scope, yield_now};

fn locks(criterion: &mut Criterion) {
    let operations: [(&str, Timed); 6] = [
        ("mutex_1", |count| mutex(count, 1, || ())),
        ("mutex_8", |count| mutex(count, 8, || ())),
        ("mutex_8_yielding", |count| mutex(count, 8, yield_now)),
        ("read", |count| read(count, 1)),
        ("write", write),
        ("read_8", |count| read(count, 8)),
    ];
    let peers: [(&str, Timed); 3] = [
        ("gocsp", uncontended::<Mutex<u64>>),
        ("parking_lot", uncontended::<parking_lot::Mutex<u64>>),
        ("std", uncontended::<StdMutex<u64>>),
    ];
    let mut group = criterion.benchmark_group("uncontended");
    let runtime = Runtime::builder().procs(1).build().expect("threads can be started");
    for (name, timed) in peers {
        group.bench_function(name, |bencher| bencher.iter_custom(|count| runtime.run(|| timed(count))));
    }
    group.finish();
    for (name, timed) in operations {
        let mut group = criterion.benchmark_group(name);
        on_goroutines(&mut group, timed);
        group.finish();
    }
}

/// A lock around a number.
trait Count: Default {
    fn add_one(&self);
}

impl Count for Mutex<u64> {
    fn add_one(&self) {
        *self.lock() += 1;
    }
}

impl Count for parking_lot::Mutex<u64> {
    fn add_one(&self) {
        *self.lock() += 1;
    }
}

impl Count for StdMutex<u64> {
    fn add_one(&self) {
        *self.lock().expect("nobody panics") += 1;
    }
}

fn uncontended<C: Count>(count: u64) -> Duration {
    let lock = black_box(C::default());
    let start = Instant::now();
    (0..count).for_each(|_| black_box(&lock).add_one());
    start.elapsed()
}

fn mutex(count: u64, goroutines: u64, inside: fn()) -> Duration {
    let mutex = Mutex::new(0u64);
    shared_out(count, goroutines, || {
        let mut number = mutex.lock();
        *number += 1;
        inside();
    })
}

fn read(count: u64, goroutines: u64) -> Duration {
    let lock = RwLock::new(0u64);
    shared_out(count, goroutines, || _ = black_box(*lock.read()))
}

fn write(count: u64) -> Duration {
    let lock = RwLock::new(0u64);
    shared_out(count, 1, || *lock.write() += 1)
}

/// How long so many goroutines take to do something `count` times in all.
fn shared_out(count: u64, goroutines: u64, operation: impl Fn() + Sync) -> Duration {
    let operation = &operation;
    let start = Instant::now();
    scope(|scope| {
        for number in 0..goroutines {
            scope.go(move || (number..count).step_by(goroutines as usize).for_each(|_| operation()));
        }
    });
    start.elapsed()
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = locks
}
criterion_main!(benches);
