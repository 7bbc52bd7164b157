//! Workers and their [pollers](crate::poll): when they look, and how they are woken who sleep there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::worker::{Worker, count};
use super::{current_here, current_parkable_here};
use crate::poll::{Events, Poller};

/// A worker that is never idle looks so often: a look that finds nothing takes some 200 ns.
const BETWEEN_LOOKS: Duration = Duration::from_micros(50);

/// What wakes a worker's thread, wherever it sleeps.
#[derive(Debug)]
pub(super) struct Bell {
    pub(super) thread: Thread,
    pub(super) poller: Arc<Poller>,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.thread.unpark();
        self.poller.ring();
    }
}

impl Worker {
    /// Looks into the poller, if anything is registered there. Whether somebody is ready now.
    pub(super) fn poll(&self) -> bool {
        if !self.poller.is_used() {
            return false;
        }
        self.poll_for(Some(Duration::ZERO));
        !self.local().queues.is_empty()
    }

    /// Looks into the poller, if it is time to.
    pub(super) fn poll_if_due(&self, now: Instant) {
        let last = &self.local().polled_at;
        if last.get().is_none_or(|last| now.saturating_duration_since(last) >= BETWEEN_LOOKS) {
            last.set(Some(now));
            self.poll();
        }
    }

    /// Waits for so long until something comes, or the alarm is raised; wakes those whom it concerns.
    pub(super) fn poll_for(&self, timeout: Option<Duration>) {
        let events = &self.local().events;
        let mut found = events.take();
        self.poller.wait(&mut found, timeout);
        self.poller.get_up();
        found.fire();
        events.set(found);
    }
}

impl Shared {
    /// Whether something is registered with the poller of a worker that does not sleep there. A hint.
    pub(super) fn has_unattended_poller(&self) -> bool {
        self.each_worker().any(|worker| worker.poller.is_unattended())
    }

    /// Looks into the pollers of workers that have not come round since the last call. For the monitor.
    pub(super) fn poll_for_the_absent(&self, events: &mut Events) {
        for worker in self.each_worker().filter(|worker| worker.poller.is_neglected()) {
            worker.poller.look_for_another(events);
            events.fire();
        }
    }

    /// Whether anybody waits for a descriptor.
    pub(crate) fn awaits_io(&self) -> bool {
        let sum = |of: fn(&Worker) -> &AtomicU64| {
            self.each_worker().map(|worker| of(worker).load(Ordering::Acquire)).fold(0, u64::wrapping_add)
        };
        // In this order: whoever ends a wait has begun it.
        let ended = sum(|worker| &worker.counts.io_waits_ended);
        sum(|worker| &worker.counts.io_waits) != ended
    }
}

/// The poller of the caller's worker, if the caller is a goroutine that may leave its stack. It may be used until the
/// next switch.
#[inline(never)]
pub(crate) fn poller_of_goroutine<'a>() -> Option<&'a Arc<Poller>> {
    current_parkable_here()?;
    Some(&current_here()?.poller)
}

/// The poller of the worker whose thread this is.
#[inline(never)]
pub(crate) fn poller_of_thread() -> Option<Arc<Poller>> {
    current_here().map(|worker| Arc::clone(&worker.poller))
}

/// The wait of a goroutine for a descriptor, as counted.
pub(crate) struct IoWait(());

impl IoWait {
    #[inline(never)]
    pub(crate) fn begin() -> Self {
        current_here().inspect(|worker| count(&worker.counts.io_waits));
        Self(())
    }
}

impl Drop for IoWait {
    // It may be another worker now.
    #[inline(never)]
    fn drop(&mut self) {
        current_here().inspect(|worker| count(&worker.counts.io_waits_ended));
    }
}
