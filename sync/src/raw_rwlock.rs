//! The lock inside [`RwLock`](crate::RwLock): many readers or one writer, without the value.
//!
//! # Vocabulary
//! - A *reader* or *writer* is *inside* while it holds the lock.
//! - The *current writer* is the one that owns `writers`. It shuts the readers out, waits until those inside
//!   have left, and is then inside itself. Other writers wait for `writers`, and do not meet the readers.
//!
//! # State
//! One word: the number of readers inside, plus two bits.
//!
//! | state                          | meaning                                                      |
//! |--------------------------------|--------------------------------------------------------------|
//! | 0                              | free                                                         |
//! | `n`                            | `n` readers are inside                                       |
//! | `SHUT`                         | the current writer is inside                                 |
//! | `SHUT + n`                     | the current writer waits for `n` readers to leave            |
//! | `SHUT + READERS_WAIT`, also `+ n` | as before, and readers wait for the current writer to leave |
//!
//! `READERS_WAIT` does not occur without `SHUT`.
//!
//! # Protocol
//! 1. A reader that does not find `SHUT` adds one to the word, and is inside. To leave it takes it off again.
//! 2. A reader that finds `SHUT` spins a little, then takes the queue's lock, sets `READERS_WAIT` if `SHUT` is still
//!    set (else it goes back to 1), and waits. Who wakes it has counted it in: it is inside.
//! 3. A writer locks `writers`, becoming the current one, and sets `SHUT`. If readers are inside, it spins a little,
//!    takes the queue's lock, and waits if there still are some.
//! 4. A reader that leaves as the last while `SHUT` is set takes the queue's lock, and wakes the writer if one waits
//!    there and still no reader is inside. (The writer that it saw may be gone, and the next one wait for others.)
//! 5. The current writer leaves by clearing `SHUT` if the word is nothing else. Otherwise it takes the queue's lock,
//!    claims all waiting readers, counts them in, clears both bits, and wakes them. Last it unlocks `writers`.
//! 6. A writer that gives up while it waits in step 3, because of its deadline or because it is unwound, leaves as in
//!    step 5: the readers that it kept out come in.
//!
//! So readers that wait are let in together before the next writer shuts anybody out, and readers that come while
//! a writer waits for those inside do not delay it. Both sides get on.
//!
//! # Invariants
//! - **R1** `SHUT` is set and cleared by the current writer only.
//! - **R2** If a reader stands in the queue, `SHUT` and `READERS_WAIT` are set: it joins under the queue's lock with
//!   both set, and they are cleared under that lock in the step that claims all readers.
//! - **R3** If the current writer stands in the queue, some reader is inside or about to do step 4: it
//!   joins under the queue's lock with a reader inside, no reader comes in while `SHUT` is set, and the last one to
//!   leave takes that lock.
//!
//! For reports, the readers inside are only counted: to note each would cost as much as the locking. The current writer is the
//! owner of `writers`.
//!
//! Rejected: one queue of readers and writers in the order of their coming. A mixed crowd then switches between the
//! modes all the time, and few readers are ever inside together. Also rejected: a writer bit instead of the lock
//! `writers`, which would save the uncontended writer one exchange when it comes and one when it leaves, but would
//! need barging, hand-off and patience a second time here.

#![forbid(unsafe_code)]

use std::hint;
use std::mem;
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::{Claimed, Description, Outcome, Partner, Patience, Reason, WakeToken, Way};

use crate::queue::{self, Chain, Lanes, Link, Queue, Wakes};
use crate::raw_mutex::RawMutex;
use crate::report::{self, Caller};
use crate::spin::Spin;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::const_unless_modelled;

/// No reader comes in. Set and cleared by the current writer.
const SHUT: usize = 1 << (usize::BITS - 1);
/// Readers may stand in the queue. Set by a reader, cleared by the current writer, both under the queue's lock.
const READERS_WAIT: usize = 1 << (usize::BITS - 2);
/// The number of readers inside.
const INSIDE: usize = READERS_WAIT - 1;
/// How many readers may come in by step 1. As many again would have to wait in the queue to spoil the word.
const MOST_READERS: usize = INSIDE / 2;

/// The lane of the readers.
const READERS: usize = 0;
/// The lane of the current writer.
const WRITER: usize = 1;

pub(crate) struct RawRwLock {
    state: AtomicUsize,
    spin: Spin,
    writers: RawMutex,
    queue: Queue<Link, 2>,
}

impl RawRwLock {
    const WHAT: &'static str = "read-write lock";

    const_unless_modelled! {
        pub(crate) fn new(made_at: Option<Caller>) -> Self {
            Self {
                state: AtomicUsize::new(0),
                spin: Spin::new(),
                writers: RawMutex::new(made_at),
                queue: Queue::new(Lanes::new()),
            }
        }
    }

    #[inline]
    pub(crate) fn read(&self, place: Caller) {
        if !self.try_read() {
            let inside = self.read_contended(Patience::FOREVER, place);
            debug_assert!(inside);
        }
    }

    /// Step 1.
    ///
    /// Acquire: pairs with the Release in `unlock_write` and `admit_readers`.
    #[inline]
    pub(crate) fn try_read(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state < MOST_READERS {
            match self.state.compare_exchange_weak(state, state + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        assert!(state & SHUT != 0, "too many readers of one RwLock");
        false
    }

    #[inline]
    pub(crate) fn read_for(&self, timeout: Duration, place: Caller) -> bool {
        self.try_read() || self.read_contended(Patience::until(clock::deadline(timeout)), place)
    }

    #[inline]
    pub(crate) fn read_until(&self, deadline: Instant, place: Caller) -> bool {
        self.try_read() || self.read_contended(Patience::until(deadline), place)
    }

    /// To be called by a reader inside.
    ///
    /// Release: pairs with the Acquire of the next writer.
    #[inline]
    pub(crate) fn unlock_read(&self) {
        if let Some(writer) = self.release_read() {
            writer.wake();
        }
    }

    /// As [`unlock_read`](Self::unlock_read), but the caller is to wake whom this gives.
    #[inline]
    pub(crate) fn release_read(&self) -> Option<WakeToken> {
        let before = self.state.fetch_sub(1, Ordering::Release);
        if before & SHUT != 0 && before & INSIDE == 1 { self.claim_writer() } else { None }
    }

    /// Comes in again for who has left for a while, whatever happens to the runtime meanwhile.
    pub(crate) fn read_again(&self, place: Caller) {
        if !self.try_read() {
            let inside = self.read_contended(Patience::MASKED, place);
            debug_assert!(inside);
        }
    }

    #[inline]
    pub(crate) fn write(&self, place: Caller) {
        self.write_or_wait(Patience::FOREVER, place);
    }

    /// Step 3, for who has no deadline.
    #[inline(always)]
    fn write_or_wait(&self, patience: Patience, place: Caller) {
        self.writers.lock_or(|| {
            let current = self.wait_for_writers(patience, place);
            debug_assert!(current);
        });
        if !self.shut_out() {
            hint::cold_path();
            let inside = self.wait_for_readers(patience, place);
            debug_assert!(inside);
        }
    }

    #[cold]
    fn wait_for_writers(&self, patience: Patience, place: Caller) -> bool {
        self.writers.lock_contended(patience, Reason::new::<AwaitWriter<true>, _>(place, self))
    }

    /// Step 3, if that needs no waiting.
    #[inline]
    pub(crate) fn try_write(&self) -> bool {
        if self.state.load(Ordering::Relaxed) != 0 || !self.writers.try_lock() {
            return false;
        }
        // Acquire: pairs with the Release in `unlock_read`; `writers` takes care of earlier writers.
        let inside = self.state.compare_exchange(0, SHUT, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if !inside {
            self.writers.unlock();
        }
        inside
    }

    #[inline]
    pub(crate) fn write_for(&self, timeout: Duration, place: Caller) -> bool {
        self.try_write() || self.write_until(clock::deadline(timeout), place)
    }

    #[inline]
    pub(crate) fn write_until(&self, deadline: Instant, place: Caller) -> bool {
        let patience = Patience::until(deadline);
        (self.writers.try_lock() || self.wait_for_writers(patience, place))
            && (self.shut_out() || self.wait_for_readers(patience, place))
    }

    /// Step 5. To be called by the writer inside.
    ///
    /// Release: pairs with the Acquire in `try_read`.
    #[inline]
    pub(crate) fn unlock_write(&self) {
        drop(self.release_write());
    }

    /// As [`unlock_write`](Self::unlock_write), but those are woken only when what this gives is dropped.
    #[inline]
    pub(crate) fn release_write(&self) -> Wakes {
        let free = self.state.compare_exchange(SHUT, 0, Ordering::Release, Ordering::Relaxed).is_ok();
        let readers = if free { None } else { Some(self.admit_readers()) };
        Wakes { readers, next: self.writers.release() }
    }

    /// As [`read_again`](Self::read_again), for a writer.
    pub(crate) fn write_again(&self, place: Caller) {
        self.write_or_wait(Patience::MASKED, place);
    }

    /// Step 3, for the current writer. Whether that need not wait for readers.
    ///
    /// Acquire: pairs with the Release in `unlock_read`.
    #[inline]
    fn shut_out(&self) -> bool {
        self.state.fetch_or(SHUT, Ordering::Acquire) & INSIDE == 0
    }

    /// The rest of step 3. False when the deadline passed first; the caller is then not the current writer any more.
    #[cold]
    fn wait_for_readers(&self, mut patience: Patience, place: Caller) -> bool {
        let reason = Reason::new::<AwaitReaders, _>(place, self);
        // Undoes step 3 on a timeout, and also when the wait is unwound.
        let current = CurrentWriter(self);
        loop {
            if self.spin.until(|| self.is_empty()) {
                break;
            }
            let queue = self.queue.lock();
            if self.is_empty() {
                break;
            }
            match queue::wait::<WRITER, _, _, _>(queue, &Link::default(), patience, reason) {
                Outcome::Woken => break,
                Outcome::TimedOut => return false,
                // The goroutine unwinds already, and has to get the lock all the same.
                Outcome::Cancelled => patience.masked = true,
            }
        }
        mem::forget(current);
        true
    }

    /// Whether no reader is inside. Acquire: pairs with the Release in `unlock_read`.
    fn is_empty(&self) -> bool {
        self.state.load(Ordering::Acquire) & INSIDE == 0
    }

    /// Step 4.
    #[cold]
    fn claim_writer(&self) -> Option<WakeToken> {
        let mut queue = self.queue.lock();
        // The Acquire in `is_empty` gathers what all readers have released, and the wake-up passes it on.
        let writer = if self.is_empty() { queue.lane::<WRITER>().pop() } else { None };
        drop(queue);
        writer.map(Claimed::finish)
    }

    /// Step 5, when the word is not simply `SHUT`.
    #[cold]
    fn admit_readers(&self) -> Chain {
        let mut queue = self.queue.lock();
        let readers = Chain::claim_all(queue.lane::<READERS>());
        self.state.fetch_add(readers.len(), Ordering::Relaxed);
        // Two steps, since readers may leave meanwhile; nobody can act on what lies between, for a writer would need
        // `writers` and a reader in the queue its lock. Release: pairs with the Acquire in `try_read`.
        self.state.fetch_and(INSIDE, Ordering::Release);
        drop(queue);
        readers
    }

    /// Step 2. False when the deadline passed first.
    #[cold]
    fn read_contended(&self, mut patience: Patience, place: Caller) -> bool {
        let reason = Reason::new::<AwaitWriter<false>, _>(place, self);
        loop {
            if self.spin.until(|| self.try_read()) {
                return true;
            }
            let queue = self.queue.lock();
            if !self.announce_reader() {
                continue;
            }
            match queue::wait::<READERS, _, _, _>(queue, &Link::default(), patience, reason) {
                Outcome::Woken => return true,
                Outcome::TimedOut => return false,
                // The goroutine unwinds already, and has to get the lock all the same.
                Outcome::Cancelled => patience.masked = true,
            }
        }
    }

    /// Announces a reader, unless the writer has left. To be called under the queue's lock.
    ///
    /// Relaxed: whoever needs to see it takes the queue's lock.
    fn announce_reader(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & SHUT != 0 {
            let queued = state | READERS_WAIT;
            match self.state.compare_exchange_weak(state, queued, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }
}

/// Step 6, unless forgotten.
struct CurrentWriter<'a>(&'a RawRwLock);

impl Drop for CurrentWriter<'_> {
    fn drop(&mut self) {
        self.0.unlock_write();
    }
}

/// To wait for the current writer, as a writer or a reader. A reader may do so while that one waits itself: for readers inside.
pub(crate) enum AwaitWriter<const WRITES: bool> {}

impl<const WRITES: bool> Way<RawRwLock> for AwaitWriter<WRITES> {
    const STATE: &'static str = if WRITES { "sync.RWMutex.Lock" } else { "sync.RWMutex.RLock" };

    fn describe(raw: &RawRwLock, to: &mut Description) {
        report::tell(RawRwLock::WHAT, raw, raw.writers.made_at(), raw.writers.partner(), to);
    }
}

/// To wait, as the current writer, for the readers inside.
enum AwaitReaders {}

impl Way<RawRwLock> for AwaitReaders {
    const STATE: &'static str = AwaitWriter::<true>::STATE;

    fn describe(raw: &RawRwLock, to: &mut Description) {
        let partner = Partner::Readers(raw.state.load(Ordering::Relaxed) & INSIDE);
        report::tell(RawRwLock::WHAT, raw, raw.writers.made_at(), partner, to);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::panic::Location;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    fn spin_until(mut done: impl FnMut() -> bool) {
        while !done() {
            thread::yield_now();
        }
    }

    fn state(raw: &RawRwLock) -> usize {
        raw.state.load(Ordering::Relaxed)
    }

    #[test]
    fn uncontended_locking_leaves_no_trace() {
        let raw = RawRwLock::new(None);
        raw.read(Location::caller());
        raw.read(Location::caller());
        assert_eq!(state(&raw), 2);
        assert!(!raw.try_write());
        assert!(!raw.writers.is_locked(), "a failed try gives back what it took");
        raw.unlock_read();
        raw.unlock_read();
        raw.write(Location::caller());
        assert_eq!(state(&raw), SHUT);
        assert!(!raw.try_read());
        assert!(!raw.try_write());
        raw.unlock_write();
        assert_eq!(state(&raw), 0);
        assert!(raw.try_write());
    }

    /// The reader is inside before the writer that unlocks can lock again.
    #[test]
    fn a_waiting_reader_goes_before_the_next_writer() {
        let raw = RawRwLock::new(None);
        let was_inside = AtomicBool::new(false);
        for _ in 0..100 {
            was_inside.store(false, Ordering::Relaxed);
            raw.write(Location::caller());
            thread::scope(|scope| {
                scope.spawn(|| {
                    raw.read(Location::caller());
                    was_inside.store(true, Ordering::Relaxed);
                    raw.unlock_read();
                });
                spin_until(|| state(&raw) & READERS_WAIT != 0);
                // Once the bit is seen under the lock, the reader has joined.
                drop(raw.queue.lock());
                raw.unlock_write();
                raw.write(Location::caller());
                assert!(was_inside.load(Ordering::Relaxed));
                raw.unlock_write();
            });
        }
        assert_eq!(state(&raw), 0);
    }

    /// All readers in the queue are inside at the same time, before the next writer.
    #[test]
    fn waiting_readers_come_in_together() {
        const CROWD: usize = 5;
        let raw = RawRwLock::new(None);
        let together = Barrier::new(CROWD);
        raw.write(Location::caller());
        thread::scope(|scope| {
            for joined in 0..CROWD {
                scope.spawn(|| {
                    raw.read(Location::caller());
                    together.wait();
                    raw.unlock_read();
                });
                // The bit is taken back, so that the next reader's joining shows.
                spin_until(|| state(&raw) & READERS_WAIT != 0);
                let queue = raw.queue.lock();
                if joined + 1 < CROWD {
                    raw.state.fetch_and(!READERS_WAIT, Ordering::Relaxed);
                }
                drop(queue);
            }
            raw.unlock_write();
            raw.write(Location::caller());
            raw.unlock_write();
        });
        assert_eq!(state(&raw), 0);
    }

    #[test]
    fn a_writer_that_gives_up_lets_in_the_readers_it_kept_out() {
        let raw = RawRwLock::new(None);
        raw.read(Location::caller());
        thread::scope(|scope| {
            let writer = scope.spawn(|| raw.write_for(Duration::from_millis(50), Location::caller()));
            spin_until(|| state(&raw) & SHUT != 0);
            // Waits for the writer, or comes in at once if that has given up already.
            raw.read(Location::caller());
            assert!(!writer.join().unwrap());
        });
        assert_eq!(state(&raw), 2);
        assert!(!raw.writers.is_locked());
        raw.unlock_read();
        raw.unlock_read();
        assert!(raw.try_write());
    }

    #[test]
    fn a_reader_that_gives_up_leaves_the_lock_usable() {
        let raw = RawRwLock::new(None);
        raw.write(Location::caller());
        assert!(!raw.read_for(Duration::from_micros(100), Location::caller()));
        assert_eq!(state(&raw), SHUT | READERS_WAIT);
        raw.unlock_write();
        assert_eq!(state(&raw), 0);
    }

    #[test]
    fn a_late_step_4_does_not_wake_a_writer_whose_readers_are_inside() {
        let raw = RawRwLock::new(None);
        raw.read(Location::caller());
        thread::scope(|scope| {
            let writer = scope.spawn(|| raw.write(Location::caller()));
            spin_until(|| !raw.queue.lock().lane::<WRITER>().is_empty());
            assert!(raw.claim_writer().is_none());
            assert!(!raw.queue.lock().lane::<WRITER>().is_empty());
            raw.unlock_read();
            writer.join().unwrap();
        });
        raw.unlock_write();
        assert_eq!(state(&raw), 0);
    }

    #[test]
    #[should_panic(expected = "too many readers of one RwLock")]
    fn too_many_readers_are_refused() {
        let raw = RawRwLock::new(None);
        raw.state.store(MOST_READERS, Ordering::Relaxed);
        raw.read(Location::caller());
    }
}
