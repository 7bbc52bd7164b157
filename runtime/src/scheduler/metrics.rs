//! The runtime in numbers: adds up what the workers have [counted](super::counts).

use std::sync::atomic::{AtomicU64, Ordering};

use super::counts::{Counts, Tally};
use super::shared::Shared;
use super::worker::Worker;
use crate::blocking;
use crate::diagnostics::RuntimeMetrics;

impl Shared {
    /// See [`RuntimeMetrics`] for how exact it is.
    pub(crate) fn metrics(&self) -> RuntimeMetrics {
        // First, and SeqCst: who does not run any more has published what he has counted.
        let running = self.running.load(Ordering::SeqCst);
        // In this order, as in `live`.
        let finished = self.sum(|worker| &worker.signals.ended);
        let spawned = self.sum(|worker| &worker.signals.spawned) + self.foreign_spawned.load(Ordering::Acquire);
        let tally = self.tally();
        let memory = self.stacks.memory();
        let local: usize = self.each_worker().map(Worker::stock_of_stacks).sum();
        let workers = self.worker_count();
        RuntimeMetrics {
            procs: self.procs.limit(),
            workers,
            running_workers: running.min(workers),
            threads: workers + 1,
            blocking_threads: blocking::pool_threads(),
            goroutines: spawned - finished,
            queued: self.each_worker().map(|worker| worker.fresh.len() as u64).sum(),
            spawned,
            finished,
            parks: tally.parks,
            wake_ups: tally.wake_ups,
            remote_wake_ups: self.sum_of_counts(|counts| &counts.messages),
            timed_wake_ups: self.sum_of_counts(|counts| &counts.time_outs),
            hand_offs: tally.hand_offs,
            yields: self.sum_of_counts(|counts| &counts.yields) + self.sum_of_counts(|counts| &counts.alone),
            steals: self.sum_of_counts(|counts| &counts.steals),
            stolen: self.sum_of_counts(|counts| &counts.stolen),
            timers: self.sum_of_counts(|counts| &counts.timers),
            stacks_reserved: memory.reserved,
            // A stack may pass from one stock to the other meanwhile.
            stacks_in_use: memory.in_use.saturating_sub(local),
            stacks_in_stock: memory.in_stock + local,
        }
    }

    /// Acquire: as in [`live`](Self::live).
    fn sum(&self, counter: impl Fn(&Worker) -> &AtomicU64) -> u64 {
        self.each_worker().map(|worker| counter(worker).load(Ordering::Acquire)).sum()
    }

    fn sum_of_counts(&self, counter: impl Fn(&Counts) -> &AtomicU64) -> u64 {
        self.sum(|worker| counter(&worker.counts))
    }

    fn tally(&self) -> Tally {
        let sum = self.each_worker().map(|worker| worker.counts.published()).fold(Tally::default(), |sum, of| Tally {
            parks: sum.parks + of.parks,
            wake_ups: sum.wake_ups.wrapping_add(of.wake_ups),
            hand_offs: sum.hand_offs + of.hand_offs,
        });
        // Those who have yielded and not gone on are missing, and there may be more of them than of all others.
        Tally { wake_ups: sum.wake_ups.cast_signed().max(0).cast_unsigned(), ..sum }
    }
}
