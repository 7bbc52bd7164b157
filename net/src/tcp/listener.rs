//! [`TcpListener`].

use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

use gocsp_context::Context;
use gocsp_runtime::poll::Direction;

use super::TcpStream;
use crate::context::CancelGuard;
use crate::incoming::Incoming;
use crate::incoming::sealed::Listener;
use crate::io::Io;
use crate::methods::{handle, ip, listener};
use crate::socket::{Call, Socket};
use crate::{ToSocketAddrs, addr};

/// A socket that waits for connections: std's, but for goroutines.
///
/// Any number of goroutines and threads may accept at a time; each connection goes to one of them. What the other side
/// has given up before it was accepted does not count.
///
/// # Examples
/// An echo server, with a goroutine for each connection:
/// ```
/// use std::io::{self, Read, Write};
/// use gocsp_net::{TcpListener, TcpStream};
/// use gocsp_runtime::{run, spawn};
///
/// # fn main() -> io::Result<()> {
/// run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let server = listener.try_clone()?;
///     let server = spawn(move || {
///         for stream in server.incoming() {
///             let stream = stream?;
///             spawn(move || io::copy(&mut &stream, &mut &stream));
///         }
///         io::Result::Ok(())
///     });
///     let mut client = TcpStream::connect(listener.local_addr()?)?;
///     client.write_all(b"hello")?;
///     let mut answer = [0; 5];
///     client.read_exact(&mut answer)?;
///     assert_eq!(&answer, b"hello");
///     // With that the server's loop ends.
///     listener.close();
///     server.join().unwrap()
/// })
/// # }
/// ```
pub struct TcpListener {
    socket: Socket<net::TcpListener>,
}

handle! {
    TcpListener of net::TcpListener, "let socket = gocsp_net::TcpListener::bind(\"127.0.0.1:0\")?;"
}

listener! {
    TcpListener of TcpStream, "let socket = gocsp_net::TcpListener::bind(\"127.0.0.1:0\")?;"
}

ip! {
    TcpListener, "let socket = gocsp_net::TcpListener::bind(\"127.0.0.1:0\")?;"
}

impl TcpListener {
    /// A listener at the first of the addresses where there can be one. Port 0 lets the system choose.
    ///
    /// As many connections can wait to be accepted as the system allows (`net.core.somaxconn`), as in Go; with std
    /// there are 128. A flood of clients that is larger than that makes Linux reset some of them.
    ///
    /// # Errors
    /// As [`std::net::TcpListener::bind`], of the last address.
    ///
    /// # Examples
    /// ```
    /// let listener = gocsp_net::TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        let addresses = addr::list(address)?;
        Ok(Self::of(Socket::new(Io::<net::TcpListener>::bind(&addresses)?)))
    }

    #[track_caller]
    fn accept_for(&self, call: Call<'_>) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = self.socket.run(&call, Io::<net::TcpListener>::accept, |_| false)?;
        Ok((TcpStream::of(Socket::new(stream)), address))
    }
}
