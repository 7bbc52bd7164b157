//! [`UnixStream`].

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use gocsp_context::Context;
use gocsp_runtime::poll::Direction;
use rustix::net::RecvFlags;

use super::connect;
use crate::context::CancelGuard;
use crate::error::closed;
use crate::halves::sealed::Stream;
use crate::halves::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::io::Io;
use crate::methods::{handle, limits, stream};
use crate::socket::Socket;

/// A connection within the machine: std's, but for goroutines. As [`TcpStream`](crate::TcpStream), it may be used by
/// several at a time.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
///
/// let (mut here, mut there) = gocsp_net::UnixStream::pair()?;
/// here.write_all(b"hello")?;
/// let mut text = [0; 5];
/// there.read_exact(&mut text)?;
/// assert_eq!(&text, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream {
    socket: Socket<net::UnixStream>,
}

handle! {
    UnixStream of net::UnixStream, "let (socket, _other) = gocsp_net::UnixStream::pair()?;"
}

limits! {
    UnixStream, "let (socket, _other) = gocsp_net::UnixStream::pair()?;"
}

stream! {
    UnixStream, "let (mut here, mut there) = gocsp_net::UnixStream::pair()?;"
}

impl UnixStream {
    /// A read stops where a descriptor was sent along, or the sender changes, though more may follow.
    const SHORT_READS_DRAIN: bool = false;

    /// Connects with who listens at a path. If too many wait there to be accepted, it waits for its turn: for as long
    /// as that takes, as in std, by looking again now and then, after 10 ms at most.
    ///
    /// # Errors
    /// As [`std::os::unix::net::UnixStream::connect`].
    ///
    /// # Examples
    /// See [`UnixListener`](crate::UnixListener).
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        Self::connect_context(&Context::background(), path)
    }

    /// As [`connect`](Self::connect), with who listens at an address of std's, which may be an abstract name.
    ///
    /// # Errors
    /// As [`std::os::unix::net::UnixStream::connect_addr`].
    ///
    /// # Examples
    /// See [`UnixListener::bind_addr`](crate::UnixListener::bind_addr).
    #[track_caller]
    pub fn connect_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::connect_addr_context(&Context::background(), address)
    }

    /// As [`connect`](Self::connect), for as long as the context lasts.
    ///
    /// # Errors
    /// As `connect`, and one that [`context_error`](crate::context_error()) knows when the context has ended.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_context::Context;
    /// use gocsp_net::{UnixListener, UnixStream};
    ///
    /// let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("socket");
    /// let _listener = UnixListener::bind(&path)?;
    /// let (context, cancel) = Context::background().with_timeout(Duration::from_secs(1));
    /// let stream = UnixStream::connect_context(&context, &path)?;
    /// cancel.cancel();
    /// assert!(UnixStream::connect_context(&context, &path).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn connect_context<P: AsRef<Path>>(context: &Context, path: P) -> io::Result<Self> {
        connect::connect(&connect::at_path(path.as_ref())?, context).map(Self::of)
    }

    /// As [`connect_addr`](Self::connect_addr), for as long as the context lasts.
    ///
    /// # Errors
    /// As `connect_addr`, and one that [`context_error`](crate::context_error()) knows when the context has ended.
    ///
    /// # Examples
    /// See [`connect_context`](Self::connect_context).
    #[track_caller]
    pub fn connect_addr_context(context: &Context, address: &SocketAddr) -> io::Result<Self> {
        connect::connect(&connect::address(address)?, context).map(Self::of)
    }

    /// Two streams that are connected with each other.
    ///
    /// # Errors
    /// What the system says, such as that there are no descriptors left.
    ///
    /// # Examples
    /// See [`UnixStream`].
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (here, there) = Io::<net::UnixStream>::pair()?;
        Ok((Self::of(Socket::new(here)), Self::of(Socket::new(there))))
    }

    /// The address of the other side.
    ///
    /// # Errors
    /// If the connection has ended, or the system cannot tell.
    ///
    /// # Examples
    /// ```
    /// let (here, _there) = gocsp_net::UnixStream::pair()?;
    /// assert!(here.peer_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    /// What the system says if it cannot tell.
    ///
    /// # Examples
    /// ```
    /// let (here, _there) = gocsp_net::UnixStream::pair()?;
    /// assert!(here.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }
}
