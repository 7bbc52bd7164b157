//! The locks without a value, for what is generic over the traits of the crate [`lock_api`]: its own `Mutex<R, T>` and
//! `RwLock<R, T>`, which have guards that own an `Arc` of their lock, among others, and whatever other crates build upon them.
//!
//! Needs the feature `lock_api`. Who does not need it uses [`Mutex`](crate::Mutex) and [`RwLock`](crate::RwLock), which are
//! the same locks, but for one thing: when a runtime ends, who locks one of these, without a time limit, is not unwound there,
//! but waits until whoever holds it has been. For `unlocked` of the guards gives a lock up for a while, and relies on its
//! being taken again.
//!
//! The traits say neither where a lock was made nor where a guard was asked for. So a dump cannot tell where such a lock was
//! made, and of who waits for it through the types of that crate it tells a place in there.
//!
//! ```
//! use std::sync::Arc;
//! use gocsp_sync::lock_api::RawMutex;
//!
//! let mutex = Arc::new(lock_api::Mutex::<RawMutex, _>::new(1));
//! let mut guard = mutex.lock_arc();
//! *guard += 1;
//! drop(guard);
//! assert_eq!(*mutex.lock(), 2);
//! ```

#![expect(unsafe_code, reason = "the traits promise exclusion, which the raw locks keep")]

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use gocsp_runtime::park;
use lock_api::{GuardNoSend, RawMutexTimed, RawRwLockTimed};

use crate::raw_mutex;
use crate::raw_rwlock;

/// The lock of a [`Mutex`](crate::Mutex).
///
/// # Examples
/// ```
/// use gocsp_sync::lock_api::RawMutex;
///
/// static COUNT: lock_api::Mutex<RawMutex, u32> = lock_api::Mutex::new(1);
///
/// *COUNT.lock() += 1;
/// assert_eq!(*COUNT.lock(), 2);
/// ```
pub struct RawMutex(raw_mutex::RawMutex);

// SAFETY: between a successful locking and the unlocking nobody else has the lock; see `raw_mutex`.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: Self = Self(raw_mutex::RawMutex::new(None));

    // As the guards of this crate: the lock belongs to the goroutine or thread that took it.
    type GuardMarker = GuardNoSend;

    #[track_caller]
    fn lock(&self) {
        park::yield_if_due();
        self.0.lock_again(Location::caller());
    }

    fn try_lock(&self) -> bool {
        park::cooperate();
        self.0.try_lock()
    }

    unsafe fn unlock(&self) {
        self.0.unlock();
    }

    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

// SAFETY: as above.
unsafe impl RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[track_caller]
    fn try_lock_for(&self, timeout: Duration) -> bool {
        park::cooperate();
        self.0.lock_for(timeout, Location::caller())
    }

    #[track_caller]
    fn try_lock_until(&self, deadline: Instant) -> bool {
        park::cooperate();
        self.0.lock_until(deadline, Location::caller())
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex").field("locked", &self.0.is_locked()).finish()
    }
}

/// The lock of a [`RwLock`](crate::RwLock).
///
/// # Examples
/// ```
/// use gocsp_sync::lock_api::RawRwLock;
///
/// let lock = lock_api::RwLock::<RawRwLock, _>::new(1);
/// *lock.write() += 1;
/// let (one, other) = (lock.read(), lock.read());
/// assert_eq!((*one, *other), (2, 2));
/// ```
pub struct RawRwLock(raw_rwlock::RawRwLock);

// SAFETY: between a successful locking and the unlocking nobody is inside but readers, or one writer; see `raw_rwlock`.
unsafe impl lock_api::RawRwLock for RawRwLock {
    const INIT: Self = Self(raw_rwlock::RawRwLock::new(None));

    type GuardMarker = GuardNoSend;

    #[track_caller]
    fn lock_shared(&self) {
        park::yield_if_due();
        self.0.read_again(Location::caller());
    }

    fn try_lock_shared(&self) -> bool {
        park::cooperate();
        self.0.try_read()
    }

    unsafe fn unlock_shared(&self) {
        self.0.unlock_read();
    }

    #[track_caller]
    fn lock_exclusive(&self) {
        park::yield_if_due();
        self.0.write_again(Location::caller());
    }

    fn try_lock_exclusive(&self) -> bool {
        park::cooperate();
        self.0.try_write()
    }

    unsafe fn unlock_exclusive(&self) {
        self.0.unlock_write();
    }
}

// SAFETY: as above.
unsafe impl RawRwLockTimed for RawRwLock {
    type Duration = Duration;
    type Instant = Instant;

    #[track_caller]
    fn try_lock_shared_for(&self, timeout: Duration) -> bool {
        park::cooperate();
        self.0.read_for(timeout, Location::caller())
    }

    #[track_caller]
    fn try_lock_shared_until(&self, deadline: Instant) -> bool {
        park::cooperate();
        self.0.read_until(deadline, Location::caller())
    }

    #[track_caller]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> bool {
        park::cooperate();
        self.0.write_for(timeout, Location::caller())
    }

    #[track_caller]
    fn try_lock_exclusive_until(&self, deadline: Instant) -> bool {
        park::cooperate();
        self.0.write_until(deadline, Location::caller())
    }
}

impl fmt::Debug for RawRwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRwLock").finish_non_exhaustive()
    }
}
