//! [`UnixListener`].

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Instant;

use gocsp_context::Context;
use gocsp_runtime::poll::Direction;

use super::UnixStream;
use crate::context::CancelGuard;
use crate::incoming::Incoming;
use crate::incoming::sealed::Listener;
use crate::io::Io;
use crate::methods::{handle, listener};
use crate::socket::{Call, Socket};

/// A socket that waits for connections from within the machine: std's, but for goroutines.
///
/// Any number of goroutines and threads may accept at a time; each connection goes to one of them.
///
/// # Examples
/// ```
/// use std::io::{Write, read_to_string};
/// use gocsp_net::{UnixListener, UnixStream};
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("socket");
/// let listener = UnixListener::bind(&path)?;
/// UnixStream::connect(&path)?.write_all(b"hello")?;
/// assert_eq!(read_to_string(listener.accept()?.0)?, "hello");
/// let _waits = UnixStream::connect(&path)?;
/// assert!(listener.incoming().next().is_some_and(|stream| stream.is_ok()));
/// listener.close();
/// assert!(listener.incoming().next().is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener {
    socket: Socket<net::UnixListener>,
}

handle! {
    UnixListener of net::UnixListener,
    "let directory = tempfile::tempdir()?;
let socket = gocsp_net::UnixListener::bind(directory.path().join(\"socket\"))?;"
}

listener! {
    UnixListener of UnixStream,
    "let directory = tempfile::tempdir()?;
let socket = gocsp_net::UnixListener::bind(directory.path().join(\"socket\"))?;"
}

impl UnixListener {
    /// A listener at a path, where nothing must be yet. What is there stays when the listener has gone.
    ///
    /// # Errors
    /// As [`std::os::unix::net::UnixListener::bind`].
    ///
    /// # Examples
    /// See [`UnixListener`].
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        Ok(Self::of(Socket::new(Io::<net::UnixListener>::bind(path.as_ref())?)))
    }

    /// A listener at an address of std's, which may be an abstract name.
    ///
    /// # Errors
    /// As [`std::os::unix::net::UnixListener::bind_addr`].
    ///
    /// # Examples
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// use gocsp_net::{UnixListener, UnixStream};
    ///
    /// let name = format!("gocsp {}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(name)?;
    /// let listener = UnixListener::bind_addr(&address)?;
    /// let stream = UnixStream::connect_addr(&address)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        Ok(Self::of(Socket::new(Io::<net::UnixListener>::bind_addr(address)?)))
    }

    #[track_caller]
    fn accept_for(&self, call: Call<'_>) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, address) = self.socket.run(&call, Io::<net::UnixListener>::accept, |_| false)?;
        Ok((UnixStream::of(Socket::new(stream)), address))
    }
}
