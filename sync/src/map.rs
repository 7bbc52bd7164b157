//! [`Map`]: a hash table that everybody uses at the same time.
//!
//! # Structure
//! The table is split into *shards*, sixteen for each processor. A shard is a [`Mutex`] around a `hashbrown::HashTable`. The
//! hash of a key is computed once, before any lock: some of its bits choose the shard, others the place there. It is kept with
//! the entry, so that a table that grows calls no `Hash`.
//!
//! # Invariants
//! - **M1** A key is in the shard of its hash, or nowhere. So one lock is enough for each operation, which happens as a whole.
//! - **M2** At most one shard is locked at a time, and none when a call returns or calls back.
//! - **M3** What is replaced or removed is moved out of the table, and dropped with no lock held.
//!
//! What is called under a lock is `Eq` of the keys, `Clone`, and `PartialEq` of the values when they are compared. The locks
//! park, so all of that may wait for something else; but it may not use the same map.
//!
//! An iteration copies one shard at a time (M2). So whoever iterates may change the map and wait, and sees no key twice; but
//! needs `Clone`, and memory for the largest shard.
//!
//! # Why not another map
//! Two threads on two processors, nanoseconds for an operation, medians: 5 % writes to 10,000 keys; 5 % to four keys; 50 % to
//! 10,000 keys.
//!
//! | | 5 % | four keys | 50 % |
//! |---|---|---|---|
//! | std's `RwLock<HashMap>` | 164 | 141 | 187 |
//! | this, with 32 shards | 52 | 97 | 78 |
//! | the same with the read-write locks of this crate | 95 | 550 | 181 |
//! | `scc::HashMap` | 47 | 113 | 54 |
//!
//! - A read-write lock for each shard: what is done under the lock takes no longer than the lock, so readers gain nothing by
//!   being inside together, and a writer among them makes them park. A `Clone` that takes its time keeps other readers out;
//!   so the documentation recommends an `Arc`.
//! - `scc`: its locks block the thread when they are contended, and with it, maybe, the goroutine that holds the lock and waits
//!   in an `Eq` or a `Clone`. For that there is little to gain.
//! - `papaya`, which reads without a write to shared memory: what is removed is dropped late, when all who might still read it
//!   have gone on. If that is the sender of a channel, the channel is closed at some time, or never.
//! - `dashmap`: its locks block the thread, and to change the map while iterating is a deadlock.

#![forbid(unsafe_code)]

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use crossbeam_utils::CachePadded;
use gocsp_runtime::park::{Description, Way};
use gocsp_runtime::std_sync::OnceLock;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

use crate::hashing::Hashing;
use crate::parallelism::parallelism;
use crate::raw_mutex::RawMutex;
use crate::report::Caller;
use crate::{Mutex, MutexGuard};

/// A hash table that any number of goroutines and threads use at the same time, without a lock around it.
///
/// After Go's `sync.Map`. Where several keys have to change together, a [`Mutex`](crate::Mutex) around a `HashMap` is right, and
/// this is not.
///
/// Values are cloned when they are read: where that is expensive let them be an `Arc`. What is replaced or removed is dropped at
/// once, or handed over.
///
/// A store to a key happens before the load that sees it.
///
/// # Deadlocks
/// `Eq`, `Clone` and `PartialEq` of keys and values are called under a lock of the map, and may not use the map themselves.
///
/// # Cost
/// A hash, a lock that only the keys of one part of the table share, and a look into that. No allocation but when the table
/// grows.
///
/// # Examples
/// ```
/// use gocsp_sync::{Map, WaitGroup};
///
/// static SQUARES: Map<u32, u32> = Map::new();
///
/// let group = WaitGroup::new();
/// for n in 0..10 {
///     group.go(move || SQUARES.store(n, n * n));
/// }
/// group.wait();
/// assert_eq!(SQUARES.load(&7), Some(49));
/// ```
pub struct Map<K, V> {
    /// Made when it is first used, so that a map can stand in a static.
    table: OnceLock<Table<K, V>>,
    made_at: Caller,
}

struct Table<K, V> {
    hashing: Hashing,
    /// A power of two.
    shards: Box<[CachePadded<Shard<K, V>>]>,
}

type Shard<K, V> = Mutex<HashTable<Entry<K, V>>>;

struct Entry<K, V> {
    hash: u64,
    key: K,
    value: V,
}

// A value is replaced as a whole. So a panic leaves nothing half changed but what a value itself refers to.
impl<K: UnwindSafe, V: UnwindSafe> UnwindSafe for Map<K, V> {}
impl<K: RefUnwindSafe, V: RefUnwindSafe> RefUnwindSafe for Map<K, V> {}

impl<K, V> Map<K, V> {
    /// An empty map.
    ///
    /// # Examples
    /// ```
    /// static NAMES: gocsp_sync::Map<u32, String> = gocsp_sync::Map::new();
    /// assert!(NAMES.is_empty());
    /// ```
    #[track_caller]
    pub const fn new() -> Self {
        Self { table: OnceLock::new(), made_at: Location::caller() }
    }

    #[inline]
    fn table(&self) -> &Table<K, V> {
        self.table.get_or_init(|| Table::new(self.made_at))
    }

    fn shards(&self) -> &[CachePadded<Shard<K, V>>] {
        self.table.get().map_or(&[], |table| &table.shards)
    }

    /// How many keys there are: exact if nobody changes the map meanwhile.
    ///
    /// It takes as many locks as the table has parts, a few for each processor.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(gocsp_sync::Map::from_iter([(1, 'a'), (2, 'b')]).len(), 2);
    /// ```
    #[track_caller]
    pub fn len(&self) -> usize {
        let place = Location::caller();
        self.shards().iter().map(|shard| shard.lock_as::<Locking>(place).len()).sum()
    }

    /// Whether there is no key. As [`len`](Self::len) otherwise.
    ///
    /// # Examples
    /// ```
    /// assert!(gocsp_sync::Map::<u32, u32>::new().is_empty());
    /// ```
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        let place = Location::caller();
        self.shards().iter().all(|shard| shard.lock_as::<Locking>(place).is_empty())
    }

    /// Removes all keys, part by part: what others store meanwhile may remain.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::from_iter([(1, 'a'), (2, 'b')]);
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    #[track_caller]
    pub fn clear(&self) {
        for shard in self.shards() {
            let removed = mem::take(&mut *shard.lock_as::<Locking>(Location::caller()));
            drop(removed);
        }
    }
}

impl<K: Hash + Eq, V> Map<K, V> {
    /// The value of `key`.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::from_iter([("one".to_owned(), 1)]);
    /// assert_eq!((map.load("one"), map.load("two")), (Some(1), None));
    /// ```
    #[track_caller]
    pub fn load<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        let (hash, shard) = self.table().lock(key, Location::caller());
        shard.find(hash, is(hash, key)).map(|entry| entry.value.clone())
    }

    /// Sets the value of `key`.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::new();
    /// map.store("one", 1);
    /// assert_eq!(map.load("one"), Some(1));
    /// ```
    #[track_caller]
    pub fn store(&self, key: K, value: V) {
        drop(self.swap(key, value));
    }

    /// Sets the value of `key`, and gives the one that it had before.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::new();
    /// assert_eq!((map.swap('a', 1), map.swap('a', 2)), (None, Some(1)));
    /// ```
    #[track_caller]
    pub fn swap(&self, key: K, value: V) -> Option<V> {
        let (hash, mut shard) = self.table().lock(&key, Location::caller());
        match shard.entry(hash, is(hash, &key), hash_of) {
            Place::Occupied(mut place) => Some(mem::replace(&mut place.get_mut().value, value)),
            Place::Vacant(place) => {
                place.insert(Entry { hash, key, value });
                None
            }
        }
    }

    /// The value of `key`, and true; or, if it has none, sets it to `value`, which is given, with false.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::new();
    /// assert_eq!(map.load_or_store('a', 1), (1, false));
    /// assert_eq!(map.load_or_store('a', 2), (1, true));
    /// ```
    #[track_caller]
    pub fn load_or_store(&self, key: K, value: V) -> (V, bool)
    where
        V: Clone,
    {
        if let Some(loaded) = self.load(&key) {
            return (loaded, true);
        }
        let stored = value.clone();
        let (hash, mut shard) = self.table().lock(&key, Location::caller());
        match shard.entry(hash, is(hash, &key), hash_of) {
            Place::Occupied(place) => (place.get().value.clone(), true),
            Place::Vacant(place) => {
                place.insert(Entry { hash, key, value });
                (stored, false)
            }
        }
    }

    /// Removes `key`, and gives the value that it had.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::from_iter([('a', 1)]);
    /// assert_eq!((map.load_and_delete(&'a'), map.load_and_delete(&'a')), (Some(1), None));
    /// ```
    #[track_caller]
    pub fn load_and_delete<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.delete_if(key, |_| true)
    }

    /// Removes `key`. Whether it was there.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::from_iter([('a', 1)]);
    /// assert!(map.delete(&'a') && !map.delete(&'a'));
    /// ```
    #[track_caller]
    pub fn delete<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.load_and_delete(key).is_some()
    }

    /// Sets the value of `key` to `new` if it is `old`, and gives the value that was there.
    ///
    /// # Errors
    /// Gives `new` back if the value is another, or there is none.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::from_iter([('a', 1)]);
    /// assert_eq!(map.compare_and_swap(&'a', &1, 2), Ok(1));
    /// assert_eq!(map.compare_and_swap(&'a', &1, 3), Err(3));
    /// assert_eq!(map.load(&'a'), Some(2));
    /// ```
    #[track_caller]
    pub fn compare_and_swap<Q>(&self, key: &Q, old: &V, new: V) -> Result<V, V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: PartialEq,
    {
        let (hash, mut shard) = self.table().lock(key, Location::caller());
        match shard.find_mut(hash, is(hash, key)) {
            Some(entry) if entry.value == *old => Ok(mem::replace(&mut entry.value, new)),
            _ => Err(new),
        }
    }

    /// Removes `key` if its value is `old`, and gives the value that was there.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::from_iter([('a', 1)]);
    /// assert_eq!(map.compare_and_delete(&'a', &2), None);
    /// assert_eq!(map.compare_and_delete(&'a', &1), Some(1));
    /// ```
    #[track_caller]
    pub fn compare_and_delete<Q>(&self, key: &Q, old: &V) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: PartialEq,
    {
        self.delete_if(key, |value| value == old)
    }

    #[track_caller]
    fn delete_if<Q>(&self, key: &Q, condition: impl FnOnce(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (hash, mut shard) = self.table().lock(key, Location::caller());
        let place = shard.find_entry(hash, is(hash, key)).ok()?;
        if !condition(&place.get().value) {
            return None;
        }
        let Entry { key, value, .. } = place.remove().0;
        drop(shard);
        drop(key);
        Some(value)
    }
}

impl<K: Clone, V: Clone> Map<K, V> {
    /// Calls `f` for each key, with clones of the key and its value, until it says false.
    ///
    /// `f` may change the map, and may wait. Each key comes once at most. A key that is stored or deleted meanwhile, by `f` or
    /// by others, comes with the value of some moment during the call, or does not come.
    ///
    /// # Cost
    /// The entries are cloned, a part of the map at a time.
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::from_iter((0..10).map(|n| (n, n * n)));
    /// map.range(|key, value| {
    ///     if value % 2 == 1 {
    ///         map.delete(&key);
    ///     }
    ///     true
    /// });
    /// assert_eq!(map.len(), 5);
    /// ```
    #[track_caller]
    pub fn range(&self, mut f: impl FnMut(K, V) -> bool) {
        for (key, value) in self {
            if !f(key, value) {
                return;
            }
        }
    }

    /// An iterator over clones of the keys and their values. The same rules hold as for [`range`](Self::range).
    ///
    /// # Examples
    /// ```
    /// let map = gocsp_sync::Map::from_iter([('a', 1), ('b', 2)]);
    /// assert_eq!(map.iter().map(|(_, value)| value).sum::<i32>(), 3);
    /// ```
    #[track_caller]
    pub fn iter(&self) -> MapIter<'_, K, V> {
        MapIter { place: Location::caller(), shards: self.shards().iter(), copied: Vec::new().into_iter() }
    }
}

impl<K, V> Table<K, V> {
    /// Parts for each processor: so that two who are at work at the same time seldom meet.
    const SHARDS: usize = 16;
    const MOST_SHARDS: usize = 128;

    #[cold]
    fn new(made_at: Caller) -> Self {
        let shards = (Self::SHARDS * parallelism()).min(Self::MOST_SHARDS);
        let shard = |_| CachePadded::new(Mutex::made_at(made_at, HashTable::new()));
        Self { hashing: Hashing::draw(), shards: (0..shards).map(shard).collect() }
    }

    #[inline]
    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> (u64, &Shard<K, V>) {
        let hash = self.hashing.hash(key);
        // The table uses the lowest bits and the highest.
        (hash, &self.shards[(hash >> 32) as usize & (self.shards.len() - 1)])
    }

    #[inline]
    fn lock<Q: Hash + ?Sized>(&self, key: &Q, place: Caller) -> (u64, MutexGuard<'_, HashTable<Entry<K, V>>>) {
        let (hash, shard) = self.shard(key);
        (hash, shard.lock_as::<Locking>(place))
    }
}

/// Whether an entry is of this key.
#[inline]
fn is<K: Borrow<Q>, V, Q: Eq + ?Sized>(hash: u64, key: &Q) -> impl Fn(&Entry<K, V>) -> bool + '_ {
    move |entry| entry.hash == hash && entry.key.borrow() == key
}

fn hash_of<K, V>(entry: &Entry<K, V>) -> u64 {
    entry.hash
}

/// To wait for who uses the same part.
enum Locking {}

impl Way<RawMutex> for Locking {
    const STATE: &'static str = "sync.Map";

    fn describe(shard: &RawMutex, to: &mut Description) {
        shard.describe("map", to);
    }
}

impl<K, V> Default for Map<K, V> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Hash + Eq, V> FromIterator<(K, V)> for Map<K, V> {
    #[track_caller]
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let map = Self::new();
        entries.into_iter().for_each(|(key, value)| map.store(key, value));
        map
    }
}

impl<'a, K: Clone, V: Clone> IntoIterator for &'a Map<K, V> {
    type Item = (K, V);
    type IntoIter = MapIter<'a, K, V>;

    #[track_caller]
    fn into_iter(self) -> MapIter<'a, K, V> {
        self.iter()
    }
}

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").finish_non_exhaustive()
    }
}

/// What [`Map::iter`] gives.
///
/// # Examples
/// ```
/// use gocsp_sync::Map;
///
/// let map: Map<_, _> = [("one", 1), ("two", 2)].into_iter().collect();
/// let mut pairs: Vec<_> = map.iter().collect();
/// pairs.sort();
/// assert_eq!(pairs, [("one", 1), ("two", 2)]);
/// ```
#[must_use = "iterators do nothing unless consumed"]
pub struct MapIter<'a, K, V> {
    /// Those that have not been copied yet.
    shards: std::slice::Iter<'a, CachePadded<Shard<K, V>>>,
    /// Where the iteration began.
    place: Caller,
    copied: std::vec::IntoIter<(K, V)>,
}

impl<K: Clone, V: Clone> Iterator for MapIter<'_, K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.copied.next() {
                return Some(entry);
            }
            let shard = self.shards.next()?;
            // Before the lock is taken: if a `Clone` panics, what was cloned before is dropped after it has been released (M3).
            let mut copied = Vec::new();
            let shard = shard.lock_as::<Locking>(self.place);
            copied.extend(shard.iter().map(|entry| (entry.key.clone(), entry.value.clone())));
            drop(shard);
            self.copied = copied.into_iter();
        }
    }
}

impl<K, V> fmt::Debug for MapIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapIter").finish_non_exhaustive()
    }
}
