//! What it takes to drop a runtime in which so many goroutines are parked: on channels, in selects, for a lock, until a time,
//! and for each other, a fifth each. Every one of them has a value that is dropped. The time is that of all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gocsp::sync::Mutex;
use gocsp::{Receiver, Runtime, channel, go, select, sleep, yield_now};

const LONG: Duration = Duration::from_secs(1000);

fn shutdowns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shutdown");
    group.sample_size(10);
    for parked in [1_000, 10_000, 100_000] {
        group.bench_function(BenchmarkId::from_parameter(parked), |bencher| {
            bencher.iter_custom(|count| (0..count).map(|_| shutdown(parked)).sum());
        });
    }
    group.finish();
}

/// Counts that it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn shutdown(parked: usize) -> Duration {
    let runtime = Runtime::builder().build().expect("threads can be started");
    let dropped = Arc::new(AtomicUsize::new(0));
    runtime.run(|| park(parked, &dropped));
    let start = Instant::now();
    drop(runtime);
    let time = start.elapsed();
    assert_eq!(dropped.load(Ordering::Relaxed), parked);
    time
}

fn park(count: usize, dropped: &Arc<AtomicUsize>) {
    let mutex = Arc::new(Mutex::new(()));
    let started = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = channel::<()>(0);
    for number in 0..count {
        let (counted, mutex, started) = (Counted(Arc::clone(dropped)), Arc::clone(&mutex), Arc::clone(&started));
        let (tx, rx) = (tx.clone(), rx.clone());
        // Those whom others wait for.
        let forever = || _ = Receiver::<()>::nil().recv();
        let other = (number % 5 == 4).then(|| go!(forever));
        go! {
            let _counted = counted;
            started.fetch_add(1, Ordering::Relaxed);
            match number % 5 {
                0 => _ = rx.recv(),
                1 => select! {
                    recv(rx) => {}
                    recv(Receiver::<()>::nil()) => drop(tx),
                },
                2 => {
                    let _guard = mutex.lock();
                    forever();
                }
                3 => sleep(LONG),
                _ => _ = other.map(gocsp::JoinHandle::join),
            }
        };
    }
    while started.load(Ordering::Relaxed) < count {
        yield_now();
    }
    // They are parked at the latest when the main goroutine has its next turn.
    yield_now();
}

criterion_group!(benches, shutdowns);
criterion_main!(benches);
