//! [`RwLock`]: a value that many may read at a time, or one change. The locking itself is in
//! [`raw_rwlock`](crate::raw_rwlock); here is the value. The guards that stand for the lock
//! are in [`rwlock_guards`](crate::rwlock_guards).

#![expect(unsafe_code, reason = "the cell that holds the value, opened by the evidence of a guard")]

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{Location, UnwindSafe};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use gocsp_runtime::park::{self, Reason};

use crate::raw_rwlock::{AwaitWriter, RawRwLock};
use crate::report::{self, Caller};
use crate::rwlock_guards::{RwLockReadGuard, RwLockWriteGuard};
use crate::sync::const_unless_modelled;

/// A value that many goroutines or threads may read at a time, or one may change.
///
/// It is unlocked when the guard is dropped, also by a panic: there is no poisoning. What a panic left half done is
/// then there for the next one to see.
///
/// # Fairness
/// A writer that waits for the readers to leave lets no new ones in. When a writer leaves, all the readers that wait
/// go before the next writer. So neither side can keep the other out. Writers among themselves wait as for a
/// [`Mutex`](crate::Mutex).
///
/// It is therefore not re-entrant, not even for reading: a goroutine that reads and asks to read again waits for ever
/// if a writer has come in between.
///
/// # Cost
/// Without contention one compare-and-exchange to lock for reading, and one atomic operation to unlock; two of each
/// for writing. No allocation, ever. While it waits, a goroutine is parked, and its thread runs others; an OS thread is
/// blocked.
///
/// A goroutine that waits while it unwinds blocks its OS thread. When its runtime shuts down, a goroutine that waits
/// is unwound, except if it unwinds already: then it goes on waiting.
///
/// # Examples
/// ```
/// use std::collections::HashMap;
/// use gocsp_sync::RwLock;
///
/// let titles = RwLock::new(HashMap::new());
/// titles.write().insert(1, "The Hobbit");
///
/// let one = titles.read();
/// let another = titles.read();
/// assert_eq!(one.get(&1), another.get(&1));
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    value: UnsafeCell<T>,
}

// SAFETY: sending the lock sends the value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: a shared lock lets one thread at a time change the value, which needs `Send`, and many read it, which needs
// `Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

// As for the value alone. (But not `RefUnwindSafe`: without poisoning, a panic under the lock may be noticed later.)
impl<T: ?Sized + UnwindSafe> UnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    const_unless_modelled! {
        /// An unlocked lock around `value`.
        ///
        /// # Examples
        /// ```
        /// use gocsp_sync::RwLock;
        ///
        /// static LEVEL: RwLock<u8> = RwLock::new(1);
        /// *LEVEL.write() += 1;
        /// assert_eq!(*LEVEL.read(), 2);
        /// ```
        #[inline]
        #[track_caller]
        pub fn new(value: T) -> Self {
            Self { raw: RawRwLock::new(Some(Location::caller())), value: UnsafeCell::new(value) }
        }
    }

    /// The value, and the end of the lock.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(gocsp_sync::RwLock::new(7).into_inner(), 7);
    /// ```
    #[inline]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading, waiting for as long as it takes.
    ///
    /// # Panics
    /// If the lock has more than `usize::MAX / 8` readers, which takes guards that were forgotten. So do the other
    /// forms.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// assert_eq!(*lock.read() + *lock.read(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        park::cooperate();
        let place = Location::caller();
        self.point::<false>(place);
        self.raw.read(place);
        report::held(self.read_guard(), place)
    }

    /// Locks for reading if that needs no waiting. `None` while a writer has the lock, or waits for the readers to
    /// leave.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let writer = lock.write();
    /// assert!(lock.try_read().is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point::<false>(place);
        self.raw.try_read().then(|| report::held(self.read_guard(), place))
    }

    /// Locks for reading, waiting for at most `timeout`. `None` when that has passed.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let writer = lock.write();
    /// assert!(lock.try_read_for(Duration::from_millis(1)).is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_read_for(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point::<false>(place);
        self.raw.read_for(timeout, place).then(|| report::held(self.read_guard(), place))
    }

    /// Locks for reading, waiting until `deadline` at the latest. `None` when that has passed.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use gocsp_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// assert_eq!(lock.try_read_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_read_until(&self, deadline: Instant) -> Option<RwLockReadGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point::<false>(place);
        self.raw.read_until(deadline, place).then(|| report::held(self.read_guard(), place))
    }

    /// Locks for writing, waiting for as long as it takes.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// *lock.write() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        park::cooperate();
        let place = Location::caller();
        self.point::<true>(place);
        self.raw.write(place);
        report::held(self.write_guard(), place)
    }

    /// Locks for writing if that needs no waiting. `None` when somebody has the lock, or tries for it at this moment.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.try_write().is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point::<true>(place);
        self.raw.try_write().then(|| report::held(self.write_guard(), place))
    }

    /// Locks for writing, waiting for at most `timeout`. `None` when that has passed; the readers that were kept out
    /// then come in.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.try_write_for(Duration::from_millis(1)).is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_write_for(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point::<true>(place);
        self.raw.write_for(timeout, place).then(|| report::held(self.write_guard(), place))
    }

    /// Locks for writing, waiting until `deadline` at the latest. As [`try_write_for`](Self::try_write_for) otherwise.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use gocsp_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// assert_eq!(lock.try_write_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_write_until(&self, deadline: Instant) -> Option<RwLockWriteGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point::<true>(place);
        self.raw.write_until(deadline, place).then(|| report::held(self.write_guard(), place))
    }

    /// The value, without locking: `&mut self` proves that nobody else can have locked it.
    ///
    /// # Examples
    /// ```
    /// let mut lock = gocsp_sync::RwLock::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline(always)]
    fn point<const WRITES: bool>(&self, place: Caller) {
        park::point(|| Reason::new::<AwaitWriter<WRITES>, _>(place, &self.raw));
    }

    /// The evidence for a read lock that was just taken.
    #[inline]
    fn read_guard(&self) -> RwLockReadGuard<'_, T> {
        // SAFETY: the address of a field is not null.
        let value = unsafe { NonNull::new_unchecked(self.value.get()) };
        // SAFETY: the lock was just taken for reading.
        unsafe { RwLockReadGuard::new(&self.raw, value) }
    }

    /// The evidence for a write lock that was just taken.
    #[inline]
    fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        // SAFETY: the address of a field is not null.
        let value = unsafe { NonNull::new_unchecked(self.value.get()) };
        // SAFETY: the lock was just taken for writing.
        unsafe { RwLockWriteGuard::new(&self.raw, value) }
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RwLock");
        match self.raw.try_read().then(|| self.read_guard()) {
            Some(guard) => debug.field("value", &&*guard),
            None => debug.field("value", &format_args!("<locked>")),
        };
        debug.finish()
    }
}
