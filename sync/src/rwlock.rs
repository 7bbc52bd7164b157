//! [`RwLock`]: a value that many may read at a time, or one change. The locking itself is in
//! [`raw_rwlock`](crate::raw_rwlock); here is the value, and the guards that stand for the lock.
//!
//! # Invariant
//! A guard exists while, and only while, its lock is held on its behalf. So while a write guard exists it is the only
//! guard and it alone reaches the value; while read guards exist there is no write guard, and nobody changes the value.
//!
//! A guard points at the value, or, once mapped, at a part of it. It knows its lock only by the part without the
//! value, which is why no write guard can be turned into a read guard: after a mapping that would share with
//! other readers what was reached by exclusive access (the inside of a `Cell`, say).

#![expect(unsafe_code, reason = "the cell that holds the value, opened by the evidence of a guard")]

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::UnwindSafe;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use gocsp_runtime::park;

use crate::raw_rwlock::RawRwLock;
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
        pub fn new(value: T) -> Self {
            Self { raw: RawRwLock::new(), value: UnsafeCell::new(value) }
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
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        park::cooperate();
        self.raw.read();
        self.read_guard()
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
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        park::cooperate();
        self.raw.try_read().then(|| self.read_guard())
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
    pub fn try_read_for(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T>> {
        park::cooperate();
        self.raw.read_for(timeout).then(|| self.read_guard())
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
    pub fn try_read_until(&self, deadline: Instant) -> Option<RwLockReadGuard<'_, T>> {
        park::cooperate();
        self.raw.read_until(deadline).then(|| self.read_guard())
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
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        park::cooperate();
        self.raw.write();
        self.write_guard()
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
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        park::cooperate();
        self.raw.try_write().then(|| self.write_guard())
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
    pub fn try_write_for(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        park::cooperate();
        self.raw.write_for(timeout).then(|| self.write_guard())
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
    pub fn try_write_until(&self, deadline: Instant) -> Option<RwLockWriteGuard<'_, T>> {
        park::cooperate();
        self.raw.write_until(deadline).then(|| self.write_guard())
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

    /// The evidence for a read lock that was just taken.
    #[inline]
    fn read_guard(&self) -> RwLockReadGuard<'_, T> {
        // SAFETY: the address of a field is not null.
        let value = unsafe { NonNull::new_unchecked(self.value.get()) };
        RwLockReadGuard { raw: &self.raw, value, access: PhantomData }
    }

    /// The evidence for a write lock that was just taken.
    #[inline]
    fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        // SAFETY: the address of a field is not null.
        let value = unsafe { NonNull::new_unchecked(self.value.get()) };
        RwLockWriteGuard { raw: &self.raw, value, access: PhantomData }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RwLock");
        match self.try_read() {
            Some(guard) => debug.field("value", &&*guard),
            None => debug.field("value", &format_args!("<locked>")),
        };
        debug.finish()
    }
}

/// Access to the value of a [`RwLock`] for reading, until dropped.
///
/// It stays with the goroutine or thread that locked.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    raw: &'a RawRwLock,
    value: NonNull<T>,
    access: PhantomData<&'a T>,
}

// SAFETY: a shared guard gives shared access to the value only.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// A guard of a part of the value. A function to be called as `RwLockReadGuard::map`, so that it hides no method of
    /// the value.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new((1, "one"));
    /// let name = RwLockReadGuard::map(lock.read(), |pair| &pair.1);
    /// assert_eq!(*name, "one");
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&T) -> &U) -> RwLockReadGuard<'a, U> {
        let value = NonNull::from(part(&guard));
        // Only now, so that the lock is released if `part` panics.
        let raw = ManuallyDrop::new(guard).raw;
        RwLockReadGuard { raw, value, access: PhantomData }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as long as this guard exists nobody changes the value, and the guard is borrowed.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.unlock_read();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Access to the value of a [`RwLock`] for reading and writing, until dropped.
///
/// It stays with the goroutine or thread that locked.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    raw: &'a RawRwLock,
    value: NonNull<T>,
    /// Invariant in `T`, as exclusive access is.
    access: PhantomData<&'a mut T>,
}

// SAFETY: a shared guard gives shared access to the value only.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// A guard of a part of the value. A function to be called as `RwLockWriteGuard::map`, so that it hides no method
    /// of the value.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, "one"));
    /// let mut number = RwLockWriteGuard::map(lock.write(), |pair| &mut pair.0);
    /// *number += 1;
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(mut guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> RwLockWriteGuard<'a, U> {
        let value = NonNull::from(part(&mut guard));
        // Only now, so that the lock is released if `part` panics.
        let raw = ManuallyDrop::new(guard).raw;
        RwLockWriteGuard { raw, value, access: PhantomData }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this is the only guard, and is borrowed.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard, and is borrowed mutably.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.unlock_write();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
