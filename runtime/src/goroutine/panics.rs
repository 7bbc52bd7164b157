//! Panics, and the two other ways in which a goroutine's stack is unwound: its own exit, and the shutdown of its
//! runtime.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};
use std::panic;
use std::sync::Once;
use std::thread;

use super::control::{Goroutine, GoroutineId, Unwinding};
use crate::scheduler;

/// How often a goroutine may catch the unwinding by which the shutdown of its runtime ends it.
const MOST_CANCELLATIONS: u8 = 100;

/// What joining a goroutine gives as the error, in place of a panic's payload, when the goroutine did not panic but
/// [exited](exit_goroutine), or was ended by the shutdown of its runtime.
///
/// ```
/// use gocsp_runtime::{Cancelled, exit_goroutine, spawn};
///
/// let payload = spawn(|| exit_goroutine()).join().unwrap_err();
/// assert!(payload.is::<Cancelled>());
/// ```
pub struct Cancelled {
    unwinds: Option<BegunUnwinding>,
}

/// An unwinding that was told of when it began. If somebody catches it and drops what was thrown, it is as it was before. What
/// was caught may also be dropped by a later unwinding, which does not end by that.
pub(crate) struct BegunUnwinding {
    /// Whose stack this unwinds.
    goroutine: GoroutineId,
    number: u16,
    /// Whether it was being unwound before.
    before: Unwinding,
}

impl BegunUnwinding {
    /// An unwinding of `goroutine`, which calls, begins.
    pub(crate) fn of(goroutine: &Goroutine, how: Unwinding) -> Self {
        // What is noted may be out of date: of a goroutine that has caught the last unwinding, and not dropped it yet.
        let before = if scheduler::unwinds(goroutine) { goroutine.unwinding() } else { Unwinding::No };
        Self { goroutine: goroutine.goroutine_id(), number: goroutine.begin_unwinding(how), before }
    }
}

impl Cancelled {
    /// What joining a goroutine gives that was ended without being unwound.
    pub(super) fn result() -> Box<dyn Any + Send> {
        Box::new(Self { unwinds: None })
    }

    /// Unwinds the calling goroutine.
    fn unwind() -> ! {
        let unwinds = scheduler::begin_unwinding(Unwinding::Cancelled);
        panic::resume_unwind(Box::new(Self { unwinds }))
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some(BegunUnwinding { goroutine: unwound, number, before }) = self.unwinds {
            scheduler::with_running(|goroutine| {
                if goroutine.goroutine_id() == unwound {
                    goroutine.end_unwinding(number, before);
                }
            });
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancelled")
    }
}

/// Ends the calling goroutine: its destructors run, and nothing is printed. Go's `runtime.Goexit`.
///
/// It unwinds the stack, as a panic does, so a [`catch_unwind`](std::panic::catch_unwind) on the way stops it, and calling
/// it in a destructor that a panic runs aborts the process. In the main goroutine it unwinds on into the caller of `run`,
/// for which there is no value; unlike in Go the program ends then.
///
/// # Panics
/// When called outside a goroutine.
///
/// ```
/// use gocsp_runtime::{Cancelled, exit_goroutine, spawn};
///
/// let worker = spawn(|| exit_goroutine());
/// assert!(worker.join().unwrap_err().is::<Cancelled>());
/// ```
pub fn exit_goroutine() -> ! {
    assert!(scheduler::in_goroutine(), "exit_goroutine was called outside a goroutine");
    Cancelled::unwind()
}

/// The standard library's `resume_unwind`, for goroutines as well as for threads.
pub(crate) fn resume_unwind(payload: Box<dyn Any + Send>) -> ! {
    scheduler::begin_unwinding(Unwinding::Cancelled);
    panic::resume_unwind(payload)
}

/// Unwinds the calling goroutine because its runtime shuts down. Returns if it is unwinding already, if nothing but the
/// closure is left of it, which is being dropped, or if the caller is none.
///
/// A goroutine that keeps catching this will not end that way. After [`MOST_CANCELLATIONS`] it is left where it is: it ends
/// as far as everybody else can tell, nothing of it is dropped, and its stack is never used again. So what others borrow
/// from its stack stays; but what it borrows itself, as a child of a scope or as the main goroutine, would not outlast
/// such an end. Such a goroutine goes on, as one that computes for ever.
pub(crate) fn unwind_cancelled() {
    let count = |goroutine: &Goroutine| {
        if scheduler::unwinds(goroutine) { None } else { Some((goroutine.count_cancellation()?, goroutine.borrows())) }
    };
    match scheduler::with_running(count).flatten() {
        None => return,
        Some((count, borrows)) if count > MOST_CANCELLATIONS => {
            if !borrows {
                scheduler::abandon_running();
            }
            scheduler::yield_uncancelled();
        }
        Some(_) => {}
    }
    Cancelled::unwind()
}

/// Makes panics name their goroutine, once per process. The hook that was there before still runs.
pub(crate) fn install_hook() {
    static INSTALL: Once = Once::new();
    // The hook cannot be changed by a panicking thread. The next runtime to start will do it.
    if thread::panicking() {
        return;
    }
    INSTALL.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            #[cfg(feature = "testing")]
            scheduler::note_panic_hook(true);
            if !is_muted() {
                announce();
                previous(info);
            }
            // Last: until then the goroutine is in its hook, and may not leave its stack.
            scheduler::begin_unwinding(Unwinding::Panicking);
            #[cfg(feature = "testing")]
            scheduler::note_panic_hook(false);
        }));
    });
}

/// Whether panics are not to be told of. They are told of when the schedule is run again, to be looked at.
fn is_muted() -> bool {
    #[cfg(feature = "testing")]
    return scheduler::is_muted();
    #[cfg(not(feature = "testing"))]
    false
}

fn announce() {
    scheduler::with_running(|goroutine| {
        // A closed stderr is no reason to panic once more.
        let _ = writeln!(io::stderr(), "{} panicked:", goroutine.described());
    });
}
