//! Contexts that end the calls on a socket.
//!
//! A context that ends has a function run, in a goroutine of its own, which interrupts the socket: those who wait there
//! look at the context again. The function refers to the socket weakly, and so does the guard: neither keeps it open.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Weak;

use gocsp_context::{AfterFunc, Context};

use crate::socket::Interrupt;

/// As long as it lives, the end of a context ends the calls on a socket: see
/// [`cancel_on`](crate::TcpStream::cancel_on).
///
/// # Examples
/// ```
/// use std::io::Read;
/// use std::time::Duration;
/// use gocsp_context::{Context, ContextError};
///
/// let (mut socket, _other) = gocsp_net::UnixStream::pair()?;
/// let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
/// let bound = socket.cancel_on(&context);
/// let error = socket.read(&mut [0]).unwrap_err();
/// assert_eq!(gocsp_net::context_error(&error), Some(ContextError::DeadlineExceeded));
/// drop(bound);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "when it is dropped, the socket has nothing to do with the context any more"]
pub struct CancelGuard {
    _interrupter: Interrupter,
    _binding: Binding,
}

impl CancelGuard {
    pub(crate) fn new(interrupter: Interrupter, binding: Binding) -> Self {
        Self { _interrupter: interrupter, _binding: binding }
    }
}

impl fmt::Debug for CancelGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelGuard").finish_non_exhaustive()
    }
}

// It has nothing that could be half changed.
impl UnwindSafe for CancelGuard {}
impl RefUnwindSafe for CancelGuard {}

/// A context among the rules of a socket, until it is dropped.
pub(crate) struct Binding {
    socket: Weak<dyn Interrupt>,
    number: u64,
}

impl Binding {
    pub(crate) fn new(socket: Weak<dyn Interrupt>, number: u64) -> Self {
        Self { socket, number }
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        let context = self.socket.upgrade().and_then(|socket| socket.unbind(self.number));
        // Now that the socket is not referred to here any more: a destructor that is run by this may give it back to
        // std, and waits until nobody does.
        drop(context);
    }
}

/// Interrupts a socket when a context ends, unless it is dropped before.
pub(crate) struct Interrupter(AfterFunc);

impl Interrupter {
    pub(crate) fn new(context: &Context, socket: Weak<dyn Interrupt>) -> Self {
        Self(context.after_func(move || {
            if let Some(socket) = socket.upgrade() {
                socket.interrupt();
            }
        }))
    }
}

impl Drop for Interrupter {
    fn drop(&mut self) {
        self.0.stop();
    }
}
