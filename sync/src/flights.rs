//! [`Group`]: calls that are made once, for all who ask for the same thing at the same time.
//!
//! # Vocabulary
//! - A *flight* is one call of a function for a key, from the moment when somebody has asked for it to the moment when its
//!   result is there: then it *lands*.
//! - Its *pilot* is who calls the function: the caller of [`Group::do_call`], or the goroutine of [`Group::do_chan`].
//! - Its *passengers* get the result as well. Some wait in the flight's queue, others hold the receiver of a channel.
//!
//! # Protocol
//! 1. Whoever asks looks, under the lock of the table, for a flight of its key that is not forgotten. If there is one it comes
//!    aboard: it is counted, and leaves the sender of its channel if it has one. If there is none it lists a new flight.
//! 2. The pilot calls the function, with no lock held, and catches its panic.
//! 3. To land, the pilot first takes the flight off the table. From now on the passengers are known, and none comes aboard.
//! 4. If there is nobody but the pilot, the value is its own. Otherwise the pilot sets the result, then claims and wakes those
//!    who wait, and sends to the others.
//! 5. Who waits looks for the result under the queue's lock, and stands in the queue if it is not set yet. The pilot takes
//!    that lock after it has set the result: so one of the two sees the other.
//!
//! # Invariants
//! - **F1** A flight is on the table until it lands; to forget it is only to mark it there. It has one pilot, and lands once.
//! - **F2** Every flight lands: after a panic of the function, when the pilot is unwound, and when its goroutine is dropped
//!   before it has started. While a runtime shuts down, whatever may wait unwinds once more, the lock of the table included; so
//!   the landing is the destructor of the `Pilot`, which waits for it nevertheless.
//! - **F3** Landing calls no `Hash` and no `Eq`: the entry is found by the hash that it has noted, and by the flight's address.
//!   Keys and values are dropped with no lock held.
//!
//! The `Eq` of the keys is called under the lock of the table. That lock parks, so `Eq` may wait, but may not use the group.
//!
//! Rejected: to let one of the passengers try again when the pilot panics. Go does not either, and a function that panics for
//! one mostly does so for the next.

#![forbid(unsafe_code)]

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::ops::Deref;
use std::panic::{self, Location, RefUnwindSafe, UnwindSafe};
use std::ptr;
use std::sync::Arc;

use gocsp_channels::{Receiver, Sender, channel};
use gocsp_runtime::park::{self, Description, Outcome, Patience, Reason, Way};
use gocsp_runtime::std_sync::OnceLock;
use hashbrown::HashTable;

use crate::hashing::Hashing;
use crate::queue::{self, Lanes, Queue};
use crate::raw_mutex::RawMutex;
use crate::report::{self, Caller, Holder};
use crate::shared_panic::{self, SharedPanic};
use crate::{Mutex, MutexGuard};

/// The only lane.
const ALL: usize = 0;

/// Lets those who ask for the same thing at the same time share one call.
///
/// A handle: its clones are the same group. While a function runs for a key, whoever asks for that key waits for the result
/// of that call, instead of making another. Nothing is kept: who asks afterwards starts a new call.
///
/// The value is cloned for each of those who share it. For a function that may fail let it be a `Result`, whose error can be
/// cloned: `Result<Arc<Page>, Arc<io::Error>>`.
///
/// # Cost
/// Two locks and an allocation for a call that nobody shares.
///
/// # Examples
/// ```
/// use gocsp_runtime::{scope, yield_now};
/// use gocsp_sync::singleflight::Group;
///
/// let group = Group::new();
/// scope(|scope| {
///     for _ in 0..10 {
///         scope.go(|| {
///             let answer = group.do_call("front page", || {
///                 println!("rendered once, or a few times");
///                 yield_now();
///                 "<html>".to_owned()
///             });
///             assert_eq!(answer.value, "<html>");
///         });
///     }
/// });
/// ```
pub struct Group<K, V> {
    inner: Arc<Inner<K, V>>,
}

/// What a call for a key has given.
///
/// # Examples
/// ```
/// use gocsp_sync::singleflight::{Answer, Group};
///
/// let group = Group::new();
/// assert_eq!(group.do_call("answer", || 42), Answer { value: 42, shared: false });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<V> {
    /// What the function has returned.
    pub value: V,
    /// Whether others have been given a clone of it.
    pub shared: bool,
}

struct Inner<K, V> {
    hashing: Hashing,
    flights: Mutex<HashTable<Entry<K, V>>>,
}

/// A flight as it stands on the table.
struct Entry<K, V> {
    key: K,
    flight: Arc<Flight<V>>,
    /// Who asks for the key now starts another flight.
    forgotten: bool,
    /// How many are to get the result.
    aboard: usize,
    receivers: Vec<Sender<Answer<V>>>,
}

struct Flight<V> {
    /// Of the key.
    hash: u64,
    /// Set in step 4, unless the pilot is alone.
    result: OnceLock<Result<V, SharedPanic>>,
    waiting: Passengers,
}

/// Those who wait for a flight to land.
struct Passengers {
    /// Whom they wait for. Nobody, before the goroutine of [`Group::do_chan`] runs.
    pilot: Holder,
    /// Where the pilot asked for the flight.
    made_at: Caller,
    queue: Queue<(), 1>,
}

/// What step 1 comes to.
enum Boarding<V> {
    Pilot(Arc<Flight<V>>),
    Passenger(Arc<Flight<V>>),
}

/// What step 4 comes to.
enum Landing<V> {
    /// The value is the pilot's own.
    Alone(V),
    /// All passengers have been told.
    Told(Arc<Flight<V>>),
}

// What a panic may leave half done is told to all who share it.
impl<K, V> UnwindSafe for Group<K, V> {}
impl<K, V> RefUnwindSafe for Group<K, V> {}

impl<K, V> Group<K, V> {
    /// A group with nothing under way.
    ///
    /// # Examples
    /// ```
    /// let group = gocsp_sync::singleflight::Group::new();
    /// assert_eq!(group.do_call("answer", || 42).value, 42);
    /// ```
    #[track_caller]
    pub fn new() -> Self {
        Self { inner: Arc::new(Inner { hashing: Hashing::draw(), flights: Mutex::new(HashTable::new()) }) }
    }
}

impl<K: Hash + Eq, V: Clone> Group<K, V> {
    /// Calls `f`, unless a call for `key` is under way: then waits for its result.
    ///
    /// To ask for the same key from within `f` is to wait for ever; another key may be asked for, except in a circle.
    ///
    /// # Panics
    /// If the function that was called panics: with its payload in the call that has called it, and with its message in all
    /// that share it. If who called it was ended, by `exit_goroutine` or the shutdown of its runtime, those who share the call
    /// panic with a message that says so.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::singleflight::{Answer, Group};
    ///
    /// let group = Group::new();
    /// assert_eq!(group.do_call(7, || "seven"), Answer { value: "seven", shared: false });
    /// assert_eq!(group.do_call(7, || "again").value, "again");
    /// ```
    #[doc(alias = "Do")]
    #[track_caller]
    pub fn do_call(&self, key: K, f: impl FnOnce() -> V) -> Answer<V> {
        park::cooperate();
        park::point_of("singleflight.Group.Do", Location::caller());
        match self.inner.board(key, None, Location::caller()) {
            Boarding::Passenger(flight) => flight.wait(),
            Boarding::Pilot(flight) => match Pilot::new(&*self.inner, flight).fly(f) {
                Landing::Alone(value) => Answer { value, shared: false },
                Landing::Told(flight) => flight.wait(),
            },
        }
    }

    /// Has `f` called in a goroutine of its own, unless a call for `key` is under way, and gives a receiver for the result.
    ///
    /// The channel is closed after the result; and without one if the function panics, or its goroutine is ended.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_channels::after;
    /// use gocsp_select::select;
    /// use gocsp_sync::singleflight::Group;
    ///
    /// let group = Group::new();
    /// let answer = group.do_chan("answer", || 6 * 7);
    /// let timeout = after(Duration::from_secs(5));
    /// select! {
    ///     recv(answer) -> answer => assert_eq!(answer.unwrap().value, 42),
    ///     recv(timeout) => println!("too slow"),
    /// }
    /// ```
    #[doc(alias = "DoChan")]
    #[must_use = "the answer can only be received from the channel"]
    #[track_caller]
    pub fn do_chan<F>(&self, key: K, f: F) -> Receiver<Answer<V>>
    where
        F: FnOnce() -> V + Send + 'static,
        K: Send + 'static,
        V: Send + Sync + 'static,
    {
        let (sender, receiver) = channel(1);
        if let Boarding::Pilot(flight) = self.inner.board(key, Some(sender), Location::caller()) {
            let pilot = Pilot::new(Arc::clone(&self.inner), flight);
            gocsp_runtime::spawn_detached(move || drop(pilot.fly(f)));
        }
        receiver
    }

    /// Lets the next who asks for `key` start a call of its own, even if one is under way. Those who share that one now go on
    /// waiting for it.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::singleflight::Group;
    ///
    /// let group = Group::new();
    /// let answer = group.do_call("key".to_owned(), || {
    ///     group.forget("key");
    ///     group.do_call("key".to_owned(), || 1).value + 1
    /// });
    /// assert_eq!(answer.value, 2);
    /// ```
    #[track_caller]
    pub fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.inner.hashing.hash(key);
        let mut flights = self.inner.lock(Location::caller());
        if let Some(entry) = flights.find_mut(hash, |entry| entry.is_of(hash, key)) {
            entry.forgotten = true;
        }
    }
}

impl<K, V> Clone for Group<K, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K, V> Default for Group<K, V> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for Group<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").finish_non_exhaustive()
    }
}

impl<K, V> Entry<K, V> {
    fn is_of<Q>(&self, hash: u64, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.flight.hash == hash && !self.forgotten && self.key.borrow() == key
    }
}

impl<K: Hash + Eq, V> Inner<K, V> {
    /// Step 1. A `key` that is not needed is dropped with the lock released, as the parameter that it is.
    fn board(&self, key: K, sender: Option<Sender<Answer<V>>>, place: Caller) -> Boarding<V> {
        let hash = self.hashing.hash(&key);
        let mut flights = self.lock(place);
        if let Some(entry) = flights.find_mut(hash, |entry| entry.is_of(hash, &key)) {
            entry.aboard += 1;
            entry.receivers.extend(sender);
            return Boarding::Passenger(Arc::clone(&entry.flight));
        }
        let waiting = Passengers { pilot: Holder::nobody(), made_at: place, queue: Queue::new(Lanes::new()) };
        let flight = Arc::new(Flight { hash, result: OnceLock::new(), waiting });
        let entry =
            Entry { key, flight: Arc::clone(&flight), forgotten: false, aboard: 1, receivers: Vec::from_iter(sender) };
        flights.insert_unique(hash, entry, |entry| entry.flight.hash);
        Boarding::Pilot(flight)
    }
}

impl<K, V> Inner<K, V> {
    fn lock(&self, place: Caller) -> MutexGuard<'_, HashTable<Entry<K, V>>> {
        self.flights.lock_as::<LookUp>(place)
    }

    fn take_off_table(&self, flight: &Flight<V>) -> Entry<K, V> {
        let mut flights = self.lock(flight.waiting.made_at);
        match flights.find_entry(flight.hash, |entry| ptr::eq(&*entry.flight, flight)) {
            Ok(entry) => entry.remove().0,
            Err(_) => unreachable!("a flight is on the table until it lands"),
        }
    }
}

impl<V> Flight<V> {
    /// Sets the result, and wakes those who wait for it.
    fn finish(&self, result: Result<V, SharedPanic>) {
        let first = self.result.set(result).is_ok();
        debug_assert!(first);
        let waiters = self.waiting.queue.lock().lane::<ALL>().take_all();
        waiters.wake_all();
    }

    /// Step 5.
    #[track_caller]
    fn wait(&self) -> Answer<V>
    where
        V: Clone,
    {
        let reason = Reason::new::<Aboard, _>(Location::caller(), &self.waiting);
        let mut patience = Patience::FOREVER;
        loop {
            let queue = self.waiting.queue.lock();
            if let Some(result) = self.result.get() {
                drop(queue);
                match result {
                    Ok(value) => return Answer { value: value.clone(), shared: true },
                    Err(panic) => panic.raise("the function of a singleflight call"),
                }
            }
            // The goroutine may unwind already, and what it does next relies on the result all the same.
            if queue::wait::<ALL, _, _, _>(queue, &(), patience, reason) == Outcome::Cancelled {
                patience.masked = true;
            }
        }
    }
}

/// To wait for the table.
enum LookUp {}

impl Way<RawMutex> for LookUp {
    const STATE: &'static str = "singleflight.Do";

    fn describe(table: &RawMutex, to: &mut Description) {
        table.describe("singleflight group", to);
    }
}

/// To wait for a flight to land.
enum Aboard {}

impl Way<Passengers> for Aboard {
    const STATE: &'static str = "singleflight.Do";

    fn describe(waiting: &Passengers, to: &mut Description) {
        report::tell("singleflight call", waiting, Some(waiting.made_at), waiting.pilot.partner(true), to);
    }
}

/// The duty to land a flight. Dropped, it lands with what there is.
struct Pilot<K, V: Clone, I: Deref<Target = Inner<K, V>>> {
    inner: I,
    /// `None` once it has landed.
    flight: Option<Arc<Flight<V>>>,
    result: Result<V, SharedPanic>,
}

impl<K, V: Clone, I: Deref<Target = Inner<K, V>>> Pilot<K, V, I> {
    fn new(inner: I, flight: Arc<Flight<V>>) -> Self {
        Self { inner, flight: Some(flight), result: Err(SharedPanic::Cancelled) }
    }

    /// Step 2, and the landing.
    fn fly(mut self, f: impl FnOnce() -> V) -> Landing<V> {
        if let Some(flight) = &self.flight {
            flight.waiting.pilot.note();
        }
        match shared_panic::catch(f) {
            Ok(value) => {
                self.result = Ok(value);
                self.land().expect("it has not landed")
            }
            Err((panic, payload)) => {
                self.result = Err(panic);
                // Not by the destructor, if it can be helped: to wait for the table while unwinding blocks the thread, and
                // with it, maybe, the one whose `Eq` waits there.
                drop(self.land());
                panic::resume_unwind(payload)
            }
        }
    }

    /// Steps 3 and 4, unless it has landed.
    fn land(&mut self) -> Option<Landing<V>> {
        // If this is unwound there is still a flight to land.
        let entry = self.inner.take_off_table(self.flight.as_ref()?);
        let flight = self.flight.take()?;
        let result = mem::replace(&mut self.result, Err(SharedPanic::Cancelled));
        let shared = entry.aboard > 1;
        match (result, entry.receivers.first()) {
            (Ok(value), None) if !shared => return Some(Landing::Alone(value)),
            (Ok(value), Some(receiver)) if !shared => _ = receiver.try_send(Answer { value, shared }),
            (result, _) => {
                flight.finish(result);
                if let Some(Ok(value)) = flight.result.get() {
                    for receiver in &entry.receivers {
                        // There is room, and nobody may be left who wants it.
                        let _ = receiver.try_send(Answer { value: value.clone(), shared });
                    }
                }
            }
        }
        Some(Landing::Told(flight))
    }
}

impl<K, V: Clone, I: Deref<Target = Inner<K, V>>> Drop for Pilot<K, V, I> {
    fn drop(&mut self) {
        self.land();
    }
}
