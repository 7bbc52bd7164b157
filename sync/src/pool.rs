//! [`Pool`]: things that are made with some effort, and used again.
//!
//! # Structure
//! A pool has a *slot* for each processor. Whoever puts something back puts it into the slot of the worker it runs on, and
//! looks there first when it needs something: so mostly each slot is used by one thread, and its lock, which is biased, costs no
//! atomic operation. Which slot it is is only a hint. Who finds nothing there looks into the others before it makes something.
//!
//! # Trimming
//! A slot keeps what was put back since the last trim apart from what is *old*: has been there since before.
//!
//! 1. To put something back is to push it, under the slot's lock, and then to look whether the alarm is set. If it is not, it is
//!    set, to a time one period ahead.
//! 2. When the alarm rings, in a goroutine of its own, it first counts as not set any more. Then, in every slot, under its lock,
//!    what is old is taken out, and the rest becomes old. If there is a rest in any slot, the alarm is set again, as in step 1.
//!    What was taken out is dropped last.
//!
//! So what nobody uses for one to two periods is dropped, and a pool that is not used is empty by then, and costs nothing more.
//!
//! # Invariants
//! - **A1** As long as anything is in a slot, the alarm is set, or somebody is in step 1 or 2. For if step 2 finds a slot empty,
//!   the push comes later under the slot's lock; then what step 2 did before is visible to who looks at the alarm in step 1.
//! - **A2** An alarm whose runtime ends before it rings is taken back, by the destructor of what was to be called. So the next to
//!   put something back sets another. The alarms have numbers, so that none takes back the next one.
//! - **A3** Nothing is made, dropped or allocated under a lock.
//!
//! Rejected: a slot that only its own worker touches, without a lock. What is left in the slot of a worker that is idle could
//! then neither be used by others nor be trimmed.

#![forbid(unsafe_code)]

use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::panic::UnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use gocsp_runtime::park::{self, Lock};
use gocsp_runtime::std_sync::OnceLock;

use crate::parallelism::parallelism;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::later;

/// What was not used between two trims is dropped.
const PERIOD: Duration = Duration::from_secs(1);

/// Keeps things that were used, so that they can be used again.
///
/// For what is expensive to make and soon needed again: buffers, parsers, scratch space. Any number of goroutines and threads
/// may use it at the same time, and never wait for one another. It holds as many things as were put back, and says nothing of
/// which one comes next. What nobody has used for one to two seconds is dropped, in a goroutine of its own.
///
/// A thing comes back as it was put. To reset it is up to those who use it.
///
/// # Cost
/// To get something and put it back takes about 10 ns: as long as the allocator takes for a buffer of 1 KiB, and a quarter of
/// what it takes for one that is filled with zeros (`benches/pool.rs`). While the pool holds anything, a timer is set each second,
/// on the runtime of the caller; from an ordinary thread on the global one, which that starts. If the runtime ends before the
/// timer is due, the things stay until something else is put back.
///
/// # Examples
/// ```
/// use gocsp_sync::{Pool, WaitGroup};
///
/// static BUFFERS: Pool<Vec<u8>> = Pool::new(|| Vec::with_capacity(1024));
///
/// let group = WaitGroup::new();
/// for n in 0..100 {
///     group.go(move || {
///         let mut buffer = BUFFERS.lend();
///         buffer.clear();
///         buffer.extend_from_slice(b"number ");
///         buffer.push(n);
///     });
/// }
/// group.wait();
/// ```
pub struct Pool<T, F = fn() -> T> {
    make: F,
    /// Made when something is first put back, so that a pool can stand in a static.
    slots: OnceLock<Arc<Slots<T>>>,
}

// What a guard puts back may be half changed by a panic: so a pool that is shared with whoever panics is not safe, and one that
// is given away is as what it holds.
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for Pool<T, F> {}

impl<T, F> Pool<T, F> {
    /// A pool of what `make` makes.
    ///
    /// # Examples
    /// ```
    /// static STRINGS: gocsp_sync::Pool<String> = gocsp_sync::Pool::new(String::new);
    /// assert_eq!(STRINGS.get(), "");
    /// ```
    pub const fn new(make: F) -> Self {
        Self { make, slots: OnceLock::new() }
    }
}

impl<T: Send + 'static, F: Fn() -> T> Pool<T, F> {
    /// Takes something out of the pool; or, if there is nothing, makes it.
    ///
    /// # Panics
    /// With the panic of the function that makes it.
    ///
    /// # Examples
    /// ```
    /// let pool = gocsp_sync::Pool::new(|| Vec::<u8>::with_capacity(1024));
    /// let buffer = pool.get();
    /// assert!(buffer.capacity() >= 1024);
    /// pool.put(buffer);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get(&self) -> T {
        park::point_of("sync.Pool.Get", Location::caller());
        match self.slots.get().and_then(|slots| slots.take()) {
            Some(thing) => thing,
            None => (self.make)(),
        }
    }

    /// Puts something into the pool, whether it came from there or not.
    ///
    /// # Panics
    /// From an ordinary thread, when the global runtime has to be started, for a timer, and cannot be.
    ///
    /// # Examples
    /// ```
    /// let pool = gocsp_sync::Pool::new(|| 0);
    /// pool.put(7);
    /// assert_eq!((pool.get(), pool.get()), (7, 0));
    /// ```
    #[inline]
    #[track_caller]
    pub fn put(&self, thing: T) {
        park::point_of("sync.Pool.Put", Location::caller());
        let slots = self.slots.get_or_init(Slots::new);
        slots.put(thing);
        // Step 1.
        if !slots.alarm.is_set() {
            slots.set_alarm();
        }
    }

    /// As [`get`](Self::get), for something that is put back when the guard is dropped, also by a panic.
    ///
    /// # Panics
    /// As [`get`](Self::get), and when it is dropped as [`put`](Self::put).
    ///
    /// # Examples
    /// ```
    /// let pool = gocsp_sync::Pool::new(String::new);
    /// pool.lend().push('a');
    /// assert_eq!(*pool.lend(), "a");
    /// ```
    #[inline]
    pub fn lend(&self) -> PoolGuard<'_, T, F> {
        PoolGuard { pool: self, thing: Some(self.get()) }
    }
}

impl<T, F> fmt::Debug for Pool<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// Something out of a [`Pool`], which goes back when this is dropped.
///
/// # Examples
/// ```
/// use gocsp_sync::Pool;
///
/// let pool = Pool::new(String::new);
/// let mut buffer = pool.lend();
/// buffer.push_str("used");
/// drop(buffer); // Goes back.
/// assert_eq!(*pool.lend(), "used");
/// ```
#[must_use = "what is not used need not be taken out of the pool"]
pub struct PoolGuard<'a, T: Send + 'static, F: Fn() -> T> {
    pool: &'a Pool<T, F>,
    /// There until it is dropped.
    thing: Option<T>,
}

impl<T: Send + 'static, F: Fn() -> T> PoolGuard<'_, T, F> {
    /// Keeps the thing. It does not go back.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::{Pool, PoolGuard};
    ///
    /// let pool = Pool::new(String::new);
    /// let kept: String = PoolGuard::detach(pool.lend());
    /// # assert_eq!(kept, "");
    /// ```
    pub fn detach(mut guard: Self) -> T {
        guard.thing.take().expect(THERE)
    }
}

const THERE: &str = "it is there until the guard is dropped";

impl<T: Send + 'static, F: Fn() -> T> Deref for PoolGuard<'_, T, F> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.thing.as_ref().expect(THERE)
    }
}

impl<T: Send + 'static, F: Fn() -> T> DerefMut for PoolGuard<'_, T, F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.thing.as_mut().expect(THERE)
    }
}

impl<T: Send + 'static, F: Fn() -> T> Drop for PoolGuard<'_, T, F> {
    #[inline]
    fn drop(&mut self) {
        if let Some(thing) = self.thing.take() {
            self.pool.put(thing);
        }
    }
}

impl<T: fmt::Debug + Send + 'static, F: Fn() -> T> fmt::Debug for PoolGuard<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

struct Slots<T> {
    /// A power of two.
    slots: Box<[CachePadded<Slot<T>>]>,
    alarm: Arc<Alarm>,
}

impl<T> Slots<T> {
    #[cold]
    fn new() -> Arc<Self> {
        let slots = (0..parallelism()).map(|_| CachePadded::new(Slot::new())).collect();
        Arc::new(Self { slots, alarm: Arc::new(Alarm::new()) })
    }

    #[inline]
    fn slot(&self, number: usize) -> &Slot<T> {
        &self.slots[number & (self.slots.len() - 1)]
    }

    #[inline]
    fn take(&self) -> Option<T> {
        let here = park::place();
        self.slot(here).take().or_else(|| (1..self.slots.len()).find_map(|further| self.slot(here + further).take()))
    }

    #[inline]
    fn put(&self, thing: T) {
        self.slot(park::place()).put(thing);
    }
}

impl<T: Send + 'static> Slots<T> {
    /// Sets the alarm, unless it is set.
    #[cold]
    fn set_alarm(self: &Arc<Self>) {
        if let Some(number) = self.alarm.set() {
            let ring = Ring { slots: Arc::downgrade(self), alarm: Arc::clone(&self.alarm), number };
            later(PERIOD, move || ring.ring());
        }
    }

    /// Step 2, after the alarm has been taken back.
    fn trim(self: &Arc<Self>) {
        let mut rest = false;
        let old: Vec<_> = self.slots.iter().map(|slot| slot.trim(&mut rest)).collect();
        if rest {
            self.set_alarm();
        }
        drop(old);
    }
}

struct Slot<T> {
    /// Whether there is anything: a hint, for those who look for something.
    filled: AtomicBool,
    shelf: Lock<Shelf<T>>,
}

struct Shelf<T> {
    recent: Vec<T>,
    old: Vec<T>,
}

impl<T> Slot<T> {
    fn new() -> Self {
        Self { filled: AtomicBool::new(false), shelf: Lock::new(Shelf { recent: Vec::new(), old: Vec::new() }) }
    }

    #[inline]
    fn take(&self) -> Option<T> {
        if !self.filled.load(Ordering::Relaxed) {
            return None;
        }
        let mut shelf = self.shelf.lock();
        let taken = shelf.recent.pop().or_else(|| shelf.old.pop());
        if shelf.is_empty() {
            self.filled.store(false, Ordering::Relaxed);
        }
        taken
    }

    #[inline]
    fn put(&self, thing: T) {
        let mut shelf = self.shelf.lock();
        if shelf.recent.len() == shelf.recent.capacity() {
            let len = shelf.recent.len();
            drop(shelf);
            return self.put_with_room(thing, len);
        }
        shelf.recent.push(thing);
        self.filled.store(true, Ordering::Relaxed);
    }

    /// As `put`, with more room than for `len`.
    #[cold]
    fn put_with_room(&self, thing: T, mut len: usize) {
        const FEWEST: usize = 4;
        let mut room = Vec::new();
        loop {
            room.reserve_exact((2 * len).max(FEWEST));
            let mut shelf = self.shelf.lock();
            len = shelf.recent.len();
            if len < room.capacity() {
                room.append(&mut shelf.recent);
                room.push(thing);
                // What the shelf had, and is empty now, is freed after the lock is released.
                mem::swap(&mut shelf.recent, &mut room);
                self.filled.store(true, Ordering::Relaxed);
                drop(shelf);
                return;
            }
        }
    }

    /// Takes out what is old; the rest, if there is any, becomes old.
    fn trim(&self, rest: &mut bool) -> Vec<T> {
        let mut shelf = self.shelf.lock();
        let recent = mem::take(&mut shelf.recent);
        let old = mem::replace(&mut shelf.old, recent);
        self.filled.store(!shelf.is_empty(), Ordering::Relaxed);
        *rest |= !shelf.is_empty();
        old
    }
}

impl<T> Shelf<T> {
    #[inline]
    fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.old.is_empty()
    }
}

/// Whether the alarm is set.
struct Alarm {
    /// The number of the alarm that is set, or 0.
    number: AtomicU64,
    last: AtomicU64,
}

impl Alarm {
    fn new() -> Self {
        Self { number: AtomicU64::new(0), last: AtomicU64::new(0) }
    }

    /// Relaxed: who has pushed something under a slot's lock after step 2 has looked there sees what was done before that.
    #[inline]
    fn is_set(&self) -> bool {
        self.number.load(Ordering::Relaxed) != 0
    }

    /// The number of the alarm that the caller is to set, if none was set.
    fn set(&self) -> Option<u64> {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.number.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed).is_ok().then_some(number)
    }

    /// Takes the alarm back, if it is the one of that number.
    fn take_back(&self, number: u64) {
        let _ = self.number.compare_exchange(number, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// What an alarm calls. If it is dropped before, it is taken back.
struct Ring<T> {
    /// Weak: what is in a pool that is gone is gone with it.
    slots: Weak<Slots<T>>,
    alarm: Arc<Alarm>,
    number: u64,
}

impl<T: Send + 'static> Ring<T> {
    fn ring(&self) {
        self.alarm.take_back(self.number);
        if let Some(slots) = self.slots.upgrade() {
            slots.trim();
        }
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        self.alarm.take_back(self.number);
    }
}
