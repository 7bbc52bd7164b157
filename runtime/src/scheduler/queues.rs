//! The queues of one worker: who runs next.
//!
//! - `next`: the one goroutine just woken by the goroutine that runs. It runs as soon as that one parks, while what
//!   they talk about is in the cache; it shares its waker's time slice, and every so many turns the line comes first, so
//!   a chatting pair starves nobody.
//! - `ready`: started goroutines of this home, first in, first out. The owner's alone, so without atomics.
//! - `fresh`: unstarted goroutines, which any idle worker may steal. Under `migrate`, started ones as well.
//!
//! `ready` and `fresh` form one line: every entry of `ready` carries the number of those that had been put into `fresh`
//! before it (its *ticket*), and lets those go first. So `yield_now` lets everyone run who was there, started or not.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use crossbeam_deque::{Steal, Stealer, Worker as Deque};

use crate::goroutine::Goroutine;

/// An unstarted goroutine on its way through queues that several threads see.
pub(crate) struct Queued(pub(crate) NonNull<Goroutine>);

// SAFETY: a queued goroutine is owned by whoever takes it out of the queue.
unsafe impl Send for Queued {}

/// The owner's side of a worker's queues.
pub(crate) struct Queues {
    next: Cell<Option<NonNull<Goroutine>>>,
    ready_head: Cell<*const Goroutine>,
    ready_tail: Cell<*const Goroutine>,
    fresh: Deque<Queued>,
    /// How many were ever put into `fresh`.
    pushed: Cell<u64>,
    /// False when `fresh` is known to be empty.
    maybe_fresh: Cell<bool>,
    /// How often `fresh` has been found empty.
    emptied: Cell<u64>,
}

impl Queues {
    pub(super) fn new() -> Self {
        Self {
            next: Cell::new(None),
            ready_head: Cell::new(ptr::null()),
            ready_tail: Cell::new(ptr::null()),
            fresh: Deque::new_fifo(),
            pushed: Cell::new(0),
            maybe_fresh: Cell::new(false),
            emptied: Cell::new(0),
        }
    }

    pub(super) fn stealer(&self) -> Stealer<Queued> {
        self.fresh.stealer()
    }

    /// Whether nobody has been made the next to run.
    #[inline]
    pub(super) fn has_no_next(&self) -> bool {
        self.next.get().is_none()
    }

    /// Makes `goroutine` the next to run, as nobody is.
    #[inline]
    pub(super) fn set_next(&self, goroutine: NonNull<Goroutine>) {
        debug_assert!(self.has_no_next());
        self.next.set(Some(goroutine));
    }

    /// Puts a started goroutine last in line.
    #[inline]
    pub(super) fn push_ready(&self, goroutine: NonNull<Goroutine>) {
        // SAFETY: a started goroutine lives until its home has run it to its end, and this is its home.
        let entry = unsafe { goroutine.as_ref() };
        entry.set_ticket(self.pushed.get());
        entry.queue_link().set(ptr::null());
        let tail = self.ready_tail.replace(goroutine.as_ptr());
        // SAFETY: as above, for a goroutine that is in the queue.
        match unsafe { tail.as_ref() } {
            None => self.ready_head.set(goroutine.as_ptr()),
            Some(tail) => tail.queue_link().set(goroutine.as_ptr()),
        }
    }

    /// Puts a goroutine that others may steal last in line.
    #[inline]
    pub(super) fn push_fresh(&self, goroutine: NonNull<Goroutine>) {
        self.pushed.set(self.pushed.get() + 1);
        self.maybe_fresh.set(true);
        self.fresh.push(Queued(goroutine));
    }

    #[inline]
    pub(super) fn take_next(&self) -> Option<NonNull<Goroutine>> {
        self.next.take()
    }

    /// The first in line, if nobody else than started goroutines is known to be there.
    #[inline]
    pub(super) fn pop_ready(&self) -> Option<NonNull<Goroutine>> {
        if self.maybe_fresh.get() {
            return None;
        }
        // SAFETY: as in `pop`.
        Some(self.unlink(unsafe { self.ready_head.get().as_ref() }?))
    }

    /// The first in line.
    pub(super) fn pop(&self) -> Option<NonNull<Goroutine>> {
        // SAFETY: a goroutine in the queue lives until its home has run it to its end.
        let head = unsafe { self.ready_head.get().as_ref() };
        if self.maybe_fresh.get() {
            let waiting = self.fresh.len() as u64;
            // Older than the head is who was put into `fresh` before that was put into `ready`.
            let older = |head: &Goroutine| self.pushed.get() - waiting < head.ticket();
            if waiting == 0 {
                self.maybe_fresh.set(false);
                self.emptied.set(self.emptied.get() + 1);
            } else if head.is_none_or(older)
                && let Some(Queued(goroutine)) = self.fresh.pop()
            {
                return Some(goroutine);
            }
        }
        Some(self.unlink(head?))
    }

    /// Takes the first out of `ready`.
    #[inline]
    fn unlink(&self, head: &Goroutine) -> NonNull<Goroutine> {
        let second = head.queue_link().get();
        self.ready_head.set(second);
        if second.is_null() {
            self.ready_tail.set(ptr::null());
        }
        NonNull::from(head)
    }

    /// Takes the first out of `fresh`, whatever its place in line.
    pub(super) fn pop_fresh(&self) -> Option<NonNull<Goroutine>> {
        self.fresh.pop().map(|Queued(goroutine)| goroutine)
    }

    /// Whether nobody is known to be here. A false may be wrong.
    #[inline]
    pub(super) fn has_nobody(&self) -> bool {
        self.next.get().is_none() && self.ready_head.get().is_null() && !self.maybe_fresh.get()
    }

    /// Whether nobody is in line.
    pub(super) fn is_empty(&self) -> bool {
        self.next.get().is_none() && self.ready_head.get().is_null() && self.fresh.is_empty()
    }

    /// What changes whenever somebody is put into a queue.
    pub(super) fn newest(&self) -> impl PartialEq + use<> {
        (self.next.get(), self.ready_tail.get(), self.pushed.get())
    }

    /// How often `fresh` has been found empty.
    #[inline]
    pub(super) fn emptied(&self) -> u64 {
        self.emptied.get()
    }

    /// Takes a batch of goroutines from the queue of another into `fresh`, by `steal`; true if there were any.
    pub(super) fn take_in(&self, steal: impl Fn(&Deque<Queued>) -> Steal<()>) -> bool {
        let before = self.fresh.len();
        loop {
            match steal(&self.fresh) {
                Steal::Retry => std::hint::spin_loop(),
                Steal::Empty => return false,
                Steal::Success(()) => {
                    self.pushed.set(self.pushed.get() + self.fresh.len().saturating_sub(before) as u64);
                    self.maybe_fresh.set(true);
                    return true;
                }
            }
        }
    }
}
