//! The scheduler: workers that run goroutines, and what the rest of the runtime asks of them.
//!
//! | module        | what it holds                                                                 |
//! |---------------|-------------------------------------------------------------------------------|
//! | [`worker`]    | a thread and its goroutines; the loop                                         |
//! | [`queues`]    | who runs next                                                                 |
//! | [`fresh`]     | unstarted goroutines, which other workers may take                            |
//! | [`line`]      | a list of goroutines, linked through their control blocks                     |
//! | [`inbox`]     | wake-ups from other threads                                                   |
//! | [`ready`]     | how a parked goroutine becomes ready                                          |
//! | [`spawning`]  | new goroutines                                                                |
//! | [`placement`] | where a new goroutine goes                                                    |
//! | [`burst`]     | who spawns a great many in a row                                              |
//! | [`watch`]     | the protocol by which idle workers find what waits to be stolen               |
//! | [`watcher`]   | what the one does who looks for that                                          |
//! | [`idle`]      | looking around, spinning, sleeping                                            |
//! | [`look`]      | how often a busy worker looks at the clock                                    |
//! | [`polling`]   | looking for descriptors that have become ready                                |
//! | [`absence`]   | for how long a worker's thread was off the processor                          |
//! | [`monitor`]   | the end of time slices                                                        |
//! | [`preempt`]   | the request to a worker to yield                                              |
//! | [`hogged`]    | taking over from workers whose goroutine does not yield                        |
//! | [`in_place`]  | goroutines that block their worker's thread                                   |
//! | [`procs`]     | how many workers run at the same time                                         |
//! | [`starving`]  | goroutines for which there is no stack                                        |
//! | [`census`]    | what every goroutine does                                                     |
//! | [`rest`]      | whether nothing is left to do                                                 |
//! | [`shutdown`]  | the end of a runtime                                                          |
//! | [`shared`]    | what the workers of a runtime share                                           |
//! | [`yielding`]  | letting others run and staying ready                                          |
//! | [`switch`]    | the switch of stacks                                                          |
//! | [`thread`]    | the workers' threads                                                          |
//! | [`counts`]    | what workers count, and what follows from it                                  |
//! | [`metrics`]   | the runtime in numbers                                                        |
//! | [`stall`]     | reports of goroutines that keep their workers                                 |
//! | [`trace`]     | `GOCSP_SCHEDTRACE`                                                            |
//! | `directed`    | a worker whose every step is chosen                                           |
//!
//! This file is the surface: the functions by which the park seam, the goroutines and the timers reach the worker that
//! they run on.
//!
//! # Thread-locals and migration
//! Under `migrate` a goroutine may go on, after a switch, on another thread. Thread-locals are therefore read only in
//! functions that are never inlined and do not switch: the compiler cannot keep an address across a switch then.

mod absence;
mod burst;
mod census;
mod counts;
#[cfg(feature = "testing")]
mod directed;
mod fiber;
mod fresh;
mod hogged;
mod idle;
mod in_place;
mod inbox;
mod line;
mod look;
mod metrics;
mod monitor;
mod placement;
mod polling;
mod preempt;
mod procs;
mod queues;
mod ready;
mod rest;
mod shared;
mod shutdown;
mod spawning;
mod stall;
mod starving;
mod switch;
mod thread;
mod trace;
mod watch;
mod watcher;
mod worker;
mod yielding;

use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

pub(crate) use crate::goroutine::{Goroutine, unwind_cancelled};
#[cfg(feature = "testing")]
pub(crate) use directed::{
    EXPLORERS, add_local, blocks_inline, directed_time, draw, end_directed, is_directed, is_muted, local, note,
    note_join, note_panic, note_panic_hook, point, point_holding, point_of, refuse_to_block, run_schedule, settle,
};
pub(crate) use fiber::Fiber;
pub(crate) use in_place::LentPermit;
pub(crate) use inbox::Linked;
pub(crate) use placement::{Placement, SiteId};
pub(crate) use polling::{IoWait, poller_of_goroutine, poller_of_thread};
pub(crate) use shared::{MAX_WORKERS, Options, Shared};
pub(crate) use shutdown::abandon_running;
pub(crate) use spawning::{give_block, spawn, take_block};
pub(crate) use stall::Limit as StallLimit;
pub(crate) use switch::{Switch, WayBack};
pub(crate) use thread::start_thread;
pub(crate) use worker::Worker;
pub use yielding::{cooperate, yield_if_due, yield_now};
pub(crate) use yielding::{cooperate_to_spawn, yield_uncancelled};

use crate::clock;
use crate::goroutine::{BegunUnwinding, OnPanic, Status, Unwinding};
use crate::park::{Patience, RawReason, Unparked};
use crate::stack::Stack;
use crate::timer::Action;
use switch::{AfterLeaving, Step};
use worker::{count, uncount};

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

/// The number of the worker whose thread this is.
#[inline(never)]
pub(crate) fn current_number() -> Option<usize> {
    current_here().map(|worker| worker.id)
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

/// What the runtime of the caller does about panics. On ordinary threads they are the affair of whoever is called.
pub(crate) fn on_panic() -> OnPanic {
    current().map_or(OnPanic::Unwind, |worker| worker.shared().options.on_panic)
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
    current_parkable_here()
}

/// As [`current_here`] is to [`current`].
#[inline(always)]
fn current_parkable_here() -> Option<NonNull<Goroutine>> {
    // Asked first, so that nothing is kept in registers meanwhile.
    if std::thread::panicking() {
        return current_parkable_while_panicking();
    }
    current_here()?.running()
}

#[cold]
#[inline(never)]
fn current_parkable_while_panicking() -> Option<NonNull<Goroutine>> {
    let worker = current_here()?;
    let goroutine = worker.running()?;
    // SAFETY: the goroutine that runs has not ended.
    worker.may_leave_while_panicking(unsafe { goroutine.as_ref() }).then_some(goroutine)
}

/// Whether the runtime of `goroutine`, which calls, shuts down.
#[inline]
pub(crate) fn is_shutting_down(goroutine: &Goroutine) -> bool {
    home_of(goroutine).shared().is_shutting_down()
}

/// Unwinds the caller if it is a goroutine whose runtime shuts down, as a wait would: for who finds out that what he waits for
/// will never come, and does not blame somebody else for that.
///
/// ```
/// use gocsp_runtime::{Cancelled, JoinHandle, park};
///
/// fn result_of<T>(handle: JoinHandle<T>) -> T {
///     handle.join().unwrap_or_else(|payload| {
///         if payload.is::<Cancelled>() {
///             park::unwind_if_shutting_down(); // Does not return if that is why: so no panic is reported.
///         }
///         std::panic::resume_unwind(payload)
///     })
/// }
/// assert_eq!(result_of(gocsp_runtime::go!(|| 1)), 1);
/// ```
pub fn unwind_if_shutting_down() {
    if with_running(is_shutting_down) == Some(true) {
        unwind_cancelled();
    }
}

/// Notes that the caller, if it is a goroutine, is about to be unwound. `None` if there is no need to: where nobody leaves its stack
/// unwinding, `thread::panicking` tells.
pub(crate) fn begin_unwinding(how: Unwinding) -> Option<BegunUnwinding> {
    let begin =
        |goroutine: &Goroutine| home_of(goroutine).lets_unwinding_leave().then(|| BegunUnwinding::of(goroutine, how));
    with_running(begin).flatten()
}

/// Whether the calling goroutine or thread is unwinding. `thread::panicking` may speak of another goroutine while a runtime
/// shuts down.
///
/// ```
/// use gocsp_runtime::{go, park};
///
/// struct Transaction;
///
/// impl Drop for Transaction {
///     fn drop(&mut self) {
///         println!("{}", if park::is_unwinding() { "rolled back" } else { "committed" });
///     }
/// }
///
/// assert!(!park::is_unwinding());
/// go!(|| drop(Transaction)).join().unwrap();
/// ```
pub fn is_unwinding() -> bool {
    with_running(unwinds).unwrap_or_else(std::thread::panicking)
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
pub(crate) unsafe fn park<F: FnOnce()>(
    goroutine: NonNull<Goroutine>,
    patience: Patience,
    reason: RawReason,
    commit: F,
) -> Unparked {
    // The step stays on this stack until the park is over, and is taken once.
    let mut step = Step::new(commit);
    match patience.deadline {
        // SAFETY: the goroutine calls.
        None => unsafe { park_with(goroutine, Status::waiting(patience.masked, false), &reason, step.head()) },
        // SAFETY: the goroutine calls.
        Some(deadline) => unsafe { park_until(goroutine, deadline, patience.masked, &reason, step.head()) },
    }
}

/// # Safety
/// `goroutine` calls, and `after` is the head of a step on its stack that has not been taken.
#[inline(always)]
unsafe fn park_with(
    goroutine: NonNull<Goroutine>,
    status: Status,
    reason: &RawReason,
    after: NonNull<AfterLeaving>,
) -> Unparked {
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    let worker = home_of(control);
    // SAFETY: the goroutine calls, so it has started.
    let stack = unsafe { control.started_stack() };
    stack.frame().record().note_wait(reason);
    #[cfg(feature = "testing")]
    directed::note_wait(reason);
    if worker.shared().is_shutting_down() {
        // SAFETY: passed on.
        return unsafe { worker.park_in_shutdown(control, status, after) };
    }
    control.set_status(status);
    #[cfg(feature = "testing")]
    if worker.is_left_unwinding() {
        // SAFETY: passed on.
        worker.leave_perhaps_unwinding(control, || unsafe { AfterLeaving::take(after) });
        return if control.was_woken() { Unparked::Woken } else { control.unparked() };
    }
    // SAFETY: as above, and the rest is passed on.
    unsafe { switch::suspend(stack, after) };
    if control.was_woken() { Unparked::Woken } else { control.unparked() }
}

/// # Safety
/// As [`park_with`].
#[cold]
#[inline(never)]
unsafe fn park_until(
    goroutine: NonNull<Goroutine>,
    deadline: Instant,
    masked: bool,
    reason: &RawReason,
    after: NonNull<AfterLeaving>,
) -> Unparked {
    if deadline <= clock::now() {
        // SAFETY: passed on.
        unsafe { AfterLeaving::take(after) };
        return Unparked::TimedOut;
    }
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    // SAFETY: it calls, so it has started.
    let (worker, stack) = (home_of(control), unsafe { control.started_stack() });
    let number = worker.take_timed_park();
    stack.frame().set_timed_park(number);
    worker.push_timer(deadline, Action::Unpark(stack, number));
    // SAFETY: passed on.
    let unparked = unsafe { park_with(goroutine, Status::waiting(masked, true), reason, after) };
    stack.frame().set_timed_park(0);
    unparked
}

/// Parks `goroutine` until `deadline`, or until its runtime shuts down.
///
/// # Safety
/// `goroutine` calls, and nobody else knows of its wait.
#[cold]
#[inline(never)]
pub(crate) unsafe fn sleep(goroutine: NonNull<Goroutine>, deadline: Instant, reason: RawReason) -> Unparked {
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    let worker = home_of(control);
    if deadline <= clock::now() {
        return Unparked::TimedOut;
    }
    #[cfg(feature = "testing")]
    let unwinds = worker.is_left_unwinding();
    #[cfg(not(feature = "testing"))]
    let unwinds = false;
    if control.is_pinned() || worker.shared().is_shutting_down() || unwinds {
        let mut nothing = Step::new(|| ());
        // SAFETY: the goroutine calls, and the step is on its stack.
        return unsafe { park_until(goroutine, deadline, false, &reason, nothing.head()) };
    }
    // SAFETY: it calls, so it has started.
    let (number, stack) = (worker.take_timed_park(), unsafe { control.started_stack() });
    stack.frame().set_timed_park(number);
    stack.frame().record().note_wait(&reason);
    #[cfg(feature = "testing")]
    directed::note_wait(&reason);
    control.set_status(Status::Parked);
    // Only now that the stack has been left: whoever takes the timer may resume the goroutine.
    let mut arm = Step::new(move || worker.push_timer(deadline, Action::Wake(stack, number)));
    // SAFETY: the goroutine calls, and the step stays on its stack until it goes on.
    unsafe { switch::suspend(stack, arm.head()) };
    stack.frame().set_timed_park(0);
    control.unparked()
}

/// The worker of `goroutine`, which calls: its home.
#[inline]
fn home_of<'a>(control: &Goroutine) -> &'a Worker {
    // SAFETY: a goroutine that runs has a home, which outlives it.
    unsafe { &*control.home() }
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
        // SAFETY: it calls, so it has started.
        unsafe { control.started_stack() }.frame().record().note_call();
        control.set_status(Status::ParkedMaskedUntil);
        home_of(control).leave_perhaps_unwinding(control, || ());
    }
}

/// Spends the token of `goroutine`: it is the next to run, if it is at home here. Whether it is.
///
/// # Safety
/// The caller has the token.
#[inline(always)]
pub(crate) unsafe fn wake(goroutine: NonNull<Goroutine>) -> bool {
    match current() {
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

/// Sends `goroutine` to its home, on another thread; unless that is hogged, and it may go on here instead.
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
    if home.signals.hogged.load(Ordering::Relaxed)
        && let Some(worker) = current_here()
        && ptr::eq(worker.shared(), home.shared())
        // SAFETY: the caller has the token.
        && unsafe { worker.takes_over(goroutine) }
    {
        return;
    }
    // SAFETY: the caller has the token.
    unsafe { home.send(goroutine) };
}

/// Counts the end of `goroutine`, which runs here or was never started.
pub(crate) fn goroutine_ends(goroutine: &Goroutine) {
    let worker = current_of_goroutine();
    match goroutine.stack() {
        Some(stack) => stack.frame().set_goroutine(None),
        None => count(&worker.counts.unstarted_ends),
    }
    worker.resident_ends(goroutine.take_site());
    worker.count_end();
}

/// Takes [`goroutine_ends`] back: there is still something to be done in it.
pub(crate) fn goroutine_goes_on(goroutine: &Goroutine) {
    let worker = current_of_goroutine();
    match goroutine.stack() {
        Some(stack) => stack.frame().set_goroutine(Some(NonNull::from(goroutine))),
        None => uncount(&worker.counts.unstarted_ends),
    }
    uncount(&worker.signals.ended);
}

/// Puts a timer into the store of the caller's worker, or leaves it for a worker of the global runtime.
pub(crate) fn arm_timer(due: Instant, action: Action) {
    match current() {
        Some(worker) => worker.push_timer(due, action),
        None => crate::runtime::global().shared().arm_foreign_timer(due, action),
    }
}
