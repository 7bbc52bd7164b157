//! The poller of a worker: what it has registered, and how the others know whether its worker sleeps in it.

use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;
use std::{array, io, mem};

use super::polled::Direction;
use super::slot;
use super::system::{Alarm, Event, Events, System};
use crate::std_sync::{Mutex, MutexGuard, OnceLock};

/// See the [module](super).
#[derive(Debug, Default)]
pub(crate) struct Poller {
    /// Made with the first registration, by the worker's own thread.
    system: OnceLock<System>,
    /// How many descriptors are registered.
    descriptors: AtomicUsize,
    /// What the worker has found and not fired yet. It alone puts events by here, and sleeps in the poller only when there are none
    /// left.
    found: Mutex<VecDeque<Event>>,
    /// Where the worker's thread rests: one of the constants below.
    rest: AtomicU8,
    /// How often somebody has looked.
    looks: AtomicU64,
    /// The number of looks when the monitor last asked.
    looks_before: AtomicU64,
    /// The worker has ended: nobody looks any more.
    abandoned: AtomicBool,
}

/// So many events are fired at a time: few, lest what was [asked for](super::trail) leave the cache before it is used.
const FIRED: usize = 2;

/// The thread runs, or sleeps elsewhere.
const AWAKE: u8 = 0;
/// It sleeps in the poller, or is about to.
const IN_POLLER: u8 = 1;
/// It is blocked by a goroutine, and listens to the alarm.
const BLOCKED: u8 = 2;

impl Poller {
    /// Whether there is any need to look.
    #[inline]
    pub(crate) fn is_used(&self) -> bool {
        self.descriptors.load(Ordering::Relaxed) > 0
    }

    /// Fires a few events that were found before. If there are none, waits for more, or for the alarm, no longer than `timeout`,
    /// or for ever if that is `None`. Whether there may be more. Only for the worker's thread, which does not sleep afterwards.
    ///
    /// What those need who come next is asked for meanwhile, in the steps that [`Trail`](super::trail::Trail) tells of.
    pub(crate) fn look(&self, room: &mut Events, timeout: Option<Duration>) -> bool {
        let Some(system) = self.system_looked_into() else { return false };
        let mut found = self.found();
        if found.is_empty() {
            drop(found);
            system.wait(room, timeout);
            found = self.found();
            found.extend(room.iter());
            each(&found, 0..2 * FIRED, slot::ask_for_slot);
            each(&found, 0..FIRED, slot::ask_for_waiter);
        }
        self.get_up();
        let batch: [_; FIRED] = array::from_fn(|_| found.pop_front());
        each(&found, 0..FIRED, slot::ask_for_waiter);
        each(&found, FIRED..2 * FIRED, slot::ask_for_slot);
        let more = !found.is_empty() || room.is_full();
        drop(found);
        batch.into_iter().flatten().for_each(slot::fire);
        more
    }

    /// Fires what the worker has put by, and as many events as are taken from the system at a time, in place of the worker's thread.
    /// Whether there may be more.
    ///
    /// That may come meanwhile, and go to sleep here: so none are put by. And an alarm that was meant for it is told once, and may
    /// have been taken from it now. One who is blocked listens elsewhere, and is told there.
    pub(crate) fn look_for_another(&self, room: &mut Events) -> bool {
        let Some(system) = self.system_looked_into() else { return false };
        let found = mem::take(&mut *self.found());
        found.into_iter().for_each(slot::fire);
        system.wait(room, Some(Duration::ZERO));
        if room.has_alarm() {
            self.ring_if(|rest| rest == IN_POLLER);
        }
        room.iter().for_each(slot::fire);
        room.is_full()
    }

    /// Where to look, if there is anything. The look is counted.
    fn system_looked_into(&self) -> Option<&System> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.system.get()
    }

    fn found(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.found.lock().expect("no panic happens under this lock")
    }

    /// The worker's thread is about to sleep here, if there is anything to wait for; whether it is. Before it makes
    /// sure that there is nothing for it to do: see [`ring`](Self::ring).
    pub(crate) fn lie_down(&self) -> bool {
        let used = self.is_used();
        if used {
            self.rest.store(IN_POLLER, Ordering::SeqCst);
        } else if self.system.get().is_some() {
            // They are of descriptors that are not registered any more, and should not be taken for others'.
            self.found().clear();
        }
        used
    }

    /// The worker's thread does not sleep here any more.
    pub(crate) fn get_up(&self) {
        self.rest.store(AWAKE, Ordering::Relaxed);
    }

    /// Wakes the worker's thread, if it sleeps here, or is blocked by a goroutine. To be called after what it shall
    /// find has been put where it looks before it sleeps.
    ///
    /// The fence stands between the two; the thread says where it rests before it looks, with another in between.
    /// Either it finds what there is, or it is seen to rest.
    pub(crate) fn ring(&self) {
        self.ring_if(|rest| rest != AWAKE);
    }

    fn ring_if(&self, is_for: impl FnOnce(u8) -> bool) {
        fence(Ordering::SeqCst);
        if is_for(self.rest.load(Ordering::Relaxed))
            && let Some(system) = self.system.get()
        {
            system.alarm().raise();
        }
    }

    /// What [`ring`](Self::ring) raises.
    pub(super) fn alarm(&self) -> io::Result<&Arc<Alarm>> {
        self.system().map(System::alarm)
    }

    /// Lets [`ring`](Self::ring) raise the alarm until [`get_up`](Self::get_up), while a goroutine blocks the thread.
    pub(super) fn listen(&self) {
        self.rest.store(BLOCKED, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Whether something is registered, and the worker is not there to see to it. A hint.
    pub(crate) fn is_unattended(&self) -> bool {
        self.is_used() && self.rest.load(Ordering::Relaxed) != IN_POLLER
    }

    /// Whether nobody has looked since the last time that this was asked, and somebody should. For the monitor.
    pub(crate) fn is_neglected(&self) -> bool {
        let looks = self.looks.load(Ordering::Relaxed);
        self.looks_before.swap(looks, Ordering::Relaxed) == looks && self.is_unattended()
    }

    /// The worker ends: nobody will look any more.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.abandoned.store(true, Ordering::SeqCst);
        if self.is_used() {
            slot::forsake(self);
        }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }

    /// Registers a descriptor. To be called by the worker's own thread.
    pub(super) fn add(&self, descriptor: RawFd, slot: u32) -> io::Result<()> {
        self.system()?.add(descriptor, slot, &[Direction::Read, Direction::Write])?;
        self.descriptors.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Takes back [`add`](Self::add). For any thread.
    pub(super) fn remove(&self, descriptor: RawFd) {
        if let Some(system) = self.system.get() {
            system.remove(descriptor);
            self.descriptors.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn system(&self) -> io::Result<&System> {
        if let Some(system) = self.system.get() {
            return Ok(system);
        }
        let made = System::new(Arc::new(Alarm::new()?))?;
        Ok(self.system.get_or_init(|| made))
    }
}

/// Applies `step` to those of the events that have these places, as far as there are any.
fn each(events: &VecDeque<Event>, places: Range<usize>, step: fn(Event)) {
    events.iter().copied().skip(places.start).take(places.len()).for_each(step);
}

#[cfg(all(test, target_os = "linux", not(any(loom, shuttle))))]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::poll::slot::Slot;

    #[test]
    fn a_look_for_another_leaves_it_its_alarm() {
        let (poller, mut room) = (Poller::default(), Events::default());
        let (here, _there) = UnixStream::pair().unwrap();
        poller.add(here.as_raw_fd(), 0).unwrap();
        // Its worker comes round after all, while somebody is about to look for it, and is rung.
        assert!(poller.lie_down());
        poller.ring();
        poller.look_for_another(&mut room);
        poller.look(&mut room, Some(Duration::ZERO));
        assert!(room.has_alarm());
        // One who is blocked is told elsewhere, and need not be told again at each look.
        poller.listen();
        poller.ring();
        poller.look_for_another(&mut room);
        assert!(room.has_alarm());
        poller.look(&mut room, Some(Duration::ZERO));
        assert!(!room.has_alarm());
    }

    /// More than are found at a time, but no more than twice as many.
    const MANY: usize = 100;

    fn look_for_another_twice(poller: &Poller) {
        let mut room = Events::default();
        poller.look_for_another(&mut room);
        assert!(!poller.look_for_another(&mut room));
    }

    /// A poller with so many descriptors, their slots, and the other ends. All that happened at the beginning has been told.
    fn many() -> (Poller, Vec<&'static Slot>, Vec<(UnixStream, UnixStream)>) {
        let poller = Poller::default();
        let slots: Vec<_> = (0..MANY).map(|_| slot::take()).collect();
        let pairs: Vec<_> = slots
            .iter()
            .map(|slot| {
                let pair = UnixStream::pair().unwrap();
                poller.add(pair.0.as_raw_fd(), slot.number()).unwrap();
                pair
            })
            .collect();
        look_for_another_twice(&poller);
        (poller, slots, pairs)
    }

    fn reads(slots: &[&Slot]) -> Vec<u32> {
        slots.iter().map(|slot| slot.seen(Direction::Read)).collect()
    }

    #[test]
    fn more_events_than_are_taken_at_a_time_are_told_one_after_the_other() {
        let (poller, slots, pairs) = many();
        let before = reads(&slots);
        pairs.iter().for_each(|(_, there)| assert_eq!((&*there).write(b"!").unwrap(), 1));
        // Its worker sleeps there, and is rung.
        assert!(poller.lie_down());
        poller.ring();
        look_for_another_twice(&poller);
        assert!(before.iter().zip(reads(&slots)).all(|(before, now)| now == before.wrapping_add(1)));
        let mut room = Events::default();
        poller.look(&mut room, Some(Duration::ZERO));
        assert!(room.has_alarm());
        slots.iter().for_each(|slot| slot.release());
    }

    #[test]
    fn what_the_worker_has_found_is_fired_piecemeal_or_by_who_looks_for_it() {
        let (poller, slots, pairs) = many();
        let (before, mut room) = (reads(&slots), Events::default());
        let fired = || before.iter().zip(reads(&slots)).filter(|(before, now)| *now == before.wrapping_add(1)).count();
        pairs.iter().for_each(|(_, there)| assert_eq!((&*there).write(b"!").unwrap(), 1));
        for looks in 1..=3 {
            // It never waits while there is something left.
            assert!(poller.look(&mut room, None));
            assert_eq!(fired(), looks * FIRED);
        }
        // It does not come round any more.
        look_for_another_twice(&poller);
        assert_eq!(fired(), MANY);
        assert!(!poller.look(&mut room, Some(Duration::ZERO)));
        assert_eq!(fired(), MANY);
        slots.iter().for_each(|slot| slot.release());
    }

    #[test]
    fn what_is_put_by_of_descriptors_that_are_gone_is_dropped() {
        let (poller, slots, pairs) = many();
        pairs.iter().for_each(|(_, there)| assert_eq!((&*there).write(b"!").unwrap(), 1));
        let mut room = Events::default();
        assert!(poller.look(&mut room, None));
        let before = reads(&slots);
        pairs.iter().for_each(|(here, _)| poller.remove(here.as_raw_fd()));
        assert!(!poller.lie_down());
        poller.look(&mut room, Some(Duration::ZERO));
        assert_eq!(reads(&slots), before);
        slots.iter().for_each(|slot| slot.release());
    }
}
