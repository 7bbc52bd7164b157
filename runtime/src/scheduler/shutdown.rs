//! How a runtime ends: everything that is parked is unwound where it is parked, and the threads return.
//!
//! # Protocol
//! 1. The runtime is marked as shutting down, and every worker is woken. From now on, on a worker that has seen the
//!    mark, a park ends at once with [`Unparked::Cancelled`], and an unstarted goroutine is dropped instead of started.
//! 2. Each worker says that it knows. It queues those that starve for a stack, to be dropped, and lets nobody starve any more.
//!    Under `migrate` it steals no started goroutine from then on, and has made itself the home of those that it has stolen; so
//!    when the last one knows, every started goroutine is at home where it is, stays there, and cannot be ended by anybody else.
//! 3. Then each worker visits every stack, and makes ready whoever is parked at home there, with the same outcome. Waits
//!    that are masked are left alone: a scope's, a job's on the blocking pool. They end by themselves, for what they wait
//!    for is being unwound as well.
//! 4. Goroutines unwind, end, and are counted. A worker returns when all have ended.
//!
//! # Waiting while unwinding
//! A destructor may wait for a lock that another goroutine holds, which is still to be unwound by the same thread. So a
//! goroutine that is unwound while its runtime shuts down leaves its stack to wait, which no other goroutine does that is
//! unwinding: the thread counts panics, and now counts this one while it runs others.
//! - The count comes out right in the end, for a goroutine that is unwinding stays at home, whatever the runtime's options.
//! - Who runs in the meantime cannot tell by `thread::panicking` whether it is unwinding itself, and so whether its
//!   cancelled wait is to unwind it or to fail. So that is noted in the goroutine ([`Unwinding`]): whenever
//!   `thread::panicking` can be trusted, when the runtime unwinds it, when it catches and drops what it was unwound with, and
//!   by the panic hook. What escapes is a goroutine that in the meantime calls `resume_unwind` itself, or panics under
//!   another hook, and then waits in a destructor. Its second unwinding aborts the process. In doubt to fail instead would
//!   let goroutines go on that are to be unwound, and that is not so rare.
//! - On a directed worker goroutines always leave their stacks to wait, for there is no other on which somebody could end the wait;
//!   and so all this is noted there from the beginning.
//! - One that waits in its panic hook must not leave its stack, for the thread also knows that it is in the hook. So one that
//!   panics blocks the thread, as it does without a shutdown, until the runtime's own hook is done. A hook of the user
//!   that waits after having called that one escapes: if another goroutine panics meanwhile, the process aborts.
//!
//! # Those who catch it
//! A goroutine that catches the unwinding and goes on, again and again, is at last left on its stack for ever
//! ([`abandon_running`]). The memory of all stacks is leaked then. One that borrows from others is not: they would go on
//! when it counts as ended, and what it has lent to threads or to children of its own would be gone.
//!
//! When panics abort there is no unwinding; see [`Runtime`](crate::Runtime).

use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::{mem, ptr};

use super::shared::Shared;
use super::switch::{self, AfterLeaving, Step};
use super::worker::Worker;
use crate::goroutine::{self, Goroutine, Status, Unwinding};
use crate::park::Unparked;

impl Shared {
    /// Step 1. Gives the threads, to be waited for.
    pub(super) fn begin_shutdown(&self) -> Vec<JoinHandle<()>> {
        self.shutting_down.store(true, Ordering::SeqCst);
        // There will be no more: who starts one looks at the mark under this lock.
        let threads = mem::take(&mut *self.threads.lock().expect("no panic happens under this lock"));
        // From now on nobody waits for a turn. No more than there are workers: who spawns at this moment deals to so many.
        let (_, granted) = self.procs.set_limit(self.worker_count());
        granted.into_iter().for_each(|worker| self.grant(worker));
        self.wake_everybody();
        // Also a goroutine that blocks its thread in place: it waits without its inbox.
        self.each_worker().for_each(|worker| worker.clone_bell().ring());
        self.monitor.stop();
        threads
    }

    /// Whether started goroutines stay where they are from now on, even under `migrate`.
    pub(super) fn homes_are_final(&self) -> bool {
        self.options.migrate && self.is_shutting_down()
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

/// Ends the goroutine that calls without unwinding it: leaves its stack for ever.
#[cold]
pub(crate) fn abandon_running() -> ! {
    let worker = super::current_of_goroutine();
    let goroutine = worker.running().expect("a goroutine calls");
    let stack = worker.running_stack().expect("a goroutine runs on a stack");
    worker.shared().stacks.leak();
    goroutine::leak_locals(stack);
    // SAFETY: the goroutine calls, and leaves its stack right after.
    unsafe { goroutine::cancel(goroutine) };
    worker.shared().wake_everybody_if_done();
    let mut nothing = Step::new(|| ());
    // SAFETY: the goroutine calls, and nothing happens on its stack any more.
    unsafe { switch::suspend(stack, nothing.head()) };
    unreachable!("an abandoned goroutine was resumed");
}

impl Worker {
    /// A park on a worker that knows of the shutdown: only a masked one waits.
    ///
    /// # Safety
    /// `goroutine` calls, and `after` is the head of a step on its stack that has not been taken.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn park_in_shutdown(
        &self,
        goroutine: &Goroutine,
        status: Status,
        after: NonNull<AfterLeaving>,
    ) -> Unparked {
        // SAFETY: passed on.
        let take_step = || unsafe { AfterLeaving::take(after) };
        if !status.is_cancellable() {
            goroutine.set_status(status);
            self.leave_perhaps_unwinding(goroutine, take_step);
            return goroutine.unparked();
        }
        take_step();
        self.yield_in_shutdown(goroutine);
        Unparked::Cancelled
    }

    /// Lets others run unless `goroutine`, which calls, is about to be unwound: it may be waiting for them in a loop.
    pub(super) fn yield_in_shutdown(&self, goroutine: &Goroutine) {
        self.note_whether_unwinding(goroutine);
        if goroutine.unwinding() != Unwinding::No || !goroutine.may_be_unwound() {
            self.leave_perhaps_unwinding(goroutine, super::yielding::queue_last(NonNull::from(goroutine)));
        }
    }

    /// Suspends `goroutine`, which calls, also while it unwinds; `commit` is called once its stack has been left.
    pub(super) fn leave_perhaps_unwinding(&self, goroutine: &Goroutine, commit: impl FnOnce()) {
        self.note_whether_unwinding(goroutine);
        let stack = goroutine.stack().expect("a goroutine that calls has a stack");
        let mut step = Step::new(commit);
        // SAFETY: the goroutine calls, and the step stays on its stack until it goes on.
        let mut leave = || unsafe { switch::suspend(stack, step.head()) };
        if goroutine.unwinding() == Unwinding::No {
            // Under `migrate` it may come back on another worker.
            return leave();
        }
        let elsewhere = &self.local().unwinding_elsewhere;
        elsewhere.set(elsewhere.get() + 1);
        leave();
        elsewhere.set(elsewhere.get() - 1);
    }

    /// Whether goroutines leave their stacks here to wait while they unwind.
    pub(super) fn lets_unwinding_leave(&self) -> bool {
        #[cfg(feature = "testing")]
        if self.directed().is_some() {
            return true;
        }
        self.shared().is_shutting_down()
    }

    pub(super) fn note_whether_unwinding(&self, goroutine: &Goroutine) {
        if !thread::panicking() {
            goroutine.set_unwinding(Unwinding::No);
        } else if self.nobody_unwinds_elsewhere() && goroutine.unwinding() == Unwinding::No {
            goroutine.begin_unwinding(Unwinding::Panicking);
        }
    }

    /// Whether `goroutine`, which calls, may leave its stack although this thread counts a panic.
    pub(super) fn may_leave_while_panicking(&self, goroutine: &Goroutine) -> bool {
        #[cfg(feature = "testing")]
        if let Some(directed) = self.directed() {
            return !directed.is_in_panic_hook();
        }
        self.shared().is_shutting_down() && (goroutine.unwinding() != Unwinding::No || !self.nobody_unwinds_elsewhere())
    }

    /// Whether `thread::panicking` speaks of the goroutine that runs, and of no other.
    pub(super) fn nobody_unwinds_elsewhere(&self) -> bool {
        self.local().unwinding_elsewhere.get() == 0
    }

    /// Steps 2 and 3, once each.
    pub(super) fn take_part_in_shutdown(&self) {
        let (shared, local) = (self.shared(), self.local());
        if !local.knows_of_shutdown.replace(true) {
            if shared.options.migrate {
                self.adopt_all();
            }
            self.let_starving_go();
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
            // In this order: whoever sees the goroutine sees its home.
            let Some(goroutine) = stack.frame().goroutine() else { return };
            if !ptr::eq(stack.frame().home(), self) {
                return;
            }
            // SAFETY: the goroutine's home is here and it has not ended, for that is done by this thread.
            if unsafe { goroutine.as_ref() }.status().is_cancellable() {
                self.interrupt(goroutine, Unparked::Cancelled);
            }
        });
    }
}
