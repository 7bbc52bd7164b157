//! The guards of a [`RwLock`](crate::RwLock).
//!
//! # Invariant
//! A guard exists while, and only while, its lock is held on its behalf; a mapped guard takes over from the one it was made
//! of. So while a write guard exists it is the only guard and it alone reaches the value; while read guards exist there is no
//! write guard, and nobody changes the value.
//!
//! A guard points at the value; a mapped one at a part of it. Only the first kind can be given up while it waits for a
//! [`Cond`](crate::Cond), for a part may be gone by then. Neither can be turned from writing to reading: a mapped one would
//! share with other readers what was reached by exclusive access (the inside of a `Cell`, say).

#![expect(unsafe_code, reason = "the pointer to the value, opened by the evidence of the guard")]

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::cond::sealed::CondGuard;
use crate::cond::{Held, Raw};
use crate::raw_rwlock::RawRwLock;

/// Access to the value of a [`RwLock`](crate::RwLock) for reading, until dropped.
///
/// It stays with the goroutine or thread that locked.
///
/// # Examples
/// ```
/// use gocsp_sync::RwLock;
///
/// let lock = RwLock::new(vec![1, 2]);
/// let (one, other) = (lock.read(), lock.read());
/// assert_eq!(one.len() + other.len(), 4);
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized>(MappedRwLockReadGuard<'a, T>);

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// # Safety
    /// The lock of this value was taken for reading, on behalf of this guard.
    #[inline]
    pub(crate) unsafe fn new(raw: &'a RawRwLock, value: NonNull<T>) -> Self {
        Self(MappedRwLockReadGuard { raw, value, access: PhantomData })
    }

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
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&T) -> &U) -> MappedRwLockReadGuard<'a, U> {
        MappedRwLockReadGuard::map(guard.0, part)
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> CondGuard for RwLockReadGuard<'_, T> {
    fn held(&self) -> Held<'_> {
        Held(Raw::Read(self.0.raw))
    }
}

/// Access to a part of the value of a [`RwLock`](crate::RwLock) for reading, made by [`RwLockReadGuard::map`], until dropped.
///
/// # Examples
/// ```
/// use gocsp_sync::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
///
/// fn first(words: &RwLock<Vec<String>>) -> MappedRwLockReadGuard<'_, str> {
///     RwLockReadGuard::map(words.read(), |words| words[0].as_str())
/// }
///
/// assert_eq!(&*first(&RwLock::new(vec!["a".to_owned()])), "a");
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedRwLockReadGuard<'a, T: ?Sized> {
    raw: &'a RawRwLock,
    value: NonNull<T>,
    access: PhantomData<&'a T>,
}

// SAFETY: a shared guard gives shared access to the value only.
unsafe impl<T: ?Sized + Sync> Sync for MappedRwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> MappedRwLockReadGuard<'a, T> {
    /// A guard of a part of the part, as [`RwLockReadGuard::map`] makes it.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(((1, 2), "pair"));
    /// let pair = RwLockReadGuard::map(lock.read(), |both| &both.0);
    /// let second = MappedRwLockReadGuard::map(pair, |pair| &pair.1);
    /// assert_eq!(*second, 2);
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&T) -> &U) -> MappedRwLockReadGuard<'a, U> {
        let value = NonNull::from(part(&guard));
        // Only now, so that the lock is released if `part` panics.
        let raw = ManuallyDrop::new(guard).raw;
        MappedRwLockReadGuard { raw, value, access: PhantomData }
    }
}

impl<T: ?Sized> Deref for MappedRwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as long as this guard exists nobody changes the value, and the guard is borrowed.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Drop for MappedRwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.unlock_read();
    }
}

/// Access to the value of a [`RwLock`](crate::RwLock) for reading and writing, until dropped.
///
/// It stays with the goroutine or thread that locked.
///
/// # Examples
/// ```
/// use gocsp_sync::RwLock;
///
/// let lock = RwLock::new(vec![1]);
/// let mut numbers = lock.write();
/// numbers.push(2);
/// drop(numbers); // Unlocks.
/// assert_eq!(*lock.read(), [1, 2]);
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized>(MappedRwLockWriteGuard<'a, T>);

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// # Safety
    /// The lock of this value was taken for writing, on behalf of this guard.
    #[inline]
    pub(crate) unsafe fn new(raw: &'a RawRwLock, value: NonNull<T>) -> Self {
        Self(MappedRwLockWriteGuard { raw, value, access: PhantomData })
    }

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
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> MappedRwLockWriteGuard<'a, U> {
        MappedRwLockWriteGuard::map(guard.0, part)
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: ?Sized> CondGuard for RwLockWriteGuard<'_, T> {
    fn held(&self) -> Held<'_> {
        Held(Raw::Write(self.0.raw))
    }
}

/// Access to a part of the value of a [`RwLock`](crate::RwLock) for reading and writing, made by [`RwLockWriteGuard::map`],
/// until dropped.
///
/// # Examples
/// ```
/// use gocsp_sync::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
///
/// fn last(numbers: &RwLock<Vec<u32>>) -> MappedRwLockWriteGuard<'_, u32> {
///     RwLockWriteGuard::map(numbers.write(), |numbers| numbers.last_mut().expect("there is one"))
/// }
///
/// let numbers = RwLock::new(vec![1, 2]);
/// *last(&numbers) = 3;
/// assert_eq!(*numbers.read(), [1, 3]);
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedRwLockWriteGuard<'a, T: ?Sized> {
    raw: &'a RawRwLock,
    value: NonNull<T>,
    /// Invariant in `T`, as exclusive access is.
    access: PhantomData<&'a mut T>,
}

// SAFETY: a shared guard gives shared access to the value only.
unsafe impl<T: ?Sized + Sync> Sync for MappedRwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> MappedRwLockWriteGuard<'a, T> {
    /// A guard of a part of the part, as [`RwLockWriteGuard::map`] makes it.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(((1, 2), "pair"));
    /// let pair = RwLockWriteGuard::map(lock.write(), |both| &mut both.0);
    /// *MappedRwLockWriteGuard::map(pair, |pair| &mut pair.1) = 3;
    /// assert_eq!(lock.read().0, (1, 3));
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(mut guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> MappedRwLockWriteGuard<'a, U> {
        let value = NonNull::from(part(&mut guard));
        // Only now, so that the lock is released if `part` panics.
        let raw = ManuallyDrop::new(guard).raw;
        MappedRwLockWriteGuard { raw, value, access: PhantomData }
    }
}

impl<T: ?Sized> Deref for MappedRwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this is the only guard, and is borrowed.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for MappedRwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard, and is borrowed mutably.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for MappedRwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.unlock_write();
    }
}

/// They look like what they give access to.
macro_rules! format_as_value {
    ($($guard:ident)*) => {$(
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}

format_as_value!(RwLockReadGuard MappedRwLockReadGuard RwLockWriteGuard MappedRwLockWriteGuard);
