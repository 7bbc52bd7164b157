//! A network daemon that needs a connection to a slow service for each request, and what a `Pool` does for it.
//!
//! Clients connect, and the daemon answers one after the other. First it connects to the service for each of them; then it takes
//! its connections from a pool that was warmed up, and puts them back. `cargo bench --bench network_request` measures both with
//! a service that takes a second.
//!
//! Prints, with other times each time:
//! ```text
//! without a pool: …
//! with a pool: …
//! ```

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gocsp::net::{TcpListener, TcpStream};
use gocsp::sync::{Pool, WaitGroup};
use gocsp::{go, sleep};

/// A connection to the service.
struct Service;

impl Service {
    fn connect(takes: Duration) -> Self {
        sleep(takes);
        Self
    }

    fn answer(&self, client: &mut TcpStream) -> io::Result<()> {
        writeln!(client)
    }
}

/// Starts the daemon. It runs until the listener is closed.
fn start(answer: impl Fn(&mut TcpStream) -> io::Result<()> + Send + 'static) -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let daemon = listener.try_clone()?;
    go!(move || {
        for client in daemon.incoming() {
            match client {
                Ok(mut client) => answer(&mut client).unwrap_or_else(|error| eprintln!("a request failed: {error}")),
                Err(error) => {
                    eprintln!("cannot accept a connection: {error}");
                    // There may be no descriptor left until somebody hangs up.
                    sleep(Duration::from_millis(10));
                }
            }
        }
    });
    Ok(listener)
}

/// A daemon that connects to the service for each request, which takes so long.
pub(crate) fn without_pool(takes: Duration) -> io::Result<TcpListener> {
    start(move |client| Service::connect(takes).answer(client))
}

/// A daemon with ten connections to the service, which are made now, all at the same time.
pub(crate) fn with_pool(takes: Duration) -> io::Result<TcpListener> {
    let pool = Pool::new(move || Service::connect(takes));
    let (made, warm) = gocsp::channel(10);
    let group = WaitGroup::new();
    for _ in 0..10 {
        let made = made.clone();
        group.go(move || made.send(Service::connect(takes)).expect("somebody waits"));
    }
    group.wait();
    warm.try_iter().for_each(|service| pool.put(service));
    start(move |client| pool.lend().answer(client))
}

/// What a client does.
fn request(daemon: SocketAddr) -> io::Result<()> {
    let mut answer = String::new();
    TcpStream::connect(daemon)?.read_to_string(&mut answer)?;
    assert_eq!(answer, "\n");
    Ok(())
}

/// How long so many requests take.
pub(crate) fn measure(daemon: &TcpListener, requests: u64) -> io::Result<Duration> {
    let (address, start) = (daemon.local_addr()?, Instant::now());
    (0..requests).try_for_each(|_| request(address))?;
    Ok(start.elapsed())
}

#[gocsp::main]
fn main() -> io::Result<()> {
    let takes = Duration::from_millis(20);
    println!("without a pool: {:?}", measure(&without_pool(takes)?, 10)?);
    println!("with a pool: {:?}", measure(&with_pool(takes)?, 10)?);
    Ok(())
}
