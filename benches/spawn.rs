//! What it costs to start goroutines.
//!
//! - `burst`: a thousand are started, and waited for with one wait group. The time is that of all.
//! - `join`: one is started and joined.
//! - `scope`: one is started in a scope, which waits for it.
//! - `tree`: each starts ten children and adds up what they send, down to a thousand leaves. The time is that of the tree.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Timed, on_goroutines};
use criterion::{Criterion, criterion_group, criterion_main};
use gocsp::sync::WaitGroup;
use gocsp::{Sender, channel, go};

fn spawns(criterion: &mut Criterion) {
    let operations: [(&str, Timed); 4] = [("burst", burst), ("join", join), ("scope", scope), ("tree", trees)];
    for (name, timed) in operations {
        let mut group = criterion.benchmark_group(name);
        on_goroutines(&mut group, timed);
        group.finish();
    }
}

fn burst(count: u64) -> Duration {
    let group = WaitGroup::new();
    let start = Instant::now();
    for _ in 0..count {
        for number in 0..1_000 {
            group.go(move || _ = black_box(number));
        }
        group.wait();
    }
    start.elapsed()
}

fn join(count: u64) -> Duration {
    let start = Instant::now();
    for number in 0..count {
        black_box(go!(move || number).join().expect("it does not panic"));
    }
    start.elapsed()
}

fn scope(count: u64) -> Duration {
    let start = Instant::now();
    for number in 0..count {
        gocsp::scope(|scope| _ = scope.go(|| _ = black_box(&number)));
    }
    start.elapsed()
}

fn trees(count: u64) -> Duration {
    let (tx, rx) = channel(0);
    let start = Instant::now();
    for _ in 0..count {
        let tx = tx.clone();
        go!(tree(tx, 1_000));
        black_box(rx.recv().expect("the root sends"));
    }
    start.elapsed()
}

/// Sends the number of leaves, which it counts one by one.
fn tree(sum: Sender<u64>, leaves: u64) {
    const CHILDREN: u64 = 10;
    if leaves == 1 {
        return sum.send(1).expect("the parent is there");
    }
    let (tx, rx) = channel(0);
    for _ in 0..CHILDREN {
        let tx = tx.clone();
        go!(tree(tx, leaves / CHILDREN));
    }
    let leaves = (0..CHILDREN).map(|_| rx.recv().expect("the children send")).sum();
    sum.send(leaves).expect("the parent is there");
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = spawns
}
criterion_main!(benches);
