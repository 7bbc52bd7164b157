//! What reports tell of the goroutine on a stack.
//!
//! It stands in the stack's frame, whose memory stays mapped as long as the pool, so that anybody may look at it at any time:
//! also while the goroutine runs, ends, or another one starts there. What is seen then may be of one and of the other.
//! Only the subject of a wait has to be left alone by all who are not certain that the wait goes on.

use std::cell::Cell;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::clock;
use crate::goroutine::Goroutine;
use crate::park::{Kind, RawReason};

/// See the [module](self). Written by the goroutine, and by the worker that starts it. Relaxed throughout: each value says by
/// itself what it says.
pub(crate) struct Record {
    place: AtomicPtr<Location<'static>>,
    kind: AtomicPtr<Kind>,
    subject: Cell<Option<NonNull<()>>>,
    /// In milliseconds of the coarse clock.
    since: AtomicU64,
    /// The number of the goroutine.
    id: AtomicU64,
    spawned_at: AtomicPtr<Location<'static>>,
}

/// What anybody can see of a goroutine.
#[derive(Clone, Copy)]
pub(crate) struct Glimpse {
    pub(crate) id: u64,
    pub(crate) spawned_at: &'static Location<'static>,
    /// How it waits, or waited the last time, and where. `None` if it never did.
    pub(crate) wait: Option<(&'static str, &'static Location<'static>)>,
}

fn shared<T>(of: &'static T) -> *mut T {
    ptr::from_ref(of).cast_mut()
}

/// What was put there by [`shared`].
fn seen<T>(at: &AtomicPtr<T>) -> Option<&'static T> {
    // SAFETY: the pointer is null, as is all memory of a stack that was not used, or was made of such a reference.
    unsafe { at.load(Ordering::Relaxed).as_ref() }
}

impl Record {
    /// `goroutine` starts here.
    #[inline]
    pub(crate) fn begin(&self, goroutine: &Goroutine) {
        self.id.store(goroutine.id(), Ordering::Relaxed);
        self.spawned_at.store(shared(goroutine.spawned_at()), Ordering::Relaxed);
        self.kind.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// The goroutine is about to wait for this `reason`.
    #[inline(always)]
    pub(crate) fn note_wait(&self, reason: &RawReason) {
        self.place.store(shared(reason.place), Ordering::Relaxed);
        self.subject.set(Some(reason.subject));
        self.since.store(clock::coarse(), Ordering::Relaxed);
        self.kind.store(shared(reason.kind), Ordering::Relaxed);
    }

    /// For what the goroutine waits, which is parked and was so by [`note_wait`](Self::note_wait), and since when. For its home only,
    /// or who keeps that from going on.
    pub(crate) fn reason(&self) -> Option<(RawReason, u64)> {
        let reason = RawReason { place: seen(&self.place)?, kind: seen(&self.kind)?, subject: self.subject.get()? };
        Some((reason, self.since.load(Ordering::Relaxed)))
    }

    /// What anybody may see at any time. `None` if no goroutine has run here.
    pub(crate) fn glimpse(&self) -> Option<Glimpse> {
        let wait = seen(&self.kind).map(|kind| kind.state).zip(seen(&self.place));
        Some(Glimpse { id: self.id.load(Ordering::Relaxed), spawned_at: seen(&self.spawned_at)?, wait })
    }
}
