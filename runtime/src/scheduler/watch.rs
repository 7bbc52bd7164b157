//! The watch: how idle workers learn of unstarted goroutines that nobody gets round to.
//!
//! At most one idle worker *watches* at a time, the others *sleep*. The watcher looks at everybody's queues, at once
//! and then at growing intervals, and takes what has waited: unstarted goroutines of which the oldest was there
//! at two looks, or a backlog that the worker does not keep pace with; one or two only from a worker that starts nobody. A
//! goroutine that its parent is about to wait for is thereby left alone: tearing the two apart costs more than it gains. Under
//! `migrate` also started ones that are ready, if the worker's turns are long or those who wait are many: those who talk have
//! short turns. Nor is anything taken while other workers run on all processors, or with all permits. While somebody watches,
//! spawning sends no wake-up at all. A watcher that has found nothing for a while goes to sleep, and so does one that sees
//! nobody else awake: an idle program uses no processor time.
//!
//! # Protocol
//! 1. A spawner puts the goroutine into a queue, under the queue's lock, then looks whether there is a watcher; if there is
//!    none, but a sleeper, it rouses one, who becomes the watcher.
//! 2. A worker that goes to sleep counts itself as a sleeper, and then looks at the queues once more, under their locks. If
//!    something is there and nobody watches, it does not sleep; nor if it was chosen to be roused meanwhile, for nobody
//!    would choose it again.
//! 3. A watcher that stops watching says so, and then looks at the queues once more, under their locks. If something is
//!    there, it tries to watch again. One that stops because it has found something looks as well, and rouses a sleeper if
//!    there is more.
//!
//! # No goroutine is overlooked
//! Take a goroutine put into a queue, and those who look at that queue in step 2 or 3. Who held the lock before the spawner
//! did has not seen the goroutine; but what it said before its look happened before what the spawner does after having put
//! the goroutine in. The spawner therefore sees that it sleeps, or that it watches no more. If it sees nobody watch, it
//! rouses a sleeper; if it sees another watch, that one will itself take step 3 later, and then see the goroutine.
//!
//! Who held the lock after the spawner sees the goroutine, and what those had said who looked before it came.
//!
//! Nor does a worker that sleeps because another watches (2) miss that this one stops although there is more (3). Between
//! "sleeps" and "does anybody watch", and between "watches no more" and "does anybody sleep", stands a fence, so one of the
//! two sees the other. The spawner, who does this for every goroutine, needs none.

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering, fence};

/// The number of a worker within its runtime.
pub(crate) type WorkerId = usize;

/// Who watches and who sleeps. See the [module](self).
#[derive(Debug)]
pub(crate) struct Watch {
    /// The watcher's number plus one, or 0.
    watcher: AtomicUsize,
    /// The length of `asleep`, to be read without the lock.
    sleepers: AtomicUsize,
    asleep: Mutex<Vec<WorkerId>>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self { watcher: AtomicUsize::new(0), sleepers: AtomicUsize::new(0), asleep: Mutex::new(Vec::new()) }
    }

    /// Makes `worker` the watcher, if there is none.
    pub(crate) fn begin(&self, worker: WorkerId) -> bool {
        self.watcher.compare_exchange(0, worker + 1, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// Step 3, first half. The caller, the watcher, looks at the queues after this.
    pub(crate) fn end(&self) {
        self.watcher.store(0, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Whether somebody watches. SeqCst: part of steps 1 and 2.
    pub(crate) fn is_kept(&self) -> bool {
        self.watcher.load(Ordering::SeqCst) != 0
    }

    /// Step 2, first half. The caller looks at the queues after this.
    pub(crate) fn fall_asleep(&self, worker: WorkerId) {
        let mut asleep = self.asleep.lock().expect("no panic happens under this lock");
        asleep.push(worker);
        self.sleepers.store(asleep.len(), Ordering::SeqCst);
        drop(asleep);
        fence(Ordering::SeqCst);
    }

    /// Whether `worker` counts as a sleeper: not any more if it was chosen to be roused. A worker asks between announcing its
    /// sleep in its inbox and sleeping, for who chose it before it had announced that has rung no bell.
    pub(crate) fn is_sleeper(&self, worker: WorkerId) -> bool {
        self.asleep.lock().expect("no panic happens under this lock").contains(&worker)
    }

    /// Takes `worker` out of the sleepers, unless it was chosen to be roused and is out already.
    pub(crate) fn wake_up(&self, worker: WorkerId) {
        let mut asleep = self.asleep.lock().expect("no panic happens under this lock");
        if let Some(place) = asleep.iter().rposition(|&sleeper| sleeper == worker) {
            asleep.swap_remove(place);
            self.sleepers.store(asleep.len(), Ordering::SeqCst);
        }
    }

    /// Step 1, second half: the sleeper to be roused, if one has to be. To be called after the goroutine was queued. Relaxed:
    /// what has to be seen happened before, by the queue's lock.
    #[inline]
    pub(crate) fn sleeper_to_rouse(&self) -> Option<WorkerId> {
        if self.sleepers.load(Ordering::Relaxed) == 0 || self.watcher.load(Ordering::Relaxed) != 0 {
            return None;
        }
        self.take_sleeper()
    }

    #[cold]
    fn take_sleeper(&self) -> Option<WorkerId> {
        let mut asleep = self.asleep.lock().expect("no panic happens under this lock");
        // The latest to fall asleep has the warmest cache.
        let sleeper = asleep.pop();
        self.sleepers.store(asleep.len(), Ordering::SeqCst);
        sleeper
    }
}

#[cfg(all(test, loom))]
#[path = "watch_loom.rs"]
mod loom_tests;
