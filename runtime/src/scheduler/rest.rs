//! Whether a runtime is at rest: what has to be known to tell a deadlock. See [`diagnostics`](crate::diagnostics).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use super::shared::Shared;
use crate::diagnostics::{Deadlock, OnDeadlock};

impl Shared {
    /// If every worker sleeps, and has nothing to do: how often they have gone to sleep, which is the same at two looks if
    /// none has woken up in between.
    ///
    /// The look at the inbox, an Acquire, pairs with the Release by which its owner fell asleep: what that did before is seen.
    pub(crate) fn rest_mark(&self) -> Option<u64> {
        if self.is_shutting_down() {
            return None;
        }
        let mut sleeps = 0;
        for worker in self.each_worker() {
            // The inbox says it more closely: a worker that has taken a message out is not awake at once.
            if !worker.signals.asleep.load(Ordering::SeqCst) || !worker.inbox.owner_sleeps() || worker.fresh.count() > 0
            {
                return None;
            }
            sleeps += worker.signals.sleeps.load(Ordering::SeqCst);
        }
        Some(sleeps)
    }

    /// Whether a timer is set that would wake or start somebody.
    pub(crate) fn awaits_timer(&self) -> bool {
        self.has_foreign_timers()
            || self.each_worker().any(|worker| {
                let (wakes, calls) = worker.timers.lock().wanted();
                // Not under the lock, for each of them takes one of its own.
                wakes || calls.into_iter().any(|call| call.upgrade().is_some_and(|call| call.is_awaited()))
            })
    }

    /// What is to be done in case of a deadlock.
    pub(crate) fn on_deadlock(&self) -> OnDeadlock {
        self.options.on_deadlock
    }

    /// Ends the runtime because of a deadlock.
    pub(crate) fn end_by_deadlock(self: &Arc<Self>, deadlock: Deadlock) {
        if self.deadlock.set(deadlock).is_ok() {
            self.end_in_background();
        }
    }

    /// Ends the runtime, and leaves it to whoever drops it to wait for its threads.
    pub(super) fn end_in_background(&self) {
        let threads = self.begin_shutdown();
        self.threads.lock().expect("no panic happens under this lock").extend(threads);
    }

    /// Whether it has ended by a deadlock, and nothing of it is left that could act.
    pub(crate) fn has_ended(&self) -> bool {
        let threads = || self.threads.lock().expect("no panic happens under this lock");
        // There are none from when the shutdown begins until they have been put back.
        let all_are_finished =
            |threads: &[JoinHandle<()>]| !threads.is_empty() && threads.iter().all(JoinHandle::is_finished);
        self.deadlock().is_some() && self.is_done() && all_are_finished(&threads())
    }

    /// The deadlock by which the runtime has ended, if it has ended so.
    pub(crate) fn deadlock(&self) -> Option<&Deadlock> {
        self.deadlock.get()
    }
}
