//! What it costs to get something from a pool and put it back, and what the allocator takes for the same.
//!
//! - `pool_get_put`, `pool_lend`: a buffer of 1 KiB from a pool, and back.
//! - `allocate`, `allocate_zeroed`: such a buffer from the allocator, and back.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::{Criterion, criterion_group, criterion_main};
use gocsp::sync::Pool;

const SIZE: usize = 1024;

fn pools(criterion: &mut Criterion) {
    let operations: [(&str, Timed); 4] = [
        ("pool_get_put", |count| from_pool(count, |pool| pool.put(black_box(pool.get())))),
        ("pool_lend", |count| from_pool(count, |pool| _ = black_box(&mut *pool.lend()))),
        ("allocate", |count| repeat(count, || drop(black_box(Vec::<u8>::with_capacity(SIZE))))),
        ("allocate_zeroed", |count| repeat(count, || drop(black_box(vec![0_u8; SIZE])))),
    ];
    for (name, timed) in operations {
        let mut group = criterion.benchmark_group(name);
        on_goroutines(&mut group, timed);
        group.finish();
    }
}

fn from_pool(count: u64, operation: fn(&Pool<Vec<u8>>)) -> Duration {
    let pool: Pool<Vec<u8>> = Pool::new(|| Vec::with_capacity(SIZE));
    repeat(count, || operation(&pool))
}

fn repeat(count: u64, operation: impl Fn()) -> Duration {
    let start = Instant::now();
    (0..count).for_each(|_| operation());
    start.elapsed()
}

criterion_group!(benches, pools);
criterion_main!(benches);
