//! How a runtime ends: everything that is parked is unwound where it is parked, and the threads return.
//!
//! # Protocol
//! 1. The runtime is marked as shutting down, and every worker is woken. From now on, on a worker that has seen the
//!    mark, a park ends at once with [`Unparked::Cancelled`], and an unstarted goroutine is dropped instead of started.
//! 2. Each worker says that it knows. From then on it steals no started goroutine (under `migrate`), so when the last
//!    one knows, every started goroutine stays where it is, and nobody else can end it.
//! 3. Then each worker visits every stack, and makes ready whoever is parked at home there, with the same outcome. Waits
//!    that are masked are left alone: a scope's, a job's on the blocking pool. They end by themselves, for what they wait
//!    for is being unwound as well.
//! 4. Goroutines unwind, end, and are counted. A worker returns when all have ended.
//!
//! When panics abort there is no unwinding; see [`Runtime`](crate::Runtime).

use std::ptr;
use std::sync::atomic::Ordering;

use super::shared::Shared;
use super::worker::Worker;
use crate::goroutine::Status;
use crate::park::Unparked;

impl Shared {
    /// Step 1.
    pub(crate) fn begin_shutdown(&self) {
        self.shutting_down.store(true, Ordering::SeqCst);
        self.wake_everybody();
        self.monitor.stop();
    }

    #[inline]
    pub(crate) fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Relaxed)
    }

    /// Whether nothing is left to do, ever.
    pub(super) fn is_done(&self) -> bool {
        self.shutting_down.load(Ordering::SeqCst) && self.live() == 0
    }

    pub(super) fn wake_everybody_if_done(&self) {
        if self.is_done() {
            self.wake_everybody();
        }
    }

    fn everybody_knows_of_shutdown(&self) -> bool {
        self.knowing.load(Ordering::SeqCst) == self.worker_count()
    }
}

impl Worker {
    /// Steps 2 and 3, once each.
    pub(super) fn take_part_in_shutdown(&self) {
        let (shared, local) = (self.shared(), self.local());
        if !local.knows_of_shutdown.replace(true) {
            let others = shared.knowing.fetch_add(1, Ordering::SeqCst);
            if others + 1 == shared.worker_count() {
                shared.wake_everybody();
            }
        }
        if shared.everybody_knows_of_shutdown() && !local.swept.replace(true) {
            self.sweep();
        }
    }

    /// Whether [`take_part_in_shutdown`](Self::take_part_in_shutdown) would do anything.
    pub(super) fn has_shutdown_work(&self) -> bool {
        let (shared, local) = (self.shared(), self.local());
        shared.shutting_down.load(Ordering::SeqCst)
            && (!local.knows_of_shutdown.get() || (shared.everybody_knows_of_shutdown() && !local.swept.get()))
    }

    /// Step 3.
    fn sweep(&self) {
        self.shared().stacks.for_each(|stack| {
            if !ptr::eq(stack.frame().home(), self) {
                return;
            }
            let Some(goroutine) = stack.frame().goroutine() else { return };
            // SAFETY: the goroutine's home is here and it has not ended, for that is done by this thread.
            if unsafe { goroutine.as_ref() }.status() == Status::Parked {
                self.interrupt(goroutine, Unparked::Cancelled);
            }
        });
    }
}
