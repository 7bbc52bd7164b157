//! The locks for the crate `lock_api`, where they differ from those of this crate.

#![cfg(not(any(loom, shuttle)))]

use std::sync::{Arc, mpsc};
use std::time::Duration;

use gocsp_channels::{Receiver, Sender, channel};
use gocsp_runtime::{Runtime, blocking, go, yield_now};
use gocsp_sync::lock_api::{RawMutex, RawRwLock};

type Mutex = lock_api::Mutex<RawMutex, ()>;
type RwLock = lock_api::RwLock<RawRwLock, ()>;

/// Tells when it is dropped.
struct Tell(Sender<()>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.try_send(()).unwrap();
    }
}

/// Has one goroutine give the lock up for as long as it calls what it is given, and another take it meanwhile. The runtime
/// ends before the first takes the lock again. Says whether the other had it then for as long as it thought.
fn is_kept<L: Send + Sync + 'static>(
    lock: L,
    give_up: fn(&L, &dyn Fn()),
    take: fn(&L, &dyn Fn()),
    is_locked: fn(&L) -> bool,
) -> bool {
    let (lock, seen) = (Arc::new(lock), mpsc::channel());
    let ((ends, has_ended), other) = (channel(1), channel::<()>(0));
    let runtime = Runtime::builder().procs(1).build().unwrap();
    let first = Arc::clone(&lock);
    runtime.run(move || {
        // A job on the pool is waited for, whatever happens to the runtime.
        go!(move || {
            let _ended = other.0;
            give_up(&first, &|| blocking(|| has_ended.recv().unwrap()));
        });
        yield_now();
        go!(move || {
            let look = || {
                // Until the first ends, who cannot end before this one gives the lock up.
                _ = other.1.recv_timeout(Duration::from_millis(20));
                seen.0.send(is_locked(&lock)).unwrap();
            };
            take(&lock, &|| blocking(look));
        });
        go! {
            let _tell = Tell(ends);
            Receiver::<()>::nil().recv().unwrap();
        };
        yield_now();
    });
    drop(runtime);
    seen.1.recv().unwrap()
}

/// It was not: taking it again was ended by the runtime, and the guard then gave up what it did not have.
#[test]
fn a_lock_given_up_for_a_while_is_had_again_though_the_runtime_ends() {
    assert!(is_kept(
        Mutex::new(()),
        |mutex, meanwhile| lock_api::MutexGuard::unlocked(&mut mutex.lock(), meanwhile),
        |mutex, then| {
            let _guard = mutex.lock();
            then();
        },
        Mutex::is_locked,
    ));
    let take: fn(&RwLock, &dyn Fn()) = |lock, then| {
        let _guard = lock.write();
        then();
    };
    assert!(is_kept(
        RwLock::new(()),
        |lock, meanwhile| lock_api::RwLockWriteGuard::unlocked(&mut lock.write(), meanwhile),
        take,
        RwLock::is_locked,
    ));
    assert!(is_kept(
        RwLock::new(()),
        |lock, meanwhile| lock_api::RwLockReadGuard::unlocked(&mut lock.read(), meanwhile),
        take,
        RwLock::is_locked,
    ));
}
