//! [`KeepAlive`]: how the system finds out that the other side is gone.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::net::sockopt;

/// How the system finds out whether the other side of an idle connection is still there: it asks.
///
/// What is not said is left to the system; on Linux that is to ask after two hours, nine times, every 75 seconds.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use gocsp_net::{KeepAlive, TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// let minute = Duration::from_secs(60);
/// stream.set_keepalive(Some(KeepAlive::new().idle(minute).interval(minute / 4).count(4)))?;
/// assert!(stream.keepalive()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    idle: Option<Duration>,
    interval: Option<Duration>,
    count: Option<u32>,
}

impl KeepAlive {
    /// As the system does it.
    ///
    /// # Examples
    /// See [`KeepAlive`].
    #[must_use]
    pub const fn new() -> Self {
        Self { idle: None, interval: None, count: None }
    }

    /// Asks for the first time when the connection has been idle for so long, in whole seconds.
    ///
    /// # Examples
    /// See [`KeepAlive`].
    #[must_use]
    pub const fn idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// Asks again after so long, in whole seconds.
    ///
    /// # Examples
    /// See [`KeepAlive`].
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Gives up after so many times without an answer.
    ///
    /// # Examples
    /// See [`KeepAlive`].
    #[must_use]
    pub const fn count(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    pub(super) fn set(self, socket: BorrowedFd<'_>) -> io::Result<()> {
        if let Some(idle) = self.idle {
            sockopt::set_tcp_keepidle(socket, idle)?;
        }
        if let Some(interval) = self.interval {
            sockopt::set_tcp_keepintvl(socket, interval)?;
        }
        if let Some(count) = self.count {
            sockopt::set_tcp_keepcnt(socket, count)?;
        }
        Ok(sockopt::set_socket_keepalive(socket, true)?)
    }
}
