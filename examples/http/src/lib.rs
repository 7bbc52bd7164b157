//! A server of HTTP/1.1 for clients that nobody knows: [`serve`].
//!
//! Each connection has a goroutine, which reads a request, answers it, and reads the next, in straight lines of code:
//! ```text
//!  serve         accepts, as many as Limits allow; when its context ends, waits for the connections
//!    |
//!  connection    reads a request, has it answered, and again; what may go wrong on the way
//!    |    \
//!  head   input  what a request says of itself; bytes that have come and were not used yet, and bodies
//!    |
//!  routes        what is answered
//!    |
//!  response      how that is written
//! ```
//!
//! # What holds, whatever clients send
//! 1. A client gets answers to what it has asked, in order, or its connection is closed. After an answer that says what
//!    is wrong with a request it is closed as well: nobody knows where the next request would begin. A client that goes
//!    on sending for a while gets all of the last answer nevertheless.
//! 2. A connection occupies memory for one head and one body of the sizes in [`Limits`], however large the answer.
//! 3. Nothing is waited for longer than `Limits` say: a request, once it has begun, its body, a client that does not
//!    read, and one that does not ask.
//! 4. When the context has ended, connections on which no request has begun are closed at once; the others get their
//!    answer, with `Connection: close`, unless it takes longer than [`Limits::grace`].
//!
//! # Example
//! ```
//! use std::io::{Read, Write};
//! use gocsp::context::Context;
//! use gocsp::net::{TcpListener, TcpStream};
//! use gocsp::{go, run};
//! use httpd::{Limits, serve};
//!
//! # fn main() -> std::io::Result<()> {
//! run(|| {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let address = listener.local_addr()?;
//!     let (context, cancel) = Context::background().with_cancel();
//!     let server = go!(move || serve(&context, &listener, &Limits::default()));
//!     let mut client = TcpStream::connect(address)?;
//!     client.write_all(b"GET /health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")?;
//!     let mut answer = String::new();
//!     client.read_to_string(&mut answer)?;
//!     assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"));
//!     drop(client);
//!     cancel.cancel();
//!     server.join().unwrap();
//!     Ok(())
//! })
//! # }
//! ```

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod connection;
mod head;
mod input;
mod limits;
mod response;
mod routes;
mod server;

pub use limits::Limits;
pub use server::serve;
