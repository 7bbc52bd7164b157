//! The inbox of a worker: goroutines at home there that other threads have woken, and the bell that rings for them.
//!
//! One word holds both the stack of messages and whether the owner sleeps, so that "there is a message" and "the owner
//! must be woken" are decided by one atomic operation, and no wake-up can fall between two.
//!
//! | word         | meaning                                           | next                                            |
//! |--------------|---------------------------------------------------|-------------------------------------------------|
//! | [`AWAKE`]    | no message; the owner is awake and will look      | a message; `ASLEEP`                             |
//! | [`ASLEEP`]   | no message; the owner sleeps or is about to       | a message or `AWAKE`, by the one who then wakes it |
//! | address      | messages, the latest first                        | another message on top; `AWAKE` when drained    |
//!
//! # Protocol
//! 1. A sender links its message to the present one and exchanges the word for its address. If the word was `ASLEEP`,
//!    this sender, and no other, wakes the owner.
//! 2. The owner swaps in `AWAKE` and has all messages.
//! 3. The owner, before it sleeps, exchanges `AWAKE` for `ASLEEP`. If that fails there is a message, and it does not
//!    sleep. When it wakes up, for whatever reason, it goes on with step 2.
//!
//! A sender may not touch the inbox after its exchange: the message may be its last, and the owner gone. So the handle
//! with which it wakes the owner is cloned before.
//!
//! Who takes messages out takes all: the owner, or one who sees to them in its place ([`Inbox::rob`]) and leaves the word
//! alone if it is `ASLEEP`. If a message is taken out and sent again between a sender's look at the word and its exchange, then
//! the word is what it was, and so is what the sender's message has to be linked to.

use std::ptr;

use crate::sync::atomic::{AtomicPtr, Ordering, fence};

/// A message that can stand in an [`Inbox`].
///
/// # Safety
/// The link belongs to the inbox from [`Inbox::send`] until the message is drained.
pub(crate) unsafe trait Linked: Sized {
    fn link(&self) -> &AtomicPtr<Self>;
}

const fn awake<M>() -> *mut M {
    ptr::null_mut()
}

/// An address that no message has.
const fn asleep<M>() -> *mut M {
    ptr::without_provenance_mut(1)
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Inbox<M> {
    word: AtomicPtr<M>,
}

impl<M: Linked> Inbox<M> {
    pub(crate) fn new() -> Self {
        Self { word: AtomicPtr::new(awake()) }
    }

    /// Step 1. `bell` clones what wakes the owner; it is called at most once per try, and only if the owner sleeps.
    /// What it gave is returned if it has to be rung.
    ///
    /// Release: pairs with the Acquire in [`drain`](Self::drain). Acquire as well, so that what the owner did before it
    /// slept is seen by its waker.
    ///
    /// # Safety
    /// The message stays in place until drained, and is in no other inbox.
    #[must_use = "the owner sleeps until the bell is rung"]
    pub(crate) unsafe fn send<B>(&self, message: *mut M, bell: impl Fn() -> B) -> Option<B> {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let sleeping = seen == asleep();
            let ringer = sleeping.then(&bell);
            // SAFETY: the message is ours until it is in the inbox.
            let link = unsafe { &*message }.link();
            link.store(if sleeping { awake() } else { seen }, Ordering::Relaxed);
            match self.word.compare_exchange_weak(seen, message, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return ringer,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether there may be messages. Relaxed: a hint, for the owner's every turn.
    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word != awake() && word != asleep()
    }

    /// Whether the owner has said that it is about to sleep, and neither woken up nor been woken since. Acquire: what it did
    /// before is seen.
    pub(crate) fn owner_sleeps(&self) -> bool {
        self.word.load(Ordering::Acquire) == asleep()
    }

    /// Step 2: all messages, the earliest first, for the owner. The inbox is `AWAKE` afterwards.
    pub(crate) fn drain(&self) -> Drained<M> {
        let latest = self.word.swap(awake(), Ordering::AcqRel);
        Drained::of(if latest == asleep() { awake() } else { latest })
    }

    /// All messages, the earliest first, for somebody who sees to them in place of the owner. If the owner sleeps or is about
    /// to, there are none, and that it sleeps stays said.
    pub(crate) fn rob(&self) -> Drained<M> {
        let mut seen = self.word.load(Ordering::Relaxed);
        while seen != awake() && seen != asleep() {
            match self.word.compare_exchange_weak(seen, awake(), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(latest) => return Drained::of(latest),
                Err(now) => seen = now,
            }
        }
        Drained::of(awake())
    }

    /// Step 3: announces that the owner is about to sleep; false if it may not.
    ///
    /// Release: pairs with the Acquire in [`send`](Self::send). The fence: the owner then looks once more at whatever
    /// others may have done for it; see [`rouse`](Self::rouse).
    #[must_use]
    pub(crate) fn fall_asleep(&self) -> bool {
        let told = self.word.compare_exchange(awake(), asleep(), Ordering::Release, Ordering::Relaxed).is_ok();
        fence(Ordering::SeqCst);
        told
    }

    /// Wakes the owner without a message, if it sleeps: `bell` is then to be rung. To be called after what the owner shall
    /// find has been put where it looks before it sleeps.
    ///
    /// The fence stands between the two, as that in [`fall_asleep`](Self::fall_asleep) stands between the owner's word and
    /// its look. One of the fences comes first: either the owner sees the work, or the caller sees that it sleeps.
    #[must_use = "the owner sleeps until the bell is rung"]
    pub(crate) fn rouse<B>(&self, bell: impl Fn() -> B) -> Option<B> {
        fence(Ordering::SeqCst);
        if self.word.load(Ordering::Relaxed) != asleep() {
            return None;
        }
        let ringer = bell();
        // Acquire and Release: as in `send`.
        self.word.compare_exchange(asleep(), awake(), Ordering::AcqRel, Ordering::Relaxed).is_ok().then_some(ringer)
    }
}

/// Messages taken out of an [`Inbox`]. To be used up: they belong to nobody else now.
pub(crate) struct Drained<M> {
    next: *mut M,
}

impl<M: Linked> Drained<M> {
    /// The messages down from `latest`.
    fn of(mut latest: *mut M) -> Self {
        // They come latest first; turning the links round gives them back in order.
        let mut earliest = awake();
        while !latest.is_null() {
            // SAFETY: a message that was sent and not drained is in place.
            let link = unsafe { &*latest }.link();
            let before = link.load(Ordering::Relaxed);
            link.store(earliest, Ordering::Relaxed);
            earliest = latest;
            latest = before;
        }
        Self { next: earliest }
    }
}

impl<M: Linked> Iterator for Drained<M> {
    type Item = *mut M;

    fn next(&mut self) -> Option<*mut M> {
        if self.next.is_null() {
            return None;
        }
        let message = self.next;
        // SAFETY: a drained message is in place until its receiver does something with it, which is after this.
        self.next = unsafe { &*message }.link().load(Ordering::Relaxed);
        Some(message)
    }
}

#[cfg(all(test, loom))]
#[path = "inbox_loom.rs"]
pub(super) mod loom_tests;
