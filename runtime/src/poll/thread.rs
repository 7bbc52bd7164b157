//! How an ordinary thread waits for a descriptor, and a goroutine that may not leave its stack: in a system call.

use std::cell::OnceCell;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

use super::polled::Direction;
use super::slot::Slot;
use super::system::{Alarm, block};
use super::{Poller, cancelled, timed_out};
use crate::clock;
use crate::scheduler::{self, LentPermit};

/// Blocks the thread until the descriptor is ready, or there has been another event than those `seen`.
pub(super) fn wait(
    slot: &Slot,
    descriptor: RawFd,
    direction: Direction,
    seen: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    // Before the thread says that it listens to the alarm: this may wait for a lock.
    let lent = LentPermit::of_this_thread();
    let listener = Listener::new(slot)?;
    loop {
        listener.alarm.lower();
        let timer = lent.tend_timers();
        if slot.seen(direction) != seen {
            return Ok(());
        }
        if scheduler::is_beyond_waiting() {
            return Err(cancelled());
        }
        let left = |until: Instant| until.saturating_duration_since(clock::now());
        if deadline.is_some_and(|deadline| left(deadline).is_zero()) {
            return Err(timed_out());
        }
        let timeout = deadline.into_iter().chain(timer).min().map(left);
        if block(&listener.alarm, descriptor, direction == Direction::Read, timeout) {
            return Ok(());
        }
    }
}

/// A thread that listens to an alarm, which is raised when those who wait at the slot are woken, and when a worker is rung whose
/// thread this is.
struct Listener<'a> {
    slot: &'a Slot,
    alarm: Arc<Alarm>,
    worker: Option<Arc<Poller>>,
}

impl<'a> Listener<'a> {
    fn new(slot: &'a Slot) -> io::Result<Self> {
        let worker = scheduler::poller_of_thread();
        let alarm = match &worker {
            Some(poller) => poller.listen()?,
            None => alarm_of_thread()?,
        };
        slot.lock().enlist(&alarm);
        Ok(Self { slot, alarm, worker })
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.slot.lock().strike_off(&self.alarm);
        if let Some(poller) = &self.worker {
            poller.get_up();
        }
    }
}

/// An alarm for the calling thread, which has no other.
fn alarm_of_thread() -> io::Result<Arc<Alarm>> {
    thread_local! {
        static ALARM: OnceCell<Arc<Alarm>> = const { OnceCell::new() };
    }
    let known = ALARM.try_with(|alarm| alarm.get().cloned()).ok().flatten();
    if let Some(alarm) = known {
        return Ok(alarm);
    }
    let made = Arc::new(Alarm::new()?);
    // A thread that ends may have lost its variables.
    let _ = ALARM.try_with(|alarm| alarm.set(Arc::clone(&made)));
    Ok(made)
}
