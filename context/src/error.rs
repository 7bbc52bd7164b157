//! Why a context has ended.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// How a context has ended: it was cancelled, or its deadline has passed.
///
/// ```
/// use gocsp_context::{Context, ContextError};
///
/// let (context, cancel) = Context::background().with_cancel();
/// cancel.cancel();
/// let error = context.err().expect("it was cancelled");
/// assert_eq!(error, ContextError::Cancelled);
/// assert_eq!(error.to_string(), "context canceled");
/// assert_eq!(ContextError::DeadlineExceeded.to_string(), "context deadline exceeded");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextError {
    /// It was cancelled by its own cancel function, or by that of a context that it was derived from.
    Cancelled,
    /// Its deadline, or that of a context that it was derived from, has passed.
    DeadlineExceeded,
}

impl fmt::Display for ContextError {
    /// In Go's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "context canceled",
            Self::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl Error for ContextError {}

/// The reason for which a context has ended, as it was given to one of the `_cause` functions, or else its
/// [`ContextError`]. All who ask get the same.
///
/// ```
/// use gocsp_context::{Cause, Context};
///
/// let (context, cancel) = Context::background().with_cancel_cause();
/// cancel.cancel("the user has left");
/// let cause: Cause = context.cause().expect("it was cancelled");
/// assert_eq!(cause.to_string(), "the user has left");
/// ```
pub type Cause = Arc<dyn Error + Send + Sync>;
