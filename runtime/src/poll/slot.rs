//! Slots: what the pollers know of descriptors. See the [module](super).
//!
//! Slots lie in chunks, each twice as large as the one before, and are never freed. The number of a slot is what the
//! system is given to tell of an event.
//!
//! # Locks
//! Under a slot's lock, for which others spin, no descriptor is registered: that is a system call, which may take long
//! where memory is short, and a poller's first descriptor makes the poller. Who registers one takes the mutex
//! `registering`, and the slot's lock only to say where it is registered now. Whoever parks meanwhile relies on where
//! it was registered before, and may do so: the new registration is made before the old one ends, and tells of what is
//! there already. So every event is counted.

use std::io;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::polled::Direction;
use super::poller::Poller;
use super::system::{Alarm, Event};
use super::trail::Trail;
use crate::park::{Lock, LockGuard, WaitList};
use crate::prefetch::prefetch;
use crate::std_sync::{Mutex, OnceLock};

/// One descriptor, as the pollers see it. In lines of the cache of its own: three of them.
#[repr(align(64))]
pub(super) struct Slot {
    number: u32,
    read: Side,
    write: Side,
    state: Lock<State>,
    /// Whether the descriptor is registered with a poller, and what happens is counted without anybody waiting. Written
    /// under the lock.
    is_registered: AtomicBool,
    /// Of the last who waited.
    trail: Trail,
    /// Of who changes where the descriptor is registered, while the system does. Taken before the lock, never under it.
    registering: Mutex<()>,
}

/// Reading, or writing.
#[derive(Default)]
struct Side {
    /// How many events there were. Written under the slot's lock.
    events: AtomicU32,
    /// The number of events that there were before the last read that left nothing behind.
    drained_at: AtomicU32,
    /// There may be no further event for what a short read leaves behind: see [`Event::ends_reading`].
    ends: AtomicBool,
}

/// What is under a slot's lock.
#[derive(Default)]
pub(super) struct State {
    readers: WaitList<()>,
    writers: WaitList<()>,
    /// Where the descriptor is registered, if it is.
    registered: Option<(Arc<Poller>, RawFd)>,
    /// What wakes threads that wait.
    threads: Vec<Arc<Alarm>>,
}

impl Side {
    /// How many events there were. Acquire: pairs with the Release in [`count`](Self::count).
    fn seen(&self) -> u32 {
        self.events.load(Ordering::Acquire)
    }

    /// Counts one more event. The caller has the slot's lock.
    fn count(&self) {
        self.events.store(self.events.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// Makes it as if nothing had happened, but for the number of events, which those who come late may go on counting.
    fn renew(&self) {
        self.drained_at.store(self.events.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Relaxed);
        self.ends.store(false, Ordering::Relaxed);
    }
}

impl Slot {
    fn new(number: u32) -> Self {
        let slot = Self {
            number,
            read: Side::default(),
            write: Side::default(),
            state: Lock::default(),
            is_registered: AtomicBool::new(false),
            trail: Trail::default(),
            registering: Mutex::new(()),
        };
        slot.read.renew();
        slot.write.renew();
        slot
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// How many events there were.
    pub(super) fn seen(&self, direction: Direction) -> u32 {
        self.side(direction).seen()
    }

    /// Whether a try would block, if there were so many events. As long as only threads have waited, who register the
    /// descriptor for the length of a call, they are better off trying.
    pub(super) fn is_drained(&self, direction: Direction, seen: u32) -> bool {
        let side = self.side(direction);
        side.drained_at.load(Ordering::Relaxed) == seen
            && !side.ends.load(Ordering::Relaxed)
            && self.is_registered.load(Ordering::Relaxed)
    }

    /// A try that was made after there had been so many events has left nothing behind.
    pub(super) fn set_drained(&self, direction: Direction, seen: u32) {
        self.side(direction).drained_at.store(seen, Ordering::Relaxed);
    }

    pub(super) fn trail(&self) -> &Trail {
        &self.trail
    }

    pub(super) fn lock(&self) -> LockGuard<'_, State> {
        self.state.lock()
    }

    /// Wakes those whom an event concerns.
    pub(super) fn fire(&self, event: Event) {
        let mut state = self.lock();
        let (mut readers, mut writers) = (None, None);
        if event.is_readable() {
            // Before it is counted: who sees the count sees this.
            if event.ends_reading() {
                self.read.ends.store(true, Ordering::Relaxed);
            }
            self.read.count();
            readers = Some(state.readers.take_all());
        }
        if event.is_writable() {
            if event.ends_writing() {
                self.write.ends.store(true, Ordering::Relaxed);
            }
            self.write.count();
            writers = Some(state.writers.take_all());
        }
        drop(state);
        drop((readers, writers));
    }

    /// Counts an event of each kind, and wakes all who wait.
    pub(super) fn wake_all(&self) {
        self.wake_all_under(self.lock());
    }

    fn wake_all_under(&self, mut state: LockGuard<'_, State>) {
        self.read.count();
        self.write.count();
        let woken = [state.readers.take_all(), state.writers.take_all()];
        let threads = state.threads.clone();
        drop(state);
        drop(woken);
        threads.iter().for_each(|alarm| alarm.raise());
    }

    /// Registers the descriptor with `poller`, that of the caller's worker, unless it is [served](State::is_served_by)
    /// by now.
    #[cold]
    #[inline(never)]
    pub(super) fn register(&self, poller: &Arc<Poller>, descriptor: RawFd) -> io::Result<()> {
        let _registering = self.registering.lock().expect("no panic happens under this lock");
        if self.lock().is_served_by(poller) {
            return Ok(());
        }
        poller.add(descriptor, self.number)?;
        let mut state = self.lock();
        let former = state.registered.replace((Arc::clone(poller), descriptor));
        self.is_registered.store(true, Ordering::Relaxed);
        drop(state);
        if let Some((former, descriptor)) = former {
            former.remove(descriptor);
        }
        Ok(())
    }

    /// Ends the use of a slot. Nobody waits.
    pub(super) fn release(&self) {
        let mut state = self.lock();
        let registered = state.registered.take();
        self.is_registered.store(false, Ordering::Relaxed);
        self.read.renew();
        self.write.renew();
        drop(state);
        if let Some((poller, descriptor)) = registered {
            poller.remove(descriptor);
        }
        TABLE.free.lock().expect("no panic happens under this lock").numbers.push(self.number);
    }
}

impl State {
    /// Those who wait to read, or to write.
    pub(super) fn readers(&mut self) -> &mut WaitList<()> {
        &mut self.readers
    }

    pub(super) fn writers(&mut self) -> &mut WaitList<()> {
        &mut self.writers
    }

    /// Whether the descriptor is registered where one who waits at the worker of `poller` may rely on it: with that, or
    /// with another that is looked into, if somebody waits already.
    pub(super) fn is_served_by(&self, poller: &Arc<Poller>) -> bool {
        self.registered.as_ref().is_some_and(|(present, _)| {
            Arc::ptr_eq(present, poller) || (self.is_waited_for() && !present.is_abandoned())
        })
    }

    fn is_waited_for(&self) -> bool {
        !self.readers.is_empty() || !self.writers.is_empty()
    }

    /// Has an alarm raised when all are woken.
    pub(super) fn enlist(&mut self, alarm: &Arc<Alarm>) {
        self.threads.push(Arc::clone(alarm));
    }

    pub(super) fn strike_off(&mut self, alarm: &Arc<Alarm>) {
        if let Some(place) = self.threads.iter().position(|other| Arc::ptr_eq(other, alarm)) {
            self.threads.swap_remove(place);
        }
    }
}

/// The length of the first chunk, and how many chunks there can be.
const FIRST: u32 = 64;
const CHUNKS: usize = 26;

struct Table {
    chunks: [OnceLock<Box<[Slot]>>; CHUNKS],
    free: Mutex<Free>,
}

/// The slots that nobody uses.
struct Free {
    numbers: Vec<u32>,
    /// How many slots there are.
    made: u32,
}

static TABLE: Table =
    Table { chunks: [const { OnceLock::new() }; CHUNKS], free: Mutex::new(Free { numbers: Vec::new(), made: 0 }) };

/// A slot for a descriptor that has none.
pub(super) fn take() -> &'static Slot {
    let mut free = TABLE.free.lock().expect("no panic happens under this lock");
    let number = free.numbers.pop().unwrap_or_else(|| {
        let (chunk, place) = place_of(free.made);
        if place == 0 {
            let slots = free.made..free.made + (FIRST << chunk);
            TABLE.chunks[chunk].get_or_init(|| slots.map(Slot::new).collect());
        }
        free.made += 1;
        free.made - 1
    });
    drop(free);
    get(number).expect("the slot was made")
}

/// Wakes those whom an event concerns.
pub(super) fn fire(event: Event) {
    if let Some(slot) = get(event.slot()) {
        slot.fire(event);
    }
}

/// Asks for the slot that an event concerns: the first of two steps before it is fired. See [`Trail`].
pub(super) fn ask_for_slot(event: Event) {
    if let Some(slot) = get(event.slot()) {
        prefetch(ptr::from_ref(slot).cast(), size_of::<Slot>());
    }
}

/// Asks for what those touch first whom an event concerns: the second step, after the slot has come.
pub(super) fn ask_for_waiter(event: Event) {
    if let Some(slot) = get(event.slot()) {
        slot.trail.prefetch();
    }
}

/// The poller will not be looked into any more: wakes all who rely on it.
pub(super) fn forsake(poller: &Arc<Poller>) {
    for slot in TABLE.chunks.iter().filter_map(OnceLock::get).flatten() {
        let state = slot.lock();
        if state.registered.as_ref().is_some_and(|(registered, _)| Arc::ptr_eq(registered, poller)) {
            slot.wake_all_under(state);
        }
    }
}

fn get(number: u32) -> Option<&'static Slot> {
    let (chunk, place) = place_of(number);
    TABLE.chunks.get(chunk)?.get()?.get(place as usize)
}

/// The chunk of a slot, and its place there.
fn place_of(number: u32) -> (usize, u32) {
    // Chunk 0 holds the first FIRST slots, chunk k those from FIRST * (2^k - 1).
    let chunk = (number / FIRST + 1).ilog2();
    (chunk as usize, number - FIRST * ((1 << chunk) - 1))
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_a_place_of_its_own() {
        let mut next = 0;
        for chunk in 0..6 {
            for place in 0..FIRST << chunk {
                assert_eq!(place_of(next), (chunk, place));
                next += 1;
            }
        }
    }
}
