//! Workers and their [pollers](crate::poll): when they look, and how they are woken who sleep there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::worker::{Worker, count};
use super::{current_here, current_parkable_here};
use crate::clock;
use crate::poll::{Events, Poller};

/// A worker that is never idle looks so often: a look that finds nothing takes some 200 ns.
const BETWEEN_LOOKS: Duration = Duration::from_micros(50);
/// And then so often in succession, as long as there is more.
const LOOKS_AT_ONCE: u32 = 2;
/// So many times may be made up for that were missed; and so often who is idle looks in succession, until somebody is ready.
const MOST_LOOKS: u32 = 32;
/// So often in succession it is looked for another, who finds more at a time.
const LOOKS_FOR_ANOTHER: u32 = 4;
/// Whether there are any is asked of the system if the last look was so long ago.
const LATE: Duration = Duration::from_micros(100);

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
        self.poller.is_used() && self.poll_until_ready(Some(Duration::ZERO))
    }

    /// Looks into the poller, if it is time to. A look fires few events; so whoever comes late, because turns are long here, makes
    /// up for the looks that he has missed, as long as there is more.
    pub(super) fn poll_if_due(&self, now: Instant) {
        let last = self.local().polled_at.get();
        let elapsed = last.map_or(BETWEEN_LOOKS, |last| now.saturating_duration_since(last));
        if elapsed < BETWEEN_LOOKS {
            return;
        }
        self.local().polled_at.set(Some(now));
        let due = looks_due(elapsed, || self.local().absence.since_last(now));
        for _ in 0..due * LOOKS_AT_ONCE {
            if !self.poll_for(Some(Duration::ZERO)) {
                return;
            }
        }
    }

    /// Sleeps in the poller until something comes, or the alarm is raised, or for so long.
    pub(super) fn sleep_in_poller(&self, timeout: Option<Duration>) {
        let began = clock::now();
        self.poll_until_ready(timeout);
        let now = clock::now();
        self.local().absence.slept(now.saturating_duration_since(began));
        self.local().polled_at.set(Some(now));
    }

    /// Waits for so long until something comes, or the alarm is raised; then wakes those whom it concerns, until one of them is
    /// ready here. Whether one is.
    fn poll_until_ready(&self, timeout: Option<Duration>) -> bool {
        let is_ready = || !self.local().queues.is_empty();
        let mut more = self.poll_for(timeout);
        for _ in 1..MOST_LOOKS {
            if is_ready() || !more {
                break;
            }
            more = self.poll_for(Some(Duration::ZERO));
        }
        is_ready()
    }

    /// Waits for so long until something comes, or the alarm is raised; wakes a few of those whom it concerns. Whether there may be
    /// more.
    fn poll_for(&self, timeout: Option<Duration>) -> bool {
        let events = &self.local().events;
        let mut room = events.take();
        let more = self.poller.look(&mut room, timeout);
        events.set(room);
        more
    }
}

/// How many looks there ought to have been in this time, in part of which the thread has been `absent`. For that part none: nobody
/// here was busy, and to fire many events at once would only have those who are woken fall out of the cache before they run.
fn looks_due(elapsed: Duration, absent: impl FnOnce() -> Duration) -> u32 {
    if elapsed < LATE {
        return 1;
    }
    let busy = elapsed.saturating_sub(absent());
    (busy.div_duration_f64(BETWEEN_LOOKS) as u32).clamp(1, MOST_LOOKS)
}

impl Shared {
    /// Whether something is registered with the poller of a worker that does not sleep there. A hint.
    pub(super) fn has_unattended_poller(&self) -> bool {
        self.each_worker().any(|worker| worker.poller.is_unattended())
    }

    /// Looks into the pollers of workers that have not come round since the last call. For the monitor.
    pub(super) fn poll_for_the_absent(&self, room: &mut Events) {
        for worker in self.each_worker().filter(|worker| worker.poller.is_neglected()) {
            for _ in 0..LOOKS_FOR_ANOTHER {
                // It may have come round meanwhile, and sleep there.
                if !worker.poller.look_for_another(room) || !worker.poller.is_unattended() {
                    break;
                }
            }
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

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn looks_are_made_up_for_that_were_missed_while_a_goroutine_computed() {
        assert_eq!(looks_due(LATE - Duration::from_nanos(1), || unreachable!("it is not late")), 1);
        assert_eq!(looks_due(LATE, || Duration::ZERO), 2);
        assert_eq!(looks_due(10 * BETWEEN_LOOKS, || Duration::ZERO), 10);
        assert_eq!(looks_due(10 * BETWEEN_LOOKS, || 6 * BETWEEN_LOOKS), 4);
        assert_eq!(looks_due(10 * BETWEEN_LOOKS, || Duration::MAX), 1);
        assert_eq!(looks_due(Duration::from_secs(1), || Duration::ZERO), MOST_LOOKS);
    }
}
