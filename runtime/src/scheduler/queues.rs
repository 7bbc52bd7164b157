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

    /// Makes `goroutine` the next to run; false if somebody is that already.
    #[inline]
    pub(super) fn push_next(&self, goroutine: NonNull<Goroutine>) -> bool {
        let free = self.next.get().is_none();
        if free {
            self.next.set(Some(goroutine));
        }
        free
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

    /// The first in line.
    #[inline]
    pub(super) fn pop(&self) -> Option<NonNull<Goroutine>> {
        // SAFETY: a goroutine in the queue lives until its home has run it to its end.
        let head = unsafe { self.ready_head.get().as_ref() };
        if self.maybe_fresh.get() && head.is_none_or(|head| self.older_fresh_than(head.ticket())) {
            if let Some(Queued(goroutine)) = self.fresh.pop() {
                return Some(goroutine);
            }
            self.maybe_fresh.set(false);
            self.emptied.set(self.emptied.get() + 1);
        }
        let head = head?;
        let second = head.queue_link().get();
        self.ready_head.set(second);
        if second.is_null() {
            self.ready_tail.set(ptr::null());
        }
        Some(NonNull::from(head))
    }

    /// Whether somebody is in `fresh` who was put there before an entry with this ticket was put into `ready`.
    #[inline]
    fn older_fresh_than(&self, ticket: u64) -> bool {
        self.pushed.get() - (self.fresh.len() as u64) < ticket
    }

    /// Takes the first out of `fresh`, whatever its place in line.
    pub(super) fn pop_fresh(&self) -> Option<NonNull<Goroutine>> {
        self.fresh.pop().map(|Queued(goroutine)| goroutine)
    }

    /// Whether nobody is in line.
    pub(super) fn is_empty(&self) -> bool {
        self.next.get().is_none() && self.ready_head.get().is_null() && self.fresh.is_empty()
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
