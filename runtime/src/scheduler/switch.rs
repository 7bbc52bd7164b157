//! The switch between a worker and the goroutine that it runs: the only place that knows the coroutine library.
//!
//! A goroutine is resumed from its worker's own stack and always returns there; two goroutines that talk switch by
//! way of the worker, which is where the next one is chosen and the commit step of a park is run.

use std::cell::Cell;
use std::ptr::NonNull;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::goroutine::{self, Goroutine};
use crate::stack::Stack;

/// The state of a suspended goroutine, and its way back to the worker.
pub(crate) struct Switch {
    coroutine: Coroutine<(), (), (), Stack>,
}

/// The way back from a running goroutine to its worker: set when the goroutine starts, valid until it ends.
pub(crate) struct WayBack(Cell<*const Yielder<(), ()>>);

/// Why a goroutine has given the thread back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It waits to be resumed.
    Suspended,
    /// It has ended. Neither its control block nor anything on its stack is used any more.
    Ended,
}

/// Prepares `stack` so that the first [`resume`] starts `goroutine`.
///
/// # Safety
/// The caller owns the stack and the goroutine, which has not started.
pub(super) unsafe fn prepare(stack: Stack, goroutine: NonNull<Goroutine>) {
    let body = move |yielder: &Yielder<(), ()>, ()| {
        stack.frame().way_back.0.set(yielder);
        // SAFETY: this is the goroutine's first and only run, on its own stack.
        unsafe { goroutine::run(goroutine) };
    };
    // SAFETY: the body owns what it captures, and catches every panic of the user's code.
    let coroutine = unsafe { Coroutine::with_stack_unchecked(stack, body) };
    // SAFETY: nobody runs on the stack, so nobody refers to its switch.
    unsafe { *stack.frame().switch.get() = Some(Switch { coroutine }) };
}

/// Runs the goroutine on `stack` until it suspends itself or ends.
///
/// # Safety
/// The stack has been [prepared](prepare) or suspended, and this thread is its goroutine's worker.
#[inline]
pub(super) unsafe fn resume(stack: Stack) -> Left {
    // SAFETY: the goroutine is not running, so nobody else refers to its switch.
    let slot = unsafe { &mut *stack.frame().switch.get() };
    let switch = slot.as_mut().expect("a started goroutine has a switch");
    match switch.coroutine.resume(()) {
        CoroutineResult::Yield(()) => Left::Suspended,
        CoroutineResult::Return(()) => {
            *slot = None;
            Left::Ended
        }
    }
}

/// Gives the thread back to the worker, until resumed.
///
/// # Safety
/// The caller runs on `stack`.
#[inline]
pub(super) unsafe fn suspend(stack: Stack) {
    let way_back = stack.frame().way_back.0.get();
    // SAFETY: the goroutine runs, so its way back has been set, and lies at the base of this very stack.
    unsafe { &*way_back }.suspend(());
}
