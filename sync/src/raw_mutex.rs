//! The lock inside [`Mutex`](crate::Mutex), and the one that writers of a [`RwLock`](crate::RwLock) take first:
//! mutual exclusion, without the value.
//!
//! # Vocabulary
//! - The *owner* holds the lock: [`LOCKED`] is set on its behalf.
//! - A *newcomer* has not waited yet. A *competitor* has been woken without being given the lock, and tries to
//!   take it like a newcomer.
//! - To *barge* is to take a lock that is free while others wait for it. To *hand off* is to pass ownership to a
//!   waiter without the lock ever being free.
//!
//! # State
//! | state                        | meaning                                                                  |
//! |------------------------------|--------------------------------------------------------------------------|
//! | 0                            | free, and nobody waits                                                   |
//! | `LOCKED`                     | held, and nobody waits                                                   |
//! | `LOCKED + QUEUED`            | held; the owner has to look at the queue when it unlocks                 |
//! | `LOCKED + COMPETING`         | held; a competitor is awake and has not got the lock yet                 |
//! | `LOCKED + QUEUED + COMPETING`| both                                                                     |
//! | `COMPETING`                  | free; the competitor, or a newcomer, will take it                        |
//! | `QUEUED + COMPETING`         | the same, and others wait behind the competitor                          |
//! | `QUEUED`                     | does not occur: who frees the lock takes somebody out of the queue       |
//!
//! # Protocol
//! 1. To lock a free lock is to set `LOCKED`, whether or not somebody waits for it. That is barging: it lets the
//!    thread that runs go on, and saves a switch for every critical section.
//! 2. Who finds the lock held spins a little, then takes the queue's lock, sets `QUEUED` if the lock is still
//!    held (else it goes back to 1), and waits.
//! 3. To unlock a lock whose state is `LOCKED` is to clear it.
//! 4. If a competitor is awake, clearing `LOCKED` is enough as well: the competitor will take the lock, or find it
//!    held again by somebody who unlocks after it.
//! 5. Otherwise the owner takes the queue's lock and claims the first waiter. If that one has waited for over
//!    [`PATIENCE`], the lock is handed off: it stays `LOCKED`, and neither a newcomer nor a `try_lock` can come
//!    between. If not, the lock becomes free, and the waiter becomes the competitor.
//! 6. A competitor goes back to 1, and clears `COMPETING` when it has taken the lock, or in the step that sets
//!    `QUEUED`. If it has to wait again it does so before all newcomers, and its patience counts from its first wait.
//!
//! So the *starvation mode* is not a state that is entered and left: as long as whoever is first has waited for
//! too long, each unlocking is a hand-off, and the first short wait, or an empty queue, ends that.
//!
//! # Invariants
//! - **M1** If anybody stands in the queue, `LOCKED` or `COMPETING` is set: so somebody will unlock, and see
//!   `QUEUED`. (Proof: a waiter joins while `LOCKED` is set and sets `QUEUED` in the same step. The owner frees the
//!   lock only in steps 3 to 5; 3 needs the queue to be empty, 4 and 5 leave `COMPETING` set. `COMPETING` is
//!   cleared only while `LOCKED` is set.)
//! - **M2** At most one competitor exists: only the owner makes one, and only if `COMPETING` is clear.
//! - **M3** The owner that holds the queue's lock while `COMPETING` is clear is the only one who can change the
//!   state: newcomers, who set `LOCKED`, find it set; waiters need the queue's lock.
//!
//! A waiter that gives up leaves `QUEUED` behind, which costs the next owner a look at an empty queue, and nothing
//! else. A waiter that was claimed never gives up: see [`queue`].
//!
//! For reports, whoever takes the lock notes that it is the owner, and whoever hands it off notes the new one. Nothing else looks
//! at the note, which is out of date as soon as the lock is free, and for an instant after it was taken.
//!
//! Rejected: to hand off always. It is fair, but with short critical sections each one then costs a switch, since
//! the new owner has to wake up before anything goes on. Also rejected: a bit for the starvation mode, set by
//! waiters. It has to be taken back when they give up, and the owner must then free the lock before it knows to whom.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::hint;
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::{Description, Outcome, Partner, Patience, Reason, WakeToken, Way};

use crate::queue::{self, Lanes, Queue};
use crate::report::{self, Caller, Holder};
use crate::spin::Spin;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{const_unless_modelled, is_over};

/// Somebody owns the lock. Set by the one who takes it; stays set through a hand-off.
const LOCKED: u32 = 1;
/// Somebody may stand in the queue. Set by a waiter, cleared by an owner who leaves the queue empty, both under the
/// queue's lock.
const QUEUED: u32 = 2;
/// A competitor is awake. Set by the owner who wakes it, cleared by the competitor.
const COMPETING: u32 = 4;

/// How long a waiter is passed by.
const PATIENCE: Duration = Duration::from_millis(1);

/// The lane of those who have competed and lost. They go first.
const LOSERS: usize = 0;
/// The lane of those who have not been woken yet.
const NEWCOMERS: usize = 1;

// In this order: what is written at each locking stands together, beside the value.
#[repr(C)]
pub(crate) struct RawMutex {
    queue: Queue<Waiting, 2>,
    made_at: Option<Caller>,
    /// The owner, for reports: noted by whoever takes the lock, or by who hands it off.
    holder: Holder,
    state: AtomicU32,
    spin: Spin,
}

/// One who waits for the lock.
struct Waiting {
    since: Instant,
    /// Set by the claimer who hands the lock off.
    handed: Cell<bool>,
}

impl RawMutex {
    const_unless_modelled! {
        pub(crate) fn new(made_at: Option<Caller>) -> Self {
            Self {
                queue: Queue::new(Lanes::new()),
                made_at,
                holder: Holder::nobody(),
                state: AtomicU32::new(0),
                spin: Spin::new(),
            }
        }
    }

    /// `W` is what the caller does, for reports.
    #[inline]
    pub(crate) fn lock<W: Way<Self>>(&self, place: Caller) {
        self.lock_or(|| {
            let locked = self.lock_contended(Patience::FOREVER, Reason::new::<W, _>(place, self));
            debug_assert!(locked);
        });
    }

    /// Locks, by `wait` if it is held.
    #[inline(always)]
    pub(crate) fn lock_or(&self, wait: impl FnOnce()) {
        if !self.set_locked() {
            hint::cold_path();
            wait();
        }
        // Also for who has waited: so that the usual path is a straight line.
        self.holder.note();
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        let taken = self.set_locked();
        if taken {
            self.holder.note();
        }
        taken
    }

    /// Step 1, for everybody but the competitor.
    ///
    /// Acquire: pairs with the Release of whoever freed the lock.
    #[inline(always)]
    fn set_locked(&self) -> bool {
        self.state.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0
    }

    #[inline]
    pub(crate) fn lock_for(&self, timeout: Duration, place: Caller) -> bool {
        self.try_lock() || self.lock_in_time(clock::deadline(timeout), place)
    }

    #[inline]
    pub(crate) fn lock_until(&self, deadline: Instant, place: Caller) -> bool {
        self.try_lock() || self.lock_in_time(deadline, place)
    }

    #[cold]
    fn lock_in_time(&self, deadline: Instant, place: Caller) -> bool {
        self.lock_contended(Patience::until(deadline), Reason::new::<Locking, _>(place, self))
    }

    /// Locks it again for who has given it up for a while, whatever happens to the runtime meanwhile.
    pub(crate) fn lock_again(&self, place: Caller) {
        self.lock_or(|| {
            let locked = self.lock_contended(Patience::MASKED, Reason::new::<Locking, _>(place, self));
            debug_assert!(locked);
        });
    }

    /// To be called by the owner.
    #[inline]
    pub(crate) fn unlock(&self) {
        if let Some(next) = self.release() {
            next.wake();
        }
    }

    /// As [`unlock`](Self::unlock), but the caller is to wake whom this gives.
    #[inline]
    pub(crate) fn release(&self) -> Option<WakeToken> {
        // The guess that nobody waits is cheaper than a look, for which the processor would first finish taking the lock.
        match self.free(LOCKED).or_else(|state| self.free(state)) {
            Ok(_) => None,
            Err(_) => self.release_contended(),
        }
    }

    /// Whether somebody owns the lock at this moment.
    pub(crate) fn is_locked(&self) -> bool {
        self.state.load(Ordering::Relaxed) & LOCKED != 0
    }

    pub(crate) fn made_at(&self) -> Option<Caller> {
        self.made_at
    }

    /// Who owns the lock, if that is known.
    pub(crate) fn partner(&self) -> Partner {
        self.holder.partner(self.is_locked())
    }

    /// Tells of `what` is waited for by waiting for this lock.
    pub(crate) fn describe(&self, what: &'static str, to: &mut Description) {
        report::tell(what, self, self.made_at, self.partner(), to);
    }

    /// Step 1, or 6 if `competing` is [`COMPETING`]: takes the lock if it is free.
    fn take(&self, competing: u32) -> bool {
        let taken = self.try_lock();
        if taken && competing != 0 {
            // Relaxed: nobody acts on it before the lock is free again.
            self.state.fetch_and(!competing, Ordering::Relaxed);
        }
        taken
    }

    /// Step 3 or 4: frees the lock if it is in this `state`, in which nobody has to be woken. Else says in which it is.
    ///
    /// Release: pairs with the Acquire of whoever takes the lock next.
    #[inline]
    fn free(&self, state: u32) -> Result<u32, u32> {
        if state & (QUEUED | COMPETING) == QUEUED {
            return Err(state);
        }
        self.state.compare_exchange(state, state & !LOCKED, Ordering::Release, Ordering::Relaxed)
    }

    /// Step 2 or 6: announces a waiter, unless the lock has become free. To be called under the queue's lock.
    ///
    /// Relaxed: whoever needs to see it takes the queue's lock.
    fn announce(&self, competing: u32) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & LOCKED != 0 {
            let queued = (state | QUEUED) & !competing;
            match self.state.compare_exchange_weak(state, queued, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Steps 2 and 6. False when the deadline passed first.
    #[cold]
    pub(crate) fn lock_contended(&self, mut patience: Patience, reason: Reason<'_>) -> bool {
        let mut first_wait = None;
        let mut competing = 0;
        loop {
            if self.spin.until(|| self.take(competing)) {
                return true;
            }
            let since = *first_wait.get_or_insert_with(clock::now);
            let waiting = Waiting { since, handed: Cell::new(false) };
            let queue = self.queue.lock();
            if !self.announce(competing) {
                continue;
            }
            let outcome = match competing {
                0 => queue::wait::<NEWCOMERS, _, _, _>(queue, &waiting, patience, reason),
                _ => queue::wait::<LOSERS, _, _, _>(queue, &waiting, patience, reason),
            };
            match outcome {
                // The hand-off is taken whatever the time is.
                Outcome::Woken if waiting.handed.get() => return true,
                Outcome::Woken => competing = COMPETING,
                Outcome::TimedOut => return false,
                // The goroutine unwinds already, and has to get the lock all the same.
                Outcome::Cancelled => {
                    patience.masked = true;
                    competing = 0;
                }
            }
        }
    }

    #[cold]
    fn release_contended(&self) -> Option<WakeToken> {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & (QUEUED | COMPETING) != QUEUED {
            match self.free(state) {
                Ok(_) => return None,
                Err(now) => state = now,
            }
        }
        // Step 5. There is no competitor, or it has queued up again; M3 holds from here on. The state is exchanged, not stored:
        // newcomers still set the bit that is set, and loom would not know which of the two came first.
        let now = clock::now();
        let mut queue = self.queue.lock();
        let first = queue.pop();
        let queued = if queue.is_empty() { 0 } else { QUEUED };
        let Some(first) = first else {
            // All have given up. Release: pairs with the Acquire of whoever takes the lock next.
            self.state.swap(0, Ordering::Release);
            return None;
        };
        let waiting = first.payload();
        if is_over(waiting.since, now, PATIENCE) {
            waiting.handed.set(true);
            self.holder.note_owner_of(waiting);
            // Relaxed: the new owner is synchronised with by its wake-up, and only it will unlock.
            self.state.swap(LOCKED | queued, Ordering::Relaxed);
        } else {
            // Release: pairs with the Acquire of whoever takes the lock next.
            self.state.swap(COMPETING | queued, Ordering::Release);
        }
        drop(queue);
        Some(first.finish())
    }
}

/// To wait for a lock.
pub(crate) enum Locking {}

impl Way<RawMutex> for Locking {
    const STATE: &'static str = "sync.Mutex.Lock";

    fn describe(raw: &RawMutex, to: &mut Description) {
        raw.describe("mutex", to);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::panic::Location;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    fn spin_until(mut done: impl FnMut() -> bool) {
        while !done() {
            thread::yield_now();
        }
    }

    fn state(raw: &RawMutex) -> u32 {
        raw.state.load(Ordering::Relaxed)
    }

    #[test]
    fn uncontended_locking_leaves_no_trace() {
        let raw = RawMutex::new(None);
        raw.lock::<Locking>(Location::caller());
        assert_eq!(state(&raw), LOCKED);
        assert!(!raw.try_lock());
        raw.unlock();
        assert_eq!(state(&raw), 0);
        assert!(raw.try_lock());
        raw.unlock();
    }

    /// Whoever waited for longer than the patience gets the lock from the next owner: nobody can come between.
    #[test]
    fn a_starved_waiter_is_handed_the_lock() {
        let raw = RawMutex::new(None);
        let checked = AtomicBool::new(false);
        raw.lock::<Locking>(Location::caller());
        thread::scope(|scope| {
            scope.spawn(|| {
                raw.lock::<Locking>(Location::caller());
                spin_until(|| checked.load(Ordering::Acquire));
                raw.unlock();
            });
            spin_until(|| state(&raw) & QUEUED != 0);
            // `QUEUED` is set after the waiter has read the clock.
            thread::sleep(PATIENCE + Duration::from_micros(100));
            raw.unlock();
            assert_eq!(state(&raw), LOCKED, "handed off, and the queue is empty");
            assert!(!raw.try_lock());
            assert!(!raw.lock_for(Duration::ZERO, Location::caller()));
            checked.store(true, Ordering::Release);
        });
        raw.lock::<Locking>(Location::caller());
        raw.unlock();
        assert_eq!(state(&raw), 0);
    }

    #[test]
    fn one_who_gives_up_leaves_the_lock_usable() {
        let raw = RawMutex::new(None);
        raw.lock::<Locking>(Location::caller());
        assert!(!raw.lock_for(Duration::from_micros(200), Location::caller()));
        assert_eq!(state(&raw), LOCKED | QUEUED);
        raw.unlock();
        assert_eq!(state(&raw), 0);
        assert!(raw.lock_for(Duration::ZERO, Location::caller()));
    }

    #[test]
    fn a_free_lock_may_be_barged_into() {
        let raw = RawMutex::new(None);
        raw.state.store(COMPETING | QUEUED, Ordering::Relaxed);
        assert!(raw.try_lock());
        assert_eq!(state(&raw), LOCKED | COMPETING | QUEUED);
        raw.unlock();
        assert_eq!(state(&raw), COMPETING | QUEUED);
    }

    #[test]
    fn the_competitor_withdraws_its_mark_when_it_takes_the_lock_and_when_it_queues() {
        let raw = RawMutex::new(None);
        raw.state.store(COMPETING | QUEUED, Ordering::Relaxed);
        assert!(raw.take(COMPETING));
        assert_eq!(state(&raw), LOCKED | QUEUED);
        raw.state.store(LOCKED | COMPETING, Ordering::Relaxed);
        assert!(!raw.take(COMPETING));
        assert!(raw.announce(COMPETING));
        assert_eq!(state(&raw), LOCKED | QUEUED);
        raw.state.store(COMPETING, Ordering::Relaxed);
        assert!(!raw.announce(COMPETING), "the lock is free: compete");
    }

    #[test]
    fn patience_ends_after_a_millisecond() {
        let start = clock::now();
        assert!(!is_over(start, start + PATIENCE, PATIENCE));
        assert!(is_over(start, start + PATIENCE + Duration::from_nanos(1), PATIENCE));
        assert!(!is_over(start + PATIENCE, start, PATIENCE), "a waiter that came after the clock was read");
    }
}
