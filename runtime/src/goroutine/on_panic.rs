//! What becomes of a panic that nothing in its goroutine has caught.
//!
//! A panic unwinds its goroutine first, whatever becomes of it: whether something on the way will catch it is not known before
//! the destructors up to there have run. As in Go, whose deferred functions run before the program ends. So the choice is made
//! where the runtime catches the panic itself: at the end of the goroutine's function, and of each destructor that the
//! runtime calls for it.
//!
//! Rejected: to end with exit status 2, as Go does. "Abort" has a meaning in Rust, and everything else that ends a program
//! in the middle does it so: a panic in a destructor that a panic runs, the overflow of a stack, a program built with
//! `panic = "abort"`. A signal leaves a core behind, with the stacks of all the other goroutines in it, and no
//! exit handler runs beside goroutines that go on. And 2 is what many programs return for a wrong command line.

use std::any::Any;
use std::io::{self, Write};
use std::process;

use super::panics::Cancelled;
use crate::scheduler;

/// What a runtime does about a goroutine that panics, if nothing in the goroutine catches the panic: see
/// [`Builder::on_panic`](crate::Builder::on_panic). The words are those of Cargo's setting `panic`.
///
/// Either way the panic hook has printed its message before, with the goroutine's number, name and spawn place, and the
/// destructors of the goroutine have run.
///
/// ```
/// use gocsp_runtime::{OnPanic, Runtime, spawn};
///
/// let runtime = Runtime::builder().on_panic(OnPanic::Unwind).build()?;
/// assert!(runtime.run(|| spawn(|| panic!("a bug")).join()).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnPanic {
    /// The goroutine ends, and no other. Who joins it gets the payload, as from a thread.
    #[default]
    Unwind,
    /// The process ends, with a message and by [`abort`](std::process::abort): a Go program would end, too. The main goroutine
    /// and the children of a scope are no exceptions.
    ///
    /// What the goroutine catches itself is its own affair: by [`catch_unwind`](std::panic::catch_unwind), or by what passes a
    /// panic on to those who wait, as an `errgroup` does. [`exit_goroutine`](crate::exit_goroutine) and the end of the
    /// runtime are no panics.
    Abort,
}

impl OnPanic {
    /// The choice that has this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "unwind" => Some(Self::Unwind),
            "abort" => Some(Self::Abort),
            _ => None,
        }
    }
}

/// The runtime has caught what unwound the calling goroutine, or a destructor that it has called.
#[cold]
#[inline(never)]
pub(super) fn caught(payload: &(dyn Any + Send)) {
    #[cfg(feature = "testing")]
    scheduler::note_panic(payload);
    if scheduler::on_panic() == OnPanic::Abort && !payload.is::<Cancelled>() {
        abort(payload);
    }
}

/// What a panic has to say.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "its payload is no text",
    }
}

fn abort(payload: &(dyn Any + Send)) -> ! {
    let mut stderr = io::stderr().lock();
    // If this cannot be said there is nothing else to be done about it.
    let _ = write!(stderr, "fatal error: nothing caught the panic of ");
    let said = scheduler::with_running(|goroutine| write!(stderr, "{}", goroutine.described()));
    if said.is_none() {
        let _ = write!(stderr, "a destructor that the runtime called");
    }
    let _ = writeln!(stderr, ", and its runtime aborts then: {}", text_of(payload));
    process::abort()
}
