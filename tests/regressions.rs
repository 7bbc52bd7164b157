//! What was once wrong.

#[path = "common/procs.rs"]
mod procs;

use std::sync::Arc;

use gocsp::sync::{Mutex, WaitGroup};
use gocsp::{JoinHandle, Receiver, go, yield_now};
use procs::on_one_and_more_procs;

// A destructor that waited while its runtime ended blocked the thread, and so the others whom only that thread could
// unwind. If it waited for one of them, it waited for ever.

#[test]
#[ignore = "hangs: the join blocks the only thread that could unwind whom it waits for"]
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
        let waits = Waits(group.clone());
        for _ in 0..10 {
            group.go(|| _ = Receiver::<()>::nil().recv());
        }
        go! {
            let _waits = waits;
            Receiver::<()>::nil().recv()
        };
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
