//! The values of a context: a list, the newest first, whose tails are shared.
//!
//! It is apart from the tree of nodes: to cancel touches no value, to look up touches no node, and a context without
//! values pays for none.

use std::any::Any;
use std::sync::Arc;

/// A value, and those that were there before it.
pub(crate) struct Values {
    value: Box<dyn Any + Send + Sync>,
    older: Option<Arc<Values>>,
}

impl Values {
    /// The list with a `value` before `older`.
    pub(crate) fn with(value: impl Any + Send + Sync, older: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { value: Box::new(value), older })
    }

    /// The newest value of type `T`.
    pub(crate) fn newest<T: Any>(&self) -> Option<&T> {
        let mut rest = Some(self);
        while let Some(values) = rest {
            if let Some(value) = values.value.downcast_ref() {
                return Some(value);
            }
            rest = values.older.as_deref();
        }
        None
    }
}

impl Drop for Values {
    /// One after the other: a long list dropped from link to link would overflow the stack.
    fn drop(&mut self) {
        let mut rest = self.older.take();
        while let Some(mut values) = rest.and_then(Arc::into_inner) {
            rest = values.older.take();
        }
    }
}
