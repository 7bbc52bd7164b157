//! The locks for what is generic over the traits of `lock_api`, by the guards of that crate.

#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use gocsp_runtime::{Runtime, spawn};
use gocsp_sync::lock_api::{RawMutex, RawRwLock};

type Mutex = lock_api::Mutex<RawMutex, ()>;
type RwLock = lock_api::RwLock<RawRwLock, ()>;
type MutexGuard<'a> = lock_api::MutexGuard<'a, RawMutex, ()>;
type ReadGuard<'a> = lock_api::RwLockReadGuard<'a, RawRwLock, ()>;
type WriteGuard<'a> = lock_api::RwLockWriteGuard<'a, RawRwLock, ()>;

/// Has a goroutine `give_up` a lock for a call, during which this thread begins to `hold` it, and ends the goroutine's
/// runtime while it waits to have the lock again. Its guard must not be dropped before this thread's.
fn has_it_again_through_a_shutdown<G>(give_up: impl FnOnce(&dyn Fn()) + Send + 'static, hold: impl FnOnce() -> G) {
    let runtime = Runtime::builder().procs(1).build().expect("there are threads");
    let (free, is_free) = channel();
    let (held, is_held) = channel();
    let (end, has_ended) = channel();
    runtime.run(|| {
        spawn(move || {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                give_up(&|| {
                    free.send(()).expect("the thread waits");
                    is_held.recv().expect("the thread sends");
                });
            }));
            end.send(()).expect("the thread waits");
        });
    });
    is_free.recv().expect("the goroutine sends");
    let guard = hold();
    held.send(()).expect("the goroutine waits");
    let dropping = thread::spawn(move || drop(runtime));
    let early = has_ended.recv_timeout(Duration::from_millis(100));
    assert_eq!(early, Err(RecvTimeoutError::Timeout), "it went on while another held the lock");
    drop(guard);
    has_ended.recv().expect("the goroutine sends");
    dropping.join().expect("a runtime ends without a panic");
}

#[test]
fn a_mutex_that_was_given_up_is_held_again_whatever_happens_to_the_runtime() {
    let mutex = Arc::new(Mutex::new(()));
    let theirs = Arc::clone(&mutex);
    let give_up = move |meanwhile: &dyn Fn()| MutexGuard::unlocked(&mut theirs.lock(), meanwhile);
    has_it_again_through_a_shutdown(give_up, || mutex.lock());
    assert!(mutex.try_lock().is_some());
}

#[test]
fn a_lock_that_was_given_up_is_read_again_whatever_happens_to_the_runtime() {
    let lock = Arc::new(RwLock::new(()));
    let theirs = Arc::clone(&lock);
    let give_up = move |meanwhile: &dyn Fn()| ReadGuard::unlocked(&mut theirs.read(), meanwhile);
    has_it_again_through_a_shutdown(give_up, || lock.write());
    assert!(lock.try_write().is_some());
}

#[test]
fn a_lock_that_was_given_up_is_written_again_whatever_happens_to_the_runtime() {
    let lock = Arc::new(RwLock::new(()));
    let theirs = Arc::clone(&lock);
    let give_up = move |meanwhile: &dyn Fn()| WriteGuard::unlocked(&mut theirs.write(), meanwhile);
    has_it_again_through_a_shutdown(give_up, || lock.read());
    assert!(lock.try_write().is_some());
}
