//! The interface around the locking: guards, their parts, formatting, conversions.

#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind};

use gocsp_sync::{MappedMutexGuard, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, WaitGroup};

#[test]
fn a_mapped_guard_keeps_the_mutex_locked_until_it_is_dropped() {
    let mutex = Mutex::new((1, (2, 3)));
    let outer = MutexGuard::map(mutex.lock(), |value| &mut value.1);
    assert!(mutex.try_lock().is_none());
    let mut inner = MappedMutexGuard::map(outer, |value| &mut value.0);
    *inner += 40;
    assert!(mutex.try_lock().is_none());
    drop(inner);
    assert_eq!(mutex.into_inner(), (1, (42, 3)));
}

#[test]
fn a_mapped_read_guard_keeps_writers_out_and_lets_readers_in() {
    let lock = RwLock::new((1, 2));
    let part = RwLockReadGuard::map(lock.read(), |value| &value.1);
    assert!(lock.try_write().is_none());
    assert_eq!(lock.try_read().map(|whole| whole.1), Some(*part));
    drop(part);
    assert!(lock.try_write().is_some());
}

#[test]
fn a_mapped_write_guard_keeps_everyone_out() {
    let lock = RwLock::new((1, 2));
    let mut part = RwLockWriteGuard::map(lock.write(), |value| &mut value.1);
    *part = 3;
    assert!(lock.try_read().is_none());
    assert!(lock.try_write().is_none());
    drop(part);
    assert_eq!(*lock.read(), (1, 3));
}

#[test]
fn a_panic_while_mapping_unlocks() {
    let mutex = Mutex::new(1);
    let lock = RwLock::new(1);
    fn fail(_: &mut i32) -> &mut i32 {
        panic!("no part")
    }
    fn fail_shared(_: &i32) -> &i32 {
        panic!("no part")
    }
    assert!(catch_unwind(AssertUnwindSafe(|| MutexGuard::map(mutex.lock(), fail))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| RwLockWriteGuard::map(lock.write(), fail))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| RwLockReadGuard::map(lock.read(), fail_shared))).is_err());
    assert!(mutex.try_lock().is_some());
    assert!(lock.try_write().is_some());
}

#[test]
fn a_panic_under_a_lock_unlocks_and_poisons_nothing() {
    let mutex = Mutex::new(0);
    let lock = RwLock::new(0);
    let changed = catch_unwind(AssertUnwindSafe(|| {
        let (mut one, mut other) = (mutex.lock(), lock.write());
        (*one, *other) = (1, 1);
        panic!("half done");
    }));
    assert!(changed.is_err());
    assert_eq!((*mutex.lock(), *lock.read()), (1, 1));
    let read = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.read();
        panic!("while reading");
    }));
    assert!(read.is_err());
    assert!(lock.try_write().is_some());
}

#[test]
fn formatting() {
    let mutex = Mutex::new("text");
    assert_eq!(format!("{mutex:?}"), r#"Mutex { value: "text" }"#);
    let guard = mutex.lock();
    assert_eq!(format!("{mutex:?} {guard:?} {guard}"), r#"Mutex { value: <locked> } "text" text"#);

    let lock = RwLock::new("text");
    let guard = lock.read();
    assert_eq!(format!("{lock:?} {guard:?} {guard}"), r#"RwLock { value: "text" } "text" text"#);
    drop(guard);
    let guard = lock.write();
    assert_eq!(format!("{lock:?} {guard:?} {guard}"), r#"RwLock { value: <locked> } "text" text"#);

    let group = WaitGroup::new();
    group.add(3);
    assert_eq!(format!("{group:?}"), "WaitGroup { count: 3, .. }");
}

#[test]
fn conversions_and_defaults() {
    assert_eq!(Mutex::from(3).into_inner(), 3);
    assert_eq!(Mutex::<u8>::default().into_inner(), 0);
    assert_eq!(RwLock::from(3).into_inner(), 3);
    assert_eq!(RwLock::<u8>::default().into_inner(), 0);
    WaitGroup::default().wait();
}

#[test]
fn unsized_values() {
    let mutex: Box<Mutex<[i32]>> = Box::new(Mutex::new([1, 2, 3]));
    mutex.lock()[1] = 5;
    assert_eq!(*mutex.lock(), [1, 5, 3]);
    let lock: Box<RwLock<[i32]>> = Box::new(RwLock::new([1, 2, 3]));
    lock.write()[1] = 5;
    assert_eq!(*lock.read(), [1, 5, 3]);
}

#[test]
fn a_group_and_its_clones_are_one_and_cloning_counts_nothing() {
    let group = WaitGroup::new();
    let clone = group.clone();
    clone.wait();
    group.add(1);
    assert!(!clone.wait_timeout(std::time::Duration::ZERO));
    clone.done();
    group.wait();
}
