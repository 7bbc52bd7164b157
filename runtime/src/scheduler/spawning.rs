//! New goroutines: their numbers, their place, and the queue that they wait in.

use std::num::NonZeroU64;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::burst::STRETCH;
use super::placement::{Placement, SiteId};
use super::shared::Shared;
use super::watch::WorkerId;
use super::worker::{Local, Worker, count};
use crate::clock;
use crate::goroutine::{Goroutine, Shape};

/// Queues the goroutine that `make` makes: on `runtime`, else on that of the caller, else on the global one.
pub(crate) fn spawn(
    runtime: Option<&Arc<Shared>>,
    make: impl FnOnce(NonZeroU64, Option<&Worker>) -> NonNull<Goroutine>,
    placement: Placement,
) -> NonNull<Goroutine> {
    match (super::current(), runtime) {
        (Some(worker), None) => worker.spawn(make, placement),
        (_, Some(shared)) => shared.spawn_foreign(make, placement),
        (None, None) => crate::runtime::global().shared().spawn_foreign(make, placement),
    }
}

/// A block of memory for a goroutine that `worker` spawns, or else an ordinary thread.
#[inline]
pub(crate) fn take_block(worker: Option<&Worker>, shape: Shape) -> NonNull<u8> {
    match worker {
        Some(worker) => worker.local().blocks.take(shape, &worker.shared().blocks),
        None => shape.allocate(),
    }
}

/// Takes a block back, for the stock of the caller's worker.
///
/// # Safety
/// The caller owns the block, which was taken for this shape.
pub(crate) unsafe fn give_block(block: NonNull<u8>, shape: Shape) {
    match super::current() {
        // SAFETY: passed on.
        Some(worker) => unsafe { worker.local().blocks.put(block, shape, &worker.shared().blocks) },
        // SAFETY: passed on.
        None => unsafe { shape.free(block) },
    }
}

/// Sets `count` numbers for goroutines aside, and gives the first.
fn reserve_ids(count: u64) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(count, Ordering::Relaxed)
}

impl Worker {
    /// Whether the goroutine that runs, and is about to spawn, shall yield first, for it is in a [burst](super::burst).
    #[inline]
    pub(super) fn has_spawned_stretch(&self) -> bool {
        let burst = &self.local().burst;
        burst.stretch_is_over(self.running_stack(), self.signals.spawned.load(Ordering::Relaxed))
            && self.fresh.len() as u64 >= STRETCH / 2
    }

    /// The goroutine that runs has yielded before spawning.
    pub(super) fn begin_stretch(&self) {
        let spawned = self.signals.spawned.load(Ordering::Relaxed);
        self.local().burst.begin_stretch(clock::now(), spawned, self.signals.slice.load(Ordering::Relaxed));
    }

    /// Queues a goroutine spawned on this worker.
    #[inline]
    fn spawn(
        &self,
        make: impl FnOnce(NonZeroU64, Option<&Worker>) -> NonNull<Goroutine>,
        placement: Placement,
    ) -> NonNull<Goroutine> {
        count(&self.signals.spawned);
        let goroutine = make(self.take_id(), Some(self));
        let target = self.choose(goroutine, placement);
        if target == self.id || self.shared().worker(target).signals.hogged.load(Ordering::Relaxed) {
            self.fresh.push(goroutine);
            self.announce_work();
        } else {
            self.shared().mail(target, goroutine);
        }
        goroutine
    }

    #[inline]
    fn choose(&self, goroutine: NonNull<Goroutine>, placement: Placement) -> WorkerId {
        if self.shared().is_shutting_down() {
            // Others may have ended already. It will not be started, only dropped.
            return self.id;
        }
        if self.shared().procs.limit() == 1 {
            return 0;
        }
        // SAFETY: a goroutine just made has not ended.
        let spawned_at = unsafe { goroutine.as_ref() }.spawned_at();
        match placement {
            Placement::Local => self.id,
            Placement::Spread => self.shared().next_in_turn(),
            Placement::Dealt => {
                // SAFETY: the goroutine that runs has not ended.
                let parent = self.running().map(|parent| unsafe { parent.as_ref() }.spawned_at());
                if parent.is_some_and(|parent| ptr::eq(parent, spawned_at)) {
                    return self.id;
                }
                let (local, workers) = (self.local(), self.shared().workers_dealt_to());
                let site = local.sites.id(spawned_at);
                match self.deal(site, workers) {
                    0 if self.is_within_limit() => self.id,
                    offset => (self.id + offset) % workers,
                }
            }
        }
    }

    /// How far from here the next goroutine of this line goes.
    #[inline]
    fn deal(&self, site: SiteId, workers: usize) -> usize {
        let (Local { sites, burst, .. }, epoch) = (self.local(), self.fresh.emptied());
        if burst.keeps(site, self.signals.slice.load(Ordering::Relaxed), || sites.has_none(site, epoch)) {
            sites.keep(site, epoch);
            return 0;
        }
        sites.deal(site, workers, epoch)
    }

    /// Whether this worker may get new goroutines. One beyond a lowered limit is to fall idle by and by.
    #[inline]
    fn is_within_limit(&self) -> bool {
        self.id < self.shared().procs.limit()
    }

    /// There is something new to be stolen: sees to it that somebody looks.
    #[inline]
    pub(super) fn announce_work(&self) {
        if self.shared().worker_count() > 1 {
            self.shared().announce_work();
        }
    }

    fn take_id(&self) -> NonZeroU64 {
        const BLOCK: u32 = 64;
        let local = self.local();
        if local.ids_left.get() == 0 {
            local.next_id.set(reserve_ids(BLOCK.into()));
            local.ids_left.set(BLOCK);
        }
        let id = local.next_id.get();
        local.next_id.set(id + 1);
        local.ids_left.set(local.ids_left.get() - 1);
        NonZeroU64::new(id).expect("numbers of goroutines begin at 1")
    }
}

impl Shared {
    /// Over how many workers siblings are dealt: more of them than there are processors would not run at the same time, and
    /// would have to be woken for each message between those who live on them.
    #[inline]
    fn workers_dealt_to(&self) -> usize {
        self.procs.limit().min(self.options.processors)
    }

    /// Queues a goroutine spawned by an ordinary thread.
    pub(super) fn spawn_foreign(
        &self,
        make: impl FnOnce(NonZeroU64, Option<&Worker>) -> NonNull<Goroutine>,
        placement: Placement,
    ) -> NonNull<Goroutine> {
        self.foreign_spawned.fetch_add(1, Ordering::Release);
        let id = NonZeroU64::new(reserve_ids(1)).expect("numbers of goroutines begin at 1");
        let goroutine = make(id, None);
        let target = match placement {
            Placement::Spread => self.next_in_turn(),
            Placement::Dealt | Placement::Local => {
                let sites = self.foreign_sites.lock().expect("no panic happens under this lock");
                // SAFETY: a goroutine just made has not ended.
                let site = sites.id(unsafe { goroutine.as_ref() }.spawned_at());
                // Those who wait are not known here: the epoch never changes, and the count goes on.
                sites.deal(site, self.workers_dealt_to(), 0)
            }
        };
        self.mail(target, goroutine);
        goroutine
    }

    /// Places an unstarted goroutine with another worker.
    pub(super) fn mail(&self, target: WorkerId, goroutine: NonNull<Goroutine>) {
        let worker = self.worker(target);
        worker.fresh.push(goroutine);
        match worker.inbox.rouse(|| worker.clone_bell()) {
            Some(bell) => bell.ring(),
            // It is awake, but may be busy for long.
            None => self.announce_work(),
        }
    }
}
