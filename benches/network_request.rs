//! What a warmed pool of connections saves a network daemon, whose service takes a second to connect to: see `examples/daemon.rs`.
//!
//! - `without_pool`: a request, for which the daemon connects to the service.
//! - `with_pool`: a request, for which it has a connection.
//!
//! The daemon is a goroutine, and the client a thread, as it would be a process of its own.

use std::io;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use daemon::{measure, with_pool, without_pool};
use gocsp::net::TcpListener;

#[path = "../examples/daemon.rs"]
mod daemon;

type Start = fn(Duration) -> io::Result<TcpListener>;

const TAKES: Duration = Duration::from_secs(1);

fn network_request(criterion: &mut Criterion) {
    let daemons: [(&str, Start); 2] = [("without_pool", without_pool), ("with_pool", with_pool)];
    let mut group = criterion.benchmark_group("network_request");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    for (name, start) in daemons {
        let daemon = start(TAKES).expect("there is a port");
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| measure(&daemon, count).expect("the daemon answers"));
        });
        daemon.close();
    }
    group.finish();
}

criterion_group!(benches, network_request);
criterion_main!(benches);
