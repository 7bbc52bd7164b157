//! The errors that std's sockets do not know.

use std::error::Error;
use std::fmt;
use std::io;

use gocsp_context::{Context, ContextError};

/// What is inside the error of a call on a socket that [was closed](crate::TcpStream::close).
///
/// # Examples
/// ```
/// let (socket, _other) = gocsp_net::UnixStream::pair()?;
/// socket.close();
/// let error = socket.peer_addr().and(std::io::read_to_string(&socket)).unwrap_err();
/// assert!(gocsp_net::is_closed(&error));
/// assert_eq!(error.to_string(), gocsp_net::Closed.to_string());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    /// In Go's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("use of closed network connection")
    }
}

impl Error for Closed {}

/// Whether a call has failed because somebody has closed the socket at this end, by `close`.
///
/// Its [kind](io::Error::kind) is `Other`, which no loop tries again.
///
/// # Examples
/// ```
/// let listener = gocsp_net::TcpListener::bind("127.0.0.1:0")?;
/// listener.close();
/// assert!(gocsp_net::is_closed(&listener.accept().unwrap_err()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn is_closed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Closed>())
}

/// How the context has ended because of which a call has failed, if that is why.
///
/// The [kind](io::Error::kind) of the error is `TimedOut` if the context's deadline has passed, and `Other` if it was
/// cancelled.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use gocsp_context::{Context, ContextError};
///
/// let listener = gocsp_net::TcpListener::bind("127.0.0.1:0")?;
/// let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
/// let error = listener.accept_context(&context).unwrap_err();
/// assert_eq!(gocsp_net::context_error(&error), Some(ContextError::DeadlineExceeded));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn context_error(error: &io::Error) -> Option<ContextError> {
    error.get_ref()?.downcast_ref().copied()
}

/// What a call on a closed socket gives.
pub(crate) fn closed() -> io::Error {
    io::Error::other(Closed)
}

/// What a call gives whose context has ended in that way.
pub(crate) fn of_context(error: ContextError) -> io::Error {
    match error {
        ContextError::DeadlineExceeded => io::Error::new(io::ErrorKind::TimedOut, error),
        ContextError::Cancelled => io::Error::other(error),
    }
}

/// # Errors
/// If the context has ended.
pub(crate) fn check(context: &Context) -> io::Result<()> {
    context.err().map_or(Ok(()), |error| Err(of_context(error)))
}
