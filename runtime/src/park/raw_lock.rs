//! Mutual exclusion for the [`Lock`], which costs no atomic read-modify-write when only one thread uses it.
//!
//! A channel whose two ends live on the same worker is used by one thread only, and then half the time of a message would
//! be locked operations that lock out nobody. So a lock that one thread has taken a thousand times in succession becomes
//! *biased* to it: that thread takes it by plain stores, and whoever else comes first has to revoke the bias.
//!
//! # Vocabulary
//! - To hold the lock *by the byte* is to have set `locked`, by a compare-exchange. Everybody can.
//! - The *claimant* is the thread whose acquisitions by the byte are counted.
//! - The *owner* is the claimant that has been granted the bias and knows of no revocation. It alone writes to `seat`, where
//!   its number stands: with [`EMPTY`] while it is outside, without while it holds the lock *by the bias*. While the seat
//!   is 0 nobody is the owner.
//! - A *stranger* is every other thread.
//!
//! # Protocol
//! 1. The owner, whose seat is empty, sits down; then, after a light [barrier](process_barrier), looks whether the lock is
//!    `biased` still. If not, it gives up the seat, is the owner no more, and goes to 2.
//! 2. Everybody else takes the byte. If the lock is biased, then before anything else the bias is revoked: the stranger
//!    clears `biased`; then, after a heavy barrier, waits until the owner does not sit. It goes on, holding the byte.
//! 3. Who holds the byte counts: the claimant its acquisitions without a stranger in between, of which `left` are still to
//!    come; a stranger makes it begin anew, or becomes the claimant if nobody is the owner.
//! 4. When none is left the claimant turns its hold by the byte into one by the bias: it sits down, sets `biased`, and
//!    releases the byte.
//! 5. To release is to stand up, if one's own number is in the seat, and to clear the byte if not.
//!
//! # Why nobody meets anybody inside
//! - Two by the byte: excluded by the byte.
//! - A stranger by the byte and the owner by the bias: in steps 1 and 2 each writes one word and then reads the other's,
//!   with a barrier in between. So the owner sees that the bias is gone, or the stranger sees the owner sitting, and waits.
//!   Each store that ends the wait, or makes it needless, is a Release: the owner's in step 5 or, if it came once more to
//!   find the bias gone, in step 1. (The barrier says nothing of what the owner did before: the light one is none to the
//!   processor.) It comes after all that the owner did while it sat, and the stranger's load is an Acquire. A later stranger
//!   comes after the first by the byte.
//! - Two by the bias: step 4 follows step 3, in which the claimant saw the seat at 0. Who wrote that, its last owner, will not
//!   write there again. So there is one owner at a time, also between a revocation and the moment when the owner notices;
//!   until then nobody else can become the claimant.
//! - A thread with itself: if it sits already it goes to 2, and there it waits for itself for ever, as it would with any
//!   spin lock.
//!
//! In step 1 the owner may sit for a moment although the bias is gone, and a stranger hold the byte. The stranger does not
//! take that for its own hold in step 5, for the number is not its own.
//!
//! The owner's hold by the bias need not acquire anything: whatever was done under the lock before was done by itself, or
//! before step 4. Nor can what it does by the bias drift out of it: the light barrier keeps the compiler from moving it before
//! step 1, and a processor that is made to pass a heavy barrier there has done nothing of it too early.
//!
//! A goroutine that parks hands its hold over to the worker. That is the same thread, which is all that step 5 asks for.
//!
//! # What it may cost
//! A revocation takes up to some 10 µs, which is the time of two thousand compare-exchanges, and each one doubles the number
//! of acquisitions that the next bias takes. So locks that live shortly, and those that threads share, never have a bias,
//! and one that changes hands between a long use by one thread and the next pays for the change no more than a few times
//! what it paid for that use, and ever less.
//!
//! # Rejected
//! - A thread-local for the thread's number: reading it takes a call, since a goroutine may not keep the address of a
//!   thread-local (see [`thread_id`]), and as long as the exchange that it would save.
//! - Counting on the owner's path, to know how long it was inside: what costs there is what counts.
//! - Taking the seat from an owner that has not noticed the revocation, and may have ended. It needs a second barrier, at the
//!   next grant, to be sure that nothing of that owner's step 1 is still to come.

use std::cell::Cell;
use std::fmt;

#[cfg(doc)]
use super::Lock;
use super::{held, process_barrier, thread_id};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::const_except_in_models;

/// In `seat`, beside a number: the owner does not hold the lock by the bias.
const EMPTY: usize = 1;

/// How many acquisitions in succession make the first bias: so many that a revocation soon after costs little more than they
/// did.
///
/// In loom's models of others it is never reached, so that they stay small; in shuttle's at once, so that whatever is
/// checked is checked with biased locks.
const RUN: u32 = if cfg!(shuttle) { 1 } else { 1_000 };

/// A run is doubled no more than this often.
const MOST_DOUBLINGS: u8 = 20;

/// A [`Lock`] without its value: for a select, which holds the locks of values of several types.
///
/// ```
/// use gocsp_runtime::park::Lock;
///
/// let lock = Lock::new(1);
/// lock.raw().acquire();
/// // SAFETY: the lock was taken by this thread, and nothing else refers to the value.
/// let value = unsafe { lock.force_get() };
/// *value += 1;
/// // SAFETY: as above, and the reference is not used any more.
/// unsafe { lock.raw().release() };
/// assert_eq!(*lock.lock(), 2);
/// ```
pub struct RawLock {
    locked: AtomicBool,
    /// Whether there is an owner who has not lost the bias. Set by the owner, cleared by a stranger, both of whom hold the
    /// byte.
    biased: AtomicBool,
    /// How many times a run has been doubled.
    doublings: Cell<u8>,
    /// How many acquisitions by the byte the claimant still has to make.
    left: Cell<u32>,
    /// The number of the claimant, or 0 before the first.
    claimant: Cell<usize>,
    /// The number of the owner, and perhaps [`EMPTY`], or 0.
    seat: AtomicUsize,
}

/// It stands in every channel and in every primitive of synchronization.
#[cfg(all(target_pointer_width = "64", not(any(loom, shuttle))))]
const _: () = assert!(size_of::<RawLock>() == 24);

// SAFETY: the cells are used only by who holds the byte.
unsafe impl Sync for RawLock {}

impl RawLock {
    const_except_in_models! {
        /// A free lock.
        pub(super) const fn new() -> Self {
            Self {
                locked: AtomicBool::new(false),
                biased: AtomicBool::new(false),
                doublings: Cell::new(0),
                left: Cell::new(RUN),
                claimant: Cell::new(0),
                seat: AtomicUsize::new(0),
            }
        }
    }

    /// Takes the lock, spinning while another thread holds it.
    ///
    /// See [the example](Self).
    #[inline]
    pub fn acquire(&self) {
        let me = thread_id::current();
        if !self.sit_down(me) {
            self.acquire_by_byte(me);
        }
        held::enter();
    }

    /// Step 5.
    ///
    /// # Safety
    /// This thread has taken the lock, and nobody uses a reference to the value any more that was had by it.
    ///
    /// See [the example](Self).
    #[inline]
    pub unsafe fn release(&self) {
        held::leave();
        let me = thread_id::current();
        // Relaxed: only this thread writes its own number there.
        if self.seat.load(Ordering::Relaxed) == me {
            // Release: pairs with the Acquire in `revoke`.
            self.seat.store(me | EMPTY, Ordering::Release);
        } else {
            // Release: pairs with the Acquire in `take_byte`.
            self.locked.store(false, Ordering::Release);
        }
    }

    /// Whether somebody holds the lock at this moment.
    pub(super) fn is_locked(&self) -> bool {
        let seat = self.seat.load(Ordering::Relaxed);
        self.locked.load(Ordering::Relaxed) || (seat != 0 && seat & EMPTY == 0)
    }

    /// Step 1.
    #[inline]
    fn sit_down(&self, me: usize) -> bool {
        // Relaxed: only this thread writes its own number there.
        if self.seat.load(Ordering::Relaxed) != me | EMPTY {
            return false;
        }
        // Relaxed, both: the barrier pairs them with those in `revoke`.
        self.seat.store(me, Ordering::Relaxed);
        process_barrier::light();
        if self.biased.load(Ordering::Relaxed) {
            return true;
        }
        // Release: as in `release`, in place of whose store a stranger may read this one.
        self.seat.store(0, Ordering::Release);
        false
    }

    /// Steps 2 and 3. Not inlined: what every operation should have in it is the owner's way.
    #[inline(never)]
    fn acquire_by_byte(&self, me: usize) {
        if !self.take_byte() {
            self.take_byte_contended();
        }
        let claimant = self.claimant.get();
        if claimant == 0 {
            // Most locks live shortly: the first to come is the claimant without further ado.
            return self.claimant.set(me);
        }
        if claimant != me {
            return self.change_claim(me);
        }
        let (left, none) = self.left.get().overflowing_sub(1);
        self.left.set(left);
        if none {
            self.change_claim(me);
        }
    }

    /// Acquire: pairs with the Release in `release`.
    #[inline]
    fn take_byte(&self) -> bool {
        self.locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn take_byte_contended(&self) {
        let mut backoff = Backoff::new();
        loop {
            // Read before trying again: a failed exchange would take the cache line from the holder.
            while self.locked.load(Ordering::Relaxed) {
                backoff.wait();
            }
            if self.take_byte() {
                return;
            }
        }
    }

    /// Step 2 if the lock is biased, else step 3 for a stranger, or step 4 for the claimant. The caller holds the byte.
    #[cold]
    #[inline(never)]
    fn change_claim(&self, me: usize) {
        // Relaxed: written by those who held the byte.
        if self.biased.load(Ordering::Relaxed) {
            self.revoke();
        } else if self.claimant.get() == me {
            return self.grant(me);
        }
        // Relaxed: what its last owner did before it gave up the seat, the byte has brought.
        if self.seat.load(Ordering::Relaxed) == 0 {
            self.claimant.set(me);
        }
        self.left.set(RUN << self.doublings.get());
    }

    /// Step 4.
    fn grant(&self, me: usize) {
        if !(thread_id::IS_UNIQUE && process_barrier::is_available()) {
            // It may become available.
            self.left.set(RUN);
            return;
        }
        debug_assert_eq!(self.seat.load(Ordering::Relaxed), 0, "two threads own a lock");
        // Relaxed, both: a stranger reads them after it has taken the byte.
        self.seat.store(me, Ordering::Relaxed);
        self.biased.store(true, Ordering::Relaxed);
        // Release: pairs with the Acquire in `take_byte`.
        self.locked.store(false, Ordering::Release);
    }

    /// Step 2.
    fn revoke(&self) {
        self.doublings.set(MOST_DOUBLINGS.min(self.doublings.get() + 1));
        let owner = self.claimant.get();
        // Relaxed: the barrier pairs it with the owner's load in `sit_down`.
        self.biased.store(false, Ordering::Relaxed);
        process_barrier::heavy();
        let mut backoff = Backoff::new();
        // Acquire: pairs with the owner's Release in `release` and in `sit_down`.
        while self.seat.load(Ordering::Acquire) == owner {
            backoff.wait();
        }
    }
}

impl fmt::Debug for RawLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawLock").field("locked", &self.is_locked()).finish_non_exhaustive()
    }
}

/// Waits: first on the processor, from about 0.6 to 2.5 µs each time, then giving it up, at last asleep, so that a lock
/// holder which the kernel has preempted runs again whatever the priorities.
struct Backoff {
    step: u32,
}

impl Backoff {
    #[cfg(not(any(loom, shuttle)))]
    const SHORTEST: u32 = 64;
    #[cfg(not(any(loom, shuttle)))]
    const DOUBLINGS: u32 = 2;
    #[cfg(not(any(loom, shuttle)))]
    const SPIN_STEPS: u32 = 6;
    #[cfg(not(any(loom, shuttle)))]
    const YIELD_STEPS: u32 = 40;
    #[cfg(not(any(loom, shuttle)))]
    const NAP: std::time::Duration = std::time::Duration::from_micros(50);

    fn new() -> Self {
        Self { step: 0 }
    }

    #[cfg(not(any(loom, shuttle)))]
    fn wait(&mut self) {
        if self.step < Self::SPIN_STEPS {
            for _ in 0..Self::SHORTEST << self.step.min(Self::DOUBLINGS) {
                crate::sync::hint::spin_loop();
            }
        } else if self.step < Self::YIELD_STEPS {
            crate::sync::thread::yield_now();
        } else {
            std::thread::sleep(Self::NAP);
        }
        self.step = self.step.saturating_add(1);
    }

    #[cfg(any(loom, shuttle))]
    fn wait(&mut self) {
        self.step += 1;
        crate::sync::thread::yield_now();
    }
}

#[cfg(all(test, loom))]
#[path = "raw_lock_loom.rs"]
mod loom_tests;
