//! A panic that more than one is to be told of.

#![forbid(unsafe_code)]

use std::any::Any;
use std::panic;

use gocsp_runtime::{Cancelled, park};

/// What can be said of a panic again and again. A payload itself can be handed on only once: it cannot be cloned.
#[derive(Clone, Debug)]
pub(crate) enum SharedPanic {
    Text(&'static str),
    String(String),
    /// A payload of another type.
    Other,
    /// No panic: the goroutine exited, or was ended by the shutdown of its runtime.
    Cancelled,
}

impl SharedPanic {
    /// What can be said of the panic with this payload.
    pub(crate) fn of(payload: &(dyn Any + Send)) -> Self {
        if let Some(text) = payload.downcast_ref::<&'static str>() {
            Self::Text(text)
        } else if let Some(string) = payload.downcast_ref::<String>() {
            Self::String(string.clone())
        } else if payload.is::<Cancelled>() {
            Self::Cancelled
        } else {
            Self::Other
        }
    }

    /// Panics in the caller as well. `what` has panicked.
    #[track_caller]
    pub(crate) fn raise(&self, what: &str) -> ! {
        match self {
            Self::Text(text) => panic::panic_any(*text),
            Self::String(string) => panic::panic_any(string.clone()),
            Self::Other => panic!("{what} has panicked, with a payload that is no text"),
            Self::Cancelled => {
                // If both have the same runtime, which shuts down, nobody has to be told.
                park::unwind_if_shutting_down();
                panic!("{what} did not return: the goroutine that called it was ended")
            }
        }
    }
}

/// Calls `f`. If it panics: what can be said of that to others, and the payload, for the caller to go on with.
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, (SharedPanic, Box<dyn Any + Send>)> {
    // Whoever may see what the panic left half done panics as well.
    panic::catch_unwind(panic::AssertUnwindSafe(f)).map_err(|payload| (SharedPanic::of(&*payload), payload))
}
