//! The memory orderings of the locks and the wait group. `RUSTFLAGS="--cfg loom" cargo test -p gocsp-sync --release
//! --test loom_sync`.
//!
//! The data are relaxed atomics: loom lets a relaxed load see any old value that nothing orders before the load, so a
//! missing Acquire or Release shows as a stale value. Since loom may skip schedules without saying so, each model
//! records what it has seen, and that is compared with all that has to be possible.

#![cfg(loom)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex};

use gocsp_sync::{Mutex, RwLock, WaitGroup};
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;

/// Runs `body` in every schedule with at most `preemptions` preemptions, and collects what it gives.
fn outcomes<T: Ord + Send + 'static>(preemptions: usize, body: impl Fn() -> T + Send + Sync + 'static) -> BTreeSet<T> {
    let seen = Arc::new(StdMutex::new(BTreeSet::new()));
    let record = Arc::clone(&seen);
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 10_000;
    model.check(move || {
        let outcome = body();
        record.lock().unwrap().insert(outcome);
    });
    Arc::into_inner(seen).unwrap().into_inner().unwrap()
}

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
    let seen = outcomes(4, || readers_then_writer::<1>());
    assert_eq!(seen, BTreeSet::from([[0], [1]]));
}

/// The one that leaves last passes on what the other has done.
#[test]
fn rwlock_orders_two_readers_before_the_next_writer() {
    let seen = outcomes(2, || readers_then_writer::<2>());
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

/// A writer, a reader that may wait for it, and one that comes after that has been let in.
#[test]
fn rwlock_orders_a_writer_before_all_readers() {
    let seen = outcomes(2, || {
        let lock = Arc::new(RwLock::new(AtomicUsize::new(0)));
        let start = |change: bool| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || if change { increment(&lock.write()) } else { lock.read().load(Relaxed) })
        };
        let (writer, reader) = (start(true), start(false));
        let value = lock.read();
        let first = value.load(Relaxed);
        assert_eq!(first, value.load(Relaxed));
        drop(value);
        assert_eq!(writer.join().unwrap(), 0);
        (first, reader.join().unwrap())
    });
    assert_eq!(seen, BTreeSet::from([(0, 0), (0, 1), (1, 0), (1, 1)]));
}

#[test]
fn wait_group_orders_the_work_before_the_wait() {
    let seen = outcomes(3, || {
        let group = WaitGroup::new();
        group.add(2);
        let work = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let threads = [0, 1].map(|me| {
            let (group, work) = (group.clone(), Arc::clone(&work));
            thread::spawn(move || {
                work[me].store(1, Relaxed);
                group.done();
            })
        });
        group.wait();
        let seen = [work[0].load(Relaxed), work[1].load(Relaxed)];
        for thread in threads {
            thread.join().unwrap();
        }
        seen
    });
    assert_eq!(seen, BTreeSet::from([[1, 1]]));
}
