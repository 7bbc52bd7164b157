//! A descriptor, and how goroutines use it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::ptr;
#[cfg(feature = "testing")]
use std::sync::{Arc, Weak};
use std::time::Instant;

#[cfg(feature = "testing")]
use super::simulated::{self, Simulated};
use super::slot::{self, Slot, State};
use super::thread::Watch;
use super::{cancelled, timed_out};
use crate::clock;
use crate::park::{self, Description, LockGuard, Outcome, Partner, Patience, Reason, Subject, Way};
use crate::scheduler::{self, IoWait};
#[cfg(feature = "testing")]
use crate::timer;

/// What a descriptor is waited for. See [`Polled`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// There is something to be read, or to be accepted; or the other side has hung up.
    Read,
    /// There is room to write, or a connection has been made.
    Write,
}

/// A descriptor that goroutines can wait for: a socket, a pipe, or anything else that the system can poll.
///
/// It owns `io`, which must be in non-blocking mode, and whose [`as_fd`](AsFd::as_fd) must always give the same
/// descriptor. Any number of goroutines and threads may use it at a time; who waits to read is not in the way of who
/// waits to write.
///
/// The descriptor is registered with the system when a goroutine first waits for it, and until this is dropped.
///
/// ```
/// use gocsp_runtime::poll::{Direction, Polled};
/// use gocsp_runtime::{go, run};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// run(|| {
///     let (mut here, there) = UnixStream::pair()?;
///     there.set_nonblocking(true)?;
///     let there = Polled::new(there);
///     let reader = go!(move || {
///         let mut bytes = [0; 8];
///         let read = |mut there: &UnixStream| there.read(&mut bytes);
///         there.run(Direction::Read, || None, read, |_| false)
///     });
///     here.write_all(b"hello")?;
///     assert_eq!(reader.join().unwrap()?, 5);
///     Ok(())
/// })
/// # }
/// ```
pub struct Polled<T: AsFd> {
    /// Before `io`, and so released before that is closed.
    slot: OwnSlot,
    #[cfg(feature = "testing")]
    simulated: Option<Arc<Simulated>>,
    io: T,
}

impl<T: AsFd> Polled<T> {
    /// Makes no system call.
    ///
    /// # Examples
    /// See [`Polled`].
    pub fn new(io: T) -> Self {
        Self {
            slot: OwnSlot(slot::take()),
            #[cfg(feature = "testing")]
            simulated: None,
            io,
        }
    }

    /// Something that the system is never asked about, in a test under [chosen schedules](crate::testing): who has to
    /// wait for it is woken by [`interrupt`](Self::interrupt) and [`interrupt_at`](Self::interrupt_at), and by nothing
    /// else. With the feature `testing`.
    ///
    /// # Examples
    /// A letterbox, in which there is a letter after an hour:
    /// ```
    /// use gocsp_runtime::poll::{Direction, Polled};
    /// use gocsp_runtime::{clock, testing};
    /// use std::io::ErrorKind;
    /// use std::net::UdpSocket;
    /// use std::time::Duration;
    ///
    /// testing::check(|| {
    ///     let due = clock::deadline(Duration::from_secs(3600));
    ///     let letterbox = Polled::simulated(UdpSocket::bind("127.0.0.1:0").unwrap());
    ///     letterbox.interrupt_at(due);
    ///     let look = |_: &UdpSocket| if clock::now() < due { Err(ErrorKind::WouldBlock.into()) } else { Ok("a letter") };
    ///     assert_eq!(letterbox.run(Direction::Read, || None, look, |_| false).unwrap(), "a letter");
    /// });
    /// ```
    #[cfg(feature = "testing")]
    pub fn simulated(io: T) -> Self {
        let slot = slot::take();
        Self { slot: OwnSlot(slot), simulated: Some(Arc::new(Simulated(slot))), io }
    }

    /// What was passed to [`new`](Self::new).
    ///
    /// ```
    /// use gocsp_runtime::poll::Polled;
    /// use std::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let socket = Polled::new(socket);
    /// assert_ne!(socket.get_ref().local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// What was passed to [`new`](Self::new), which is not registered any more.
    ///
    /// ```
    /// use gocsp_runtime::poll::Polled;
    /// use std::net::UdpSocket;
    ///
    /// let socket = Polled::new(UdpSocket::bind("127.0.0.1:0")?);
    /// let socket: UdpSocket = socket.into_inner();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_inner(self) -> T {
        let Self { slot, io, .. } = self;
        drop(slot);
        io
    }

    /// Runs `op`, and again as soon as it may have success, until it does not say
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) any more. After [`Interrupted`](io::ErrorKind::Interrupted) it runs
    /// again at once. In between the goroutine parks, or the thread blocks.
    ///
    /// `deadline` is asked before each wait. `drains` says whether a result shows that nothing is left, as does a read
    /// from a stream that fills less than its buffer: the next run may then wait without a try, which saves a system
    /// call.
    ///
    /// In a test under chosen schedules it is a point at which somebody else may go on first.
    ///
    /// Costs a few loads beside the calls of `op`, if it need not wait. The first wait registers the descriptor, by a
    /// system call; a thread does so for each run in which it waits, and takes it back.
    ///
    /// # Errors
    /// That of `op`; [`TimedOut`](io::ErrorKind::TimedOut) when the deadline has passed; or what the system says if the
    /// descriptor cannot be registered, which may be that it cannot be polled (`EPERM`, for regular files), or that
    /// there are no more descriptors for a poller. [`Unsupported`](io::ErrorKind::Unsupported) in a test under chosen
    /// schedules, unless this is simulated; and if it is, outside such a test.
    ///
    /// # Panics
    /// Unwinds without a message when the goroutine's runtime shuts down.
    ///
    /// # Examples
    /// A datagram, for which it waits no longer than a millisecond:
    /// ```
    /// use gocsp_runtime::poll::{Direction, Polled};
    /// use std::io::ErrorKind;
    /// use std::net::UdpSocket;
    /// use std::time::{Duration, Instant};
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let socket = Polled::new(socket);
    /// let (mut bytes, deadline) = ([0; 100], Instant::now() + Duration::from_millis(1));
    /// let received = socket.run(Direction::Read, || Some(deadline), |socket| socket.recv(&mut bytes), |_| false);
    /// assert_eq!(received.unwrap_err().kind(), ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<R>(
        &self,
        direction: Direction,
        deadline: impl Fn() -> Option<Instant>,
        mut op: impl FnMut(&T) -> io::Result<R>,
        drains: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        // Before anything is done that could be lost.
        park::cooperate();
        #[cfg(feature = "testing")]
        {
            simulated::admit(self.simulated.is_some())?;
            park::point_of(name(direction), Location::caller());
        }
        // A goroutine has none, so it is in a box: to leave less on the stack of who waits.
        let (slot, mut watch) = (self.slot.0, None);
        loop {
            let seen = slot.seen(direction);
            if !slot.is_drained(direction, seen) {
                match op(&self.io) {
                    Ok(result) => {
                        if drains(&result) {
                            slot.set_drained(direction, seen);
                        }
                        return Ok(result);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                    Err(_) => {}
                }
            }
            #[cfg(feature = "testing")]
            if self.simulated.is_some() {
                wait_unregistered(slot, direction, seen, deadline())?;
                continue;
            }
            wait(slot, self.io.as_fd(), direction, seen, deadline(), &mut watch, ptr::from_ref(self).cast())?;
        }
    }

    /// Has everybody who waits run its operation again, and ask for the deadline again. So has whoever is about to
    /// wait.
    ///
    /// # Examples
    /// A wait that is broken off:
    /// ```
    /// use gocsp_runtime::poll::{Direction, Polled};
    /// use gocsp_runtime::{go, run};
    /// use std::io::{Error, ErrorKind};
    /// use std::net::UdpSocket;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(|| {
    ///     let socket = UdpSocket::bind("127.0.0.1:0")?;
    ///     socket.set_nonblocking(true)?;
    ///     let shared = Arc::new((Polled::new(socket), AtomicBool::new(false)));
    ///     let theirs = Arc::clone(&shared);
    ///     let waits = go!(move || {
    ///         let (socket, over) = &*theirs;
    ///         let receive = |socket: &UdpSocket| match over.load(Ordering::Relaxed) {
    ///             true => Err(Error::from(ErrorKind::NotConnected)),
    ///             false => socket.recv(&mut [0; 100]),
    ///         };
    ///         socket.run(Direction::Read, || None, receive, |_| false)
    ///     });
    ///     let (socket, over) = &*shared;
    ///     over.store(true, Ordering::Relaxed);
    ///     socket.interrupt();
    ///     assert_eq!(waits.join().unwrap().unwrap_err().kind(), ErrorKind::NotConnected);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn interrupt(&self) {
        self.slot.0.wake_all();
    }

    /// As [`interrupt`](Self::interrupt), when it is that time by the clock of the schedule; unless this is dropped
    /// before. With the feature `testing`.
    ///
    /// # Panics
    /// If it is not [simulated](Self::simulated).
    ///
    /// # Examples
    /// See [`simulated`](Self::simulated).
    #[cfg(feature = "testing")]
    pub fn interrupt_at(&self, time: Instant) {
        let simulated = self.simulated.as_ref().expect("interrupt_at() is for what is simulated");
        let weak: Weak<Simulated> = Arc::downgrade(simulated);
        timer::arm(time, weak);
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Polled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Polled").field(&self.io).finish()
    }
}

/// A slot in use.
struct OwnSlot(&'static Slot);

impl Drop for OwnSlot {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Waits until there has been another event than those `seen`. In `watch` a thread keeps what it needs for the next
/// wait of the run. At `place` is what the caller uses when it goes on.
#[track_caller]
fn wait(
    slot: &'static Slot,
    io: BorrowedFd<'_>,
    direction: Direction,
    seen: u32,
    deadline: Option<Instant>,
    watch: &mut Option<Box<Watch>>,
    place: *const u8,
) -> io::Result<()> {
    if deadline.is_some_and(|deadline| deadline <= clock::now()) {
        return Err(timed_out());
    }
    let descriptor = io.as_raw_fd();
    let Some(poller) = scheduler::poller_of_goroutine() else {
        return wait_as_thread(slot, descriptor, direction, seen, deadline, watch);
    };
    let mut state = slot.lock();
    if !state.is_served_by(poller) {
        drop(state);
        slot.register(poller, descriptor)?;
        state = slot.lock();
    }
    if slot.seen(direction) != seen {
        return Ok(());
    }
    let _counted = IoWait::begin();
    slot.trail().lay(place);
    park_in(state, deadline, &Waiting { address: 0, partner: Partner::Descriptor(descriptor), direction })
}

/// As [`wait`], for a thread, or a goroutine that unwinds. Not inlined: a goroutine that waits should need little of its stack.
#[cold]
#[inline(never)]
fn wait_as_thread(
    slot: &'static Slot,
    descriptor: RawFd,
    direction: Direction,
    seen: u32,
    deadline: Option<Instant>,
    watch: &mut Option<Box<Watch>>,
) -> io::Result<()> {
    let watch = match watch {
        Some(watch) => watch,
        None => watch.insert(Box::new(Watch::new(slot, descriptor, direction)?)),
    };
    watch.wait(seen, deadline)
}

/// As [`wait`], for what the system is not asked about.
#[cfg(feature = "testing")]
#[track_caller]
fn wait_unregistered(
    slot: &'static Slot,
    direction: Direction,
    seen: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    if deadline.is_some_and(|deadline| deadline <= clock::now()) {
        return Err(timed_out());
    }
    let state = slot.lock();
    if slot.seen(direction) != seen {
        return Ok(());
    }
    let address = ptr::from_ref(slot).addr();
    park_in(state, deadline, &Waiting { address, partner: Partner::Others, direction })
}

/// Parks in a slot, whose lock this is.
#[track_caller]
fn park_in(state: LockGuard<'static, State>, deadline: Option<Instant>, waiting: &Waiting) -> io::Result<()> {
    let list = match waiting.direction {
        Direction::Read => State::readers,
        Direction::Write => State::writers,
    };
    let patience = Patience { deadline, masked: false };
    let reason = Reason::new::<ForIo, _>(Location::caller(), waiting);
    // SAFETY: this is always the same list of the slot.
    match unsafe { park::wait(state, list, &(), patience, reason) } {
        Outcome::Woken => Ok(()),
        Outcome::TimedOut => Err(timed_out()),
        Outcome::Cancelled => Err(cancelled()),
    }
}

/// What an operation is called at whose beginning somebody else may go on.
#[cfg(feature = "testing")]
fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Read => "IO read",
        Direction::Write => "IO write",
    }
}

/// What is waited for, for reports.
struct Waiting {
    /// What tells it from others, if its partner does not.
    address: usize,
    partner: Partner,
    direction: Direction,
}

enum ForIo {}

impl Way<Waiting> for ForIo {
    const STATE: &'static str = "IO wait";

    fn describe(waiting: &Waiting, to: &mut Description) {
        let what = match waiting.direction {
            Direction::Read => "input",
            Direction::Write => "room for output",
        };
        let &Waiting { address, partner, .. } = waiting;
        to.subjects.push(Subject { what, address, made_at: None, partner });
    }
}
