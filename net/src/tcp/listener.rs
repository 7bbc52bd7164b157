//! [`TcpListener`].

use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

use gocsp_context::Context;
use gocsp_runtime::poll::Direction;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, listen};

use super::TcpStream;
use crate::context::CancelGuard;
use crate::incoming::{Incoming, sealed};
use crate::methods::handle;
use crate::socket::{Call, Socket};
use crate::{ToSocketAddrs, addr};

/// A socket that waits for connections: std's, but for goroutines.
///
/// Any number of goroutines and threads may accept at a time; each connection goes to one of them.
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

impl TcpListener {
    /// A listener at the first of the addresses where there can be one. Port 0 lets the system choose.
    ///
    /// As many connections can wait to be accepted as the system allows (`net.core.somaxconn`), as in Go; with std there are 128. A
    /// flood of clients that is larger than that makes Linux reset some of them.
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
        let listener = net::TcpListener::bind(&*addresses)?;
        // Again, which only changes the length of the queue. The system takes what it allows.
        listen(&listener, i32::MAX)?;
        Self::from_std(listener)
    }

    /// Its address.
    ///
    /// # Errors
    /// What the system says if it cannot tell.
    ///
    /// # Examples
    /// See [`bind`](Self::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    /// Waits for a connection. What has been given up by the other side before it was accepted does not count.
    ///
    /// # Errors
    /// When the [deadline](Self::set_deadline) has passed, the listener is [closed](Self::close), or a context [to
    /// which it is bound](Self::cancel_on) has ended; and what the system says.
    ///
    /// When the process, or the system, has no descriptor left, that is an error as well (`EMFILE`, `ENFILE`), and the
    /// connection goes on waiting to be accepted: who tries again at once will not fare better. Servers wait a little,
    /// so that others can end.
    ///
    /// # Examples
    /// See [`TcpListener`].
    #[track_caller]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_for(Call::READ)
    }

    /// As [`accept`](Self::accept), for as long as the context lasts. Other calls are not affected by it.
    ///
    /// Costs an allocation if it has to wait.
    ///
    /// # Errors
    /// As `accept`, and one that [`context_error`](crate::context_error()) knows when the context has ended.
    ///
    /// # Panics
    /// As [`Context::after_func`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_context::Context;
    ///
    /// let listener = gocsp_net::TcpListener::bind("127.0.0.1:0")?;
    /// let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// let error = listener.accept_context(&context).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn accept_context(&self, context: &Context) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_for(Call { context: Some(context), ..Call::READ })
    }

    #[track_caller]
    fn accept_for(&self, call: Call<'_>) -> io::Result<(TcpStream, SocketAddr)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let accept = |io: &net::TcpListener| loop {
            match acceptfrom_with(io, flags) {
                Err(Errno::CONNABORTED) => {}
                accepted => return Ok(accepted?),
            }
        };
        let (descriptor, address) = self.socket.run(call, accept, |_| false)?;
        let stream = net::TcpStream::from(descriptor);
        let address = match address {
            Some(address) => address.try_into()?,
            None => stream.peer_addr()?,
        };
        Ok((TcpStream::of(Socket::new(stream)), address))
    }

    /// The connections that come, until the listener is [closed](Self::close). Other errors of [`accept`](Self::accept)
    /// are handed out, and do not end it.
    ///
    /// # Examples
    /// See [`TcpListener`].
    pub fn incoming(&self) -> Incoming<'_, Self> {
        Incoming::new(self)
    }

    /// Lets every call that accepts fail with [`TimedOut`](io::ErrorKind::TimedOut) from `deadline` on, until another
    /// is set; also those that wait at this moment. `None` for never.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    ///
    /// let listener = gocsp_net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_deadline(Some(Instant::now()));
    /// assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.socket.set_deadline(&[Direction::Read], deadline);
    }

    /// Sets how far what is sent from here may travel, in hops; connections that are accepted inherit it.
    ///
    /// # Errors
    /// What the system says when it does not like that.
    ///
    /// # Examples
    /// ```
    /// let listener = gocsp_net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_ttl(7)?;
    /// assert_eq!(listener.ttl()?, 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.socket.io().set_ttl(hops)
    }

    /// What [`set_ttl`](Self::set_ttl) has set.
    ///
    /// # Errors
    /// What the system says if it cannot tell.
    ///
    /// # Examples
    /// See [`set_ttl`](Self::set_ttl).
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.io().ttl()
    }
}

impl sealed::Listener for TcpListener {
    type Stream = TcpStream;

    #[track_caller]
    fn accept_stream(&self) -> io::Result<TcpStream> {
        self.accept().map(|(stream, _)| stream)
    }
}
