//! The scheduler: workers that run goroutines, and what the rest of the runtime asks of them.
//!
//! | module        | what it holds                                                                 |
//! |---------------|-------------------------------------------------------------------------------|
//! | [`worker`]    | a thread and its goroutines; the loop                                         |
//! | [`queues`]    | who runs next                                                                 |
//! | [`inbox`]     | wake-ups from other threads                                                   |
//! | [`ready`]     | how a parked goroutine becomes ready                                          |
//! | [`spawning`]  | new goroutines                                                                |
//! | [`placement`] | where a new goroutine goes                                                    |
//! | [`watch`]     | the protocol by which idle workers find what waits to be stolen               |
//! | [`idle`]      | looking around, watching, sleeping                                            |
//! | [`look`]      | how often a busy worker looks at the clock                                    |
//! | [`monitor`]   | the end of time slices                                                        |
//! | [`procs`]     | how many workers run at the same time                                         |
//! | [`starving`]  | goroutines for which there is no stack                                        |
//! | [`shutdown`]  | the end of a runtime                                                          |
//! | [`shared`]    | what the workers of a runtime share                                           |
//! | [`switch`]    | the switch of stacks                                                          |
//! | [`thread`]    | the workers' threads                                                          |
//!
//! This file is the surface: the functions by which the park seam, the goroutines and the timers reach the worker that
//! they run on.
//!
//! # Thread-locals and migration
//! Under `migrate` a goroutine may go on, after a switch, on another thread. Thread-locals are therefore read only in
//! functions that are never inlined and do not switch: the compiler cannot keep an address across a switch then.

mod idle;
mod inbox;
mod look;
mod monitor;
mod placement;
mod procs;
mod queues;
mod ready;
mod shared;
mod shutdown;
mod spawning;
mod starving;
mod switch;
mod thread;
mod watch;
mod worker;

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

pub(crate) use crate::goroutine::{Goroutine, unwind_cancelled};
pub(crate) use inbox::Linked;
pub(crate) use placement::{Placement, SiteId};
pub(crate) use shared::{MAX_WORKERS, Options, Shared};
pub(crate) use shutdown::abandon_running;
pub(crate) use spawning::spawn;
pub(crate) use switch::{Switch, WayBack};
pub(crate) use worker::Worker;

use crate::clock;
use crate::goroutine::{Status, Unwinding};
use crate::park::{Patience, Unparked};
use crate::stack::Stack;
use crate::timer::Action;
use worker::AfterLeaving;

thread_local! {
    /// The worker whose thread this is.
    static CURRENT: Cell<*const Worker> = const { Cell::new(ptr::null()) };
}

/// The worker whose thread this is. Only for functions that are never inlined and do not switch; see the module.
#[inline(always)]
fn current_here<'a>() -> Option<&'a Worker> {
    // SAFETY: a worker lives at least as long as its thread runs in `run_worker`, where the pointer is set and cleared.
    unsafe { CURRENT.get().as_ref() }
}

/// The worker whose thread this is. The reference may be used until the next switch.
#[inline(never)]
fn current<'a>() -> Option<&'a Worker> {
    current_here()
}

/// The worker of the goroutine that calls.
#[inline]
fn current_of_goroutine<'a>() -> &'a Worker {
    current().expect("a goroutine runs on a worker")
}

fn is_current(worker: &Worker) -> bool {
    current().is_some_and(|current| ptr::eq(current, worker))
}

#[inline(never)]
fn enter(worker: &Worker) {
    CURRENT.set(worker);
}

#[inline(never)]
fn leave() {
    CURRENT.set(ptr::null());
}

/// The runtime whose worker's thread this is.
pub(crate) fn current_shared() -> Option<Arc<Shared>> {
    current().map(Worker::shared_arc)
}

/// Whether the caller is a goroutine.
pub(crate) fn in_goroutine() -> bool {
    current().is_some_and(|worker| worker.running().is_some())
}

/// Calls `f` with the goroutine that calls, if the caller is one.
pub(crate) fn with_running<R>(f: impl FnOnce(&Goroutine) -> R) -> Option<R> {
    let goroutine = current()?.running()?;
    // SAFETY: the goroutine that runs has not ended, and does not while it waits for `f`.
    Some(f(unsafe { goroutine.as_ref() }))
}

/// The stack of the goroutine that runs on this thread. Async-signal-safe.
pub(crate) fn running_stack() -> Option<Stack> {
    current()?.running_stack()
}

/// The goroutine that calls, if it can leave its stack: not if it is unwinding, for its thread counts panics. While its
/// runtime shuts down it can nevertheless; see [`shutdown`].
#[inline(never)]
pub(crate) fn current_parkable() -> Option<NonNull<Goroutine>> {
    let worker = current_here()?;
    let goroutine = worker.running()?;
    // SAFETY: the goroutine that runs has not ended.
    if std::thread::panicking() && !worker.may_leave_while_panicking(unsafe { goroutine.as_ref() }) {
        return None;
    }
    Some(goroutine)
}

/// Whether the runtime of `goroutine`, which calls, shuts down.
#[inline]
pub(crate) fn is_shutting_down(goroutine: &Goroutine) -> bool {
    home_of(goroutine).shared().is_shutting_down()
}

/// Notes that the caller, if it is a goroutine, is about to be unwound.
pub(crate) fn begin_unwinding(how: Unwinding) {
    with_running(|goroutine| {
        // Otherwise `thread::panicking` tells.
        if is_shutting_down(goroutine) {
            goroutine.set_unwinding(how);
        }
    });
}

/// Whether the goroutine that calls, and whose wait has just been cancelled, is unwinding already.
pub(crate) fn unwinds(goroutine: &Goroutine) -> bool {
    std::thread::panicking()
        && (current_of_goroutine().nobody_unwinds_elsewhere() || goroutine.unwinding() != Unwinding::No)
}

/// Whether the caller may wait for nothing any more: its runtime shuts down, and it is a goroutine that is unwinding
/// already, or the destructor of one that was never started.
pub(crate) fn is_beyond_waiting() -> bool {
    current().is_some_and(|worker| {
        worker.shared().is_shutting_down() && (worker.running().is_none() || std::thread::panicking())
    })
}

/// Parks `goroutine`; see [`Waiter::park`](crate::park::Waiter::park).
///
/// # Safety
/// `goroutine` calls.
#[inline(always)]
pub(crate) unsafe fn park<F: FnOnce()>(goroutine: NonNull<Goroutine>, patience: Patience, commit: F) -> Unparked {
    /// # Safety
    /// `data` leads to an `F`, which is moved out.
    unsafe fn call<F: FnOnce()>(data: *mut ()) {
        // SAFETY: as the caller says.
        let commit = unsafe { data.cast::<F>().read() };
        commit();
    }
    let mut commit = ManuallyDrop::new(commit);
    let after = AfterLeaving { call: call::<F>, with: (&raw mut commit).cast() };
    // The closure stays on this stack until the park is over, and is called once.
    match patience.deadline {
        // SAFETY: the goroutine calls.
        None => unsafe { park_with(goroutine, patience.masked, after) },
        // SAFETY: the goroutine calls.
        Some(deadline) => unsafe { park_until(goroutine, deadline, patience.masked, after) },
    }
}

/// Inlined, and so are its callers up to the operation that blocks: the processor predicts where a function returns to by
/// the calls it has seen, and after a switch is wrong about every function between here and there.
///
/// # Safety
/// `goroutine` calls, and `after` may be called once.
#[inline(always)]
unsafe fn park_with(goroutine: NonNull<Goroutine>, masked: bool, after: AfterLeaving) -> Unparked {
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    let worker = home_of(control);
    if worker.shared().is_shutting_down() {
        // SAFETY: passed on.
        return unsafe { worker.park_in_shutdown(control, masked, after) };
    }
    control.set_status(if masked { Status::ParkedMasked } else { Status::Parked });
    worker.leave(stack_of(control), after);
    control.unparked()
}

/// # Safety
/// `goroutine` calls, and `after` may be called once.
#[cold]
#[inline(never)]
unsafe fn park_until(goroutine: NonNull<Goroutine>, deadline: Instant, masked: bool, after: AfterLeaving) -> Unparked {
    if deadline <= clock::now() {
        // SAFETY: passed on.
        unsafe { (after.call)(after.with) };
        return Unparked::TimedOut;
    }
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    let (worker, stack) = (home_of(control), stack_of(control));
    let number = worker.take_timed_park();
    stack.frame().set_timed_park(number);
    worker.local().timers.push(deadline, Action::Unpark(stack, number));
    // SAFETY: passed on.
    let unparked = unsafe { park_with(goroutine, masked, after) };
    stack.frame().set_timed_park(0);
    unparked
}

/// The worker of `goroutine`, which calls: its home.
#[inline]
fn home_of<'a>(control: &Goroutine) -> &'a Worker {
    // SAFETY: a goroutine that runs has a home, which outlives it.
    unsafe { &*control.home() }
}

/// The stack of `goroutine`, which calls.
#[inline]
fn stack_of(control: &Goroutine) -> Stack {
    control.stack().expect("a goroutine that calls has a stack")
}

/// Parks `goroutine`, which has been claimed, until its token is spent.
///
/// # Safety
/// `goroutine` calls.
#[inline(never)]
pub(crate) unsafe fn park_claimed(goroutine: NonNull<Goroutine>) {
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    // Nothing but this worker's own loop delivers a token, so it cannot arrive between the two lines.
    if !control.take_token_arrived() {
        control.set_status(Status::ParkedMasked);
        home_of(control).leave_perhaps_unwinding(control, AfterLeaving::NOTHING);
    }
}

/// Spends the token of `goroutine`: it is the next to run, if it is at home here. Whether it is.
///
/// # Safety
/// The caller has the token.
#[inline(never)]
pub(crate) unsafe fn wake(goroutine: NonNull<Goroutine>) -> bool {
    match current_here() {
        // SAFETY: the goroutine waits for the token, so it has not ended.
        Some(worker) if ptr::eq(worker, unsafe { goroutine.as_ref() }.home()) => {
            worker.deliver_next(goroutine);
            true
        }
        _ => {
            // SAFETY: passed on.
            unsafe { deliver_abroad(goroutine) };
            false
        }
    }
}

/// Spends the token of `goroutine`: it is the last in line.
///
/// # Safety
/// The caller has the token.
#[inline(never)]
pub(crate) unsafe fn wake_in_turn(goroutine: NonNull<Goroutine>) {
    match current_here() {
        // SAFETY: the goroutine waits for the token, so it has not ended.
        Some(worker) if ptr::eq(worker, unsafe { goroutine.as_ref() }.home()) => worker.deliver(goroutine),
        // SAFETY: passed on.
        _ => unsafe { deliver_abroad(goroutine) },
    }
}

/// Sends `goroutine` to its home, on another thread.
///
/// # Safety
/// The caller has the token of `goroutine`.
#[cold]
#[inline(never)]
unsafe fn deliver_abroad(goroutine: NonNull<Goroutine>) {
    // SAFETY: the goroutine waits for the token, so it has not ended.
    let home = unsafe { goroutine.as_ref() }.home();
    // SAFETY: the home is alive as long as a goroutine of it is.
    let home = unsafe { &*home };
    // SAFETY: the goroutine stays in place until it has been woken, and has one token, so it is in no inbox yet.
    let bell = unsafe { home.inbox.send(goroutine.as_ptr(), || home.clone_bell()) };
    if let Some(bell) = bell {
        bell.unpark();
    }
}

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
pub fn yield_now() {
    match current_parkable() {
        Some(goroutine) => yield_goroutine(goroutine),
        None => std::thread::yield_now(),
    }
}

#[inline(never)]
fn yield_goroutine(goroutine: NonNull<Goroutine>) {
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    let worker = home_of(control);
    if worker.shared().is_shutting_down() {
        worker.yield_in_shutdown(control);
        return unwind_cancelled();
    }
    worker.leave(stack_of(control), queue_last(goroutine));
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
fn queue_last(goroutine: NonNull<Goroutine>) -> AfterLeaving {
    /// # Safety
    /// `goroutine` leads to one that has just left its stack, on this thread.
    unsafe fn call(goroutine: *mut ()) {
        let goroutine = NonNull::new(goroutine.cast::<Goroutine>()).expect("it was passed as a reference");
        // SAFETY: it has not ended: it only yields.
        let control = unsafe { goroutine.as_ref() };
        control.set_status(Status::Ready);
        home_of(control).push_last(goroutine);
    }
    AfterLeaving { call, with: goroutine.as_ptr().cast() }
}

/// Yields if the caller's time slice is over, and unwinds if its runtime shuts down: for operations that may succeed for
/// ever without parking, where nothing is lost if they unwind.
#[inline]
pub fn cooperate() {
    if slice_is_over() {
        yield_now();
    }
}

/// Whether the caller's time slice is over; it is while its runtime shuts down.
#[inline(never)]
fn slice_is_over() -> bool {
    current_here().is_some_and(|worker| worker.signals.preempt.load(Ordering::Relaxed))
}

/// Yields if the caller's time slice is over, and never unwinds.
#[cold]
#[inline(never)]
pub(crate) fn yield_if_due() {
    if slice_is_over() {
        yield_uncancelled();
    }
}

/// Counts the end of `goroutine`, which runs here or was never started.
pub(crate) fn goroutine_ends(goroutine: &Goroutine) {
    let worker = current_of_goroutine();
    if let Some(stack) = goroutine.stack() {
        stack.frame().set_goroutine(None);
    }
    worker.resident_ends(goroutine.take_site());
    worker.count_end();
}

/// Takes [`goroutine_ends`] back: there is still something to be done in it.
pub(crate) fn goroutine_goes_on(goroutine: &Goroutine) {
    let worker = current_of_goroutine();
    if let Some(stack) = goroutine.stack() {
        stack.frame().set_goroutine(Some(NonNull::from(goroutine)));
    }
    worker.uncount_end();
}

/// Puts a timer into the store of the caller's worker, or leaves it for a worker of the global runtime.
pub(crate) fn arm_timer(due: Instant, action: Action) {
    match current() {
        Some(worker) => worker.local().timers.push(due, action),
        None => crate::runtime::global().shared().arm_foreign_timer(due, action),
    }
}
