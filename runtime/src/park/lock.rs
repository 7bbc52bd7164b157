//! The lock around every structure that goroutines and threads wait on.
//!
//! One byte, one read-modify-write to take it, one store to release it. It is held for a few dozen
//! instructions, never across user code and never across a wake-up; a goroutine that parks hands it to the
//! scheduler, which releases it once the goroutine's stack has been left (see [`super`]).
//!
//! Two locks are held at once only by a select, which takes them in address order. Debug builds check that no
//! wake-up happens while this thread holds any.
//!
//! Rejected: a lock that parks the OS thread when contended. Its release is a read-modify-write, which every
//! uncontended operation would pay; the spinner here yields its processor instead, and at last sleeps, so that
//! a holder that lost its processor gets it back.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::sync::atomic::{AtomicBool, Ordering};

/// A spin lock for short critical sections. Held for a few dozen instructions: no user code runs under it, nobody is
/// woken, and nobody parks but by handing it over (see the [protocol](super)).
pub struct Lock<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives out one guard at a time, so sharing it only ever moves access to `T` between threads.
unsafe impl<T: Send> Sync for Lock<T> {}
// SAFETY: sending the lock sends the value.
unsafe impl<T: Send> Send for Lock<T> {}

impl<T> Lock<T> {
    /// An unlocked lock around `value`.
    #[cfg(not(any(loom, shuttle)))]
    pub const fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// An unlocked lock around `value`.
    #[cfg(any(loom, shuttle))]
    pub fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Takes the lock, spinning while another thread holds it.
    #[inline]
    pub fn lock(&self) -> LockGuard<'_, T> {
        if !self.acquire() {
            self.lock_contended();
        }
        held::enter();
        LockGuard { lock: self, not_send: PhantomData }
    }

    /// The value, without locking: `&mut self` proves that nobody else can hold the lock.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Releases the lock in place of a guard that was forgotten.
    ///
    /// # Safety
    /// This thread took the lock and forgot the guard.
    #[inline]
    pub unsafe fn force_unlock(&self) {
        drop(LockGuard { lock: self, not_send: PhantomData });
    }

    /// The value, in place of a guard that was forgotten.
    ///
    /// # Safety
    /// This thread took the lock and forgot the guard, and no other reference to the value is alive.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the lock that is held stands for the exclusive borrow")]
    pub unsafe fn force_get(&self) -> &mut T {
        // SAFETY: the caller holds the lock, and no other reference is alive.
        unsafe { &mut *self.value.get() }
    }

    /// Acquire: pairs with the Release in [`LockGuard::drop`].
    #[inline]
    fn acquire(&self) -> bool {
        self.locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn lock_contended(&self) {
        let mut backoff = Backoff::new();
        loop {
            // Read before trying again: a failed exchange would take the cache line from the holder.
            while self.locked.load(Ordering::Relaxed) {
                backoff.wait();
            }
            if self.acquire() {
                return;
            }
        }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("locked", &self.locked.load(Ordering::Relaxed)).finish_non_exhaustive()
    }
}

/// Access to the value of a [`Lock`], until dropped. Bound to the OS thread that took it.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct LockGuard<'a, T> {
    lock: &'a Lock<T>,
    not_send: PhantomData<*mut ()>,
}

impl<'a, T> LockGuard<'a, T> {
    /// The lock that this guard holds.
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
        held::leave();
        // Release: pairs with the Acquire in `Lock::acquire`.
        self.lock.locked.store(false, Ordering::Release);
    }
}

impl<T> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").finish_non_exhaustive()
    }
}

/// Waits longer each time: first on the processor, then giving it up, at last asleep, so that a lock holder
/// which the kernel has preempted runs again whatever the priorities.
struct Backoff {
    step: u32,
}

impl Backoff {
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
            for _ in 0..1 << self.step {
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
