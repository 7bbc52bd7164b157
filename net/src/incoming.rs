//! The connections that come to a listener, as an iterator.

use std::fmt;
use std::io;
use std::iter::FusedIterator;

use crate::error::is_closed;
use sealed::Listener;

pub(crate) mod sealed {
    use std::io;

    /// What accepts connections.
    pub trait Listener {
        /// What it gives.
        type Stream;

        /// Waits for the next.
        #[track_caller]
        fn accept_stream(&self) -> io::Result<Self::Stream>;
    }
}

/// The connections that come to a listener: see [`TcpListener::incoming`](crate::TcpListener::incoming).
///
/// # Examples
/// ```
/// let listener = gocsp_net::TcpListener::bind("127.0.0.1:0")?;
/// listener.close();
/// assert_eq!(listener.incoming().count(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Incoming<'a, L> {
    listener: &'a L,
    ended: bool,
}

impl<'a, L: Listener> Incoming<'a, L> {
    pub(crate) fn new(listener: &'a L) -> Self {
        Self { listener, ended: false }
    }
}

impl<L: Listener> Iterator for Incoming<'_, L> {
    type Item = io::Result<L::Stream>;

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.listener.accept_stream();
        self.ended = next.as_ref().is_err_and(is_closed);
        if self.ended { None } else { Some(next) }
    }
}

impl<L: Listener> FusedIterator for Incoming<'_, L> {}

impl<L: fmt::Debug> fmt::Debug for Incoming<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("listener", self.listener).finish_non_exhaustive()
    }
}
