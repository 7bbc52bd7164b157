//! Where a new goroutine goes. A home is for life, so this decides who shares a core with whom.
//!
//! Goroutines spawned by the same line of the program (*siblings*) are dealt out over the workers, but over no more of these
//! than there are processors, beginning with the spawner's own, in blocks that grow: one each, then two each, then four. The
//! rounds go there and back, so that the last of one round and the first of the next share a worker. So
//! - a pool of two or of a thousand uses every core, from the start, without waiting to be robbed;
//! - neighbours in a ring or a pipeline share a worker except at the ends of blocks, of which there are only
//!   logarithmically many;
//! - the n-th siblings of two lines, a producer and its consumer, meet on the same worker.
//!
//! The count of a line starts again once none of its goroutines is left on the spawner's worker: a loop that spawns one
//! and waits for it keeps it at home.
//!
//! A goroutine that spawns its like, by the line by which it was itself spawned, is a node of a tree. Its children stay
//! at home: the parent will wait for them, and idle workers steal near the root.
//!
//! In a [burst](super::burst) of goroutines that end at once none is dealt.
//!
//! What waits to be started can be stolen, so none of this can leave a core idle for long.
//!
//! Rejected: leaving a goroutine where it was spawned until stolen (a pool that blocks at once stays on one worker for
//! ever); dealing one by one in turn (every hop of a ring crosses); dealing when the parent parks, when the number of
//! siblings is known (a goroutine spawned by one that goes on computing would not be seen by anybody).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::panic::Location;
use std::ptr;

/// How a goroutine's worker is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Placement {
    /// By the rule of the [module](self).
    #[default]
    Dealt,
    /// On the worker whose turn it is.
    Spread,
    /// On the spawner's worker.
    Local,
}

/// A line of the program, told apart from others by the address of its location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place(usize);

/// A line that spawns goroutines, known to a [`Sites`] by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SiteId(NonZeroU32);

impl SiteId {
    /// The number of the last of `count` lines.
    fn last_of(count: usize) -> Self {
        let number = u32::try_from(count).ok().and_then(NonZeroU32::new);
        Self(number.expect("a program has some lines, and fewer than 2^32"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// What one worker knows about the lines that spawn goroutines.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    known: RefCell<Known>,
    /// A small direct-mapped cache in front of the map.
    recent: [Cell<Option<(Place, SiteId)>>; Sites::RECENT],
}

#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<Place, SiteId>,
    sites: Vec<Site>,
}

#[derive(Debug, Default)]
struct Site {
    /// How many of its goroutines live on this worker.
    residents: u32,
    /// How many of its goroutines wait on this worker to be started, if `epoch` is the present one; else none.
    waiting: u32,
    epoch: u64,
    /// How many siblings have been dealt since there were none.
    dealt: usize,
}

impl Site {
    fn has_none(&mut self, epoch: u64) -> bool {
        self.residents == 0 && *self.waiting(epoch) == 0
    }

    fn waiting(&mut self, epoch: u64) -> &mut u32 {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.waiting = 0;
        }
        &mut self.waiting
    }
}

impl Sites {
    const RECENT: usize = 8;

    /// The number of the line at `place`.
    #[inline]
    pub(crate) fn id(&self, place: &'static Location<'static>) -> SiteId {
        let place = Place(ptr::from_ref(place).addr());
        let recent = &self.recent[place.0 / align_of::<Location<'_>>() % Self::RECENT];
        match recent.get() {
            Some((known, id)) if known == place => id,
            _ => {
                let id = self.look_up(place);
                recent.set(Some((place, id)));
                id
            }
        }
    }

    #[cold]
    fn look_up(&self, place: Place) -> SiteId {
        let Known { numbers, sites } = &mut *self.known.borrow_mut();
        *numbers.entry(place).or_insert_with(|| {
            sites.push(Site::default());
            SiteId::last_of(sites.len())
        })
    }

    /// How far from the spawner's worker, out of `workers`, the next sibling of this line goes. 0 means that it waits
    /// here to be started. `epoch` changes whenever nobody waits here, so that those who were stolen are forgotten.
    #[inline]
    pub(crate) fn deal(&self, site: SiteId, workers: usize, epoch: u64) -> usize {
        let mut known = self.known.borrow_mut();
        let site = &mut known.sites[site.index()];
        if site.has_none(epoch) {
            site.dealt = 0;
        }
        let offset = offset(site.dealt, workers);
        site.dealt += 1;
        if offset == 0 {
            *site.waiting(epoch) += 1;
        }
        offset
    }

    /// Whether no goroutine of this line lives on this worker, or waits there to be started.
    pub(super) fn has_none(&self, site: SiteId, epoch: u64) -> bool {
        self.known.borrow_mut().sites[site.index()].has_none(epoch)
    }

    /// The next sibling of this line waits here to be started, without being dealt.
    #[inline]
    pub(super) fn keep(&self, site: SiteId, epoch: u64) {
        *self.known.borrow_mut().sites[site.index()].waiting(epoch) += 1;
    }

    /// A goroutine of this line has started here.
    #[inline]
    pub(crate) fn resident_starts(&self, site: SiteId, epoch: u64) {
        let mut known = self.known.borrow_mut();
        let site = &mut known.sites[site.index()];
        site.residents += 1;
        let waiting = site.waiting(epoch);
        *waiting = waiting.saturating_sub(1);
    }

    /// A goroutine of this line has ended here.
    #[inline]
    pub(crate) fn resident_ends(&self, site: SiteId) {
        let mut known = self.known.borrow_mut();
        let residents = &mut known.sites[site.index()].residents;
        *residents = residents.saturating_sub(1);
    }
}

/// To which of `workers` the sibling number `index` is dealt: a block of 1 to each, there and back, twice; then a block of
/// 2 to each, there and back; then of 4, and so on.
///
/// More rounds share out more evenly, fewer make for longer runs of neighbours. Small pools need the second time.
#[inline]
fn offset(index: usize, workers: usize) -> usize {
    /// The binary logarithm of the largest block; then crossings between blocks do not matter any more.
    const LARGEST: u32 = 8;
    if workers <= 1 {
        return 0;
    }
    let there_and_back = 2 * workers;
    let index = if index < there_and_back { index } else { index - there_and_back };
    let size = (index / there_and_back + 1).ilog2().min(LARGEST);
    let before = there_and_back * ((1 << size) - 1);
    let block = ((index - before) >> size) % there_and_back;
    block.min(there_and_back - 1 - block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> &'static Location<'static> {
        Location::caller()
    }

    fn deal(siblings: usize, workers: usize) -> Vec<usize> {
        (0..siblings).map(|index| offset(index, workers)).collect()
    }

    #[test]
    fn blocks_double() {
        assert_eq!(deal(20, 2), [0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(deal(18, 3), [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 0, 1, 1, 2, 2]);
        assert_eq!(deal(5, 1), [0; 5]);
    }

    #[test]
    fn every_worker_gets_its_share() {
        for workers in [2, 3, 7, 64] {
            let mut shares = vec![0_usize; workers];
            deal(100_000, workers).into_iter().for_each(|worker| shares[worker] += 1);
            let fair = 100_000 / workers;
            assert!(shares.iter().all(|share| share.abs_diff(fair) <= 256), "{workers}: {shares:?}");
        }
    }

    #[test]
    fn a_ring_crosses_seldom() {
        let ring = deal(1000, 2);
        let crossings = ring.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(crossings <= 18, "{crossings}");
    }

    #[test]
    fn one_at_a_time_stays_at_home() {
        let sites = Sites::default();
        let site = sites.id(place());
        for _ in 0..10 {
            assert_eq!(sites.deal(site, 2, 0), 0);
            sites.resident_starts(site, 0);
            sites.resident_ends(site);
        }
    }

    #[test]
    fn those_who_wait_count_as_siblings_until_they_are_stolen() {
        let sites = Sites::default();
        let site = sites.id(place());
        assert_eq!(sites.deal(site, 2, 0), 0);
        assert_eq!(sites.deal(site, 2, 0), 1);
        // In the next epoch nobody waits: the first was stolen.
        assert_eq!(sites.deal(site, 2, 1), 0);
        assert_eq!(sites.deal(site, 2, 1), 1);
    }

    #[test]
    fn lines_are_told_apart() {
        let sites = Sites::default();
        let places: Vec<_> = [place(), Location::caller(), Location::caller()].to_vec();
        let ids: Vec<_> = places.iter().map(|place| sites.id(place)).collect();
        assert_eq!(ids, places.iter().map(|place| sites.id(place)).collect::<Vec<_>>());
        assert_ne!(ids[0], ids[1]);
    }
}
