//! The rules for the map, one test each.

#![cfg(not(any(loom, shuttle)))]

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gocsp_channels::{RecvError, channel};
use gocsp_runtime::{Runtime, go, yield_now};
use gocsp_sync::{Map, WaitGroup};

/// A value that looks at the map when it is dropped: which waits for ever if that is under a lock.
#[derive(Clone)]
struct Looks {
    map: Arc<Map<u32, Looks>>,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Looks {
    fn drop(&mut self) {
        for key in 0..10 {
            // To read would clone, and so drop, a value once more.
            self.map.delete(&(100 + key));
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl PartialEq for Looks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[test]
fn load_gives_what_was_stored_last() {
    let map = Map::new();
    assert_eq!(map.load("one"), None);
    map.store("one", 1);
    map.store("two", 2);
    map.store("one", 10);
    assert_eq!((map.load("one"), map.load("two"), map.load("three")), (Some(10), Some(2), None));
    assert_eq!((map.len(), map.is_empty()), (2, false));
}

#[test]
fn load_or_store_stores_only_once() {
    let map = Map::new();
    assert_eq!((map.load_or_store(1, 'a'), map.load_or_store(1, 'b')), (('a', false), ('a', true)));
    assert_eq!(map.load(&1), Some('a'));
}

#[test]
fn one_of_many_that_load_or_store_stores() {
    for _ in 0..200 {
        let (map, group, stored) = (Arc::new(Map::new()), WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        let attempt = |n: usize| {
            let (map, stored) = (Arc::clone(&map), Arc::clone(&stored));
            move || {
                let (value, loaded) = map.load_or_store("key", n);
                stored.fetch_add(usize::from(!loaded), Ordering::Relaxed);
                assert!(loaded || value == n);
                assert_eq!(map.load("key"), Some(value));
            }
        };
        group.go(attempt(1));
        group.go(attempt(2));
        let thread = thread::spawn(attempt(3));
        group.wait();
        thread.join().unwrap();
        assert_eq!(stored.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn load_and_delete_gives_the_value_to_one() {
    let map: Arc<Map<u32, u32>> = Arc::new((0..1_000).map(|n| (n, n)).collect());
    let taken: Vec<_> = (0..4)
        .map(|_| {
            let map = Arc::clone(&map);
            go!(move || (0..1_000).filter_map(|n| map.load_and_delete(&n)).map(u64::from).sum::<u64>())
        })
        .collect();
    assert_eq!(taken.into_iter().map(|sum| sum.join().unwrap()).sum::<u64>(), 999 * 500);
    assert!(map.is_empty());
}

#[test]
fn delete_says_whether_the_key_was_there() {
    let map = Map::from_iter([("one".to_owned(), 1)]);
    assert!(!map.delete("two"));
    assert!(map.delete("one"));
    assert!(!map.delete("one"));
    assert_eq!(map.load("one"), None);
}

#[test]
fn swap_gives_the_value_before() {
    let map = Map::new();
    assert_eq!((map.swap(1, 'a'), map.swap(1, 'b'), map.load(&1)), (None, Some('a'), Some('b')));
}

#[test]
fn compare_and_swap_changes_only_what_it_was_told_of() {
    let map = Map::new();
    assert_eq!(map.compare_and_swap(&1, &'a', 'b'), Err('b'));
    map.store(1, 'a');
    assert_eq!(map.compare_and_swap(&1, &'x', 'b'), Err('b'));
    assert_eq!(map.compare_and_swap(&1, &'a', 'b'), Ok('a'));
    assert_eq!(map.load(&1), Some('b'));
}

#[test]
fn compare_and_swap_counts_exactly() {
    let map = Arc::new(Map::from_iter([("count", 0_u32)]));
    let count = || {
        let map = Arc::clone(&map);
        move || {
            for _ in 0..1_000 {
                loop {
                    let old = map.load("count").unwrap();
                    if map.compare_and_swap("count", &old, old + 1).is_ok() {
                        break;
                    }
                }
            }
        }
    };
    let group = WaitGroup::new();
    (0..3).for_each(|_| group.go(count()));
    let thread = thread::spawn(count());
    group.wait();
    thread.join().unwrap();
    assert_eq!(map.load("count"), Some(4_000));
}

#[test]
fn compare_and_delete_removes_only_what_it_was_told_of() {
    let map = Map::from_iter([(1, 'a')]);
    assert_eq!((map.compare_and_delete(&1, &'b'), map.compare_and_delete(&2, &'a')), (None, None));
    assert_eq!((map.compare_and_delete(&1, &'a'), map.load(&1)), (Some('a'), None));
}

#[test]
fn range_visits_each_key_once() {
    let map: Map<u32, u32> = (0..10_000).map(|n| (n, n + 1)).collect();
    let mut seen = BTreeMap::new();
    map.range(|key, value| {
        assert_eq!(seen.insert(key, value), None);
        true
    });
    assert!(seen.into_iter().eq((0..10_000).map(|n| (n, n + 1))));
    assert_eq!(map.iter().count(), 10_000);
}

#[test]
fn range_ends_when_told() {
    let map: Map<u32, ()> = (0..100).map(|n| (n, ())).collect();
    let mut calls = 0;
    map.range(|_, ()| {
        calls += 1;
        calls < 7
    });
    assert_eq!(calls, 7);
}

#[test]
fn range_may_change_the_map() {
    let map: Map<u32, u32> = (0..1_000).map(|n| (n, 0)).collect();
    let mut seen = HashSet::new();
    map.range(|key, _| {
        assert!(seen.insert(key));
        map.delete(&key);
        map.store(key + 10_000, 1);
        map.load_or_store(key + 20_000, 2);
        map.range(|key, _| map.load(&key).is_none());
        true
    });
    assert!((0..1_000).all(|key| seen.contains(&key)));
    assert_eq!((0..1_000).filter(|key| map.load(key).is_some()).count(), 0);
    map.range(|_, _| {
        map.clear();
        true
    });
    assert!(map.is_empty());
}

#[test]
fn range_may_wait_while_others_change_the_map() {
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let map: Arc<Map<u32, u32>> = Arc::new((0..100).map(|n| (n, 0)).collect());
        let (tx, rx) = channel(0);
        let changed = Arc::clone(&map);
        let other = go!(move || rx.into_iter().for_each(|key| changed.store(key, 1)));
        map.range(|key, _| {
            tx.send(key).unwrap();
            yield_now();
            true
        });
        drop(tx);
        other.join().unwrap();
        assert!(map.iter().all(|(_, value)| value == 1));
    });
}

#[test]
fn clear_removes_everything() {
    let map: Map<u32, Arc<()>> = Map::new();
    map.clear();
    let value = Arc::new(());
    (0..1_000).for_each(|n| map.store(n, Arc::clone(&value)));
    map.clear();
    assert_eq!((map.len(), Arc::strong_count(&value)), (0, 1));
    map.store(1, value);
    assert_eq!(map.len(), 1);
}

#[test]
fn what_is_removed_is_dropped_at_once() {
    let map = Map::new();
    let [deleted, replaced, cleared] = [1, 2, 3].map(|key| {
        let (tx, rx) = channel::<()>(0);
        map.store(key, tx);
        rx
    });
    map.delete(&1);
    map.store(2, channel(0).0);
    assert_eq!((deleted.try_recv().is_err(), deleted.recv(), replaced.recv()), (true, Err(RecvError), Err(RecvError)));
    map.clear();
    assert_eq!(cleared.recv(), Err(RecvError));
}

#[test]
fn destructors_may_use_the_map() {
    let (map, dropped) = (Arc::new(Map::new()), Arc::new(AtomicUsize::new(0)));
    let make = || Looks { map: Arc::clone(&map), dropped: Arc::clone(&dropped) };
    for key in 100..200 {
        map.store(key, make());
    }
    for key in 0..100 {
        map.store(key, make());
        map.store(key, make());
        drop(map.swap(key, make()));
        drop(map.load_or_store(key, make()));
        drop(map.compare_and_swap(&key, &make(), make()));
        drop(map.compare_and_delete(&key, &make()));
        map.store(key, make());
        drop(map.load(&key));
    }
    map.range(|key, _| {
        map.delete(&key);
        true
    });
    map.store(0, make());
    map.clear();
    assert!(map.is_empty());
    assert_eq!(Arc::strong_count(&map), 1);
    assert!(dropped.load(Ordering::Relaxed) > 1_000);
}

#[test]
fn keys_may_wait_when_they_are_compared() {
    #[derive(Clone, Debug)]
    struct Slow(u32);
    impl PartialEq for Slow {
        fn eq(&self, other: &Self) -> bool {
            yield_now();
            self.0 == other.0
        }
    }
    impl Eq for Slow {}
    impl std::hash::Hash for Slow {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let map = Arc::new(Map::from_iter([(Slow(1), 0)]));
        let others: Vec<_> = (0..10)
            .map(|_| {
                let map = Arc::clone(&map);
                go!(move || {
                    for _ in 0..10 {
                        while map
                            .load(&Slow(1))
                            .is_none_or(|old| map.compare_and_swap(&Slow(1), &old, old + 1).is_err())
                        {
                        }
                    }
                })
            })
            .collect();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(map.load(&Slow(1)), Some(100));
    });
}

#[test]
fn a_panic_of_a_key_leaves_the_map_usable() {
    #[derive(PartialOrd, Ord)]
    struct Touchy(bool);
    impl PartialEq for Touchy {
        fn eq(&self, other: &Self) -> bool {
            assert!(!self.0 && !other.0, "compared");
            true
        }
    }
    impl Eq for Touchy {}
    impl std::hash::Hash for Touchy {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }
    let map = Arc::new(Map::from_iter([(Touchy(false), 1)]));
    let inside = Arc::clone(&map);
    assert!(go!(move || inside.store(Touchy(true), 2)).join().is_err());
    let inside = Arc::clone(&map);
    assert!(go!(move || inside.load(&Touchy(true))).join().is_err());
    map.store(Touchy(false), 3);
    assert_eq!((map.len(), map.load(&Touchy(false))), (1, Some(3)));
}

#[test]
fn a_panic_while_iterating_drops_what_was_cloned_with_no_lock_held() {
    struct Asks<'a> {
        map: &'a Map<u32, Asks<'a>>,
        clones: &'a AtomicUsize,
        is_clone: bool,
    }
    impl Clone for Asks<'_> {
        fn clone(&self) -> Self {
            assert!(self.clones.fetch_add(1, Ordering::Relaxed).is_multiple_of(2), "cloned");
            Self { is_clone: true, ..*self }
        }
    }
    impl Drop for Asks<'_> {
        fn drop(&mut self) {
            if self.is_clone {
                assert_eq!(self.map.len(), KEYS as usize);
            }
        }
    }
    // So many that there are two in one part of the table.
    const KEYS: u32 = 1_000;
    let (map, clones): (&Map<_, Asks>, _) = (Box::leak(Box::default()), Box::leak(Box::default()));
    (0..KEYS).for_each(|key| map.store(key, Asks { map, clones, is_clone: false }));
    let panicked = catch_unwind(AssertUnwindSafe(|| map.iter().count()));
    assert!(panicked.is_err());
}

#[test]
fn goroutines_and_threads_in_every_way() {
    const KEYS: usize = 16;
    const STEPS: usize = 5_000;
    let map: Arc<Map<usize, Arc<usize>>> = Arc::new(Map::new());
    let seed = gocsp_runtime::random::next_u64();
    println!("seed {seed:#x}");
    let alive = Arc::new(());
    let work = |n: u64| {
        let (map, alive) = (Arc::clone(&map), Arc::clone(&alive));
        move || {
            let _alive = alive;
            let mut random = (seed ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1;
            for step in 0..STEPS {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // A value tells its key, so that one in the wrong place is found.
                let (key, value) = (random as usize % KEYS, Arc::new(step * KEYS + random as usize % KEYS));
                let found = match random >> 32 & 7 {
                    0 => map.swap(key, value),
                    1 => Some(map.load_or_store(key, value).0),
                    2 => map.load_and_delete(&key),
                    3 => map.load(&key).and_then(|old| map.compare_and_swap(&key, &old, value).ok()),
                    4 => map.load(&key).and_then(|old| map.compare_and_delete(&key, &old)),
                    5 if step % 50 == 0 => {
                        map.range(|key, value| *value % KEYS == key || panic!("{value} at {key}"));
                        None
                    }
                    6 if step % 500 == 0 => {
                        map.clear();
                        None
                    }
                    _ => map.load(&key),
                };
                assert!(found.is_none_or(|found| *found % KEYS == key));
            }
        }
    };
    let group = WaitGroup::new();
    (0..4).for_each(|n| group.go(work(n)));
    let threads: Vec<_> = (4..8).map(|n| thread::spawn(work(n))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    group.wait();
    assert!(map.len() <= KEYS);
    assert!(map.iter().all(|(_, value)| Arc::strong_count(&value) == 2), "a value has leaked");
}
