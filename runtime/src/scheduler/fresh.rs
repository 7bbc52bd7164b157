//! The queue of a worker that others may put into and take from: unstarted goroutines, and, under `migrate`, started ones
//! that are ready.
//!
//! # Order
//! - The owner takes the unstarted goroutine that came *last*. So a tree of goroutines is walked depth first, and those that
//!   have started, and hold a stack, are few: the nodes between the root and a leaf, and not the widest layer of the tree.
//!   What a goroutine spawns also runs while what it was given is in the cache.
//! - Every [`OLDEST_EVERY`]th time it takes the one that came *first*. So nobody waits for ever behind those who come after
//!   it: who has `n` before it is started after no more than `n + 1` times [`OLDEST_EVERY`] others.
//! - Who yields lets everybody go first who was there before (see [`queues`](super::queues)), in the same order: to start the
//!   first of them first would begin everything at once that waits in a tree.
//! - A thief takes the half that came first. In a tree these are nodes near the root: much work, taken seldom.
//!
//! # The lock
//! All is under one lock. It is held for some dozens of instructions, or by a thief who walks along the
//! [`LARGEST_BATCH`], at most, that it takes: for some microseconds, if none of them is in its cache. (A
//! [census](super::census) holds it for longer, while it lists all.) Otherwise nothing is allocated under it, since
//! the goroutines are linked through their control blocks. The sizes are repeated in atomics that anybody may read
//! without the lock, as a hint. Only who is about to stop looking must not rely on a hint: it asks for the
//! [`count`](Fresh::count), which takes the lock; [`watch`](super::watch) needs that.
//!
//! Rejected: a lock-free deque. It saves the owner no atomic operation: it needs a fence at every `pop`, and another at every
//! `push`, so that the spawner sees who sleeps. It has one end for the owner and one for thieves, so the owner could take the
//! oldest only as a thief, and others could put nothing in. And an array instead of links: it is copied when it grows, under
//! the lock, which for a million goroutines takes milliseconds.

use std::ptr::NonNull;

use super::line::Line;
use crate::goroutine::Goroutine;
use crate::park::Lock;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Every so many times the owner takes the oldest. Large enough for a subtree of a hundred nodes to be done before the next
/// is begun.
const OLDEST_EVERY: u32 = 256;
/// The most goroutines that a thief takes at once: it walks along them under the lock.
const LARGEST_BATCH: usize = 128;

/// What a thief has taken.
pub(super) enum Batch {
    Unstarted(Line),
    /// Only under `migrate`.
    Started(Line),
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        let (Self::Unstarted(line) | Self::Started(line)) = self;
        line.len()
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Fresh {
    lines: Lock<Lines>,
    // The rest is written under the lock.
    len: AtomicUsize,
    /// How many of them have started.
    started: AtomicUsize,
    /// How often something was put in.
    pushed: AtomicU64,
    /// The number of the oldest.
    oldest: AtomicU64,
    /// How often the last was taken out.
    emptied: AtomicU64,
}

/// Each in the order in which they came.
#[derive(Debug, Default)]
struct Lines {
    unstarted: Line,
    /// Only under `migrate`. Their tickets are as in [`queues`](super::queues).
    started: Line,
    /// How often the newest was taken since the oldest was.
    newest: u32,
    /// Whether the last that was taken had started, both kinds being there.
    started_last: bool,
}

impl Fresh {
    pub(super) fn new() -> Self {
        Self {
            lines: Lock::new(Lines::default()),
            len: AtomicUsize::new(0),
            started: AtomicUsize::new(0),
            pushed: AtomicU64::new(0),
            oldest: AtomicU64::new(u64::MAX),
            emptied: AtomicU64::new(0),
        }
    }

    /// How many there are. A hint.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether there are none. A hint.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all that there are have started. A hint.
    pub(super) fn have_started(&self) -> bool {
        self.started.load(Ordering::Relaxed) >= self.len()
    }

    /// How many there are, for certain. A step of the [watch](super::watch): who puts something in after this sees what the
    /// caller has said before.
    pub(super) fn count(&self) -> usize {
        self.lines.lock().len()
    }

    /// How often something was put in: who comes now has a number that is not less. A hint.
    #[inline]
    pub(super) fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    /// The number of the oldest, greater than all numbers if there is none. A hint.
    #[inline]
    pub(super) fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Relaxed)
    }

    /// How often this has become empty.
    #[inline]
    pub(super) fn emptied(&self) -> u64 {
        self.emptied.load(Ordering::Relaxed)
    }

    /// Puts an unstarted goroutine in. The first bracket of step 1 of the [watch](super::watch).
    #[inline]
    pub(super) fn push(&self, goroutine: NonNull<Goroutine>) {
        let mut lines = self.lines.lock();
        let number = self.number_next();
        lines.unstarted.push(goroutine, number);
        self.publish(&lines);
    }

    /// Puts a started goroutine in.
    pub(super) fn push_started(&self, goroutine: NonNull<Goroutine>) {
        let mut lines = self.lines.lock();
        let number = self.number_next();
        lines.started.push(goroutine, number);
        self.publish(&lines);
    }

    /// Puts in what a thief has taken elsewhere.
    pub(super) fn push_batch(&self, batch: Batch) {
        let mut lines = self.lines.lock();
        let (line, batch) = match batch {
            Batch::Unstarted(batch) => (&mut lines.unstarted, batch),
            Batch::Started(batch) => (&mut lines.started, batch),
        };
        line.append(batch, self.number_next());
        self.publish(&lines);
    }

    /// Takes one out, for the owner.
    #[inline]
    pub(super) fn take(&self) -> Option<NonNull<Goroutine>> {
        let mut lines = self.lines.lock();
        let taken = if lines.is_turn_of_started() { lines.started.pop_oldest() } else { lines.take_unstarted() }?;
        self.publish_taken(&lines);
        Some(taken)
    }

    /// Takes the older half of the unstarted goroutines; or, if there are none, of the started ones.
    pub(super) fn steal(&self) -> Option<Batch> {
        let mut lines = self.lines.lock();
        let have_started = lines.unstarted.is_empty();
        let line = if have_started { &mut lines.started } else { &mut lines.unstarted };
        if line.is_empty() {
            return None;
        }
        let batch = line.split_oldest(line.len().div_ceil(2).min(LARGEST_BATCH));
        self.publish_taken(&lines);
        Some(if have_started { Batch::Started(batch) } else { Batch::Unstarted(batch) })
    }

    /// Takes all that have started.
    pub(super) fn take_started(&self) -> Line {
        let mut lines = self.lines.lock();
        let started = std::mem::take(&mut lines.started);
        self.publish_taken(&lines);
        started
    }

    /// Shows all that have not started. Nothing is put in or taken out meanwhile.
    pub(super) fn for_each_unstarted(&self, visit: impl FnMut(&Goroutine)) {
        self.lines.lock().unstarted.for_each(visit);
    }

    /// The number of those who come now. Under the lock.
    #[inline]
    fn number_next(&self) -> u64 {
        let number = self.pushed.load(Ordering::Relaxed);
        self.pushed.store(number + 1, Ordering::Relaxed);
        number
    }

    /// Repeats the sizes for those who do not take the lock.
    #[inline]
    fn publish(&self, lines: &Lines) {
        self.len.store(lines.len(), Ordering::Relaxed);
        self.started.store(lines.started.len(), Ordering::Relaxed);
        self.oldest.store(lines.oldest(), Ordering::Relaxed);
    }

    #[inline]
    fn publish_taken(&self, lines: &Lines) {
        self.publish(lines);
        if lines.len() == 0 {
            self.emptied.store(self.emptied.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }
}

impl Lines {
    #[inline]
    fn len(&self) -> usize {
        self.unstarted.len() + self.started.len()
    }

    #[inline]
    fn oldest(&self) -> u64 {
        self.unstarted.oldest_number().min(self.started.oldest_number())
    }

    #[inline]
    fn take_unstarted(&mut self) -> Option<NonNull<Goroutine>> {
        self.newest += 1;
        if self.newest >= OLDEST_EVERY {
            self.newest = 0;
            return self.unstarted.pop_oldest();
        }
        self.unstarted.pop_newest()
    }

    /// The two kinds take turns, as those of `ready` and of this queue do in [`queues`](super::queues).
    #[inline]
    fn is_turn_of_started(&mut self) -> bool {
        let Some(first) = self.started.oldest() else { return false };
        if self.unstarted.is_empty() {
            return true;
        }
        let must_wait = self.unstarted.oldest_number() < first.ticket();
        self.started_last = !must_wait && !self.started_last;
        self.started_last
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::goroutine::unstarted_for_ever;

    /// A queue with `count` goroutines, with the numbers from 1 on.
    fn queue_of(count: u64) -> Fresh {
        let fresh = Fresh::new();
        (1..=count).for_each(|id| fresh.push(NonNull::from(unstarted_for_ever(id))));
        fresh
    }

    fn take(fresh: &Fresh) -> Option<u64> {
        // SAFETY: the goroutines of these tests live for ever.
        fresh.take().map(|goroutine| unsafe { goroutine.as_ref() }.id())
    }

    #[test]
    fn the_owner_takes_the_last_and_now_and_then_the_first() {
        let fresh = queue_of(300);
        let every = u64::from(OLDEST_EVERY);
        let taken: Vec<_> = (0..every).map(|_| take(&fresh).unwrap()).collect();
        assert_eq!(taken[..taken.len() - 1], (302 - every..=300).rev().collect::<Vec<_>>());
        assert_eq!(taken[taken.len() - 1], 1);
        assert_eq!((fresh.len(), fresh.oldest(), fresh.pushed()), (300 - OLDEST_EVERY as usize, 1, 300));
    }

    #[test]
    fn a_thief_takes_the_half_that_came_first() {
        let (victim, thief) = (queue_of(5), queue_of(0));
        thief.push_batch(victim.steal().unwrap());
        assert_eq!((victim.len(), thief.len()), (2, 3));
        assert_eq!([take(&thief), take(&victim)], [Some(3), Some(5)]);
        assert_eq!((victim.oldest(), thief.oldest()), (3, 0));
    }

    #[test]
    fn it_is_told_when_the_queue_becomes_empty() {
        let fresh = queue_of(1);
        assert!(fresh.count() == 1 && fresh.emptied() == 0);
        assert!(fresh.steal().is_some() && fresh.steal().is_none() && take(&fresh).is_none());
        assert!(fresh.count() == 0 && fresh.emptied() == 1 && fresh.oldest() == u64::MAX);
    }
}
