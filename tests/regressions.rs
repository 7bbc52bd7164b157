//! What was once wrong.

#[path = "common/procs.rs"]
mod procs;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gocsp::sync::{Mutex, WaitGroup};
use gocsp::{JoinHandle, Receiver, RecvTimeoutError, Runtime, SendTimeoutError, channel, go, scope, yield_now};
use procs::on_one_and_more_procs;

/// A goroutine whose deadline passed while a token was on its way to its home could be stolen; the home then delivered the
/// token to a goroutine that ran elsewhere, or that the deadline of a wait long past ended again.
#[test]
fn under_migrate_deadlines_and_wake_ups_may_meet() {
    const VALUES: usize = 500;
    let nanos = |random: &mut usize| {
        *random = (*random * 31 + 7919) % 8000;
        Duration::from_nanos(*random as u64)
    };
    for procs in [2, 4] {
        let builder = Runtime::builder().procs(procs);
        // SAFETY: these goroutines keep nothing that is bound to a thread.
        let runtime = unsafe { builder.migrate() }.build().unwrap();
        let received = AtomicUsize::new(0);
        runtime.run(|| {
            let (tx, rx) = channel(0);
            scope(|s| {
                for mut random in 0..8 {
                    let (tx, rx, received) = (tx.clone(), rx.clone(), &received);
                    s.go(move || {
                        for mut value in 0..VALUES {
                            while let Err(SendTimeoutError::Timeout(back)) = tx.send_timeout(value, nanos(&mut random))
                            {
                                value = back;
                            }
                        }
                    });
                    s.go(move || {
                        loop {
                            match rx.recv_timeout(nanos(&mut random)) {
                                Ok(_) => _ = received.fetch_add(1, Ordering::Relaxed),
                                Err(RecvTimeoutError::Timeout) => {}
                                Err(RecvTimeoutError::Disconnected) => break,
                            }
                        }
                    });
                }
                drop((tx, rx));
            });
        });
        assert_eq!(received.into_inner(), 8 * VALUES);
    }
}

// A destructor that waited while its runtime ended blocked the thread, and so the others whom only that thread could
// unwind. If it waited for one of them, it waited for ever.

#[test]
fn a_destructor_that_joins_while_its_runtime_ends_does_not_hang() {
    struct Joins(Option<JoinHandle<()>>);
    impl Drop for Joins {
        fn drop(&mut self) {
            _ = self.0.take().map(JoinHandle::join);
        }
    }
    on_one_and_more_procs(|| {
        for _ in 0..10 {
            let joins = Joins(Some(go!(|| _ = Receiver::<()>::nil().recv())));
            go! {
                let _joins = joins;
                Receiver::<()>::nil().recv()
            };
        }
        yield_now();
    });
}

#[test]
#[ignore = "hangs: the wait blocks the only thread that could unwind whom it waits for"]
fn a_destructor_that_waits_for_a_group_while_its_runtime_ends_does_not_hang() {
    struct Waits(WaitGroup);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.wait();
        }
    }
    on_one_and_more_procs(|| {
        let group = WaitGroup::new();
        let waits = || {
            let waits = Waits(group.clone());
            go! {
                let _waits = waits;
                Receiver::<()>::nil().recv()
            }
        };
        // Some are unwound before those whom they wait for, some after.
        waits();
        for _ in 0..10 {
            group.go(|| _ = Receiver::<()>::nil().recv());
        }
        waits();
        yield_now();
    });
}

#[test]
#[ignore = "hangs: the lock blocks the only thread that could unwind who holds it"]
fn a_destructor_that_locks_while_its_runtime_ends_does_not_hang() {
    struct Locks(Arc<Mutex<()>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            drop(self.0.lock());
        }
    }
    on_one_and_more_procs(|| {
        let mutex = Arc::new(Mutex::new(()));
        for _ in 0..10 {
            let (locks, mutex) = (Locks(Arc::clone(&mutex)), Arc::clone(&mutex));
            go! {
                let _locks = locks;
                let _guard = mutex.lock();
                Receiver::<()>::nil().recv()
            };
        }
        yield_now();
    });
}
