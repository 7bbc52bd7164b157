//! What a warmed pool of connections saves a network daemon, whose service takes a second to connect to: see `examples/daemon.rs`.
//!
//! - `without_pool`: a request, for which the daemon connects to the service.
//! - `with_pool`: a request, for which it has a connection.

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use daemon::{request, with_pool, without_pool};
use gocsp::Runtime;
use gocsp::net::TcpListener;

#[expect(dead_code, reason = "the benchmark has a main of its own")]
#[path = "../examples/daemon.rs"]
mod daemon;

const TAKES: Duration = Duration::from_secs(1);

fn network_request(criterion: &mut Criterion) {
    let daemons: [(&str, fn(Duration) -> io::Result<TcpListener>); 2] =
        [("without_pool", without_pool), ("with_pool", with_pool)];
    let mut group = criterion.benchmark_group("network_request");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    let runtime = Runtime::builder().procs(2).build().expect("threads can be started");
    for (name, daemon) in daemons {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| runtime.run(|| requests(&daemon(TAKES).expect("there is a port"), count)));
        });
    }
    group.finish();
}

/// How long so many requests take.
fn requests(daemon: &TcpListener, count: u64) -> Duration {
    let address = daemon.local_addr().expect("a listener has an address");
    let start = Instant::now();
    for _ in 0..count {
        black_box(request(address)).expect("the daemon answers");
    }
    let elapsed = start.elapsed();
    daemon.close();
    elapsed
}

criterion_group!(benches, network_request);
criterion_main!(benches);
