//! Goroutines that wait for a stack because the system has none left to give.
//!
//! Stacks come back when goroutines end, but may come back to the stock of some other worker. So while anybody starves,
//! every worker gives its whole stock to the shared pool, at the next end of a goroutine or when it has nothing to run,
//! and then lets those that starve try again.
//!
//! A goroutine for whose size not a single stack exists can never start: it ends with an error. When the runtime shuts down,
//! all that starve are dropped, as others are that have not started: the stack that they wait for may never come back.
//!
//! No goroutine is forgotten: it is put into the list, and the list marked, before everybody is woken. A worker that
//! ends a goroutine looks at the mark, and so does one that is about to sleep, after having announced that.

use std::collections::VecDeque;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::worker::Worker;
use crate::goroutine::{self, Goroutine};
use crate::stack::{SizeClass, StackError};
use crate::std_sync::Mutex;

/// An unstarted goroutine that waits for a stack.
struct Queued(NonNull<Goroutine>);

// SAFETY: an unstarted goroutine is owned by whoever takes it out of the queue.
unsafe impl Send for Queued {}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Starving {
    queue: Mutex<VecDeque<Queued>>,
    any: AtomicBool,
    /// How often stacks had come back to the shared pool when all were last let try again. Who has failed since has tried
    /// after that, so what comes back after its failure makes a difference to this.
    tried_at: AtomicU64,
}

impl Starving {
    /// SeqCst: a worker asks after having announced its sleep; see `Worker::pause`.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::SeqCst)
    }

    fn push(&self, goroutine: NonNull<Goroutine>) {
        let mut queue = self.queue.lock().expect("no panic happens under this lock");
        queue.push_back(Queued(goroutine));
        self.any.store(true, Ordering::SeqCst);
    }

    /// Shows all of them. None is taken out meanwhile.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&Goroutine)) {
        for Queued(goroutine) in self.queue.lock().expect("no panic happens under this lock").iter() {
            // SAFETY: a goroutine in the list has not ended.
            visit(unsafe { goroutine.as_ref() });
        }
    }

    fn take_all(&self) -> VecDeque<Queued> {
        let mut queue = self.queue.lock().expect("no panic happens under this lock");
        self.any.store(false, Ordering::SeqCst);
        std::mem::take(&mut *queue)
    }

    fn remove(&self, goroutine: NonNull<Goroutine>) -> bool {
        let mut queue = self.queue.lock().expect("no panic happens under this lock");
        let place = queue.iter().position(|queued| queued.0 == goroutine);
        let removed = place.and_then(|place| queue.remove(place)).is_some();
        self.any.store(!queue.is_empty(), Ordering::SeqCst);
        removed
    }
}

impl Worker {
    /// There is no stack for an unstarted goroutine: lets it wait for one, or ends it if none will ever be free.
    #[cold]
    pub(super) fn starve(&self, goroutine: NonNull<Goroutine>, class: SizeClass, error: &io::Error) {
        let shared = self.shared();
        let starving = &shared.starving;
        starving.push(goroutine);
        self.local().stacks.clear(&shared.stacks);
        if shared.stacks.is_hopeless(class) && starving.remove(goroutine) {
            let error = StackError::new(message(goroutine, class, error));
            // SAFETY: it was just taken out of the list, and is in no queue.
            unsafe { goroutine::fail_unstarted(goroutine, Box::new(error)) };
            return;
        }
        shared.wake_everybody();
    }

    /// Gives this worker's stock away, and lets all that starve try again if there is a new chance for them.
    #[cold]
    pub(super) fn feed_starving(&self) {
        let (shared, starving) = (self.shared(), &self.shared().starving);
        self.local().stacks.clear(&shared.stacks);
        let returned = shared.stacks.returned();
        if starving.tried_at.swap(returned, Ordering::SeqCst) != returned {
            self.let_starving_go();
        }
    }

    /// Queues all that starve.
    pub(super) fn let_starving_go(&self) {
        for Queued(goroutine) in self.shared().starving.take_all() {
            self.fresh.push(goroutine);
        }
    }

    /// Whether [`feed_starving`](Self::feed_starving) would do anything.
    pub(super) fn can_feed(&self) -> bool {
        let (shared, starving) = (self.shared(), &self.shared().starving);
        starving.any()
            && (!self.local().stacks.is_empty() || shared.stacks.returned() != starving.tried_at.load(Ordering::SeqCst))
    }
}

fn message(goroutine: NonNull<Goroutine>, class: SizeClass, error: &io::Error) -> String {
    // SAFETY: the goroutine is in the caller's hands, and has not ended.
    let control = unsafe { goroutine.as_ref() };
    let kib = class.bytes() >> 10;
    format!(
        "{} cannot start: no stack of {kib} KiB can be mapped: {error}; \
         raise the limit on address space (ulimit -v) or on mappings (vm.max_map_count), or choose smaller stacks",
        control.described()
    )
}
