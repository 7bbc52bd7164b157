//! Yielding: a goroutine lets others run, and stays ready itself.
//!
//! Who yields while nobody else is ready goes on at once, without a switch. That counts as a turn: at the latest when the
//! next look around is due, or when something asks for the worker's attention, it leaves its stack after all. So
//! messages, timers, the end of the time slice and the shutdown of the runtime are seen as if it had switched each time.

use std::panic::Location;
use std::ptr::NonNull;

use super::switch::{self, Step};
use super::worker::count;
use super::{LentPermit, current_here, current_parkable, current_parkable_here, home_of, preempt};
use crate::goroutine::{Goroutine, unwind_cancelled};

/// Lets every other goroutine run that is ready on the caller's worker, before the caller goes on. On an ordinary thread,
/// yields the processor.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use gocsp_runtime::{run, spawn, yield_now};
///
/// static DONE: AtomicBool = AtomicBool::new(false);
/// run(|| {
///     spawn(|| DONE.store(true, Ordering::Relaxed));
///     while !DONE.load(Ordering::Relaxed) {
///         yield_now();
///     }
/// });
/// ```
#[inline(always)]
#[track_caller]
pub fn yield_now() {
    match begin_yield() {
        Yield::Stay => {}
        Yield::Leave(goroutine) => yield_goroutine(goroutine, Location::caller()),
        Yield::Thread => yield_thread(),
    }
}

/// What a caller does that yields.
enum Yield {
    /// It goes on: it is the only goroutine here that is ready.
    Stay,
    /// It leaves its stack.
    Leave(NonNull<Goroutine>),
    /// It yields as a thread, for it is no goroutine, or one that cannot leave its stack.
    Thread,
}

#[inline(never)]
fn begin_yield() -> Yield {
    match current_parkable_here() {
        // SAFETY: the goroutine calls, so it has not ended.
        Some(goroutine) if home_of(unsafe { goroutine.as_ref() }).spends_turn_alone() => Yield::Stay,
        Some(goroutine) => Yield::Leave(goroutine),
        None => Yield::Thread,
    }
}

/// A goroutine that cannot leave its stack may wait for others in a loop.
#[cold]
#[inline(never)]
fn yield_thread() {
    let lent = LentPermit::of_this_thread();
    lent.tend_timers();
    std::thread::yield_now();
}

/// Inlined as a park is.
#[inline(always)]
fn yield_goroutine(goroutine: NonNull<Goroutine>, place: &'static Location<'static>) {
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    let worker = home_of(control);
    if worker.shared().is_shutting_down() {
        return yield_cancelled(control);
    }
    #[cfg(feature = "testing")]
    if super::directed::yields(goroutine, place) {
        return;
    }
    #[cfg(not(feature = "testing"))]
    let _ = place;
    let mut step = Step::new(queue_last(goroutine));
    // SAFETY: the goroutine calls, so it has started.
    let stack = unsafe { control.started_stack() };
    // SAFETY: as above, and the step stays on its stack until it goes on.
    unsafe { switch::suspend(stack, step.head()) };
}

#[cold]
#[inline(never)]
fn yield_cancelled(control: &Goroutine) {
    home_of(control).yield_in_shutdown(control);
    unwind_cancelled();
}

/// Lets the others run that are ready on the caller's worker, if it is a goroutine that can leave its stack. Never unwinds.
pub(crate) fn yield_uncancelled() {
    if let Some(goroutine) = current_parkable() {
        // SAFETY: the goroutine calls, so it has not ended.
        let control = unsafe { goroutine.as_ref() };
        home_of(control).leave_perhaps_unwinding(control, queue_last(goroutine));
    }
}

/// A step that puts `goroutine`, which leaves its stack, last in line.
#[inline]
pub(super) fn queue_last(goroutine: NonNull<Goroutine>) -> impl FnOnce() {
    move || {
        // SAFETY: it has not ended: it only yields.
        let worker = home_of(unsafe { goroutine.as_ref() });
        count(&worker.counts.yields);
        worker.push_last(goroutine);
    }
}

/// Yields if the caller's time slice is over, and unwinds if its runtime shuts down: for operations that may succeed for
/// ever without parking, where nothing is lost if they unwind.
///
/// ```
/// use gocsp_runtime::park::cooperate;
/// use std::collections::VecDeque;
///
/// /// Never waits, so a caller who asks again and again would keep its worker.
/// fn try_pop(queue: &mut VecDeque<u32>) -> Option<u32> {
///     cooperate(); // Before anything is taken out: unwinding here loses nothing.
///     queue.pop_front()
/// }
///
/// assert_eq!(try_pop(&mut [1].into()), Some(1));
/// ```
#[inline]
pub fn cooperate() {
    if preempt::is_anybody_asked() {
        yield_at_end_of_slice();
    }
}

#[cold]
#[inline(never)]
fn yield_at_end_of_slice() {
    if slice_is_over() {
        yield_now();
    }
}

/// As [`cooperate`], for who is about to spawn: yields also in a [burst](super::burst).
#[inline]
pub(crate) fn cooperate_to_spawn() {
    if spawner_is_due() {
        yield_now();
        spawner_goes_on();
    }
}

#[inline(never)]
fn spawner_is_due() -> bool {
    #[cfg(feature = "testing")]
    if super::is_directed() {
        return false;
    }
    current_here().is_some_and(|worker| worker.signals.preempt.is_raised() || worker.has_spawned_stretch())
}

#[cold]
#[inline(never)]
fn spawner_goes_on() {
    if let Some(worker) = current_here() {
        worker.begin_stretch();
    }
}

/// Whether the caller's time slice is over; it is while its runtime shuts down.
#[inline(never)]
fn slice_is_over() -> bool {
    #[cfg(feature = "testing")]
    if super::is_directed() {
        return false;
    }
    current_here().is_some_and(|worker| worker.signals.preempt.is_raised())
}

/// Yields if the caller's time slice is over, and never unwinds: for the end of an operation that has been carried out.
///
/// ```
/// use gocsp_runtime::park::yield_if_due;
/// use std::collections::VecDeque;
///
/// fn pop(queue: &mut VecDeque<u32>) -> Option<u32> {
///     let popped = queue.pop_front();
///     yield_if_due(); // What was popped would be lost if this could unwind.
///     popped
/// }
///
/// assert_eq!(pop(&mut [1].into()), Some(1));
/// ```
#[cold]
#[inline(never)]
pub fn yield_if_due() {
    if preempt::is_anybody_asked() && slice_is_over() {
        yield_uncancelled();
    }
}
