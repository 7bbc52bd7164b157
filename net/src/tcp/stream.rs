//! [`TcpStream`].

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use gocsp_context::Context;
use gocsp_runtime::clock;
use gocsp_runtime::poll::Direction;
use rustix::net::{RecvFlags, sockopt};

use super::{KeepAlive, connect};
use crate::context::CancelGuard;
use crate::error::closed;
use crate::halves::sealed::Stream;
use crate::halves::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::io::Io;
use crate::methods::{handle, ip, limits, stream};
use crate::socket::Socket;
use crate::{ToSocketAddrs, addr};

/// A connection: std's, but for goroutines.
///
/// `Read` and `Write` are there for the stream and for a reference to it, so several goroutines and threads may use it
/// at a time: one that reads beside one that writes, or several of either, who then get what comes as it comes.
///
/// # Cost
/// A call that need not wait costs its system call and a few loads. When data comes in pieces, as it does where
/// question and answer alternate, there is one system call for each piece: a read that leaves nothing behind is
/// remembered.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
/// use gocsp_net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let (mut server, _address) = listener.accept()?;
/// client.write_all(b"hello")?;
/// let mut text = [0; 5];
/// server.read_exact(&mut text)?;
/// assert_eq!(&text, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    socket: Socket<net::TcpStream>,
}

handle! {
    TcpStream of net::TcpStream,
    "let listener = gocsp_net::TcpListener::bind(\"127.0.0.1:0\")?;
let socket = gocsp_net::TcpStream::connect(listener.local_addr()?)?;"
}

limits! {
    TcpStream,
    "let listener = gocsp_net::TcpListener::bind(\"127.0.0.1:0\")?;
let socket = gocsp_net::TcpStream::connect(listener.local_addr()?)?;"
}

stream! {
    TcpStream,
    "let listener = gocsp_net::TcpListener::bind(\"127.0.0.1:0\")?;
let mut here = gocsp_net::TcpStream::connect(listener.local_addr()?)?;
let (mut there, _address) = listener.accept()?;"
}

ip! {
    TcpStream,
    "let listener = gocsp_net::TcpListener::bind(\"127.0.0.1:0\")?;
let socket = gocsp_net::TcpStream::connect(listener.local_addr()?)?;"
}

impl TcpStream {
    /// A read that does not fill its buffer has taken all that there was, or has stopped before data that were sent as
    /// urgent (`MSG_OOB`), which the poller is told of.
    const SHORT_READS_DRAIN: bool = true;

    /// Connects with the first of the addresses that answers.
    ///
    /// # Errors
    /// Why the last of them does not, or what [`ToSocketAddrs`] says.
    ///
    /// # Examples
    /// See [`TcpStream`].
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        Self::connect_for(address.to_socket_addrs()?, None, None)
    }

    /// Connects with an address, within a time.
    ///
    /// # Errors
    /// Of the kind [`TimedOut`](io::ErrorKind::TimedOut) when the time is over;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if it is zero, as in std; and why the address does not answer.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect_timeout(&listener.local_addr()?, Duration::from_secs(1))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        if timeout.is_zero() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
        }
        Self::connect_for(Some(*address).into_iter(), Some(clock::deadline(timeout)), None)
    }

    /// As [`connect`](Self::connect), for as long as the context lasts: for the look-up, and for all addresses
    /// together.
    ///
    /// Costs some allocations, and a goroutine if a name has to be looked up.
    ///
    /// # Errors
    /// As `connect`, and one that [`context_error`](crate::context_error()) knows when the context has ended.
    ///
    /// # Panics
    /// As [`Context::after_func`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_context::Context;
    /// use gocsp_net::{TcpListener, TcpStream};
    ///
    /// let (context, cancel) = Context::background().with_timeout(Duration::from_secs(1));
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect_context(&context, listener.local_addr()?)?;
    /// cancel.cancel();
    /// assert!(TcpStream::connect_context(&context, listener.local_addr()?).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn connect_context<A: ToSocketAddrs>(context: &Context, address: A) -> io::Result<Self> {
        Self::connect_for(address.to_socket_addrs_context(context)?, None, Some(context))
    }

    #[track_caller]
    fn connect_for(
        addresses: impl Iterator<Item = SocketAddr>,
        deadline: Option<Instant>,
        context: Option<&Context>,
    ) -> io::Result<Self> {
        let mut last = None;
        // By no closure: the place that waits is the caller's.
        for address in addresses {
            match connect::connect(address, deadline, context) {
                Ok(socket) => return Ok(Self::of(socket)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(addr::no_addresses))
    }

    /// The address of the other side.
    ///
    /// # Errors
    /// If the connection has ended, or the system cannot tell.
    ///
    /// # Examples
    /// ```
    /// use gocsp_net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// assert_eq!(listener.accept()?.1, stream.local_addr()?);
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
    /// See [`peer_addr`](Self::peer_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    /// Whether what is written is sent at once, instead of being gathered for a while with what follows.
    ///
    /// # Errors
    /// What the system says when it does not like that.
    ///
    /// # Examples
    /// ```
    /// use gocsp_net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        self.socket.system().set_nodelay(at_once)
    }

    /// What [`set_nodelay`](Self::set_nodelay) has set.
    ///
    /// # Errors
    /// What the system says if it cannot tell.
    ///
    /// # Examples
    /// See [`set_nodelay`](Self::set_nodelay).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.system().nodelay()
    }

    /// What becomes of data that is not sent yet when the last handle is dropped. `None`: the system goes on sending
    /// it. With zero it is thrown away, and the other side sees a connection that was reset.
    ///
    /// With any other time, in whole seconds, dropping the last handle *blocks the thread* until all has been sent or
    /// the time is over: better end writing, and read until the other side has ended as well.
    ///
    /// # Errors
    /// What the system says when it does not like that.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_linger(Some(Duration::ZERO))?;
    /// assert_eq!(stream.linger()?, Some(Duration::ZERO));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.io().set_linger(linger)
    }

    /// What [`set_linger`](Self::set_linger) has set.
    ///
    /// # Errors
    /// What the system says if it cannot tell.
    ///
    /// # Examples
    /// See [`set_linger`](Self::set_linger).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(sockopt::socket_linger(self)?)
    }

    /// Lets the system ask whether the other side of an idle connection is still there; `None` for no, which is how a
    /// stream begins.
    ///
    /// # Errors
    /// What the system says when it does not like that.
    ///
    /// # Examples
    /// See [`KeepAlive`].
    pub fn set_keepalive(&self, keep_alive: Option<KeepAlive>) -> io::Result<()> {
        match keep_alive {
            Some(keep_alive) => keep_alive.set(self.as_fd()),
            None => Ok(sockopt::set_socket_keepalive(self, false)?),
        }
    }

    /// Whether the system asks.
    ///
    /// # Errors
    /// What the system says if it cannot tell.
    ///
    /// # Examples
    /// See [`KeepAlive`].
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(sockopt::socket_keepalive(self)?)
    }
}
