//! The functions that cancel a context.

use gocsp_runtime::park;
use std::error::Error;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::error::ContextError;
use crate::node::{End, Node};

/// Cancels a context, and all contexts that were derived from it. Its clones cancel the same context.
///
/// It may be called from anywhere: from goroutines and ordinary threads, in destructors, and while a panic unwinds. It does
/// not wait for those who work under the context to stop.
///
/// # When it is dropped
/// Nothing happens: the context goes on, as long as its parent does. A cancel function that cancelled when dropped would
/// make `let (context, _) = parent.with_timeout(...)` a context that has ended before it is used, and leave to the last of
/// the clones, wherever it is, when the work ends. In Go, not to call it leaks what the parent keeps for the context until
/// the parent ends; here that goes with the last handle of the context. Who wants the work to end with a scope says so, by
/// [`drop_guard`](Self::drop_guard), in place of Go's `defer cancel()`.
///
/// ```
/// use gocsp_context::{Context, ContextError};
///
/// let (context, cancel) = Context::background().with_cancel();
/// assert_eq!(context.err(), None);
/// cancel.cancel();
/// assert_eq!(context.err(), Some(ContextError::Cancelled));
/// ```
#[derive(Clone)]
pub struct CancelFunc {
    node: Arc<Node>,
}

impl CancelFunc {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node }
    }

    /// Cancels the context. After the first call, or when it has ended otherwise, nothing more happens.
    ///
    /// When this returns, the context and all contexts derived from it have ended, also if another call is doing it at the
    /// same time; that call may then still be closing channels that others have got from [`done`](crate::Context::done), and
    /// waking those who wait. `err` and `done` of the contexts themselves already tell.
    ///
    /// Takes time in proportion to the number of contexts that end, and of goroutines that wait for it. Functions that were
    /// registered by [`Context::after_func`](crate::Context::after_func) are started on the runtime of the caller.
    ///
    /// # Panics
    /// From an ordinary thread, when there is a function to be started and the global runtime cannot be started.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let (parent, cancel) = Context::background().with_cancel();
    /// let (child, _cancel) = parent.with_cancel();
    /// cancel.cancel();
    /// assert!(child.err().is_some());
    /// ```
    #[track_caller]
    pub fn cancel(&self) {
        park::point_of("context.CancelFunc", Location::caller());
        self.node.end(&End { error: ContextError::Cancelled, cause: None });
    }

    /// A guard that cancels when it is dropped.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// {
    ///     let _guard = cancel.drop_guard();
    ///     assert!(context.err().is_none());
    /// }
    /// assert!(context.err().is_some());
    /// ```
    #[must_use = "the context is cancelled as soon as the guard is dropped"]
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { cancel: Some(self) }
    }
}

impl From<CancelCauseFunc> for CancelFunc {
    /// Cancels the same context, without a cause.
    fn from(cancel: CancelCauseFunc) -> Self {
        cancel.cancel
    }
}

impl fmt::Debug for CancelFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelFunc").finish_non_exhaustive()
    }
}

/// As [`CancelFunc`], with a cause.
///
/// To cancel without one, turn it into a [`CancelFunc`].
///
/// ```
/// use gocsp_context::{CancelFunc, Context};
///
/// let (context, cancel) = Context::background().with_cancel_cause();
/// CancelFunc::from(cancel).cancel();
/// assert_eq!(context.cause().unwrap().to_string(), "context canceled");
/// ```
#[derive(Clone)]
pub struct CancelCauseFunc {
    cancel: CancelFunc,
}

impl CancelCauseFunc {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { cancel: CancelFunc::new(node) }
    }

    /// Cancels the context as [`CancelFunc::cancel`] does, for a reason: an error, or a text. If it has ended before, that
    /// has its own cause, and this one is dropped.
    ///
    /// # Panics
    /// As [`CancelFunc::cancel`].
    ///
    /// ```
    /// use gocsp_context::{Context, ContextError};
    ///
    /// let (context, cancel) = Context::background().with_cancel_cause();
    /// cancel.cancel("no more interest");
    /// cancel.cancel("too late");
    /// assert_eq!(context.err(), Some(ContextError::Cancelled));
    /// assert_eq!(context.cause().unwrap().to_string(), "no more interest");
    /// ```
    #[track_caller]
    pub fn cancel(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) {
        park::point_of("context.CancelCauseFunc", Location::caller());
        self.cancel.node.end(&End { error: ContextError::Cancelled, cause: Some(Arc::from(cause.into())) });
    }
}

impl fmt::Debug for CancelCauseFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelCauseFunc").finish_non_exhaustive()
    }
}

/// Cancels a context when it is dropped. Made by [`CancelFunc::drop_guard`].
///
/// ```
/// use gocsp_context::Context;
///
/// let (context, cancel) = Context::background().with_cancel();
/// let guard = cancel.drop_guard();
/// drop(guard);
/// assert!(context.err().is_some());
/// ```
#[must_use = "the context is cancelled as soon as the guard is dropped"]
pub struct DropGuard {
    /// `None` when it was disarmed.
    cancel: Option<CancelFunc>,
}

impl DropGuard {
    /// Gives the cancel function back, and cancels nothing.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// let cancel = cancel.drop_guard().disarm();
    /// assert!(context.err().is_none());
    /// cancel.cancel();
    /// ```
    pub fn disarm(mut self) -> CancelFunc {
        self.cancel.take().expect("it is disarmed once")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(cancel) = &self.cancel {
            cancel.cancel();
        }
    }
}

impl fmt::Debug for DropGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DropGuard").finish_non_exhaustive()
    }
}

// What a node says is whole whenever its lock is free, and no code of the user runs under that.
impl UnwindSafe for CancelFunc {}
impl RefUnwindSafe for CancelFunc {}
