//! Waiting for descriptors: sockets, pipes, and whatever else the system can poll. See [`Polled`] for an example.
//!
//! # Vocabulary
//! - A [`Polled`] owns a descriptor in non-blocking mode. Whoever uses it tries first, and waits only if that would
//!   block.
//! - A *poller* is an epoll instance. Every worker has one of its own, made when it is first needed. A worker that has
//!   nothing to run sleeps in it; one that is busy looks into it now and then.
//! - A *slot* is what a poller knows of a descriptor: how many events there were, and who waits. See `slot.rs`.
//!
//! # Protocol
//! 1. Who wants to read notes the number of events that there were for reading, and then tries.
//! 2. If that would block, it registers the descriptor with the poller of its worker, unless it is registered already;
//!    takes the slot's lock; and parks, unless the number has changed.
//! 3. A poller tells of an event once, when something changes (it is edge-triggered), or when a descriptor is
//!    registered that is ready. Whoever is told takes the slot's lock, counts the event, and wakes all who wait for its
//!    kind. They try again.
//!
//! # No wake-up is lost
//! What comes after the try of step 1 makes an event: because it is a change if the descriptor is registered, and
//! otherwise because it is there when the descriptor is registered. If it is counted before step 2 looks, the number
//! has changed; if afterwards, the waiter stands in the list.
//!
//! A read that fills less than its buffer has left nothing behind, so the next one need not try before an event has
//! been counted; but if the other side has hung up, which may be told together with the last data, there will be no
//! further event. Nor will there be one if a read stopped before urgent data (`MSG_OOB`), though more may lie behind
//! them. Who was told of either tries each time from then on.
//!
//! # Whose poller
//! A descriptor is registered with one poller at a time: that of whoever waits for it, so that waking somebody crosses
//! no threads. If somebody at another worker waits, and nobody else does, the descriptor moves. With one who reads here
//! and one who writes there, it stays where it is. A poller is looked into by its worker; if that does not come round,
//! because it is hogged or blocked, by the monitor. When a worker ends, all that is still registered with its poller
//! counts one event more, and who waited there registers anew.
//!
//! # A few at a time
//! A worker takes many events from the system at once, and puts by what it does not come to at once: between *found* and
//! *fired*, which is step 3, it runs those whom it has woken already. It does not sleep in the poller before all are fired, and
//! if it does not come round, the monitor fires in its place what it has put by. Why only a few at a time: see `trail.rs`.
//!
//! # Descriptors that are used again
//! Slots are never freed, only used again, and an event tells the number of a slot. So an event that comes late, for a
//! descriptor that is closed by now, at most makes somebody try in vain: once, or, if the other side had hung up, once before each
//! wait.
//!
//! # Threads
//! An ordinary thread, and a goroutine that unwinds, wait in an epoll instance of the thread's own: see `thread.rs`.
//!
//! # Simulated sockets
//! In a test under chosen schedules there is no system to wait for. What is made by `Polled::simulated` is never
//! registered with a poller: who waits for it parks as ever, and is woken by those who simulate it. Step 2 without its
//! first half, and for step 3 whoever interrupts; so no wake-up is lost for the same reason.
//!
//! # Other systems
//! There is epoll, and nothing else yet: elsewhere whoever would have to wait gets an error of the kind `Unsupported`.
//!
//! Rejected: one poller for the whole runtime. Whoever looks into it has to send most of what it finds to other
//! threads, and wakes them; and its lock, in the kernel, is one for all. Go has it so.

#[cfg(target_os = "linux")]
mod alarm;
mod polled;
mod poller;
#[cfg(feature = "testing")]
mod simulated;
mod slot;
#[cfg(target_os = "linux")]
#[path = "epoll.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "unsupported.rs"]
mod system;
mod thread;
mod trail;

use std::io;

pub use polled::{Direction, Polled};
pub(crate) use poller::Poller;
pub(crate) use system::Events;

/// What a wait ends with whose deadline has passed.
fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the deadline has passed")
}

/// What a wait ends with that is over because the runtime shuts down.
fn cancelled() -> io::Error {
    io::Error::other("the runtime shuts down")
}
