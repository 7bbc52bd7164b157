//! The one allocation of a goroutine: control block, closure, and then result.
//!
//! # The join protocol
//! The cell has two owners, the scheduler and the [`JoinHandle`](super::JoinHandle). Bits of the word `join`:
//!
//! | bit          | set by                       | meaning                                                       |
//! |--------------|------------------------------|---------------------------------------------------------------|
//! | [`COMPLETE`] | the scheduler, last          | the result is in the cell, which now belongs to the handle    |
//! | [`DETACHED`] | the handle, last; or at spawn| the handle is gone; the cell belongs to the scheduler         |
//! | [`JOINING`]  | the handle; cleared by it    | `joiner` holds a token, to be spent by who sets `COMPLETE`    |
//!
//! The owner that finds the other's last bit already set drops the result and frees the cell. A handle that sets
//! `JOINING` too late, after `COMPLETE`, takes its token back. Every change is Acquire and Release: each side sees
//! what the other did to the cell before.
//!
//! # Invariants
//! - **C1** `stage` is touched by the scheduler before `COMPLETE`, by the handle after it, by nobody else.
//! - **C2** The closure and the result are dropped in the goroutine, while it still is one, or by the owner of the handle:
//!   destructors are user code and may park. Only the closure of a goroutine for which no stack is to be had is dropped
//!   on a worker's own stack; parking there blocks the thread.

use std::any::Any;
use std::cell::UnsafeCell;
use std::io::{self, Write};
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::thread::Result as ThreadResult;

use super::blocks::Shape;
use super::control::{Goroutine, GoroutineId};
use super::local;
use super::on_panic;
use super::panics::Cancelled;
use super::scope::ScopeState;
use super::spawn::Attributes;
use crate::scheduler::{self, Worker};
use crate::stack::StackError;
use crate::sync::atomic::Ordering;

/// The result is in the cell.
pub(super) const COMPLETE: u32 = 1;
/// There is no handle any more.
pub(super) const DETACHED: u32 = 2;
/// Somebody waits for the result.
pub(super) const JOINING: u32 = 4;

/// What can be done to a cell without knowing its types.
pub(super) struct VTable {
    /// Runs the closure and puts its result in its place.
    run: unsafe fn(NonNull<Goroutine>),
    /// Drops the closure and puts the error in its place.
    fail: unsafe fn(NonNull<Goroutine>, Box<dyn Any + Send>),
    /// Moves the result to where the pointer, to an `Option<thread::Result<T>>`, leads.
    pub(super) take_result: unsafe fn(NonNull<Goroutine>, *mut ()),
    /// Drops what is in the cell, which may run user code.
    pub(super) clear: unsafe fn(NonNull<Goroutine>),
    /// Frees the cell, which is clear.
    pub(super) free: unsafe fn(NonNull<Goroutine>),
}

enum Stage<F, T> {
    Closure(F),
    Result(ThreadResult<T>),
    Empty,
}

#[repr(C)]
struct Cell<F, T> {
    control: Goroutine,
    stage: UnsafeCell<Stage<F, T>>,
}

impl<F: FnOnce() -> T, T> Cell<F, T> {
    const VTABLE: VTable = VTable {
        run: Self::run,
        fail: Self::fail,
        take_result: Self::take_result,
        clear: Self::clear,
        free: Self::free,
    };
    const SHAPE: Shape = Shape::of::<Self>();

    /// The stage of the cell whose control block this is.
    ///
    /// # Safety
    /// The control block is at the head of a `Cell<F, T>` to which C1 gives the caller access, for as long as it uses it.
    unsafe fn stage<'a>(goroutine: NonNull<Goroutine>) -> &'a mut Stage<F, T> {
        // SAFETY: `repr(C)` puts the control block first, so the two have one address.
        let cell = unsafe { goroutine.cast::<Self>().as_ref() };
        // SAFETY: the caller has exclusive access by C1.
        unsafe { &mut *cell.stage.get() }
    }

    unsafe fn run(goroutine: NonNull<Goroutine>) {
        // SAFETY: passed on.
        let stage = unsafe { Self::stage(goroutine) };
        let Stage::Closure(closure) = mem::replace(stage, Stage::Empty) else {
            unreachable!("a goroutine runs once");
        };
        let result = catch_unwind(AssertUnwindSafe(closure)).inspect_err(|payload| on_panic::caught(&**payload));
        // SAFETY: passed on; the first borrow has ended.
        let stage = unsafe { Self::stage(goroutine) };
        // SAFETY: nothing is in the stage that would have to be dropped.
        unsafe { ptr::write(stage, Stage::Result(result)) };
    }

    unsafe fn fail(goroutine: NonNull<Goroutine>, error: Box<dyn Any + Send>) {
        // SAFETY: passed on.
        let stage = unsafe { Self::stage(goroutine) };
        let closure = mem::replace(stage, Stage::Result(Err(error)));
        drop_quietly(closure);
    }

    unsafe fn take_result(goroutine: NonNull<Goroutine>, into: *mut ()) {
        // SAFETY: passed on.
        let stage = unsafe { Self::stage(goroutine) };
        if let Stage::Result(result) = mem::replace(stage, Stage::Empty) {
            // SAFETY: the caller passes a pointer to this type.
            unsafe { *into.cast::<Option<ThreadResult<T>>>() = Some(result) };
        }
    }

    unsafe fn clear(goroutine: NonNull<Goroutine>) {
        // SAFETY: passed on.
        let stage = unsafe { Self::stage(goroutine) };
        let contents = mem::replace(stage, Stage::Empty);
        if let Stage::Result(Ok(_)) = &contents
            && !mem::needs_drop::<T>()
        {
            return mem::forget(contents);
        }
        if let Stage::Result(Err(payload)) = &contents {
            // SAFETY: the caller owns the cell.
            nobody_wants_error(unsafe { goroutine.as_ref() }, &**payload);
        }
        drop_quietly(contents);
    }

    unsafe fn free(goroutine: NonNull<Goroutine>) {
        // SAFETY: the cell was made in `new`, and the caller is its last owner.
        unsafe { goroutine.drop_in_place() };
        // SAFETY: nothing is in the block any more, for the stage is clear. It was taken for this shape.
        unsafe { scheduler::give_block(goroutine.cast(), Self::SHAPE) };
    }
}

/// Nobody has joined a goroutine, nor will, that did not end well.
#[cold]
fn nobody_wants_error(goroutine: &Goroutine, payload: &(dyn Any + Send)) {
    if payload.is::<Cancelled>() {
        return;
    }
    if let Some(error) = payload.downcast_ref::<StackError>() {
        // The panic hook has said of a panic what it was, but nobody has said this. A closed stderr is no reason to panic.
        let _ = writeln!(io::stderr(), "{error}");
    }
    if let Some(scope) = goroutine.attributes().and_then(|attributes| attributes.scope.as_ref()) {
        scope.child_panicked();
        #[cfg(feature = "testing")]
        scheduler::note_join(goroutine.goroutine_id());
    }
}

/// Drops `value`, as [`call_quietly`] does.
pub(super) fn drop_quietly<V>(value: V) {
    call_quietly(|| drop(value));
}

/// Calls `f`; a panic has been reported by the panic hook, and goes no further, unless the runtime aborts then.
pub(crate) fn call_quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        on_panic::caught(&*payload);
        // The payload's own destructor might panic as well.
        mem::forget(payload);
    }
}

/// A cell around `closure`, from the stock of `worker`, if the caller is one. It is owned by the scheduler and, unless `join`
/// says that there is no handle, by a handle that the caller makes.
///
/// # Safety
/// What the closure and its result borrow outlives the goroutine, and they may be sent to another thread.
pub(super) unsafe fn new<F, T>(
    closure: F,
    join: u32,
    id: GoroutineId,
    spawned_at: &'static Location<'static>,
    attributes: Option<Box<Attributes>>,
    worker: Option<&Worker>,
) -> NonNull<Goroutine>
where
    F: FnOnce() -> T,
{
    let cell = scheduler::take_block(worker, Cell::<F, T>::SHAPE).cast::<Cell<F, T>>();
    let control = Goroutine::new(&Cell::<F, T>::VTABLE, join, id, spawned_at, attributes);
    // SAFETY: the block is new, and has the shape of the cell.
    unsafe { cell.write(Cell { control, stage: UnsafeCell::new(Stage::Closure(closure)) }) };
    cell.cast()
}

/// A goroutine that nobody runs, and that lives for ever.
#[cfg(all(test, not(any(loom, shuttle))))]
pub(crate) fn unstarted_for_ever(id: u64) -> &'static Goroutine {
    let id = GoroutineId(id.try_into().expect("numbers of goroutines begin at 1"));
    // SAFETY: the closure borrows nothing.
    let goroutine = unsafe { new(|| (), 0, id, Location::caller(), None, None) };
    // SAFETY: a cell is freed by those who run or drop the goroutine only.
    unsafe { goroutine.as_ref() }
}

/// Runs the goroutine to its end, on its own stack; while its runtime shuts down it is only [cancelled](cancel). The control
/// block may be gone afterwards.
///
/// # Safety
/// Called once, by the switch.
pub(crate) unsafe fn run(goroutine: NonNull<Goroutine>) {
    // SAFETY: the scheduler owns the cell until it is complete.
    let control = unsafe { goroutine.as_ref() };
    if scheduler::is_shutting_down(control) {
        control.forbid_unwinding();
        // SAFETY: a goroutine that runs is in no queue.
        return unsafe { cancel(goroutine) };
    }
    // SAFETY: nobody else touches the stage before COMPLETE (C1).
    unsafe { (control.vtable.run)(goroutine) };
    // SAFETY: the result is in its place.
    unsafe { complete(goroutine) };
}

/// Ends a goroutine that is not to run, or not any more: joining it gives [`Cancelled`]. The closure is dropped if it has not
/// started; else it is on its stack, and stays there.
///
/// # Safety
/// The caller has taken the goroutine out of every queue; or is the goroutine, and only leaves its stack afterwards.
pub(crate) unsafe fn cancel(goroutine: NonNull<Goroutine>) {
    // SAFETY: passed on.
    unsafe { fail_unstarted(goroutine, Cancelled::result()) };
}

/// Ends a goroutine that cannot be started: its closure is dropped, and joining it gives `error`.
///
/// # Safety
/// The caller has taken the goroutine out of every queue.
pub(crate) unsafe fn fail_unstarted(goroutine: NonNull<Goroutine>, error: Box<dyn Any + Send>) {
    // SAFETY: the scheduler owns the cell until it is complete.
    let vtable = unsafe { goroutine.as_ref() }.vtable;
    // SAFETY: nobody else touches the stage before COMPLETE (C1).
    unsafe { (vtable.fail)(goroutine, error) };
    // SAFETY: the error is in the result's place.
    unsafe { complete(goroutine) };
}

/// Hands the result to the handle, or drops it when there is none. The scheduler's ownership ends here.
///
/// # Safety
/// The result is in the cell, and the caller does not use the goroutine again.
unsafe fn complete(goroutine: NonNull<Goroutine>) {
    // SAFETY: the scheduler still owns the cell.
    let control = unsafe { goroutine.as_ref() };
    let scope: Option<Arc<ScopeState>> = control.attributes().and_then(|attributes| attributes.scope.clone());
    if control.join.load(Ordering::Acquire) & DETACHED == 0 {
        // The end is counted before anybody can learn of it.
        end(control);
        let before = control.join.fetch_or(COMPLETE, Ordering::AcqRel);
        if before & DETACHED == 0 {
            // From here on the cell is the handle's; but a joiner does not return before its token is spent.
            if before & JOINING != 0
                && let Some(token) = control.joiner.take()
            {
                token.wake();
            }
        } else {
            // The handle was dropped this very moment, and left the result to us after all.
            scheduler::goroutine_goes_on(control);
            // SAFETY: there is no handle.
            unsafe { discard(goroutine) };
        }
    } else {
        // SAFETY: there is no handle.
        unsafe { discard(goroutine) };
    }
    if let Some(scope) = scope {
        scope.child_ended();
    }
}

/// Drops the goroutine's own values, and counts its end. It may park before that.
fn end(control: &Goroutine) {
    if let Some(stack) = control.stack() {
        local::clear(stack);
    }
    scheduler::goroutine_ends(control);
}

/// Drops the result and frees the cell. The goroutine may park in here (C2).
///
/// # Safety
/// As [`complete`], and the handle is gone.
unsafe fn discard(goroutine: NonNull<Goroutine>) {
    // SAFETY: the scheduler owns the cell, now alone.
    let control = unsafe { goroutine.as_ref() };
    let vtable = control.vtable;
    // SAFETY: with the handle gone the stage is still ours (C1).
    unsafe { (vtable.clear)(goroutine) };
    end(control);
    // SAFETY: the stage is clear, and we are the last owner.
    unsafe { (vtable.free)(goroutine) };
}
