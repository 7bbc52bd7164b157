//! The lock around every structure that goroutines and threads wait on.
//!
//! One read-modify-write to take it, one store to release it, and stores only as long as one thread alone uses it: how is
//! told in [`raw_lock`](super::raw_lock). It is held for a few dozen instructions, never across user code and never across
//! a wake-up; a goroutine that parks hands it to the scheduler, which releases it once the goroutine's stack has been left
//! (see [`super`]).
//!
//! Several locks are held at once only by a select, which takes them in address order, and by one who parks with a
//! deadline, who takes that of the worker's timers last; under that one no other is taken. Debug builds check that no
//! wake-up happens while this thread holds any.
//!
//! Who finds it taken leaves it alone for as long as dozens of operations last, not only for one. Two threads that took it in
//! turns would have its line, and all that it protects, travel at every operation, which takes longer than the operation; so
//! one does many in a row meanwhile, and the other wins the lock at one of its next tries.
//!
//! Rejected: a lock that parks the OS thread when contended. Its release is a read-modify-write, which every
//! uncontended operation would pay; the spinner here yields its processor instead, and at last sleeps, so that
//! a holder that lost its processor gets it back.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::raw_lock::RawLock;
use crate::sync::const_except_in_models;

/// A spin lock for short critical sections. Held for a few dozen instructions: no user code runs under it, nobody is
/// woken, and nobody parks but by handing it over (see the [protocol](super)).
///
/// See [the example](super#an-example).
pub struct Lock<T> {
    raw: RawLock,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives out one guard at a time, so sharing it only ever moves access to `T` between threads.
unsafe impl<T: Send> Sync for Lock<T> {}
// SAFETY: sending the lock sends the value.
unsafe impl<T: Send> Send for Lock<T> {}

impl<T> Lock<T> {
    const_except_in_models! {
        /// An unlocked lock around `value`.
        ///
        /// See [the example](super#an-example).
        pub const fn new(value: T) -> Self {
            Self { raw: RawLock::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Takes the lock, spinning while another thread holds it. A thread that holds it already waits for ever; so a signal
    /// handler may not take it.
    ///
    /// See [the example](super#an-example).
    #[inline]
    pub fn lock(&self) -> LockGuard<'_, T> {
        self.raw.acquire();
        LockGuard { lock: self, not_send: PhantomData }
    }

    /// The value, without locking: `&mut self` proves that nobody else can hold the lock.
    ///
    /// ```
    /// let mut lock = gocsp_runtime::park::Lock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(*lock.lock(), 2);
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The lock without the value, to be taken without a guard.
    ///
    /// See [`RawLock`].
    #[inline]
    pub fn raw(&self) -> &RawLock {
        &self.raw
    }

    /// The value, when there is no guard.
    ///
    /// # Safety
    /// This thread took the lock by [`raw`](Self::raw), and no other reference to the value is alive.
    ///
    /// See [`RawLock`].
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the lock that is held stands for the exclusive borrow")]
    pub unsafe fn force_get(&self) -> &mut T {
        // SAFETY: the caller holds the lock, and no other reference is alive.
        unsafe { &mut *self.value.get() }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("locked", &self.raw.is_locked()).finish_non_exhaustive()
    }
}

/// Access to the value of a [`Lock`], until dropped. Bound to the OS thread that took it.
///
/// See [the example](super#an-example).
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct LockGuard<'a, T> {
    lock: &'a Lock<T>,
    not_send: PhantomData<*mut ()>,
}

impl<'a, T> LockGuard<'a, T> {
    /// The lock that this guard holds.
    ///
    /// ```
    /// use gocsp_runtime::park::{Lock, LockGuard};
    ///
    /// let lock = Lock::new(());
    /// let guard = lock.lock();
    /// assert!(std::ptr::eq(LockGuard::lock_of(&guard), &lock));
    /// ```
    #[inline]
    pub fn lock_of(guard: &Self) -> &'a Lock<T> {
        guard.lock
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard is the only one, so nobody else refers to the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard is the only one and is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for LockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard stands for the lock that this thread has taken, and ends here.
        unsafe { self.lock.raw.release() };
    }
}

impl<T> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").finish_non_exhaustive()
    }
}

/// Counts the locks that this thread holds, in debug builds.
pub(crate) mod held {
    #[cfg(all(debug_assertions, not(any(loom, shuttle))))]
    mod imp {
        use std::cell::Cell;

        thread_local! {
            static HELD: Cell<u32> = const { Cell::new(0) };
        }

        // Never inlined: a goroutine may not keep a thread-local's address across a switch.
        #[inline(never)]
        pub(crate) fn enter() {
            HELD.set(HELD.get() + 1);
        }

        #[inline(never)]
        pub(crate) fn leave() {
            HELD.set(HELD.get() - 1);
        }

        /// Panics when this thread holds a lock.
        #[inline(never)]
        pub(crate) fn assert_none(what: &str) {
            assert_eq!(HELD.get(), 0, "{what} while holding a lock");
        }
    }

    #[cfg(not(all(debug_assertions, not(any(loom, shuttle)))))]
    mod imp {
        #[inline(always)]
        pub(crate) fn enter() {}
        #[inline(always)]
        pub(crate) fn leave() {}
        #[inline(always)]
        pub(crate) fn assert_none(_what: &str) {}
    }

    pub(crate) use imp::{assert_none, enter, leave};
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn excludes_others() {
        let lock = Lock::new(0_u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        *lock.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 40_000);
    }

    #[test]
    fn a_panic_under_the_lock_releases_it() {
        let lock = Lock::new(0);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("under the lock");
        }));
        assert!(result.is_err());
        assert_eq!(*lock.lock(), 0);
    }
}
