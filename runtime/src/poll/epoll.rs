//! The system's part of a poller on Linux: epoll.

use std::io;
use std::ops::BitOr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(super) use super::alarm::Alarm;
use super::polled::Direction;

/// What is told of an event that concerns no slot.
const ALARM: u64 = u64::MAX;
/// So many events are taken at a time. If there are more, they are there at the next look.
const TAKEN: usize = 64;

const READABLE: i32 = libc::EPOLLIN | libc::EPOLLPRI | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR;
const WRITABLE: i32 = libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR;
const READ_ENDS: i32 = libc::EPOLLPRI | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR;
const WRITE_ENDS: i32 = libc::EPOLLHUP | libc::EPOLLERR;

/// An epoll instance, and the alarm that ends a wait in it.
#[derive(Debug)]
pub(super) struct System {
    epoll: OwnedFd,
    alarm: Arc<Alarm>,
}

/// What has happened to the descriptor that belongs to a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    slot: u32,
    mask: i32,
}

impl Event {
    pub(super) fn slot(self) -> u32 {
        self.slot
    }

    pub(super) fn is_readable(self) -> bool {
        self.mask & READABLE != 0
    }

    pub(super) fn is_writable(self) -> bool {
        self.mask & WRITABLE != 0
    }

    /// Whether there may be no further event for what is left after a short read: the other side has hung up; or there
    /// are urgent data, before which a read stops.
    pub(super) fn ends_reading(self) -> bool {
        self.mask & READ_ENDS != 0
    }

    pub(super) fn ends_writing(self) -> bool {
        self.mask & WRITE_ENDS != 0
    }
}

/// Room for events. It takes no memory before it is used.
#[derive(Default)]
pub(crate) struct Events(Vec<libc::epoll_event>);

impl Events {
    /// Whether there may be more.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() == TAKEN
    }

    /// Whether the alarm was raised.
    pub(super) fn has_alarm(&self) -> bool {
        self.0.iter().any(|event| event.u64 == ALARM)
    }

    /// What concerns slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = Event> {
        self.0.iter().filter_map(|event| {
            let slot = u32::try_from(event.u64).ok()?;
            Some(Event { slot, mask: event.events.cast_signed() })
        })
    }
}

impl System {
    /// With an alarm, which may be that of others as well.
    pub(super) fn new(alarm: Arc<Alarm>) -> io::Result<Self> {
        // SAFETY: the call takes no pointers.
        let descriptor = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: it was just opened, and belongs to nobody else.
        let epoll = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let system = Self { epoll, alarm };
        let alarm = system.alarm.as_fd().as_raw_fd();
        // Edge-triggered: it need not be read.
        system.control(libc::EPOLL_CTL_ADD, alarm, libc::EPOLLIN | libc::EPOLLET, ALARM)?;
        Ok(system)
    }

    pub(super) fn alarm(&self) -> &Arc<Alarm> {
        &self.alarm
    }

    /// Registers a descriptor: an event tells the number of its slot. What is there already is one, too.
    pub(super) fn add(&self, descriptor: RawFd, slot: u32, directions: &[Direction]) -> io::Result<()> {
        let of = |direction: &Direction| match direction {
            Direction::Read => libc::EPOLLIN | libc::EPOLLPRI | libc::EPOLLRDHUP,
            Direction::Write => libc::EPOLLOUT,
        };
        let interest = directions.iter().map(of).fold(libc::EPOLLET, BitOr::bitor);
        match self.control(libc::EPOLL_CTL_ADD, descriptor, interest, slot.into()) {
            // A duplicate of what this number meant before is still open somewhere.
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                self.control(libc::EPOLL_CTL_MOD, descriptor, interest, slot.into())
            }
            done => done,
        }
    }

    pub(super) fn remove(&self, descriptor: RawFd) {
        // It fails if the descriptor was closed by somebody else; then there is nothing to be removed.
        let _ = self.control(libc::EPOLL_CTL_DEL, descriptor, 0, 0);
    }

    fn control(&self, operation: i32, descriptor: RawFd, interest: i32, data: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.cast_unsigned(), u64: data };
        // SAFETY: the event is there to be read.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, descriptor, &raw mut event) }).map(drop)
    }

    /// Waits until there are events, or an alarm, for no longer than `timeout`; for ever if that is `None`.
    pub(super) fn wait(&self, events: &mut Events, timeout: Option<Duration>) {
        let events = &mut events.0;
        events.clear();
        events.reserve(TAKEN);
        let (room, most) = (events.as_mut_ptr(), TAKEN as i32);
        let found = match timeout {
            None => self.wait_coarsely(room, most, -1),
            Some(Duration::ZERO) => self.wait_coarsely(room, most, 0),
            Some(timeout) => self.wait_precisely(room, most, timeout),
        };
        // A signal may have ended the wait. Nothing else can go wrong.
        let found = found.unwrap_or(0);
        // SAFETY: the system has filled in so many, for which there is room.
        unsafe { events.set_len(found) };
    }

    /// In milliseconds, or for ever if `timeout` is negative.
    fn wait_coarsely(&self, room: *mut libc::epoll_event, most: i32, timeout: i32) -> io::Result<usize> {
        // SAFETY: there is room for so many events.
        let found = check(unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), room, most, timeout) })?;
        Ok(found.unsigned_abs() as usize)
    }

    fn wait_precisely(&self, room: *mut libc::epoll_event, most: i32, timeout: Duration) -> io::Result<usize> {
        /// Whether the system, or who filters its calls, does not know this one, as before Linux 5.11.
        static UNKNOWN: AtomicBool = AtomicBool::new(false);
        if !UNKNOWN.load(Ordering::Relaxed) {
            let (epoll, until) = (self.epoll.as_raw_fd(), timespec(timeout));
            let no_mask: *const libc::sigset_t = ptr::null();
            // SAFETY: there is room for so many events, and the time is there to be read.
            let found =
                unsafe { libc::syscall(libc::SYS_epoll_pwait2, epoll, room, most, &raw const until, no_mask, 0_usize) };
            if found >= 0 {
                return Ok(found.unsigned_abs() as usize);
            }
            let error = io::Error::last_os_error();
            if !matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) {
                return Err(error);
            }
            UNKNOWN.store(true, Ordering::Relaxed);
        }
        // Not before it is time.
        let millis = timeout.as_nanos().div_ceil(1_000_000);
        self.wait_coarsely(room, most, i32::try_from(millis).unwrap_or(i32::MAX))
    }
}

fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
