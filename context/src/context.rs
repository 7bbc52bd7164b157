//! [`Context`]: the handle, and how contexts are derived.

use gocsp_runtime::park;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gocsp_channels::Receiver;
use gocsp_runtime::clock;

use crate::alarm::Alarm;
use crate::cancel::{CancelCauseFunc, CancelFunc};
use crate::children::Child;
use crate::error::{Cause, ContextError};
use crate::function::{AfterFunc, Function};
use crate::node::{End, Node};
use crate::values::Values;

/// What the [`done`](Context::done) of a context that never ends gives.
static NEVER: Receiver<()> = Receiver::nil();

/// What a task has to know of those who wait for it: whether they still want it done, until when, and what they have given
/// it along.
///
/// A handle: its clones are the same context. It is passed on by the task to all that it calls and starts, and whoever
/// takes long looks at [`done`](Self::done). Contexts form a tree: each but a [`background`](Self::background) context is
/// derived from another one. With a context end all that were derived from it.
///
/// # Cost
/// A clone is three atomic operations at most. Deriving a context that can end takes one allocation, or two with a deadline,
/// and the lock of the parent; [`done`](Self::done) takes another, at the first call. [`err`](Self::err) is one load.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use gocsp_channels::RecvError;
/// use gocsp_context::{Context, ContextError};
///
/// let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(5));
/// let worker = context.clone();
/// let worker = gocsp_runtime::spawn(move || {
///     // Work would be done here, by a `select!` of this and other channels.
///     let closed = worker.done().recv();
///     assert_eq!(closed, Err(RecvError));
///     worker.err()
/// });
/// assert_eq!(worker.join().unwrap(), Some(ContextError::DeadlineExceeded));
/// ```
#[derive(Default)]
pub struct Context {
    /// What ends, if it can end.
    pub(crate) node: Option<Arc<Node>>,
    values: Option<Arc<Values>>,
}

impl Context {
    /// The context that never ends, has no deadline and no values: where the others come from. Costs nothing.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let context = Context::background();
    /// assert!(context.err().is_none() && context.deadline().is_none());
    /// ```
    #[must_use]
    pub const fn background() -> Self {
        Self { node: None, values: None }
    }

    /// The same as [`background`](Self::background), to be found again: it marks a place that should be given a context.
    ///
    /// ```
    /// assert!(gocsp_context::Context::todo().err().is_none());
    /// ```
    #[must_use]
    pub const fn todo() -> Self {
        Self::background()
    }

    /// A context that ends with this one, or when the function is called.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// assert!(context.done().recv().is_err());
    /// ```
    #[must_use = "nothing happens to the context that it is derived from"]
    pub fn with_cancel(&self) -> (Self, CancelFunc) {
        let (context, node) = self.derive(None);
        (context, CancelFunc::new(node))
    }

    /// As [`with_cancel`](Self::with_cancel), with a function that takes a reason, for [`cause`](Self::cause).
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let (context, cancel) = Context::background().with_cancel_cause();
    /// cancel.cancel(std::io::Error::other("the disk is full"));
    /// assert_eq!(context.cause().unwrap().to_string(), "the disk is full");
    /// ```
    #[must_use = "nothing happens to the context that it is derived from"]
    pub fn with_cancel_cause(&self) -> (Self, CancelCauseFunc) {
        let (context, node) = self.derive(None);
        (context, CancelCauseFunc::new(node))
    }

    /// A context that ends with this one, or when the function is called, or when the time `timeout` is over.
    ///
    /// See [`with_deadline`](Self::with_deadline). A timeout beyond what the clock can represent (thirty years at least) is
    /// shortened to that.
    ///
    /// # Panics
    /// As [`with_deadline`](Self::with_deadline).
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_context::{Context, ContextError};
    ///
    /// let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert!(context.done().recv().is_err());
    /// assert_eq!(context.err(), Some(ContextError::DeadlineExceeded));
    /// ```
    #[must_use = "nothing happens to the context that it is derived from"]
    pub fn with_timeout(&self, timeout: Duration) -> (Self, CancelFunc) {
        let now = clock::now();
        self.until(clock::saturating_add(now, timeout), now, || None)
    }

    /// As [`with_timeout`](Self::with_timeout), with the reason to be reported by [`cause`](Self::cause) when the time is
    /// over. If the context ends otherwise, it is dropped.
    ///
    /// # Panics
    /// As [`with_deadline`](Self::with_deadline).
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_context::Context;
    ///
    /// let (context, _cancel) = Context::background().with_timeout_cause(Duration::ZERO, "the database is slow");
    /// assert_eq!(context.cause().unwrap().to_string(), "the database is slow");
    /// ```
    #[must_use = "nothing happens to the context that it is derived from"]
    pub fn with_timeout_cause(
        &self,
        timeout: Duration,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> (Self, CancelFunc) {
        let now = clock::now();
        self.until(clock::saturating_add(now, timeout), now, || Some(Arc::from(cause.into())))
    }

    /// A context that ends with this one, or when the function is called, or at `deadline`: at once if that has passed. If it
    /// is not earlier than the deadline that this context has already, it changes nothing.
    ///
    /// There is no goroutine for a deadline until it has passed: it is a timer of the caller's runtime. When that shuts down,
    /// the deadline goes with it, and the context ends only if it is cancelled.
    ///
    /// # Panics
    /// From an ordinary thread, when the global runtime has to be started and cannot be.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_context::Context;
    ///
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// let (context, _cancel) = Context::background().with_deadline(soon);
    /// let (child, _cancel) = context.with_deadline(soon + Duration::from_secs(1));
    /// assert_eq!(child.deadline(), Some(soon));
    /// ```
    #[must_use = "nothing happens to the context that it is derived from"]
    pub fn with_deadline(&self, deadline: Instant) -> (Self, CancelFunc) {
        self.until(deadline, clock::now(), || None)
    }

    /// As [`with_deadline`](Self::with_deadline), with the reason to be reported by [`cause`](Self::cause) when the deadline
    /// has passed. If the context ends otherwise, it is dropped.
    ///
    /// # Panics
    /// As [`with_deadline`](Self::with_deadline).
    ///
    /// ```
    /// use std::time::Instant;
    /// use gocsp_context::{Context, ContextError};
    ///
    /// let (context, _cancel) = Context::background().with_deadline_cause(Instant::now(), "the shop has closed");
    /// assert_eq!(context.err(), Some(ContextError::DeadlineExceeded));
    /// assert_eq!(context.cause().unwrap().to_string(), "the shop has closed");
    /// ```
    #[must_use = "nothing happens to the context that it is derived from"]
    pub fn with_deadline_cause(
        &self,
        deadline: Instant,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> (Self, CancelFunc) {
        self.until(deadline, clock::now(), || Some(Arc::from(cause.into())))
    }

    /// This context, with a value. [`value`](Self::value) finds it by its type, which best is one made for that purpose: two
    /// values of the same type, one nearer, hide each other.
    ///
    /// Meant for what goes with a request through all layers, such as its number. It ends when this one does.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// struct RequestId(u64);
    ///
    /// let context = Context::background().with_value(RequestId(7));
    /// assert_eq!(context.value::<RequestId>().map(|id| id.0), Some(7));
    /// ```
    #[must_use = "nothing happens to the context that it is derived from"]
    pub fn with_value<T: Any + Send + Sync>(&self, value: T) -> Self {
        let mut context = self.clone();
        context.values = Some(Values::with(value, context.values.take()));
        context
    }

    /// A context with the values of this one, that never ends: for work that is to be finished although the one that caused
    /// it was cancelled.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let (request, cancel) = Context::background().with_value("a value").with_cancel();
    /// let log = request.without_cancel();
    /// cancel.cancel();
    /// assert_eq!(log.err(), None);
    /// assert_eq!(log.value(), Some(&"a value"));
    /// ```
    #[must_use = "nothing happens to the context that it is derived from"]
    pub fn without_cancel(&self) -> Self {
        Self { node: None, values: self.values.clone() }
    }

    /// The channel that is closed when the context ends; nothing is ever sent. For a context that never ends, a nil channel.
    ///
    /// To be used as a case of `select!`, or to wait for the end. A clone of it may be kept for longer than the context; when
    /// nobody is left who could end that, it stays open.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// let waiter = context.clone();
    /// let waiter = gocsp_runtime::spawn(move || waiter.done().recv().is_err());
    /// cancel.cancel();
    /// assert!(waiter.join().unwrap());
    /// ```
    #[inline]
    #[must_use]
    pub fn done(&self) -> &Receiver<()> {
        self.node.as_ref().map_or(&NEVER, |node| node.done())
    }

    /// How the context has ended; `None` if it has not. If it has, [`done`](Self::done) is closed; and if that is closed, it
    /// has.
    ///
    /// ```
    /// use gocsp_context::{Context, ContextError};
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// assert_eq!(context.err(), None);
    /// cancel.cancel();
    /// assert_eq!(context.err(), Some(ContextError::Cancelled));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn err(&self) -> Option<ContextError> {
        park::point_of("context.Err", Location::caller());
        self.node.as_ref()?.error()
    }

    /// Why the context has ended: what was given as the cause where that began, or else what [`err`](Self::err) says; `None`
    /// if it has not ended. The first cause stays.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let (parent, cancel) = Context::background().with_cancel_cause();
    /// let (child, _cancel) = parent.with_cancel();
    /// cancel.cancel("enough");
    /// assert_eq!(child.cause().unwrap().to_string(), "enough");
    /// ```
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.node.as_ref()?.cause()
    }

    /// When the context will end at the latest, if there is such a time: the earliest of its own deadline and of those that it
    /// was derived from.
    ///
    /// ```
    /// use std::time::Instant;
    /// use gocsp_context::Context;
    ///
    /// let now = Instant::now();
    /// assert_eq!(Context::background().with_deadline(now).0.deadline(), Some(now));
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.node.as_ref()?.deadline()
    }

    /// The value of type `T` that was given last to this context, or to one that it was derived from.
    ///
    /// Takes time in proportion to the number of values.
    ///
    /// ```
    /// use gocsp_context::Context;
    ///
    /// let context = Context::background().with_value(1_u8).with_value(2_u8).with_value("other");
    /// assert_eq!(context.value::<u8>(), Some(&2));
    /// assert_eq!(context.value::<u16>(), None);
    /// ```
    #[must_use]
    pub fn value<T: Any>(&self) -> Option<&T> {
        self.values.as_ref()?.newest()
    }

    /// Has `f` run, in a goroutine of its own, when the context has ended: at once, if it has already. It runs once.
    ///
    /// The handle can [stop](AfterFunc::stop) that, and says whether it did. Who cancels does not wait for `f`. If nobody is left
    /// who could end the context, `f` is dropped without having run.
    ///
    /// # Panics
    /// From an ordinary thread, when the context has ended and the global runtime cannot be started.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_context::Context;
    ///
    /// let (tx, rx) = channel(0);
    /// let (context, cancel) = Context::background().with_cancel();
    /// context.after_func(move || tx.send("cleaned up").unwrap());
    /// cancel.cancel();
    /// assert_eq!(rx.recv(), Ok("cleaned up"));
    /// ```
    pub fn after_func<F>(&self, f: F) -> AfterFunc
    where
        F: FnOnce() + Send + 'static,
    {
        let function = Arc::new(Function::new(f));
        let mut listens_to = Weak::new();
        if let Some(node) = &self.node {
            match node.add_child(Child::Function(Arc::clone(&function)), &function.place) {
                Ok(()) => listens_to = Arc::downgrade(node),
                Err(_) => function.start(),
            }
        }
        AfterFunc::new(function, listens_to)
    }

    /// A context with a node of its own.
    fn derive(&self, deadline: Option<Instant>) -> (Self, Arc<Node>) {
        let node = Node::new(self.node.as_ref(), deadline);
        node.retain();
        (Self { node: Some(Arc::clone(&node)), values: self.values.clone() }, node)
    }

    /// A context with a deadline, and with what `cause` gives, if that passes.
    fn until(&self, deadline: Instant, now: Instant, cause: impl FnOnce() -> Option<Cause>) -> (Self, CancelFunc) {
        let (context, node) = self.derive(Some(deadline));
        let is_earlier = self.deadline().is_none_or(|inherited| deadline < inherited);
        if is_earlier {
            let cause = cause();
            if deadline <= now {
                node.end(&End { error: ContextError::DeadlineExceeded, cause });
            } else if let Some(alarm) = node.set_alarm(cause) {
                Alarm::arm(&alarm, deadline);
            }
        }
        (context, CancelFunc::new(node))
    }
}

impl Clone for Context {
    fn clone(&self) -> Self {
        let node = self.node.clone();
        if let Some(node) = &node {
            node.retain();
        }
        Self { node, values: self.values.clone() }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(node) = &self.node {
            node.release();
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("err", &self.err()).field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}

// What a node says is whole whenever its lock is free, and no code of the user runs under that. Values are shared only.
impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}
