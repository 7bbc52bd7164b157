//! The poller of a worker: what it has registered, and how the others know whether its worker sleeps in it.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;

use super::polled::Direction;
use super::slot;
use super::system::{Alarm, Events, System};
use crate::std_sync::OnceLock;

/// See the [module](super).
#[derive(Debug, Default)]
pub(crate) struct Poller {
    /// Made with the first registration, by the worker's own thread.
    system: OnceLock<System>,
    /// How many descriptors are registered.
    descriptors: AtomicUsize,
    /// Where the worker's thread rests: one of the constants below.
    rest: AtomicU8,
    /// How often somebody has looked.
    looks: AtomicU64,
    /// The number of looks when the monitor last asked.
    looks_before: AtomicU64,
    /// The worker has ended: nobody looks any more.
    abandoned: AtomicBool,
}

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

    /// Waits for events, or for the alarm, no longer than `timeout`; for ever if that is `None`.
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) {
        if let Some(system) = self.system.get() {
            self.looks.fetch_add(1, Ordering::Relaxed);
            system.wait(events, timeout);
        }
    }

    /// Sees what events there are, in place of the worker's thread.
    ///
    /// That may come meanwhile, and go to sleep here. An alarm that was meant for it is told once, and may have been
    /// taken from it now. One who is blocked listens elsewhere, and is told there.
    pub(crate) fn look_for_another(&self, events: &mut Events) {
        self.wait(events, Some(Duration::ZERO));
        if events.has_alarm() {
            self.ring_if(|rest| rest == IN_POLLER);
        }
    }

    /// The worker's thread is about to sleep here, if there is anything to wait for; whether it is. Before it makes
    /// sure that there is nothing for it to do: see [`ring`](Self::ring).
    pub(crate) fn lie_down(&self) -> bool {
        let used = self.is_used();
        if used {
            self.rest.store(IN_POLLER, Ordering::SeqCst);
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

#[cfg(all(test, target_os = "linux", not(any(loom, shuttle))))]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_look_for_another_leaves_it_its_alarm() {
        let (poller, mut events) = (Poller::default(), Events::default());
        let (here, _there) = UnixStream::pair().unwrap();
        poller.add(here.as_raw_fd(), 0).unwrap();
        // Its worker comes round after all, while somebody is about to look for it, and is rung.
        assert!(poller.lie_down());
        poller.ring();
        poller.look_for_another(&mut events);
        poller.wait(&mut events, Some(Duration::ZERO));
        assert!(events.has_alarm());
        // One who is blocked is told elsewhere, and need not be told again at each look.
        poller.listen();
        poller.ring();
        poller.look_for_another(&mut events);
        assert!(events.has_alarm());
        poller.wait(&mut events, Some(Duration::ZERO));
        assert!(!events.has_alarm());
    }

    #[test]
    fn more_events_than_are_taken_at_a_time_are_told_one_after_the_other() {
        const MANY: usize = 100;
        let (poller, mut events) = (Poller::default(), Events::default());
        let slots: Vec<_> = (0..MANY).map(|_| slot::take()).collect();
        let pairs: Vec<_> = slots
            .iter()
            .map(|slot| {
                let pair = UnixStream::pair().unwrap();
                poller.add(pair.0.as_raw_fd(), slot.number()).unwrap();
                pair
            })
            .collect();
        let seen = |direction| slots.iter().map(|slot| slot.seen(direction)).collect::<Vec<_>>();
        let take_all = |events: &mut Events| {
            loop {
                poller.look_for_another(events);
                events.fire();
                if !events.is_full() {
                    break;
                }
            }
        };
        take_all(&mut events);
        let before = seen(Direction::Read);
        pairs.iter().for_each(|(_, there)| assert_eq!((&*there).write(b"!").unwrap(), 1));
        // Its worker sleeps there, and is rung.
        assert!(poller.lie_down());
        poller.ring();
        take_all(&mut events);
        assert!(before.iter().zip(seen(Direction::Read)).all(|(before, now)| now == before.wrapping_add(1)));
        poller.wait(&mut events, Some(Duration::ZERO));
        assert!(events.has_alarm());
        drop(pairs);
        slots.iter().for_each(|slot| slot.release());
    }
}
