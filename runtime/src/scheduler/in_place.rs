//! Goroutines that block their worker's thread in place: those that wait while a panic unwinds them, for the thread counts
//! panics, and others must not see the count.
//!
//! - The worker lends its permit meanwhile, and does not count as running: the goroutine may wait for somebody on another worker.
//! - The goroutine may wait for somebody in the worker's own queue, who has not started. Other workers take those; and when there
//!   is no other, because all workers are blocked so, one more is started. It stays, as a spare worker does that
//!   [`hogged`](super::hogged) speaks of, and gets no goroutines by placement.
//! - It may wait for something that a timer does, and the timer may be in this worker's store. So the thread goes on firing timers
//!   while it waits.
//!
//! Who has started on this worker waits until the thread is free again; a goroutine that waits for one of those waits for
//! ever. While the runtime shuts down nobody blocks a thread so, except within a panic hook; see [`shutdown`](super::shutdown).

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::current_here;
use super::shared::MAX_WORKERS;
use super::worker::Worker;

/// A worker whose goroutine blocks the thread, as long as this lives; nothing, if the caller is on no worker, or on one whose
/// permit is lent already.
pub(crate) struct LentPermit<'a>(Option<&'a Worker>);

impl LentPermit<'_> {
    /// Lends the permit of the caller's worker, until this is dropped.
    #[cold]
    #[inline(never)]
    pub(crate) fn of_this_thread() -> Self {
        let worker = current_here().filter(|worker| worker.shared().procs.is_held(worker.id));
        worker.inspect(|worker| worker.lend_permit());
        Self(worker)
    }

    /// Fires what is due on the worker, whose goroutine calls and holds no lock; gives the time of what will be due next.
    pub(crate) fn tend_timers(&self) -> Option<Instant> {
        let worker = self.0?;
        worker.running().and_then(|_| worker.fire_due())
    }
}

impl Drop for LentPermit<'_> {
    fn drop(&mut self) {
        // Still the same worker: whoever blocks the thread does not leave it.
        self.0.inspect(|worker| worker.take_permit_back());
    }
}

impl Worker {
    fn lend_permit(&self) {
        let shared = self.shared();
        let others_blocked = shared.blocked.fetch_add(1, Ordering::Relaxed);
        self.rest();
        let workers = shared.worker_count();
        if others_blocked + 1 >= workers {
            // If there cannot be one more they wait. There will be none either while the runtime shuts down.
            let _ = self.shared_arc().grow(MAX_WORKERS.min(workers + 1));
        }
    }

    fn take_permit_back(&self) {
        self.shared().blocked.fetch_sub(1, Ordering::Relaxed);
        self.resume();
    }
}
