//! The queues of one worker: who runs next.
//!
//! - `next`: the one goroutine just woken by the goroutine that runs. It runs as soon as that one parks, while what
//!   they talk about is in the cache; it shares its waker's time slice, and every so many turns the line comes first, so
//!   a chatting pair starves nobody.
//! - `ready`: started goroutines of this home, first in, first out. The owner's alone, so without atomics.
//! - [`fresh`](super::fresh): unstarted goroutines, which others may put in, and any idle worker may steal. Under `migrate`,
//!   started ones as well.
//!
//! `ready` and `fresh` form one line, and take turns in it, so that neither keeps the other waiting, unless one that yields
//! is the first in `ready`: then those behind it wait as well. For who yields carries the number of those that had been put
//! into `fresh` before (its *ticket*), and lets those go first. So `yield_now` lets everyone run who was there, started or not.
//! Who was woken has waited already: its ticket is 0.

use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::fresh::Fresh;
use crate::goroutine::Goroutine;

/// The owner's own queues. See the [module](self).
pub(crate) struct Queues {
    next: Place,
    ready_head: Place,
    ready_tail: Cell<*const Goroutine>,
    /// Whether the last turn was that of `fresh`, somebody being in `ready` as well.
    fresh_last: Cell<bool>,
}

/// A place for a goroutine, of which others may ask whether there is one. Only the owner writes to it, and so reads it as any
/// memory of its own, which takes an instruction less. Relaxed: others see no more than that.
struct Place(AtomicPtr<Goroutine>);

impl Place {
    fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// For the owner.
    #[inline(always)]
    fn get(&self) -> *const Goroutine {
        // SAFETY: nobody else writes to it.
        unsafe { self.0.as_ptr().read() }
    }

    /// For any thread.
    fn is_filled(&self) -> bool {
        !self.0.load(Ordering::Relaxed).is_null()
    }

    #[inline(always)]
    fn set(&self, goroutine: *const Goroutine) {
        self.0.store(goroutine.cast_mut(), Ordering::Relaxed);
    }
}

impl Queues {
    pub(super) fn new() -> Self {
        Self {
            next: Place::empty(),
            ready_head: Place::empty(),
            ready_tail: Cell::new(ptr::null()),
            fresh_last: Cell::new(false),
        }
    }

    /// Whether nobody has been made the next to run.
    #[inline]
    pub(super) fn has_no_next(&self) -> bool {
        self.next.get().is_null()
    }

    /// Makes `goroutine` the next to run, as nobody is.
    #[inline]
    pub(super) fn set_next(&self, goroutine: NonNull<Goroutine>) {
        debug_assert!(self.has_no_next());
        self.next.set(goroutine.as_ptr());
    }

    /// Puts a started goroutine last in line, behind those in `fresh` whose numbers are lower than `ticket`.
    #[inline]
    pub(super) fn push_ready(&self, goroutine: NonNull<Goroutine>, ticket: u64) {
        // SAFETY: a started goroutine lives until its home has run it to its end, and this is its home.
        let entry = unsafe { goroutine.as_ref() };
        entry.set_ticket(ticket);
        entry.newer_link().set(ptr::null());
        let tail = self.ready_tail.replace(goroutine.as_ptr());
        // SAFETY: as above, for a goroutine that is in the queue.
        match unsafe { tail.as_ref() } {
            None => self.ready_head.set(goroutine.as_ptr()),
            Some(tail) => tail.newer_link().set(goroutine.as_ptr()),
        }
    }

    #[inline]
    pub(super) fn take_next(&self) -> Option<NonNull<Goroutine>> {
        let next = NonNull::new(self.next.get().cast_mut());
        self.next.set(ptr::null());
        next
    }

    /// The first in line, if nobody is known to be in `fresh`.
    #[inline]
    pub(super) fn pop_ready(&self, fresh: &Fresh) -> Option<NonNull<Goroutine>> {
        if !fresh.is_empty() {
            return None;
        }
        // SAFETY: as in `pop`.
        Some(self.unlink(unsafe { self.ready_head.get().as_ref() }?))
    }

    /// The first in line.
    pub(super) fn pop(&self, fresh: &Fresh) -> Option<NonNull<Goroutine>> {
        // SAFETY: a goroutine in the queue lives until its home has run it to its end.
        let head = unsafe { self.ready_head.get().as_ref() };
        if !fresh.is_empty()
            && self.is_turn_of_fresh(head, fresh)
            && let Some(goroutine) = fresh.take()
        {
            return Some(goroutine);
        }
        Some(self.unlink(head?))
    }

    /// Takes the first out of `ready`.
    #[inline]
    fn unlink(&self, head: &Goroutine) -> NonNull<Goroutine> {
        let second = head.newer_link().get();
        self.ready_head.set(second);
        if second.is_null() {
            self.ready_tail.set(ptr::null());
        }
        NonNull::from(head)
    }

    /// Whether it is the turn of somebody in `fresh`, and not of `head`, the first in `ready`.
    #[inline]
    fn is_turn_of_fresh(&self, head: Option<&Goroutine>, fresh: &Fresh) -> bool {
        let Some(head) = head else { return true };
        let must_wait = fresh.oldest() < head.ticket();
        self.fresh_last.set(must_wait || !self.fresh_last.get());
        self.fresh_last.get()
    }

    /// Whether somebody is in `next` or `ready`. For any thread, as a hint.
    pub(super) fn has_any(&self) -> bool {
        self.next.is_filled() || self.ready_head.is_filled()
    }

    /// Whether nobody is in `next` or `ready`.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.next.get().is_null() && self.ready_head.get().is_null()
    }

    /// What changes whenever somebody is put into a queue.
    pub(super) fn newest(&self, fresh: &Fresh) -> impl PartialEq + use<> {
        (self.next.get(), self.ready_tail.get(), fresh.pushed())
    }
}
