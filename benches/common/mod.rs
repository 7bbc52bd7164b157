//! What the benchmarks have in common.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId};
use gocsp::Runtime;

/// A benchmark: how long it takes to do something so many times.
pub(crate) type Timed = fn(u64) -> Duration;

/// Measures `timed` in a goroutine, on runtimes of one and of two procs in the default mode.
pub(crate) fn on_goroutines(group: &mut BenchmarkGroup<'_, WallTime>, timed: Timed) {
    for procs in [1, 2] {
        let runtime = Runtime::builder().procs(procs).build().expect("threads can be started");
        group.bench_function(BenchmarkId::new("goroutines", format!("procs={procs}")), |bencher| {
            bencher.iter_custom(|count| runtime.run(|| timed(count)));
        });
    }
}
