//! Sockets with std's names and methods, whose calls park the goroutine and not the thread.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use gocsp_net::{TcpListener, TcpStream};
//! use gocsp_runtime::{run, spawn};
//!
//! # fn main() -> io::Result<()> {
//! run(|| {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let address = listener.local_addr()?;
//!     let server = spawn(move || {
//!         let (mut stream, _address) = listener.accept()?;
//!         stream.write_all(b"hello")
//!     });
//!     let mut text = String::new();
//!     TcpStream::connect(address)?.read_to_string(&mut text)?;
//!     assert_eq!(text, "hello");
//!     server.join().unwrap()
//! })
//! # }
//! ```
//!
//! [`TcpListener`], [`TcpStream`], [`UdpSocket`], [`UnixListener`] and [`UnixStream`] are used as those of std: streams
//! implement `Read` and `Write`, so that crates which know nothing of gocsp work with them. They may be used from
//! ordinary threads as well, which they block.
//!
//! # What differs from std
//! - `try_clone` gives another handle, and no other descriptor. Any number of goroutines may use a socket at a time.
//! - A call whose time is over fails with [`TimedOut`](std::io::ErrorKind::TimedOut); with std on Unix that is
//!   `WouldBlock`.
//! - There is no non-blocking mode: sockets always are in it, and calls never show it.
//! - Names are looked up on a thread of the blocking pool, by a [`ToSocketAddrs`] of this crate's own.
//!
//! # What there is beyond std
//! - *Deadlines*, as in Go, which also concern calls that wait already: `set_read_deadline`, `set_write_deadline`,
//!   `set_deadline`.
//! - *Closing*, as in Go: `close` ends all calls on a socket, here and at its other handles, with an error that
//!   [`is_closed()`] knows.
//! - *Contexts*: `connect_context`, `accept_context`, and `cancel_on`, which binds a socket to a context. What ends for
//!   that reason has an error that [`context_error()`] knows.
//! - *Halves* of streams: `split` and `into_split`.
//!
//! # Layers
//! ```text
//!  tcp   udp   unix        the types; methods has what is the same in several
//!   |  \  |   / |
//!   | addr|  /  halves     names; the halves of streams; incoming connections
//!   |     | /   incoming
//!   |     |/
//!  socket ---- context     tries, waits, and what may end them
//!   |   |
//!  error io                the calls: of the system, or of the simulation
//! ```
//! Below that is `gocsp_runtime::poll`, which knows how to wait for a descriptor, and rustix for the system calls that
//! std does not make as they are needed here: those that set no signal off, accept into non-blocking mode, and begin to
//! connect. There is no unsafe code.
//!
//! # What was rejected
//! - *An adapter around std's types*, instead of types with the same methods: it would have left the calls reachable
//!   that do not know how to wait.
//! - *A descriptor for each handle*, as std has it: each would have to be registered with a poller, and one could not
//!   close the others.
//! - *To keep the whole of std's errors*, where a timeout is `WouldBlock`: it says that one should try again, which is
//!   not so.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod addr;
mod context;
mod error;
mod halves;
mod incoming;
mod io;
mod methods;
#[cfg(feature = "testing")]
pub mod simulation;
mod socket;
mod tcp;
mod udp;
mod unix;

pub use addr::{ToSocketAddrs, lookup_host};
pub use context::CancelGuard;
pub use error::{Closed, context_error, is_closed};
pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use incoming::Incoming;
pub use tcp::{KeepAlive, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixListener, UnixStream};
