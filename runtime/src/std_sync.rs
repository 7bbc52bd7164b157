//! std's means of synchronization, which in builds for ThreadSanitizer tell it what they order.
//!
//! It learns of that from the code that it was compiled into. The standard library that comes with the compiler it was not,
//! except for what is generic or inlined: so it sees a mutex being unlocked, but not being locked by one who had to wait,
//! and a `OnceLock` being read, but not being written. For what these guard it would report races that are none.
//!
//! The library takes them from here, but for models, which have their own. In all other builds they are just std's.

#[cfg(not(gocsp_sanitizer = "thread"))]
pub(crate) use std::sync::Condvar;
#[cfg(not(gocsp_sanitizer = "thread"))]
pub use std::sync::{Mutex, MutexGuard, OnceLock};

#[cfg(gocsp_sanitizer = "thread")]
pub(crate) use told::Condvar;
#[cfg(gocsp_sanitizer = "thread")]
pub use told::{Mutex, MutexGuard, OnceLock};

#[cfg(gocsp_sanitizer = "thread")]
mod told {
    use std::cell::UnsafeCell;
    use std::ffi::c_void;
    use std::ops::{Deref, DerefMut};
    use std::panic::{RefUnwindSafe, UnwindSafe};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{LockResult, PoisonError, WaitTimeoutResult};
    use std::time::Duration;
    use std::{fmt, mem, ptr};

    unsafe extern "C" {
        safe fn __tsan_acquire(place: *const c_void);
        safe fn __tsan_release(place: *const c_void);
    }

    /// What has been done happens before what follows a later [`acquire`] of the same place.
    fn release<T: ?Sized>(place: &T) {
        __tsan_release(ptr::from_ref(place).cast());
    }

    fn acquire<T: ?Sized>(place: &T) {
        __tsan_acquire(ptr::from_ref(place).cast());
    }

    /// std's, as far as it is used.
    #[derive(Debug, Default)]
    pub struct Mutex<T> {
        mutex: std::sync::Mutex<T>,
    }

    #[expect(missing_docs, reason = "the methods are std's")]
    impl<T> Mutex<T> {
        pub const fn new(value: T) -> Self {
            Self { mutex: std::sync::Mutex::new(value) }
        }

        pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            let locked = self.mutex.lock();
            acquire(self);
            let guard = |inner| MutexGuard { mutex: self, inner: Some(inner) };
            locked.map(guard).map_err(|poisoned| PoisonError::new(guard(poisoned.into_inner())))
        }

        pub fn get_mut(&mut self) -> LockResult<&mut T> {
            self.mutex.get_mut()
        }
    }

    /// std's, as far as it is used.
    #[derive(Debug)]
    pub struct MutexGuard<'a, T> {
        mutex: &'a Mutex<T>,
        /// `None` while it waits on a [`Condvar`].
        inner: Option<std::sync::MutexGuard<'a, T>>,
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.inner.as_ref().expect("who has the guard does not wait")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.inner.as_mut().expect("who has the guard does not wait")
        }
    }

    impl<T> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {
            release(self.mutex);
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar {
        condvar: std::sync::Condvar,
    }

    impl Condvar {
        pub(crate) const fn new() -> Self {
            Self { condvar: std::sync::Condvar::new() }
        }

        pub(crate) fn notify_one(&self) {
            self.condvar.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.condvar.notify_all();
        }

        pub(crate) fn wait_while<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            condition: impl FnMut(&mut T) -> bool,
        ) -> LockResult<MutexGuard<'a, T>> {
            let waited = self.wait_timeout_while(guard, Duration::MAX, condition);
            waited.map(|(guard, _)| guard).map_err(|poisoned| PoisonError::new(poisoned.into_inner().0))
        }

        pub(crate) fn wait_timeout_while<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            timeout: Duration,
            mut condition: impl FnMut(&mut T) -> bool,
        ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
            let mutex = guard.mutex;
            let inner = guard.inner.take().expect("who has the guard does not wait");
            release(mutex);
            let waited = self.condvar.wait_timeout_while(inner, timeout, |value| {
                acquire(mutex);
                let goes_on = condition(value);
                release(mutex);
                goes_on
            });
            acquire(mutex);
            let again = |(inner, result)| (MutexGuard { mutex, inner: Some(inner) }, result);
            waited.map(again).map_err(|poisoned| PoisonError::new(again(poisoned.into_inner())))
        }
    }

    /// std's, as far as it is used. One of our own: std's writes the value where nothing can be said after it.
    ///
    /// **O1** The value is written once, by who holds `setting` while `is_set` is false. Then it is set, and the value is only
    /// read, but by who owns the cell.
    pub struct OnceLock<T> {
        value: UnsafeCell<Option<T>>,
        is_set: AtomicBool,
        setting: std::sync::Mutex<()>,
    }

    // SAFETY: everybody may read the value, and who does may not be who has written it.
    unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}
    impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}
    impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}

    #[expect(missing_docs, reason = "the methods are std's")]
    impl<T> OnceLock<T> {
        pub const fn new() -> Self {
            Self { value: UnsafeCell::new(None), is_set: AtomicBool::new(false), setting: std::sync::Mutex::new(()) }
        }

        pub fn get(&self) -> Option<&T> {
            // Acquire: pairs with the Release in `set_with`.
            if !self.is_set.load(Ordering::Acquire) {
                return None;
            }
            // SAFETY: the value is only read any more (O1).
            unsafe { &*self.value.get() }.as_ref()
        }

        pub fn get_mut(&mut self) -> Option<&mut T> {
            self.value.get_mut().as_mut()
        }

        pub fn set(&self, value: T) -> Result<(), T> {
            let mut value = Some(value);
            self.set_with(|| value.take().expect("it is asked for once"));
            value.map_or(Ok(()), Err)
        }

        pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
            if self.get().is_none() {
                self.set_with(f);
            }
            self.get().expect("it was just set, or before")
        }

        fn set_with(&self, f: impl FnOnce() -> T) {
            // Who panicked has not set it.
            let setting = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.is_set.load(Ordering::Acquire) {
                let value = Some(f());
                // SAFETY: nobody else writes, and nobody reads yet (O1).
                unsafe { self.value.get().write(value) };
                // Release: pairs with the Acquire in `get`.
                self.is_set.store(true, Ordering::Release);
            }
            drop(setting);
        }

        pub fn take(&mut self) -> Option<T> {
            mem::take(self).into_inner()
        }

        pub fn into_inner(self) -> Option<T> {
            self.value.into_inner()
        }
    }

    impl<T> Default for OnceLock<T> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl<T: Clone> Clone for OnceLock<T> {
        fn clone(&self) -> Self {
            self.get().cloned().map_or_else(Self::new, Self::from)
        }
    }

    impl<T> From<T> for OnceLock<T> {
        fn from(value: T) -> Self {
            Self {
                value: UnsafeCell::new(Some(value)),
                is_set: AtomicBool::new(true),
                setting: std::sync::Mutex::new(()),
            }
        }
    }

    impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("OnceLock").field(&self.get()).finish()
        }
    }
}
