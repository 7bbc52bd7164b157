//! The client of all servers: sends messages on many connections, and measures. See [`race::served`].

#![forbid(unsafe_code)]

mod client;
mod server;
mod usage;

use std::env;
use std::time::Duration;

use race::task::{Reply, Task};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::Client;
use crate::server::Server;
use crate::usage::Usage;

fn main() {
    let mut arguments = env::args().skip(1);
    let program = arguments.next().expect("the server's program stands first");
    let task = Task::from_arguments(arguments);
    allow_descriptors();
    match Server::start(&program, &task) {
        Ok(server) => measure(server, &task).send(),
        Err(abstains) => abstains.send(),
    }
}

/// As many as the system lets processes have: one is needed for each connection, here and in the server, which inherits it.
fn allow_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("the limit may be raised that far");
}

fn measure(server: Server, task: &Task) -> Reply {
    let mut client = Client::connect(server.address, task.count("connections"));
    client.send_on_all();
    client.exchange(Duration::from_millis(task.size("warm_ms")));
    let before = Usage::of(server.id());
    let (mut latencies, elapsed) = client.exchange(Duration::from_millis(task.size("millis")));
    let used = Usage::of(server.id()).since(before);
    let right = client.finish();
    let accepted = server.dismiss();
    assert_eq!(accepted, task.size("connections"), "the server has accepted so many connections");

    assert!(!latencies.is_empty(), "there was no answer within the time");
    latencies.sort_unstable();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let quantile = |share: f64| micros(latencies[(latencies.len() as f64 * share) as usize]);
    let requests = latencies.len() as f64;
    Reply::answer(right)
        .figure("", micros(elapsed) / requests)
        .figure("p50", quantile(0.5))
        .figure("p99", quantile(0.99))
        .figure("cpu", micros(used.computed) / requests)
        .figure("waits", used.waits as f64 * 1e3 / requests)
}
