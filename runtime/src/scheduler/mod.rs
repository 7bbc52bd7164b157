//! The scheduler: workers that run goroutines, and what the rest of the runtime asks of them.
//!
//! | module        | what it holds                                                                 |
//! |---------------|-------------------------------------------------------------------------------|
//! | [`worker`]    | a thread and its goroutines; the loop                                         |
//! | [`queues`]    | who runs next                                                                 |
//! | [`inbox`]     | wake-ups from other threads                                                   |
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
mod shared;
mod shutdown;
mod starving;
mod switch;
mod thread;
mod watch;
mod worker;

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::num::NonZeroU64;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

pub(crate) use crate::goroutine::{Goroutine, unwind_cancelled};
pub(crate) use inbox::Linked;
pub(crate) use placement::{Placement, SiteId};
pub(crate) use shared::{MAX_WORKERS, Options, Shared};
pub(crate) use switch::{Switch, WayBack};
pub(crate) use worker::Worker;

use crate::clock;
use crate::goroutine::Status;
use crate::park::{Patience, Unparked};
use crate::stack::Stack;
use crate::timer::Action;
use worker::AfterLeaving;

thread_local! {
    /// The worker whose thread this is.
    static CURRENT: Cell<*const Worker> = const { Cell::new(ptr::null()) };
}

#[inline(never)]
fn current_pointer() -> *const Worker {
    CURRENT.get()
}

/// The worker whose thread this is. The reference may be used until the next switch.
#[inline]
fn current<'a>() -> Option<&'a Worker> {
    // SAFETY: a worker lives at least as long as its thread runs in `run_worker`, where the pointer is set and cleared.
    unsafe { current_pointer().as_ref() }
}

/// The worker of the goroutine that calls.
#[inline]
fn current_of_goroutine<'a>() -> &'a Worker {
    current().expect("a goroutine runs on a worker")
}

fn is_current(worker: &Worker) -> bool {
    ptr::eq(current_pointer(), worker)
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

/// Sets `count` numbers for goroutines aside, and gives the first.
fn reserve_ids(count: u64) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(count, Ordering::Relaxed)
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

/// The goroutine that calls, if it can leave its stack: not if it is unwinding, for its thread counts panics.
#[inline]
pub(crate) fn current_parkable() -> Option<NonNull<Goroutine>> {
    let goroutine = current()?.running()?;
    if std::thread::panicking() { None } else { Some(goroutine) }
}

/// Whether the caller is a goroutine that is unwinding in a runtime that shuts down, and so may wait for nothing.
pub(crate) fn unwinding_in_shutdown() -> bool {
    std::thread::panicking()
        && current().is_some_and(|worker| worker.running().is_some() && worker.shared().is_shutting_down())
}

/// Parks `goroutine`, which calls; see [`Waiter::park`](crate::park::Waiter::park).
#[inline]
pub(crate) fn park<F: FnOnce()>(goroutine: NonNull<Goroutine>, patience: Patience, commit: F) -> Unparked {
    /// # Safety
    /// `data` leads to an `F`, which is moved out.
    unsafe fn call<F: FnOnce()>(data: *mut ()) {
        // SAFETY: as the caller says.
        let commit = unsafe { data.cast::<F>().read() };
        commit();
    }
    let mut commit = ManuallyDrop::new(commit);
    // SAFETY: the closure stays on this stack until `park_with` returns, and is called once.
    unsafe { park_with(goroutine, patience, call::<F>, (&raw mut commit).cast()) }
}

/// # Safety
/// `goroutine` calls, and `commit(data)` may be called once.
#[inline(never)]
unsafe fn park_with(
    goroutine: NonNull<Goroutine>,
    patience: Patience,
    commit: unsafe fn(*mut ()),
    data: *mut (),
) -> Unparked {
    let worker = current_of_goroutine();
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    let stack = control.stack().expect("a goroutine that calls has a stack");
    if let Some(early) = no_time_to_park(worker, patience) {
        // SAFETY: passed on.
        unsafe { commit(data) };
        return early;
    }
    if let Some(deadline) = patience.deadline {
        let number = worker.take_timed_park();
        stack.frame().set_timed_park(number);
        worker.local().timers.push(deadline, Action::Unpark(stack, number));
    }
    control.set_status(if patience.masked { Status::ParkedMasked } else { Status::Parked });
    worker.leave(stack, AfterLeaving::Commit(commit, data));
    if patience.deadline.is_some() {
        stack.frame().set_timed_park(0);
    }
    control.unparked()
}

/// Why a park ends before it has begun, if it does.
#[inline]
fn no_time_to_park(worker: &Worker, patience: Patience) -> Option<Unparked> {
    if worker.shared().is_shutting_down() && !patience.masked {
        return Some(Unparked::Cancelled);
    }
    patience.deadline.filter(|&deadline| deadline <= clock::now()).map(|_| Unparked::TimedOut)
}

/// Parks `goroutine`, which calls and has been claimed, until its token is spent.
#[inline(never)]
pub(crate) fn park_claimed(goroutine: NonNull<Goroutine>) {
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    // Nothing but this worker's own loop delivers a token, so it cannot arrive between the two lines.
    if !control.take_token_arrived() {
        control.set_status(Status::ParkedMasked);
        let stack = control.stack().expect("a goroutine that calls has a stack");
        current_of_goroutine().leave(stack, AfterLeaving::Nothing);
    }
}

/// Spends the token of `goroutine`: it is the next to run, if it is at home here.
///
/// # Safety
/// The caller has the token.
#[inline]
pub(crate) unsafe fn wake(goroutine: NonNull<Goroutine>) {
    // SAFETY: passed on.
    unsafe { deliver(goroutine, false) }
}

/// Spends the token of `goroutine`: it is the last in line.
///
/// # Safety
/// The caller has the token.
#[inline]
pub(crate) unsafe fn wake_in_turn(goroutine: NonNull<Goroutine>) {
    // SAFETY: passed on.
    unsafe { deliver(goroutine, true) }
}

/// # Safety
/// The caller has the token of `goroutine`.
#[inline(never)]
unsafe fn deliver(goroutine: NonNull<Goroutine>, in_turn: bool) {
    // SAFETY: the goroutine waits for the token, so it has not ended.
    let home = unsafe { goroutine.as_ref() }.home();
    match current() {
        Some(worker) if ptr::eq(worker, home) => worker.deliver(goroutine, in_turn),
        _ => {
            // SAFETY: the home is alive as long as a goroutine of it is, and this one waits for the token.
            let home = unsafe { &*home };
            // SAFETY: the goroutine stays in place until it has been woken, and has one token, so it is in no inbox yet.
            let bell = unsafe { home.inbox.send(goroutine.as_ptr(), || home.clone_bell()) };
            if let Some(bell) = bell {
                bell.unpark();
            }
        }
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
    let worker = current_of_goroutine();
    if worker.shared().is_shutting_down() {
        unwind_cancelled();
    }
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    let stack = control.stack().expect("a goroutine that calls has a stack");
    worker.leave(stack, AfterLeaving::Yield);
}

/// Yields if the caller's time slice is over: for operations that may succeed for ever without parking.
#[inline]
pub fn cooperate() {
    if slice_is_over() {
        yield_now();
    }
}

#[inline(never)]
fn slice_is_over() -> bool {
    current().is_some_and(|worker| worker.signals.preempt.load(Ordering::Relaxed))
}

/// Queues the goroutine that `make` makes: on `runtime`, else on that of the caller, else on the global one.
pub(crate) fn spawn(
    runtime: Option<&Arc<Shared>>,
    make: impl FnOnce(NonZeroU64) -> NonNull<Goroutine>,
    placement: Placement,
) -> NonNull<Goroutine> {
    match (current(), runtime) {
        (Some(worker), None) => worker.spawn(make, placement),
        (_, Some(shared)) => shared.spawn_foreign(make, placement),
        (None, None) => crate::runtime::global().shared().spawn_foreign(make, placement),
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
