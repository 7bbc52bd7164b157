//! Bursts: one goroutine spawns a great many, and does nothing else.
//!
//! # It yields
//! After every [`STRETCH`] of them the spawner yields, if half as many wait on its worker to be started. Else all of them
//! would wait, each in memory of its own that was never used before, which costs more to touch than a short goroutine takes.
//! So those that end soon use the memory of one another. What a tree of goroutines has accumulated is no reason to yield: to
//! let everybody start would begin its widest layer.
//!
//! # It keeps the short ones
//! A goroutine that does next to nothing takes some 80 ns where it was spawned, from its making to its end, and three times as
//! long on another worker, for everything that it consists of has to come from that one's cache and go back. So if all of a
//! line's goroutines that were given to this worker have ended by the time the spawner goes on, and all that were spawned since
//! it last did took no longer than [`SHORT`] on the average, then those of the next stretch are not
//! [dealt](super::placement): they stay here. Thieves take them if this worker does not keep pace with them after all. It is
//! decided anew whenever the spawner has yielded so, and ends with the worker's time slice, or when one is spawned by another
//! line.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::placement::SiteId;
use crate::stack::Stack;

/// What waits to be started then fits into a cache of the second level.
pub(super) const STRETCH: u64 = 1024;
/// How long a goroutine of a stretch may take, with its spawning, to count as short. Shared out between two workers, which
/// then hinder one another, it takes about as long.
const SHORT: Duration = Duration::from_nanos(350);

/// What a worker knows about whoever spawns there. See the [module](self).
#[derive(Debug)]
pub(super) struct Burst {
    /// The stack of the goroutine that spawned last. Those that use it one after the other count as one.
    spawner: Cell<Option<Stack>>,
    /// How many had been spawned here when the stretch began.
    spawned_before: Cell<u64>,
    /// When the spawner went on after it had last yielded, and how many had been spawned by then.
    went_on: Cell<Option<(Instant, u64)>>,
    /// The time slice in which the stretch began.
    slice: Cell<u64>,
    /// Where those wait who are spawned in it.
    stretch: Cell<Stretch>,
}

/// Where those wait who are spawned in a stretch.
#[derive(Clone, Copy, Debug)]
enum Stretch {
    /// Wherever they are dealt to.
    Dealt,
    /// Here, if nobody is left here of those that the same line spawned before.
    AfterShort,
    /// Here, if they are spawned by this line.
    Kept(SiteId),
}

impl Burst {
    pub(super) fn new() -> Self {
        Self {
            spawner: Cell::new(None),
            spawned_before: Cell::new(0),
            went_on: Cell::new(None),
            slice: Cell::new(0),
            stretch: Cell::new(Stretch::Dealt),
        }
    }

    /// Whether who spawns on this stack has spawned a stretch, now that so many have been spawned here in all. True once for
    /// each stretch.
    #[inline]
    pub(super) fn stretch_is_over(&self, spawner: Option<Stack>, spawned: u64) -> bool {
        if self.spawner.replace(spawner) != spawner {
            self.spawned_before.set(spawned);
            self.went_on.set(None);
        }
        let over = spawned - self.spawned_before.get() >= STRETCH;
        if over {
            self.spawned_before.set(spawned);
        }
        over
    }

    /// The spawner has yielded, and goes on.
    pub(super) fn begin_stretch(&self, now: Instant, spawned: u64, slice: u64) {
        let before = self.went_on.replace(Some((now, spawned)));
        let short = before.is_some_and(|(since, spawned_before)| {
            let took = now.saturating_duration_since(since);
            took.as_nanos() < u128::from(spawned - spawned_before) * SHORT.as_nanos()
        });
        self.stretch.set(if short { Stretch::AfterShort } else { Stretch::Dealt });
        self.slice.set(slice);
    }

    /// Whether who is spawned by the line `site` stays here, as one of a burst. `none_left` says whether none of that line is
    /// left here.
    #[inline]
    pub(super) fn keeps(&self, site: SiteId, slice: u64, none_left: impl FnOnce() -> bool) -> bool {
        let may_stay = match self.stretch.get() {
            Stretch::Dealt => return false,
            Stretch::AfterShort => none_left(),
            Stretch::Kept(line) => line == site,
        };
        let kept = may_stay && slice == self.slice.get();
        self.stretch.set(if kept { Stretch::Kept(site) } else { Stretch::Dealt });
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::super::placement::Sites;
    use super::*;

    /// A burst whose spawner goes on twice in the time slice 7, with a stretch between that took so long for each.
    fn burst_after(each: Duration) -> Burst {
        let (burst, start) = (Burst::new(), Instant::now());
        burst.begin_stretch(start, 0, 7);
        burst.begin_stretch(start + each * STRETCH as u32, STRETCH, 7);
        burst
    }

    fn lines() -> [SiteId; 2] {
        let sites = Sites::default();
        [Location::caller(), Location::caller()].map(|place| sites.id(place))
    }

    #[test]
    fn a_stretch_is_over_once() {
        let burst = Burst::new();
        assert!((0..STRETCH).all(|spawned| !burst.stretch_is_over(None, spawned)));
        assert!(burst.stretch_is_over(None, STRETCH) && !burst.stretch_is_over(None, STRETCH + 1));
        assert!(burst.stretch_is_over(None, 2 * STRETCH));
    }

    #[test]
    fn the_short_ones_are_kept() {
        let ([line, other], none_left) = (lines(), || true);
        let burst = burst_after(SHORT - Duration::from_nanos(1));
        assert!(burst.keeps(line, 7, none_left) && burst.keeps(line, 7, || false), "asked for the first only");
        assert!(!burst.keeps(other, 7, none_left) && !burst.keeps(line, 7, none_left), "another line ends it");
        assert!(!burst_after(SHORT).keeps(line, 7, none_left), "they take too long");
        assert!(!burst_after(Duration::ZERO).keeps(line, 7, || false), "some have not ended");
        assert!(!burst_after(Duration::ZERO).keeps(line, 8, none_left), "the time slice has ended");
        assert!(!Burst::new().keeps(line, 0, none_left));
    }
}
