//! [`Cond`]: waiting until something that a lock guards has changed.
//!
//! # Protocol
//! 1. To wait is to take the queue's lock, then to release the guard's lock, then to stand in the queue and park. The queue's
//!    lock is released once the caller can be woken; only then is whoever takes the guard's lock next woken as well. So nobody
//!    can change what the guard guards, and signal, before the waiter stands in the queue.
//! 2. To signal is to claim the first in the queue, to broadcast is to claim all; then to wake them.
//! 3. Who has been woken, or has given up, or is unwound, takes the guard's lock again before it goes on. That wait has no
//!    deadline, and outlasts the shutdown of the runtime: the guard is there, and stands for a lock that is held.
//!
//! The queue's lock is taken before that in the guard's lock (step 1), and nowhere in the opposite order.
//!
//! Rejected: to move those who are woken by a broadcast to the mutex's queue, so that they do not wake up all at once. Here a
//! goroutine that wakes up costs some 100 ns; and there are three kinds of guards.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::{self, Description, Outcome, Partner, Patience, Reason, Way};

use crate::queue::{self, Lanes, Queue, Wakes};
use crate::raw_mutex::RawMutex;
use crate::raw_rwlock::RawRwLock;
use crate::report::{self, Caller};
use crate::sync::const_unless_modelled;
use crate::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};

/// The only lane.
const ALL: usize = 0;

/// A place to wait until something that a lock guards has changed.
///
/// Who waits gives the lock up, and has it again when it goes on. It goes on only if it was woken, or its time is over: there
/// are no spurious wake-ups. Still, others may have had the lock first; so one waits in a loop, or by
/// [`wait_while`](Self::wait_while).
///
/// Those who wait are woken in the order in which they came. Who changes what they wait for need not hold the lock any more
/// when it wakes them.
///
/// Where a channel can do it, a channel is simpler: see [`signal`](Self::signal).
///
/// # Cost
/// No allocation. To wake when nobody waits takes as long as a free lock.
///
/// # Examples
/// Ten that are put into a queue of two places:
/// ```
/// use std::collections::VecDeque;
/// use std::sync::Arc;
/// use gocsp_sync::{Cond, Mutex, WaitGroup};
///
/// let queue = Arc::new((Mutex::new(VecDeque::new()), Cond::new()));
/// let group = WaitGroup::new();
/// for n in 0..10 {
///     let mut places = queue.0.lock();
///     queue.1.wait_while(&mut places, |places| places.len() == 2);
///     places.push_back(n);
///     drop(places);
///     let queue = Arc::clone(&queue);
///     group.go(move || {
///         queue.0.lock().pop_front();
///         queue.1.signal();
///     });
/// }
/// group.wait();
/// assert!(queue.0.lock().is_empty());
/// ```
pub struct Cond {
    made_at: Caller,
    queue: Queue<(), 1>,
}

// It holds nothing that a panic could leave half done.
impl UnwindSafe for Cond {}
impl RefUnwindSafe for Cond {}

impl Cond {
    const_unless_modelled! {
        /// A condition that nobody waits for.
        ///
        /// # Examples
        /// ```
        /// static CHANGED: gocsp_sync::Cond = gocsp_sync::Cond::new();
        /// CHANGED.broadcast();
        /// ```
        #[track_caller]
        pub fn new() -> Self {
            Self { made_at: Location::caller(), queue: Queue::new(Lanes::new()) }
        }
    }

    /// Gives the guard's lock up, waits to be woken, and takes the lock again.
    ///
    /// When the runtime shuts down, a goroutine that waits is unwound, with the lock held, except if it unwinds already: then
    /// it goes on waiting.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use gocsp_runtime::go;
    /// use gocsp_sync::{Cond, Mutex};
    ///
    /// let ready = Arc::new((Mutex::new(false), Cond::new()));
    /// let other = Arc::clone(&ready);
    /// go! {
    ///     *other.0.lock() = true;
    ///     other.1.signal();
    /// };
    /// let mut is_ready = ready.0.lock();
    /// while !*is_ready {
    ///     ready.1.wait(&mut is_ready);
    /// }
    /// ```
    #[track_caller]
    pub fn wait<G: CondGuard>(&self, guard: &mut G) {
        let woken = self.wait_unlocked(guard.held().0, Patience::FOREVER, Location::caller());
        debug_assert!(woken);
    }

    /// Waits as long as `condition` holds, each time until woken.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::{Cond, Mutex};
    ///
    /// let (left, cond) = (Mutex::new(0), Cond::new());
    /// let mut guard = left.lock();
    /// cond.wait_while(&mut guard, |left| **left > 0);
    /// ```
    #[track_caller]
    pub fn wait_while<G: CondGuard>(&self, guard: &mut G, mut condition: impl FnMut(&mut G) -> bool) {
        while condition(guard) {
            self.wait(guard);
        }
    }

    /// As [`wait`](Self::wait), for at most `timeout`. Whether it was woken.
    ///
    /// To take the lock again may take longer.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_sync::{Cond, Mutex};
    ///
    /// let (mutex, cond) = (Mutex::new(()), Cond::new());
    /// assert!(!cond.wait_timeout(&mut mutex.lock(), Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout<G: CondGuard>(&self, guard: &mut G, timeout: Duration) -> bool {
        self.wait_deadline(guard, clock::deadline(timeout))
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest. Whether it was woken.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use gocsp_sync::{Cond, RwLock};
    ///
    /// let (lock, cond) = (RwLock::new(()), Cond::new());
    /// assert!(!cond.wait_deadline(&mut lock.read(), Instant::now()));
    /// ```
    #[track_caller]
    pub fn wait_deadline<G: CondGuard>(&self, guard: &mut G, deadline: Instant) -> bool {
        self.wait_unlocked(guard.held().0, Patience::until(deadline), Location::caller())
    }

    /// Wakes the one who has waited longest, if anybody waits.
    ///
    /// Unlike a message it is not kept: who begins to wait later knows nothing of it.
    ///
    /// # Examples
    /// See [`Cond`].
    #[track_caller]
    pub fn signal(&self) {
        park::point_of("sync.Cond.Signal", Location::caller());
        let first = self.queue.lock().pop();
        if let Some(first) = first {
            first.finish().wake();
        }
    }

    /// Wakes everybody who waits, in the order in which they came.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use gocsp_sync::{Cond, RwLock, WaitGroup};
    ///
    /// let started = Arc::new((RwLock::new(false), Cond::new()));
    /// let runners = WaitGroup::new();
    /// for _ in 0..3 {
    ///     let started = Arc::clone(&started);
    ///     runners.go(move || started.1.wait_while(&mut started.0.read(), |started| !**started));
    /// }
    /// *started.0.write() = true;
    /// started.1.broadcast();
    /// runners.wait();
    /// ```
    #[track_caller]
    pub fn broadcast(&self) {
        park::point_of("sync.Cond.Broadcast", Location::caller());
        let all = self.queue.lock().lane::<ALL>().take_all();
        all.wake_all();
    }

    fn wait_unlocked(&self, held: Raw<'_>, mut patience: Patience, place: Caller) -> bool {
        let reason = Reason::new::<Waiting, _>(place, self);
        park::cooperate();
        park::point(|| reason);
        // Cancelled first, and standing in the queue anew, it would miss who signals in between.
        patience.masked = park::is_unwinding();
        let mut queue = self.queue.lock();
        let mut others = held.release();
        let _lock_again = LockAgain(held, place);
        loop {
            match queue::wait_and_wake::<ALL, _, _, _>(queue, &(), patience, reason, others) {
                Outcome::Woken => return true,
                Outcome::TimedOut => return false,
                // Nothing but the closure is left of the goroutine, which is being dropped.
                Outcome::Cancelled => patience.masked = true,
            }
            queue = self.queue.lock();
            others = Wakes::default();
        }
    }
}

impl Default for Cond {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cond").finish_non_exhaustive()
    }
}

/// To wait for a signal.
enum Waiting {}

impl Way<Cond> for Waiting {
    const STATE: &'static str = "sync.Cond.Wait";

    fn describe(cond: &Cond, to: &mut Description) {
        report::tell("cond", cond, Some(cond.made_at), Partner::Others, to);
    }
}

/// Step 3.
struct LockAgain<'a>(Raw<'a>, Caller);

impl Drop for LockAgain<'_> {
    fn drop(&mut self) {
        self.0.lock_again(self.1);
    }
}

/// A guard whose lock can be given up while one waits for a [`Cond`]: of a [`Mutex`](crate::Mutex), or of either kind of a
/// [`RwLock`](crate::RwLock). A guard of a part of the value is none, for the part may be gone by then.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use gocsp_sync::{Cond, CondGuard, Mutex, RwLock};
///
/// /// Whether something has changed within a millisecond.
/// fn has_changed(changed: &Cond, guard: &mut impl CondGuard) -> bool {
///     changed.wait_timeout(guard, Duration::from_millis(1))
/// }
///
/// let changed = Cond::new();
/// assert!(!has_changed(&changed, &mut Mutex::new(1).lock()));
/// assert!(!has_changed(&changed, &mut RwLock::new(1).read()));
/// ```
pub trait CondGuard: sealed::CondGuard {}

impl<T: ?Sized> CondGuard for MutexGuard<'_, T> {}
impl<T: ?Sized> CondGuard for RwLockReadGuard<'_, T> {}
impl<T: ?Sized> CondGuard for RwLockWriteGuard<'_, T> {}

pub(crate) mod sealed {
    use super::Held;

    /// Its method can be called by anybody who is generic over guards, so it gives nothing that could be used outside.
    pub trait CondGuard {
        fn held(&self) -> Held<'_>;
    }
}

/// The lock that a guard stands for.
pub struct Held<'a>(pub(crate) Raw<'a>);

#[derive(Clone, Copy)]
pub(crate) enum Raw<'a> {
    Mutex(&'a RawMutex),
    Read(&'a RawRwLock),
    Write(&'a RawRwLock),
}

impl Raw<'_> {
    fn release(self) -> Wakes {
        match self {
            Self::Mutex(raw) => Wakes { readers: None, next: raw.release() },
            Self::Read(raw) => Wakes { readers: None, next: raw.release_read() },
            Self::Write(raw) => raw.release_write(),
        }
    }

    fn lock_again(self, place: Caller) {
        match self {
            Self::Mutex(raw) => raw.lock_again(place),
            Self::Read(raw) => raw.read_again(place),
            Self::Write(raw) => raw.write_again(place),
        }
    }
}
