//! The switch between a worker and the goroutine that it runs: the only place that knows the coroutine library.
//!
//! A goroutine is resumed from its worker's own stack and always returns there; two goroutines that talk switch by
//! way of the worker, which is where the next one is chosen and the commit step of a park is run. The step stands on the
//! goroutine's stack, and its address is what the goroutine passes to the worker, in a register.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::goroutine::{self, Goroutine};
use crate::stack::{Frame, Stack};

/// The state of a suspended goroutine, and its way back to the worker.
pub(crate) struct Switch {
    coroutine: Coroutine<(), NonNull<AfterLeaving>, (), Stack>,
}

/// The way back from a running goroutine to its worker: set when the goroutine starts, valid until it ends.
pub(crate) struct WayBack(Cell<*const Back>);

/// What leads back to the worker.
pub(super) type Back = Yielder<(), NonNull<AfterLeaving>>;

/// What is to be done once the goroutine's stack has been left: the head of a [`Step`].
pub(crate) struct AfterLeaving {
    call: unsafe fn(NonNull<AfterLeaving>),
}

impl AfterLeaving {
    /// Takes the step.
    ///
    /// # Safety
    /// `after` is the head of a step that is still there and has not been taken.
    #[inline]
    pub(super) unsafe fn take(after: NonNull<Self>) {
        // SAFETY: as the caller says.
        let call = unsafe { after.as_ref() }.call;
        // SAFETY: the function was put there for the step that this is the head of.
        unsafe { call(after) };
    }
}

/// A step to be taken once, when the goroutine's stack has been left, on which it stands.
#[repr(C)]
pub(super) struct Step<F> {
    head: AfterLeaving,
    commit: ManuallyDrop<F>,
}

impl<F: FnOnce()> Step<F> {
    #[inline]
    pub(super) fn new(commit: F) -> Self {
        Self { head: AfterLeaving { call: Self::call }, commit: ManuallyDrop::new(commit) }
    }

    #[inline]
    pub(super) fn head(&mut self) -> NonNull<AfterLeaving> {
        NonNull::from(self).cast()
    }

    /// # Safety
    /// `head` is the head of a `Step<F>` that is still there and has not been taken.
    unsafe fn call(head: NonNull<AfterLeaving>) {
        // SAFETY: `repr(C)` puts the head first, so the two have one address.
        let step = unsafe { head.cast::<Self>().as_mut() };
        // SAFETY: the step has not been taken before.
        let commit = unsafe { ManuallyDrop::take(&mut step.commit) };
        commit();
    }
}

/// Why a goroutine has given the thread back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It waits to be resumed, once this step has been taken.
    Suspended(NonNull<AfterLeaving>),
    /// It has ended. Neither its control block nor anything on its stack is used any more.
    Ended,
}

/// Prepares `stack` so that the first [`resume`] starts `goroutine`.
///
/// # Safety
/// The caller owns the stack and the goroutine, which has not started.
pub(super) unsafe fn prepare(stack: Stack, goroutine: NonNull<Goroutine>) {
    let body = move |back: &Back, ()| {
        let Frame { way_back, fiber, .. } = stack.frame();
        way_back.0.set(back);
        fiber.begin(back);
        // SAFETY: this is the goroutine's first and only run, on its own stack.
        unsafe { goroutine::run(goroutine) };
        fiber.end(back);
    };
    // SAFETY: the body owns what it captures, and catches every panic of the user's code.
    let coroutine = unsafe { Coroutine::with_stack_unchecked(stack, body) };
    // SAFETY: nobody runs on the stack, so nobody refers to its switch.
    let slot = unsafe { &mut *stack.frame().switch.get() };
    let switch = slot.write(Switch { coroutine });
    stack.frame().fiber.make(goroutine, || _ = switch.coroutine.resume(()));
}

/// Runs the goroutine on `stack` until it suspends itself or ends.
///
/// # Safety
/// The stack has been [prepared](prepare) or suspended, and this thread is its goroutine's worker.
#[inline(always)]
pub(super) unsafe fn resume(stack: Stack) -> Left {
    // SAFETY: the goroutine is not running, so nobody else refers to its switch.
    let slot = unsafe { &mut *stack.frame().switch.get() };
    // SAFETY: the stack was prepared, and its goroutine has not ended since.
    let switch = unsafe { slot.assume_init_mut() };
    let fiber = &stack.frame().fiber;
    fiber.is_resumed();
    match switch.coroutine.resume(()) {
        CoroutineResult::Yield(after) if !fiber.has_ended(after) => return Left::Suspended(after),
        CoroutineResult::Yield(_) => fiber.unmake(|| _ = switch.coroutine.resume(())),
        CoroutineResult::Return(()) => {}
    }
    // SAFETY: as above. The stack has to be prepared before it is resumed again.
    unsafe { slot.assume_init_drop() };
    Left::Ended
}

/// Gives the thread back to the worker, until resumed. The worker takes the step `after` first.
///
/// Inlined, and so are its callers up to the operation that blocks: the processor predicts where a function returns to by
/// the calls it has seen, and after a switch is wrong about every function between here and there.
///
/// # Safety
/// The caller runs on `stack`, and `after` is the head of a step on it that has not been taken.
#[inline(always)]
pub(super) unsafe fn suspend(stack: Stack, after: NonNull<AfterLeaving>) {
    let Frame { way_back, fiber, .. } = stack.frame();
    // SAFETY: the goroutine runs, so its way back has been set, and lies at the base of this very stack.
    fiber.suspend(unsafe { &*way_back.0.get() }, after);
}
