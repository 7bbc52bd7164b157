//! [`Mutex`]: a value that one goroutine or thread at a time may use. The locking itself is in
//! [`raw_mutex`](crate::raw_mutex); here is the value, and the guards that stand for the lock.
//!
//! # Invariant
//! A guard exists while, and only while, its mutex is locked on its behalf; a mapped guard takes over from the one it
//! was made of. So at most one guard of a mutex exists, and it alone reaches the value.

#![expect(unsafe_code, reason = "the cell that holds the value, opened by the evidence of a guard")]

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{Location, UnwindSafe};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use gocsp_runtime::park::{self, Reason, Way};

use crate::cond::sealed::CondGuard;
use crate::cond::{Held, Raw};
use crate::raw_mutex::{Locking, RawMutex};
use crate::report::{self, Caller};
use crate::sync::const_unless_modelled;

/// A value that one goroutine or thread at a time may use.
///
/// It is locked by [`lock`](Self::lock), and unlocked when the guard is dropped, also by a panic: there is no
/// poisoning. What a panic left half done is then there for the next one to see.
///
/// # Fairness
/// A free mutex goes to whoever asks first, even while others are still waking up to take it: that is what keeps
/// short critical sections fast. A waiter that has waited for over a millisecond is not passed by any more: the next
/// unlocking hands the mutex over to it, without its ever being free. So the wait is bounded by one millisecond and
/// the critical sections of those who came before.
///
/// # Cost
/// Without contention one compare-and-exchange to lock and one to unlock. No allocation, ever. While it waits, a
/// goroutine is parked, and its thread runs others; an OS thread is blocked.
///
/// A goroutine that waits while it unwinds blocks its OS thread. When its runtime shuts down, a goroutine that waits
/// is unwound, except if it unwinds already: then it goes on waiting.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use gocsp_sync::{Mutex, WaitGroup};
///
/// let total = Arc::new(Mutex::new(0));
/// let workers = WaitGroup::new();
/// for n in 1..=10 {
///     let total = Arc::clone(&total);
///     workers.go(move || *total.lock() += n);
/// }
/// workers.wait();
/// assert_eq!(*total.lock(), 55);
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    value: UnsafeCell<T>,
}

// SAFETY: sending the mutex sends the value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: sharing the mutex only ever moves the access to the value between threads, one guard at a time.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

// As for the value alone. (But not `RefUnwindSafe`: without poisoning, a panic under the lock may be noticed later.)
impl<T: ?Sized + UnwindSafe> UnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    const_unless_modelled! {
        /// An unlocked mutex around `value`.
        ///
        /// # Examples
        /// ```
        /// use gocsp_sync::Mutex;
        ///
        /// static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
        /// NAMES.lock().push("gopher".to_owned());
        /// ```
        #[inline]
        #[track_caller]
        pub fn new(value: T) -> Self {
            Self { raw: RawMutex::new(Some(Location::caller())), value: UnsafeCell::new(value) }
        }
    }

    /// As [`new`](Self::new), for who makes it on behalf of the user, who is at `place`.
    pub(crate) fn made_at(place: Caller, value: T) -> Self {
        Self { raw: RawMutex::new(Some(place)), value: UnsafeCell::new(value) }
    }

    /// The value, and the end of the mutex.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(gocsp_sync::Mutex::new(7).into_inner(), 7);
    /// ```
    #[inline]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex, waiting for as long as it takes.
    ///
    /// It is not re-entrant: to lock a mutex that one holds already is to wait for ever.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::Mutex;
    ///
    /// let mutex = Mutex::new(vec![1]);
    /// mutex.lock().push(2);
    /// assert_eq!(*mutex.lock(), [1, 2]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let place = Location::caller();
        report::held(self.lock_as::<Locking>(place), place)
    }

    /// As [`lock`](Self::lock), for who does something else in the eyes of the user, somewhere else.
    #[inline]
    pub(crate) fn lock_as<W: Way<RawMutex>>(&self, place: Caller) -> MutexGuard<'_, T> {
        park::cooperate();
        park::point(|| Reason::new::<W, _>(place, &self.raw));
        self.raw.lock::<W>(place);
        self.guard()
    }

    /// Locks the mutex if that needs no waiting. `None` when it is held, or on its way to a waiter.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.try_lock().expect("nobody holds it");
    /// assert!(mutex.try_lock().is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point(place);
        self.raw.try_lock().then(|| report::held(self.guard(), place))
    }

    /// Locks the mutex, waiting for at most `timeout`. `None` when that has passed.
    ///
    /// A mutex that was handed over at the last moment is not given back: the answer is then the guard.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_sync::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(mutex.try_lock_for(Duration::from_millis(1)).is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point(place);
        self.raw.lock_for(timeout, place).then(|| report::held(self.guard(), place))
    }

    /// Locks the mutex, waiting until `deadline` at the latest. As [`try_lock_for`](Self::try_lock_for) otherwise.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_sync::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(mutex.try_lock_until(deadline).as_deref(), Some(&1));
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        park::cooperate();
        let place = Location::caller();
        self.point(place);
        self.raw.lock_until(deadline, place).then(|| report::held(self.guard(), place))
    }

    /// Whether somebody holds the mutex. The answer may be out of date at once.
    ///
    /// # Examples
    /// ```
    /// let mutex = gocsp_sync::Mutex::new(());
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.point(Location::caller());
        self.raw.is_locked()
    }

    /// The value, without locking: `&mut self` proves that nobody else can have locked the mutex.
    ///
    /// # Examples
    /// ```
    /// let mut mutex = gocsp_sync::Mutex::new(1);
    /// *mutex.get_mut() = 2;
    /// assert_eq!(mutex.into_inner(), 2);
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline(always)]
    fn point(&self, place: Caller) {
        park::point(|| Reason::new::<Locking, _>(place, &self.raw));
    }

    /// The evidence for a lock that was just taken.
    #[inline]
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, not_send: PhantomData }
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Mutex");
        match self.raw.try_lock().then(|| self.guard()) {
            Some(guard) => debug.field("value", &&*guard),
            None => debug.field("value", &format_args!("<locked>")),
        };
        debug.finish()
    }
}

/// Access to the value of a [`Mutex`], which is unlocked when this is dropped.
///
/// It stays with the goroutine or thread that locked the mutex.
///
/// # Examples
/// ```
/// use gocsp_sync::Mutex;
///
/// let words = Mutex::new(Vec::new());
/// let mut guard = words.lock();
/// guard.push("a");
/// guard.push("b");
/// drop(guard); // Unlocks.
/// assert_eq!(words.lock().len(), 2);
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    not_send: PhantomData<*mut ()>,
}

// SAFETY: a shared guard gives shared access to the value only.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// A guard of a part of the value. A function to be called as `MutexGuard::map`, so that it hides no method of
    /// the value.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(mutex.lock(), |pair| &mut pair.0);
    /// *number += 1;
    /// drop(number);
    /// assert_eq!(*mutex.lock(), (2, "one"));
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(mut guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> MappedMutexGuard<'a, U> {
        let value = NonNull::from(part(&mut guard));
        // Only now, so that the mutex is unlocked if `part` panics.
        let raw = &ManuallyDrop::new(guard).mutex.raw;
        MappedMutexGuard { raw, value, access: PhantomData }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this is the only guard, and is borrowed.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard, and is borrowed mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> CondGuard for MutexGuard<'_, T> {
    fn held(&self) -> Held<'_> {
        Held(Raw::Mutex(&self.mutex.raw))
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.raw.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Access to a part of the value of a [`Mutex`], made by [`MutexGuard::map`]. The mutex is unlocked when this is
/// dropped.
///
/// # Examples
/// ```
/// use gocsp_sync::{MappedMutexGuard, Mutex, MutexGuard};
///
/// struct Account {
///     balance: i64,
///     owner: &'static str,
/// }
///
/// fn balance(account: &Mutex<Account>) -> MappedMutexGuard<'_, i64> {
///     MutexGuard::map(account.lock(), |account| &mut account.balance)
/// }
///
/// let account = Mutex::new(Account { balance: 1, owner: "Ann" });
/// *balance(&account) += 41;
/// let account = account.lock();
/// assert_eq!((account.balance, account.owner), (42, "Ann"));
/// ```
// Not a `MutexGuard`: that one may be given up and taken back while it waits for a condition, and the part may be
// gone by then.
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    raw: &'a RawMutex,
    value: NonNull<T>,
    /// Invariant in `T`, as exclusive access is.
    access: PhantomData<&'a mut T>,
}

// SAFETY: a shared guard gives shared access to the value only.
unsafe impl<T: ?Sized + Sync> Sync for MappedMutexGuard<'_, T> {}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// A guard of a part of the part, as [`MutexGuard::map`] makes it.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new(((1, 2), "pair"));
    /// let pair = MutexGuard::map(mutex.lock(), |both| &mut both.0);
    /// let second = MappedMutexGuard::map(pair, |pair| &mut pair.1);
    /// assert_eq!(*second, 2);
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(mut guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> MappedMutexGuard<'a, U> {
        let value = NonNull::from(part(&mut guard));
        let raw = ManuallyDrop::new(guard).raw;
        MappedMutexGuard { raw, value, access: PhantomData }
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: a part of a value that only this guard reaches, and the guard is borrowed.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: a part of a value that only this guard reaches, and the guard is borrowed mutably.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for MappedMutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MappedMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
