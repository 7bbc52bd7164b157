//! Staying on one thread, under `migrate`.

use std::marker::PhantomData;

use super::control::GoroutineId;
use crate::scheduler;

/// Keeps the calling goroutine on its thread until the guard is dropped. Go's `runtime.LockOSThread`.
///
/// Without [`migrate`](crate::Builder::migrate) a goroutine that has started never changes threads, and this changes
/// nothing; nor does it on an ordinary thread. Other goroutines may run on the thread while this one is parked.
///
/// ```
/// use std::thread;
/// use gocsp_runtime::{lock_os_thread, run, yield_now};
///
/// run(|| {
///     let _guard = lock_os_thread();
///     let before = thread::current().id();
///     yield_now();
///     assert_eq!(thread::current().id(), before);
/// });
/// ```
pub fn lock_os_thread() -> OsThreadLock {
    let owner = scheduler::with_running(|goroutine| {
        goroutine.pin();
        goroutine.goroutine_id()
    });
    OsThreadLock { owner, not_send: PhantomData }
}

/// Keeps a goroutine on its thread; see [`lock_os_thread`].
///
/// ```
/// use gocsp_runtime::{OsThreadLock, lock_os_thread, yield_now};
///
/// /// A window, which the system wants to be used by one thread.
/// struct Window {
///     _thread: OsThreadLock,
/// }
///
/// let window = Window { _thread: lock_os_thread() };
/// yield_now();
/// drop(window);
/// ```
#[derive(Debug)]
#[must_use = "the goroutine may move again as soon as the guard is dropped"]
pub struct OsThreadLock {
    /// Who took it. A thread-local may bring it into the hands of another, who then pins and unpins nothing.
    owner: Option<GoroutineId>,
    not_send: PhantomData<*mut ()>,
}

impl Drop for OsThreadLock {
    fn drop(&mut self) {
        scheduler::with_running(|goroutine| {
            if self.owner == Some(goroutine.goroutine_id()) {
                goroutine.unpin();
            }
        });
    }
}
