//! What reports tell of the goroutine on a stack.
//!
//! It stands in the stack's frame, whose memory stays mapped as long as the pool, so that anybody may look at it at any time:
//! also while the goroutine runs, ends, or another one starts there. What is seen then may be of one and of the other.
//! Only the subject of a wait has to be left alone by all who are not certain that the wait goes on.

use std::cell::Cell;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

#[cfg(feature = "backtrace")]
use super::calls::LastCall;
use crate::clock;
use crate::goroutine::{Goroutine, GoroutineId};
use crate::park::{Kind, RawReason};

/// See the [module](self). Written by the goroutine, and by the worker that starts it. Relaxed throughout: each value says by
/// itself what it says.
#[repr(C)]
pub(crate) struct Record {
    place: AtomicPtr<Location<'static>>,
    kind: AtomicPtr<Kind>,
    subject: Cell<Option<NonNull<()>>>,
    /// In milliseconds of the coarse clock.
    since: AtomicU64,
    #[cfg(feature = "backtrace")]
    last_call: LastCall,
    /// The number of the goroutine.
    id: AtomicU64,
    spawned_at: AtomicPtr<Location<'static>>,
    /// The beginning of its name, and zeroes.
    name: [AtomicU64; NAME / 8],
}

/// How much of a name is kept, in bytes.
const NAME: usize = 32;

/// What anybody can see of a goroutine.
#[derive(Clone)]
pub(crate) struct Glimpse {
    pub(crate) id: GoroutineId,
    /// At least its beginning.
    pub(crate) name: Option<String>,
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
        match goroutine.name() {
            None => self.name[0].store(0, Ordering::Relaxed),
            Some(name) => self.begin_named(name),
        }
    }

    #[cold]
    fn begin_named(&self, name: &str) {
        let name = &name.as_bytes()[..name.floor_char_boundary(NAME)];
        for (word, place) in self.name.iter().enumerate() {
            let mut bytes = [0; 8];
            let rest = name.get(8 * word..).unwrap_or_default();
            let len = rest.len().min(8);
            bytes[..len].copy_from_slice(&rest[..len]);
            place.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
        }
    }

    fn name(&self) -> Option<String> {
        let words = self.name.iter().map(|word| word.load(Ordering::Relaxed));
        let bytes: Vec<u8> = words.flat_map(u64::to_ne_bytes).take_while(|&byte| byte != 0).collect();
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The goroutine is about to wait for this `reason`.
    #[inline(always)]
    pub(crate) fn note_wait(&self, reason: &RawReason) {
        self.place.store(shared(reason.place), Ordering::Relaxed);
        self.subject.set(Some(reason.subject));
        self.since.store(clock::coarse(), Ordering::Relaxed);
        self.kind.store(shared(reason.kind), Ordering::Relaxed);
        self.note_call();
    }

    /// The goroutine is about to wait in the function that calls this, and that may be another one than has called
    /// [`note_wait`](Self::note_wait).
    #[inline(always)]
    pub(crate) fn note_call(&self) {
        #[cfg(feature = "backtrace")]
        self.last_call.note();
    }

    /// Where the goroutine waits, which is parked. As [`reason`](Self::reason).
    #[cfg(feature = "backtrace")]
    pub(super) fn last_call(&self) -> &LastCall {
        &self.last_call
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
        let (id, spawned_at) = (GoroutineId::new(self.id.load(Ordering::Relaxed))?, seen(&self.spawned_at)?);
        Some(Glimpse { id, name: self.name(), spawned_at, wait })
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn what_is_written_at_each_wait_stands_first() {
        let written = [
            offset_of!(Record, place),
            offset_of!(Record, kind),
            offset_of!(Record, subject),
            offset_of!(Record, since),
        ];
        assert!(written.into_iter().all(|offset| offset < 32));
    }
}
