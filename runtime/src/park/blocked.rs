//! The threads that wait, and why: what is known of them in reports.
//!
//! A thread that waits makes a system call, beside which an entry in a list costs nothing. The lock of the list is what keeps a
//! thread from going on, and its reason in place, while somebody looks. (The threads of a model are all one here, and take off each
//! other's entries. But nobody looks there.)

use std::ops::Range;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::PoisonError;
use std::thread::{self, Thread, ThreadId};
use std::time::Instant;

use super::reason::{Description, RawReason};
use crate::clock;
use crate::diagnostics;
use crate::std_sync::{Mutex, MutexGuard};
use crate::sync::atomic::{AtomicBool, Ordering};

/// A thread that waits.
pub(crate) struct BlockedThread {
    pub(crate) thread: Thread,
    reason: RawReason,
    /// Its number in the system, or 0 where that is not known.
    pub(crate) number: u64,
    /// The addresses of its stack; empty if they are not known.
    pub(crate) stack: Range<usize>,
    pub(crate) since: Instant,
    /// Whether the wait ends by itself.
    pub(crate) timed: bool,
    /// Set when it is woken: it stands in the list until it has got a processor and taken itself off.
    woken: NonNull<AtomicBool>,
}

// SAFETY: the subject of a reason may be shared, and so may the flag; the rest may be sent.
unsafe impl Send for BlockedThread {}

impl BlockedThread {
    pub(crate) fn place(&self) -> &'static Location<'static> {
        self.reason.place
    }

    /// Whether it is about to go on, and only stands here because it has not come to it yet.
    ///
    /// Acquire: who wakes a thread sets this before it does anything else that a report could find.
    pub(crate) fn is_woken(&self) -> bool {
        // SAFETY: the flag is as long in place as the reason; see below.
        unsafe { self.woken.as_ref() }.load(Ordering::Acquire)
    }

    /// What it waits for.
    pub(crate) fn describe(&self) -> Description {
        // SAFETY: the thread takes itself off the list, under its lock, before the wait is over; who has a reference to this
        // holds the lock.
        unsafe { self.reason.describe() }
    }
}

static BLOCKED: Mutex<Vec<BlockedThread>> = Mutex::new(Vec::new());

/// The threads that wait, none of which goes on as long as this is held. A panic under the lock leaves the list as it is.
pub(crate) fn threads() -> MutexGuard<'static, Vec<BlockedThread>> {
    BLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The calling thread stands in the list, until this is dropped.
pub(super) struct Entry(ThreadId);

impl Entry {
    /// `woken` stays in place as long as this.
    pub(super) fn new(reason: RawReason, timed: bool, woken: &AtomicBool) -> Self {
        let (thread, stack) = (thread::current(), diagnostics::thread_stack());
        let id = thread.id();
        let (number, woken) = (diagnostics::thread_number(), NonNull::from(woken));
        threads().push(BlockedThread { thread, reason, number, stack, since: clock::now(), timed, woken });
        Self(id)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut threads = threads();
        // A thread may wait within a wait: in a destructor of what it drops there.
        if let Some(place) = threads.iter().rposition(|entry| entry.thread.id() == self.0) {
            threads.remove(place);
        }
    }
}
