//! What [`Context::after_func`](crate::Context::after_func) registers: a function that runs once, or not at all.
//!
//! Whoever takes the function out of its place decides which: the one who ends the context, or the one who stops it.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak};

use gocsp_runtime::park::Lock;

use crate::node::Node;
use crate::sync::atomic::AtomicUsize;
use crate::sync::spawn_detached;

type Code = Box<dyn FnOnce() + Send>;

pub(crate) struct Function {
    code: Lock<Option<Code>>,
    /// Its place among the children of the node.
    pub(crate) place: AtomicUsize,
}

impl Function {
    pub(crate) fn new(code: impl FnOnce() + Send + 'static) -> Self {
        Self { code: Lock::new(Some(Box::new(code))), place: AtomicUsize::new(0) }
    }

    fn take(&self) -> Option<Code> {
        self.code.lock().take()
    }

    /// Starts a goroutine that runs it, unless that was done or prevented before.
    pub(crate) fn start(&self) {
        if let Some(code) = self.take() {
            spawn_detached(code);
        }
    }
}

/// A function that [`Context::after_func`](crate::Context::after_func) has registered. Dropping the handle leaves it
/// registered.
///
/// ```
/// use gocsp_context::Context;
///
/// let (context, cancel) = Context::background().with_cancel();
/// let function = context.after_func(|| unreachable!("it was stopped"));
/// assert!(function.stop());
/// cancel.cancel();
/// assert!(!function.stop());
/// ```
pub struct AfterFunc {
    function: Arc<Function>,
    node: Weak<Node>,
}

impl AfterFunc {
    pub(crate) fn new(function: Arc<Function>, node: Weak<Node>) -> Self {
        Self { function, node }
    }

    /// Prevents the run of the function. True if that has succeeded; false if it has been started or stopped before.
    ///
    /// It does not wait for a function that runs. One that is prevented is dropped before `stop` returns.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_context::Context;
    ///
    /// let (tx, rx) = channel(0);
    /// let (context, cancel) = Context::background().with_cancel();
    /// let function = context.after_func(move || tx.send("it runs").unwrap());
    /// cancel.cancel();
    /// assert!(!function.stop());
    /// assert_eq!(rx.recv(), Ok("it runs"));
    /// ```
    pub fn stop(&self) -> bool {
        let prevented = self.function.take();
        if prevented.is_some() {
            Node::remove_child(self.node.upgrade(), &self.function.place);
        }
        prevented.is_some()
    }
}

impl fmt::Debug for AfterFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfterFunc").finish_non_exhaustive()
    }
}

// A function is taken out whole, and run or dropped; nobody sees it but the goroutine that runs it.
impl UnwindSafe for AfterFunc {}
impl RefUnwindSafe for AfterFunc {}
