//! What a worker counts for [`RuntimeMetrics`](crate::diagnostics::RuntimeMetrics), beside what the scheduler itself needs.
//!
//! Parks, wake-ups and hand-offs are not counted where they happen, for there every instruction is felt. They follow from how
//! many turns there were ([`Signals::turns`](super::worker::Signals)) and from what else became of those. Every turn is one of
//! the following, and the letter is how many of that kind there were:
//!
//! | turn                                           | counted by                                 |
//! |------------------------------------------------|--------------------------------------------|
//! | of one that yielded while nobody was ready (a) | `alone`                                    |
//! | of one from the line, before its time (f)      | `firsts`                                   |
//! | of one that had just been woken: a hand-off (h)| nothing: all turns but the others          |
//! | of one from the line (l), or of nobody (n)     | the time slices, less those of a [watch](super::watcher); `idles` |
//!
//! Of those who were taken out of the queues to run, some could not, for want of a stack (`unequipped`, u). All others *ran*
//! until they parked, yielded (y), or ended (e). And each of those who ran had been started just then, or had yielded, or had
//! been woken. So
//! - parks = runs - y - e, where runs = turns - a - n - u;
//! - wake-ups that had their effect = runs - started - y;
//! - h = turns - a - f - l - n.
//!
//! This holds between two turns only. There the worker publishes all three ([`Worker::tally`]), whenever it looks around, and
//! before it does not count as running any more.

use std::sync::atomic::{AtomicU64, Ordering};

use super::worker::{Local, Signals, Worker};
use crate::timer::Store;

/// Written by the worker, and read by anybody. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Yields while nobody else was ready.
    pub(super) alone: AtomicU64,
    /// Yields that left the stack.
    pub(super) yields: AtomicU64,
    /// Turns of the first in line, before its time.
    pub(super) firsts: AtomicU64,
    /// Turns for which there was nobody.
    pub(super) idles: AtomicU64,
    /// Time slices that began in a watch.
    pub(super) watches: AtomicU64,
    /// Goroutines that were to be started, and got no stack.
    pub(super) unequipped: AtomicU64,
    /// Goroutines that have ended here without having been started.
    pub(super) unstarted_ends: AtomicU64,
    /// Wake-ups that came through the inbox.
    pub(super) messages: AtomicU64,
    /// Waits that ended because it was time.
    pub(super) time_outs: AtomicU64,
    /// How often this worker has taken goroutines from another, and how many.
    pub(super) steals: AtomicU64,
    pub(super) stolen: AtomicU64,
    /// Waits of goroutines for descriptors, and how many of these are over. Under `migrate` another worker may count the end.
    pub(super) io_waits: AtomicU64,
    pub(super) io_waits_ended: AtomicU64,
    /// How many timers there were here at the last look around, those included that nobody wants any more.
    pub(super) timers: AtomicU64,
    // What follows from the rest, as of the last look around.
    parks: AtomicU64,
    wake_ups: AtomicU64,
    hand_offs: AtomicU64,
}

/// What follows, of one worker or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) parks: u64,
    pub(super) wake_ups: u64,
    pub(super) hand_offs: u64,
}

impl Worker {
    /// Publishes what follows. `begun` says how many turns have begun and are not over: one, or none.
    pub(super) fn tally(&self, begun: u64) {
        let Local { turns_left, turns_between, .. } = self.local();
        let (Signals { slice, turns, started, ended, .. }, counts) = (&*self.signals, &*self.counts);
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let turns = of(turns) + u64::from(turns_between.get() - turns_left.get()) - begun - of(&counts.alone);
        let (idles, yields) = (of(&counts.idles), of(&counts.yields));
        let runs = turns - idles - of(&counts.unequipped);
        // Under `migrate` those who have yielded may run elsewhere, so this may wrap around; the sum over all workers does not.
        let wake_ups = (turns - idles).wrapping_sub(of(started)).wrapping_sub(yields);
        counts.parks.store(runs - yields - (of(ended) - of(&counts.unstarted_ends)), Ordering::Relaxed);
        counts.wake_ups.store(wake_ups, Ordering::Relaxed);
        counts.hand_offs.store(turns - of(&counts.firsts) - (of(slice) - of(&counts.watches)), Ordering::Relaxed);
    }

    /// Publishes how many timers there are here.
    pub(super) fn publish_timers(&self, timers: &Store) {
        self.counts.timers.store(timers.len() as u64, Ordering::Relaxed);
    }
}

impl Counts {
    /// What this worker has published last.
    pub(super) fn published(&self) -> Tally {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally { parks: of(&self.parks), wake_ups: of(&self.wake_ups), hand_offs: of(&self.hand_offs) }
    }
}
