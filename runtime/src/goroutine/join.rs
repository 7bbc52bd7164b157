//! Waiting for a goroutine's result.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::thread::Result as ThreadResult;

use super::cell::{COMPLETE, DETACHED, JOINING};
use super::control::{Goroutine, GoroutineId};
use super::panics::Cancelled;
use crate::park::{self, Description, Partner, Patience, Reason, Subject, Unparked, Waiter, Way};
use crate::scheduler;
use crate::sync::atomic::Ordering;

/// The right to wait for a goroutine and to have its result. Dropping it detaches the goroutine, which goes on.
///
/// ```
/// use gocsp_runtime::spawn;
///
/// let answer = spawn(|| 6 * 7);
/// assert_eq!(answer.join().unwrap(), 42);
/// ```
pub struct JoinHandle<T> {
    raw: RawHandle,
    result: PhantomData<T>,
}

// SAFETY: the handle gives away the result, once, to whoever owns the handle.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives no access to the result.
unsafe impl<T> Sync for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    /// The goroutine's cell is for results of type `T`, and this is its one handle.
    pub(super) unsafe fn new(goroutine: NonNull<Goroutine>) -> Self {
        Self { raw: RawHandle { goroutine }, result: PhantomData }
    }

    /// Waits until the goroutine has ended, and gives its result. Parks a goroutine, blocks a thread.
    ///
    /// # Errors
    /// The payload of the panic with which the goroutine ended, as in [`std::thread::JoinHandle::join`]; or a
    /// [`Cancelled`](super::Cancelled), when it called [`exit_goroutine`](super::exit_goroutine), or its runtime shut
    /// down, or the caller's did and this is called by a destructor on the way; or a
    /// [`StackError`](crate::StackError) when no stack could be had for it.
    ///
    /// ```
    /// use gocsp_runtime::spawn;
    ///
    /// assert_eq!(spawn(|| 6 * 7).join().unwrap(), 42);
    ///
    /// let payload = spawn(|| panic!("a bug")).join().unwrap_err();
    /// assert_eq!(payload.downcast_ref(), Some(&"a bug"));
    /// ```
    #[track_caller]
    pub fn join(self) -> ThreadResult<T> {
        self.join_with::<Join>(Patience::FOREVER, Location::caller())
    }

    pub(crate) fn join_with<W: Way<GoroutineId>>(
        self,
        patience: Patience,
        place: &'static Location<'static>,
    ) -> ThreadResult<T> {
        if !self.raw.wait::<W>(patience, place) {
            return Err(Cancelled::result());
        }
        #[cfg(feature = "testing")]
        scheduler::note_join(self.raw.control().goroutine_id());
        let mut result: Option<ThreadResult<T>> = None;
        let goroutine = self.raw.goroutine;
        let take_result = self.raw.control().vtable.take_result;
        // SAFETY: the goroutine is complete, so the result is the handle's (C1), and of type `T`.
        unsafe { take_result(goroutine, (&raw mut result).cast()) };
        result.expect("a complete goroutine has a result")
    }

    /// Whether the goroutine has ended. Does not wait.
    ///
    /// ```
    /// use gocsp_runtime::{run, spawn, yield_now};
    ///
    /// run(|| {
    ///     let worker = spawn(|| 42);
    ///     while !worker.is_finished() {
    ///         yield_now();
    ///     }
    ///     assert_eq!(worker.join().unwrap(), 42); // Does not have to wait.
    /// });
    /// ```
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        park::point_of("is_finished", Location::caller());
        self.raw.is_complete()
    }

    /// The number of the goroutine.
    ///
    /// ```
    /// use gocsp_runtime::{dump, run, spawn};
    ///
    /// run(|| {
    ///     let worker = spawn(|| ());
    ///     assert!(dump().goroutines.iter().any(|goroutine| goroutine.id == worker.id()) || worker.is_finished());
    /// });
    /// ```
    pub fn id(&self) -> GoroutineId {
        self.raw.control().goroutine_id()
    }

    /// The name that the goroutine was given.
    ///
    /// ```
    /// use gocsp_runtime::{Go, spawn};
    ///
    /// assert_eq!(Go::new().name("till").spawn(|| ())?.name(), Some("till"));
    /// assert_eq!(spawn(|| ()).name(), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.raw.control().name()
    }
}

// The result comes out whole, or as the panic that took its place; a shared handle gives no access to it.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id()).field("name", &self.name()).finish_non_exhaustive()
    }
}

/// The handle, whatever the type of the result. Owns the cell once the goroutine is complete.
struct RawHandle {
    goroutine: NonNull<Goroutine>,
}

impl RawHandle {
    fn control(&self) -> &Goroutine {
        // SAFETY: the cell is not freed before this handle is dropped.
        unsafe { self.goroutine.as_ref() }
    }

    /// Acquire: pairs with the Release of `COMPLETE`.
    fn is_complete(&self) -> bool {
        self.control().join.load(Ordering::Acquire) & COMPLETE != 0
    }

    /// Returns once the goroutine is complete; or unwinds because the runtime of the caller shuts down; or, if the caller
    /// is unwinding already then, gives false.
    #[must_use]
    fn wait<W: Way<GoroutineId>>(&self, patience: Patience, place: &'static Location<'static>) -> bool {
        let id = self.control().goroutine_id();
        park::point(|| Reason::new::<W, _>(place, &id));
        while !self.is_complete() {
            let reason = Reason::new::<W, _>(place, &id);
            let waiter = Waiter::current();
            // SAFETY: the waiter was just made here.
            let unparked = unsafe { waiter.park(patience, reason, || self.register(&waiter)) };
            if unparked != Unparked::Woken {
                self.retract(&waiter);
                scheduler::unwind_cancelled();
                return false;
            }
        }
        true
    }

    /// The commit step of the park: leaves the token where the goroutine's end finds it.
    fn register(&self, waiter: &Waiter) {
        let control = self.control();
        // SAFETY: the waiter waits for this one token, which is spent by whoever takes it out again.
        control.joiner.set(Some(unsafe { waiter.token() }));
        let before = control.join.fetch_or(JOINING, Ordering::AcqRel);
        if before & COMPLETE != 0
            && let Some(token) = control.joiner.take()
        {
            token.wake();
        }
    }

    /// Takes the token out again; if the goroutine's end has it already, waits for it to be spent.
    fn retract(&self, waiter: &Waiter) {
        let control = self.control();
        let before = control.join.fetch_and(!JOINING, Ordering::AcqRel);
        if before & COMPLETE != 0 {
            // SAFETY: the waiter was made by the caller, which came back early.
            unsafe { waiter.park_claimed() };
        } else {
            drop(control.joiner.take());
        }
    }
}

/// To wait for a goroutine's end.
enum Join {}

impl Way<GoroutineId> for Join {
    const STATE: &'static str = "join";

    fn describe(&id: &GoroutineId, to: &mut Description) {
        to.subjects.push(Subject { what: "goroutine", address: 0, made_at: None, partner: Partner::Goroutine(id) });
    }
}

/// To wait for the end of a runtime's main goroutine.
pub(crate) enum Run {}

impl Way<GoroutineId> for Run {
    const STATE: &'static str = "run";

    fn describe(id: &GoroutineId, to: &mut Description) {
        Join::describe(id, to);
    }
}

impl Drop for RawHandle {
    fn drop(&mut self) {
        let vtable = self.control().vtable;
        let before = self.control().join.fetch_or(DETACHED, Ordering::AcqRel);
        if before & COMPLETE != 0 {
            // SAFETY: the goroutine is complete, so the result is ours (C1).
            unsafe { (vtable.clear)(self.goroutine) };
            // SAFETY: the scheduler is done with the cell, and so are we.
            unsafe { (vtable.free)(self.goroutine) };
        }
    }
}
