//! The memory orderings of the locks and the wait group. `RUSTFLAGS="--cfg loom" cargo test -p gocsp-sync --release
//! --test loom_sync`.
//!
//! The data are relaxed atomics: loom lets a relaxed load see any old value that nothing orders before the load, so a
//! missing Acquire or Release shows as a stale value. Since loom may skip schedules without saying so, each model
//! records what it has seen, and that is compared with all that has to be possible.

#![cfg(loom)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gocsp_runtime::models::outcomes;
use gocsp_sync::{Mutex, RwLock, WaitGroup};
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;

/// Adds one, as two steps that only a lock makes one; gives the number before.
fn increment(number: &AtomicUsize) -> usize {
    let before = number.load(Relaxed);
    number.store(before + 1, Relaxed);
    before
}

#[test]
fn mutex_orders_two_critical_sections() {
    let seen = outcomes(4, || mutex_model([])).len();
    assert_eq!(seen, 2);
}

/// With a third thread a newcomer can come between the one that unlocks and the one that it wakes.
#[test]
fn mutex_orders_three_critical_sections() {
    let seen = outcomes(2, || mutex_model([()])).len();
    assert_eq!(seen, 6);
}

/// The main thread, another one, and as many `more` increment a number; gives the order in which they did.
fn mutex_model<const MORE: usize>(more: [(); MORE]) -> Vec<usize> {
    let mutex = Arc::new(Mutex::new(AtomicUsize::new(0)));
    let start = |()| {
        let mutex = Arc::clone(&mutex);
        thread::spawn(move || increment(&mutex.lock()))
    };
    let one = start(());
    let more = more.map(start);
    let here = increment(&mutex.lock());
    let mut order = vec![here, one.join().unwrap()];
    order.extend(more.map(|thread| thread.join().unwrap()));
    assert_eq!(mutex.try_lock().unwrap().load(Relaxed), order.len());
    assert_eq!(BTreeSet::from_iter(order.iter().copied()), (0..order.len()).collect());
    order
}

#[test]
fn rwlock_orders_writers_and_readers() {
    let seen = outcomes(4, || {
        let lock = Arc::new(RwLock::new([AtomicUsize::new(0), AtomicUsize::new(0)]));
        let writer = Arc::clone(&lock);
        let thread = thread::spawn(move || {
            let value = writer.write();
            let before = increment(&value[0]);
            assert_eq!(increment(&value[1]), before);
        });
        let value = lock.read();
        let (one, two) = (value[0].load(Relaxed), value[1].load(Relaxed));
        drop(value);
        thread.join().unwrap();
        assert_eq!(lock.try_read().unwrap()[0].load(Relaxed), 1);
        (one, two)
    });
    assert_eq!(seen, BTreeSet::from([(0, 0), (1, 1)]));
}

#[test]
fn rwlock_orders_a_reader_before_the_next_writer() {
    let seen = outcomes(4, readers_then_writer::<1>);
    assert_eq!(seen, BTreeSet::from([[0], [1]]));
}

/// The one that leaves last passes on what the other has done.
#[test]
fn rwlock_orders_two_readers_before_the_next_writer() {
    let seen = outcomes(2, readers_then_writer::<2>);
    assert_eq!(seen, BTreeSet::from([[0, 0], [0, 1], [1, 0], [1, 1]]));
}

/// Each reader leaves a mark; gives those that the writer sees.
fn readers_then_writer<const READERS: usize>() -> [usize; READERS] {
    let lock = Arc::new(RwLock::new(()));
    let marks = Arc::new([(); READERS].map(|()| AtomicUsize::new(0)));
    let threads = std::array::from_fn::<_, READERS, _>(|me| {
        let (lock, marks) = (Arc::clone(&lock), Arc::clone(&marks));
        thread::spawn(move || {
            let _guard = lock.read();
            marks[me].store(1, Relaxed);
        })
    });
    let guard = lock.write();
    // Whoever was inside has left, and its mark is seen; the others cannot come in. So no mark appears from now on.
    let seen = marks.each_ref().map(|mark| mark.load(Relaxed));
    assert_eq!(seen, marks.each_ref().map(|mark| mark.load(Relaxed)));
    drop(guard);
    for thread in threads {
        thread.join().unwrap();
    }
    seen
}

/// A reader that gave up leaves its mark, so that the writer has to look for readers as it leaves.
#[test]
fn rwlock_orders_a_writer_that_looks_for_readers_before_a_reader() {
    let seen = outcomes(4, || {
        let lock = Arc::new(RwLock::new(AtomicUsize::new(0)));
        let writer = Arc::clone(&lock);
        let thread = thread::spawn(move || increment(&writer.write()));
        let gave_up = lock.try_read_for(Duration::ZERO).is_none();
        let value = lock.read();
        let first = value.load(Relaxed);
        assert_eq!(first, value.load(Relaxed));
        drop(value);
        thread.join().unwrap();
        (gave_up, first)
    });
    assert_eq!(seen, BTreeSet::from([(false, 0), (false, 1), (true, 1)]));
}

#[test]
fn wait_group_orders_the_work_before_the_wait() {
    assert_eq!(outcomes(4, work_then_wait::<0>), BTreeSet::from([[1, 1]]));
    assert_eq!(outcomes(2, work_then_wait::<1>), BTreeSet::from([[1, 1]]));
}

/// The main thread leaves two marks, or one and another thread the other; gives those that are seen after the wait.
/// The main thread is not the one that waits: loom would leave out the schedules in which all is done before.
fn work_then_wait<const OTHERS: usize>() -> [usize; 2] {
    let group = WaitGroup::new();
    let marks = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    group.add(2);
    let work = |me: usize| {
        let (group, marks) = (group.clone(), Arc::clone(&marks));
        move || {
            marks[me].store(1, Relaxed);
            group.done();
        }
    };
    let waits = thread::spawn({
        let (group, marks) = (group.clone(), Arc::clone(&marks));
        move || {
            group.wait();
            [marks[0].load(Relaxed), marks[1].load(Relaxed)]
        }
    });
    let others = [(); OTHERS].map(|()| thread::spawn(work(1)));
    work(0)();
    if others.is_empty() {
        work(1)();
    }
    for other in others {
        other.join().unwrap();
    }
    waits.join().unwrap()
}
