//! What contenders that are servers and their client agree on.
//!
//! The harness starts the client, `race-load`, and the client starts the server, which is the contender's program with its
//! task as ever:
//! ```text
//!   race-load race-gocsp gocsp echo 2 connections=64 warm_ms=300 millis=1500
//!         |
//!         +-- race-gocsp gocsp echo 2 connections=64 warm_ms=300 millis=1500
//! ```
//! 1. The server listens on a port that the system chooses, and prints its address: one line. Or it abstains, with a reply.
//! 2. The client connects, measures, and closes its connections.
//! 3. The client closes the server's standard input, and the server replies with the number of connections that it accepted.
//!    However the client ends, the system closes that pipe: no server is left behind.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// Where servers listen.
pub const LOOPBACK: &str = "127.0.0.1:0";

/// Step 1: tells the client where it finds this server.
///
/// # Panics
/// If there is no client.
pub fn announce(address: SocketAddr) {
    println!("{address}");
    io::stdout().flush().expect("the client reads");
}

/// Sends back what comes on a connection until it ends: for servers whose sockets read and write as std's do.
///
/// # Errors
/// Those of the connection.
pub fn send_back(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}

/// Waits, with this thread, for step 3.
///
/// # Panics
/// If there is no standard input.
pub fn until_dismissed() {
    io::copy(&mut io::stdin(), &mut io::sink()).expect("the client holds the other end");
}
