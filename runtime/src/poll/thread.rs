//! How an ordinary thread waits for a descriptor, and a goroutine that may not leave its stack: in an epoll instance of
//! the thread's own.
//!
//! The descriptor is registered there with the first wait of a [run](super::Polled::run), and until the run ends. So
//! what happens is told once, and counted as an event, as by any poller. If it were registered for each wait anew, or
//! `ppoll` were asked, whatever stands would end each wait: such as an error that a read does not take away, which
//! `IP_RECVERR` can leave at a socket; and the thread would try in vain as fast as it can.

use std::cell::Cell;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

use super::polled::Direction;
use super::slot::{self, Slot};
use super::system::{Alarm, Events, System};
use super::{Poller, cancelled, timed_out};
use crate::clock;
use crate::scheduler::{self, LentPermit};

/// The registration of a descriptor for the length of a run.
pub(super) struct Watch {
    slot: &'static Slot,
    descriptor: RawFd,
    direction: Direction,
    /// `None` only when this is dropped.
    room: Option<Room>,
    /// The worker whose thread this is.
    worker: Option<Arc<Poller>>,
}

/// Where a thread waits, and what it is told there.
struct Room {
    system: System,
    events: Events,
}

thread_local! {
    /// Of an ordinary thread, while none of its runs uses it. (A run within the operation of another has one of its
    /// own.)
    static FREE: Cell<Option<Room>> = const { Cell::new(None) };
}

impl Watch {
    pub(super) fn new(slot: &'static Slot, descriptor: RawFd, direction: Direction) -> io::Result<Self> {
        let worker = scheduler::poller_of_thread();
        let room = match &worker {
            Some(poller) => Room::new(Arc::clone(poller.alarm()?))?,
            // A thread that ends may have lost its variables.
            None => match FREE.try_with(Cell::take).ok().flatten() {
                Some(room) => room,
                None => Room::new(Arc::new(Alarm::new()?))?,
            },
        };
        room.system.add(descriptor, slot.number(), &[direction])?;
        Ok(Self { slot, descriptor, direction, room: Some(room), worker })
    }

    /// Blocks the thread until there has been another event than those `seen`.
    pub(super) fn wait(&mut self, seen: u32, deadline: Option<Instant>) -> io::Result<()> {
        let Self { slot, direction, room, worker, .. } = self;
        let Room { system, events } = room.as_mut().expect("it is there until the watch is dropped");
        // Before the thread says that it listens to the alarm: this may wait for a lock.
        let lent = LentPermit::of_this_thread();
        let _listener = Listener::new(slot, system.alarm(), worker.as_deref());
        loop {
            let timer = lent.tend_timers();
            if slot.seen(*direction) != seen {
                return Ok(());
            }
            if scheduler::is_beyond_waiting() {
                return Err(cancelled());
            }
            let left = |until: Instant| until.saturating_duration_since(clock::now());
            if deadline.is_some_and(|deadline| left(deadline).is_zero()) {
                return Err(timed_out());
            }
            system.wait(events, deadline.into_iter().chain(timer).min().map(left));
            events.iter().for_each(slot::fire);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else { return };
        room.system.remove(self.descriptor);
        if self.worker.is_none() {
            // It fails for a thread that has lost its variables.
            let _ = FREE.try_with(|free| free.set(Some(room)));
        }
    }
}

impl Room {
    fn new(alarm: Arc<Alarm>) -> io::Result<Self> {
        Ok(Self { system: System::new(alarm)?, events: Events::default() })
    }
}

/// A thread that listens to an alarm, which is raised when those who wait at the slot are woken, and when a worker is
/// rung whose thread this is.
struct Listener<'a> {
    slot: &'a Slot,
    alarm: &'a Arc<Alarm>,
    worker: Option<&'a Poller>,
}

impl<'a> Listener<'a> {
    fn new(slot: &'a Slot, alarm: &'a Arc<Alarm>, worker: Option<&'a Poller>) -> Self {
        worker.inspect(|poller| poller.listen());
        slot.lock().enlist(alarm);
        Self { slot, alarm, worker }
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.slot.lock().strike_off(self.alarm);
        self.worker.inspect(|poller| poller.get_up());
    }
}
