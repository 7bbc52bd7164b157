//! Contexts, as in Go: they tell a task, and all that it starts, when nobody needs it any more.
//!
//! A [`Context`] is handed down from caller to callee, and from goroutine to goroutine. Contexts are derived from one
//! another, and when one ends, because it was cancelled or its deadline has passed, so do all that were derived from it.
//!
//! ```
//! use std::time::Duration;
//! use gocsp_channels::{Receiver, after, channel};
//! use gocsp_context::{Context, ContextError};
//! use gocsp_select::select;
//!
//! fn query(context: &Context, answer: Receiver<u32>) -> Result<u32, ContextError> {
//!     select! {
//!         recv(answer) -> answer => Ok(answer.expect("the database answers")),
//!         recv(context.done()) => Err(context.err().expect("it has ended")),
//!     }
//! }
//!
//! let (context, cancel) = Context::background().with_timeout(Duration::from_millis(5));
//! let _guard = cancel.drop_guard();
//! let (tx, slow) = channel(1);
//! gocsp_runtime::spawn(move || after(Duration::from_secs(1)).recv().map(|_| tx.send(42)));
//! assert_eq!(query(&context, slow), Err(ContextError::DeadlineExceeded));
//! ```
//!
//! - [`Context::background`] is where all begin. [`with_cancel`](Context::with_cancel),
//!   [`with_timeout`](Context::with_timeout) and [`with_deadline`](Context::with_deadline) derive contexts that end earlier
//!   than their parents, [`with_value`](Context::with_value) one that knows more, and
//!   [`without_cancel`](Context::without_cancel) one that does not end.
//! - [`done`](Context::done) is a channel that is closed when the context ends; [`err`](Context::err) says how it has ended,
//!   and [`cause`](Context::cause) why.
//! - [`CancelFunc`] ends a context, and all below it, before it returns. Dropping it does nothing; its
//!   [`DropGuard`] cancels when dropped.
//! - [`after_func`](Context::after_func) has a function run when the context has ended.
//!
//! All of it works from goroutines and from ordinary threads. No context has to be cancelled to give back what it uses: that
//! goes with the last handle.
//!
//! # Layers
//! ```text
//! context  cancel     the interface
//!    |   \   |
//!    |    \  |
//!    |     node <---- ending      the tree along which contexts end, and its protocol
//!    |       |    \
//!    |    children  alarm         the list of a node, and its deadline
//!    |       |
//!  values  function               what goes down with a context, and what runs after it
//! ```
#![forbid(unsafe_code)]

mod alarm;
mod cancel;
mod children;
mod context;
mod ending;
mod error;
mod function;
mod node;
mod sync;
mod values;

pub use cancel::{CancelCauseFunc, CancelFunc, DropGuard};
pub use context::Context;
pub use error::{Cause, ContextError};
pub use function::AfterFunc;
