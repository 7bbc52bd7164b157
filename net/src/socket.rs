//! What all sockets have in common: several handles, limits of time, contexts, and an end.
//!
//! # Vocabulary
//! - A [`Socket`] is one handle of a socket; what its clones share is [`Shared`].
//! - A *call* is what the user calls. It *tries*, once or several times, and waits in between.
//! - *Rules* are what may end a call before a try has success: a timeout or a deadline, a context, or that the socket
//!   is closed.
//!
//! # Protocol
//! 1. Before each try a call looks at the flags, one load, and only if one is set that concerns it, at the rules.
//! 2. Before each wait it asks for its deadline, which the poller keeps.
//! 3. Who changes a rule, or whose context ends, first says so and then interrupts the poller: everybody who waits, or
//!    is about to, begins again at step 1.
//!
//! So the tries themselves need no lock, and those who use no rules pay for none.
//!
//! # What a deadline is, and what a timeout
//! A deadline belongs to the socket: when it has passed, every call fails until it is set anew, also one that would not
//! have to wait, as in Go. A timeout belongs to each call: it limits how long that waits, as in std.
//!
//! # Flags
//! | bit          | set                                   | cleared                              |
//! |--------------|---------------------------------------|--------------------------------------|
//! | [`CLOSED`]   | by the first [`close`](Socket::close) | never                                |
//! | [`BOUND`]    | with the first context of the rules   | with the last                        |
//! | [`READ`]     | while there are limits for reading    | when there is none any more          |
//! | [`WRITE`]    | while there are limits for writing    | when there is none any more          |
//!
//! All but `CLOSED` change only under the lock of the rules. Any of them may be set together.

use std::cell::OnceCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gocsp_context::Context;
use gocsp_runtime::poll::{Direction, Polled};
use gocsp_runtime::std_sync::{Mutex, MutexGuard};
use gocsp_runtime::{clock, yield_now};
use rustix::net::RecvFlags;

use crate::context::{Binding, CancelGuard, Interrupter};
use crate::error::{self, closed};
use crate::io::Io;

/// The socket is closed at this end.
const CLOSED: u8 = 1 << 0;
/// Contexts may end its calls.
const BOUND: u8 = 1 << 1;
/// There is a timeout or a deadline for reading.
const READ: u8 = 1 << 2;
/// There is a timeout or a deadline for writing.
const WRITE: u8 = 1 << 3;

/// The system takes no more pieces than that in one call.
const MOST_PIECES: usize = 1024;

/// One handle of a socket.
pub(crate) struct Socket<T: AsFd> {
    shared: Arc<Shared<T>>,
}

/// What the handles of a socket share. What every call needs comes first, and so lies together.
#[repr(C)]
struct Shared<T: AsFd> {
    polled: Polled<Io<T>>,
    flags: AtomicU8,
    /// How many [`Socket`]s there are. Others may have a reference for a moment, to interrupt.
    handles: AtomicUsize,
    rules: Mutex<Rules>,
}

#[derive(Default)]
struct Rules {
    read: Limits,
    write: Limits,
    contexts: Arc<Vec<(u64, Context)>>,
    /// The number of the next context.
    next: u64,
}

#[derive(Clone, Copy, Default)]
struct Limits {
    timeout: Option<Duration>,
    deadline: Option<Instant>,
}

/// One call, and the rules that are for it alone.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) direction: Direction,
    pub(crate) deadline: Option<Instant>,
    pub(crate) context: Option<&'a Context>,
}

impl Call<'_> {
    pub(crate) const READ: Self = Self { direction: Direction::Read, deadline: None, context: None };
    pub(crate) const WRITE: Self = Self { direction: Direction::Write, deadline: None, context: None };
}

/// What a call has done since it first had to wait.
#[derive(Default)]
struct Waiting {
    since: OnceCell<Instant>,
    interrupter: OnceCell<Interrupter>,
}

/// What a context does to a socket, whatever the socket's type.
pub(crate) trait Interrupt: Send + Sync {
    /// Has everybody who waits look at the rules again.
    fn interrupt(&self);
    /// Takes a context out of the rules, and gives it to the caller: with it may go values of the user's.
    fn unbind(&self, number: u64) -> Option<Context>;
    /// As [`interrupt`](Self::interrupt), at that time. For what is simulated.
    #[cfg(feature = "testing")]
    fn interrupt_at(&self, time: Instant);
}

impl<T: AsFd + Send + Sync + 'static> Interrupt for Shared<T> {
    fn interrupt(&self) {
        self.polled.interrupt();
    }

    fn unbind(&self, number: u64) -> Option<Context> {
        let mut rules = self.rules();
        let place = rules.contexts.iter().position(|(other, _)| *other == number)?;
        let (_, context) = Arc::make_mut(&mut rules.contexts).swap_remove(place);
        self.set_flag(BOUND, !rules.contexts.is_empty());
        Some(context)
    }

    #[cfg(feature = "testing")]
    fn interrupt_at(&self, time: Instant) {
        self.polled.interrupt_at(time);
    }
}

impl<T: AsFd> Shared<T> {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().expect("no panic happens under this lock")
    }

    /// Release: pairs with the Acquire in [`flags`](Self::flags).
    fn set_flag(&self, flag: u8, set: bool) {
        if set {
            self.flags.fetch_or(flag, Ordering::Release);
        } else {
            self.flags.fetch_and(!flag, Ordering::Release);
        }
    }

    /// Acquire: who sees a flag sees why it was set.
    fn flags(&self) -> u8 {
        self.flags.load(Ordering::Acquire)
    }

    fn is_closed(&self) -> bool {
        self.flags() & CLOSED != 0
    }

    /// Step 1.
    ///
    /// # Errors
    /// If a rule ends the call.
    fn check(&self, call: &Call<'_>) -> io::Result<()> {
        if let Some(context) = call.context {
            error::check(context)?;
        }
        let flags = self.flags();
        if flags & (CLOSED | BOUND | limited(call.direction)) == 0 { Ok(()) } else { self.check_rules(flags, call) }
    }

    #[cold]
    fn check_rules(&self, flags: u8, call: &Call<'_>) -> io::Result<()> {
        if flags & CLOSED != 0 {
            return Err(closed());
        }
        let mut rules = self.rules();
        let (contexts, limits) = (Arc::clone(&rules.contexts), *rules.limits(call.direction));
        // Who asks a context may be the first to find that it has ended, and then wakes those who wait for that, among
        // them tasks, by wakers of the user's.
        drop(rules);
        contexts.iter().try_for_each(|(_, context)| error::check(context))?;
        match limits.deadline {
            Some(deadline) if deadline <= clock::now() => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// Step 2.
    fn deadline(&self, call: &Call<'_>, waiting: &Waiting) -> Option<Instant> {
        if self.flags() & limited(call.direction) == 0 {
            return call.deadline;
        }
        let Limits { timeout, deadline } = *self.rules().limits(call.direction);
        let timeout = timeout.map(|timeout| clock::saturating_add(*waiting.since.get_or_init(clock::now), timeout));
        call.deadline.into_iter().chain(timeout).chain(deadline).min()
    }
}

impl Rules {
    fn limits(&mut self, direction: Direction) -> &mut Limits {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

/// The flag for limits of that direction.
fn limited(direction: Direction) -> u8 {
    match direction {
        Direction::Read => READ,
        Direction::Write => WRITE,
    }
}

impl<T: AsFd> Socket<T> {
    /// For calls that do not wait.
    pub(crate) fn io(&self) -> &Io<T> {
        self.shared.polled.get_ref()
    }

    /// The system's socket, for options.
    pub(crate) fn system(&self) -> &T {
        self.io().system()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Gives the socket back.
    ///
    /// # Errors
    /// If there are other handles.
    pub(crate) fn into_io(self) -> io::Result<Io<T>> {
        // Acquire: pairs with the Release of who drops a handle. There can be no new ones if this is the only one.
        if self.shared.handles.load(Ordering::Acquire) != 1 {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "the socket has other handles"));
        }
        let mut shared = Arc::clone(&self.shared);
        drop(self);
        loop {
            match Arc::try_unwrap(shared) {
                Ok(shared) => return Ok(shared.polled.into_inner()),
                // Somebody is just interrupting.
                Err(still) => shared = still,
            }
            yield_now();
        }
    }

    /// Closes the socket: step 3. The descriptor goes with the last handle.
    #[track_caller]
    pub(crate) fn close(&self) {
        self.shared.set_flag(CLOSED, true);
        // What is not connected cannot be shut down, and need not.
        let _ = self.io().shutdown(Shutdown::Both);
        self.shared.polled.interrupt();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// # Errors
    /// If the timeout is zero, as in std.
    pub(crate) fn set_timeout(&self, direction: Direction, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
        }
        self.set_limits(direction, |limits| limits.timeout = timeout);
        Ok(())
    }

    pub(crate) fn timeout(&self, direction: Direction) -> Option<Duration> {
        self.shared.rules().limits(direction).timeout
    }

    /// Step 3: calls that wait are concerned as well.
    pub(crate) fn set_deadline(&self, directions: &[Direction], deadline: Option<Instant>) {
        for &direction in directions {
            self.set_limits(direction, |limits| limits.deadline = deadline);
        }
        self.shared.polled.interrupt();
    }

    fn set_limits(&self, direction: Direction, set: impl FnOnce(&mut Limits)) {
        let mut rules = self.shared.rules();
        let limits = rules.limits(direction);
        set(limits);
        let is_limited = limits.timeout.is_some() || limits.deadline.is_some();
        self.shared.set_flag(limited(direction), is_limited);
    }
}

impl<T: AsFd + Send + Sync + 'static> Socket<T> {
    #[track_caller]
    pub(crate) fn new(io: Io<T>) -> Self {
        #[cfg(feature = "testing")]
        if io.end().is_some() {
            let socket = Self::of_polled(Polled::simulated(io));
            socket.io().end().expect("it was just there").attach(socket.weak());
            return socket;
        }
        Self::of_polled(Polled::new(io))
    }

    fn of_polled(polled: Polled<Io<T>>) -> Self {
        let shared = Shared { polled, flags: AtomicU8::new(0), handles: AtomicUsize::new(1), rules: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Tries until `op` says something else than that it would block: see [`Polled::run`].
    #[track_caller]
    pub(crate) fn run<R>(
        &self,
        call: &Call<'_>,
        mut op: impl FnMut(&Io<T>) -> io::Result<R>,
        drains: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        let (shared, waiting) = (&*self.shared, Waiting::default());
        let try_once = |io: &Io<T>| {
            shared.check(call)?;
            op(io)
        };
        let deadline = || {
            if let Some(context) = call.context {
                // Before the poller looks whether it was interrupted since the last try.
                waiting.interrupter.get_or_init(|| self.interrupter(context));
            }
            shared.deadline(call, &waiting)
        };
        // A call that was under way when the socket was closed may learn of it from the system, in other words.
        shared
            .polled
            .run(call.direction, deadline, try_once, drains)
            .map_err(|error| if shared.is_closed() { closed() } else { error })
    }

    /// Binds all calls, as long as the guard lives, to a context.
    pub(crate) fn cancel_on(&self, context: &Context) -> CancelGuard {
        let binding = self.bind(context);
        // In this order, which is that of step 3; and if this panics, the binding goes again.
        CancelGuard::new(self.interrupter(context), binding)
    }

    fn bind(&self, context: &Context) -> Binding {
        let mut rules = self.shared.rules();
        let number = rules.next;
        rules.next += 1;
        Arc::make_mut(&mut rules.contexts).push((number, context.clone()));
        self.shared.set_flag(BOUND, true);
        Binding::new(self.weak(), number)
    }

    fn interrupter(&self, context: &Context) -> Interrupter {
        Interrupter::new(context, self.weak())
    }

    fn weak(&self) -> Weak<dyn Interrupt> {
        let weak: Weak<Shared<T>> = Arc::downgrade(&self.shared);
        weak
    }

    /// Receives from a stream, or from whom the socket is connected with. `drains`: a buffer that is not filled means
    /// that nothing is left.
    #[track_caller]
    pub(crate) fn recv(&self, buffer: &mut [u8], flags: RecvFlags, drains: bool) -> io::Result<usize> {
        let room = buffer.len();
        let receive = |io: &Io<T>| io.recv(buffer, flags);
        let received = self.run(&Call::READ, receive, |&filled| drains && 0 < filled && filled < room)?;
        self.unless_closed(received, room)
    }

    #[track_caller]
    pub(crate) fn recv_vectored(&self, buffers: &mut [IoSliceMut<'_>], drains: bool) -> io::Result<usize> {
        let most = buffers.len().min(MOST_PIECES);
        let buffers = &mut buffers[..most];
        let room = buffers.iter().map(|buffer| buffer.len()).sum();
        let receive = |io: &Io<T>| io.recv_vectored(buffers);
        let received = self.run(&Call::READ, receive, |&filled| drains && 0 < filled && filled < room)?;
        self.unless_closed(received, room)
    }

    /// What has been received; but if that is the end, and this end was closed, that is why.
    fn unless_closed(&self, received: usize, room: usize) -> io::Result<usize> {
        if received == 0 && room > 0 && self.is_closed() { Err(closed()) } else { Ok(received) }
    }

    /// Sends by a stream, or to whom the socket is connected with. If nobody receives any more, that is an error and no
    /// signal.
    #[track_caller]
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.run(&Call::WRITE, |io| io.send(bytes), |_| false)
    }

    #[track_caller]
    pub(crate) fn send_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let pieces = &pieces[..pieces.len().min(MOST_PIECES)];
        self.run(&Call::WRITE, |io| io.send_vectored(pieces), |_| false)
    }
}

impl<T: AsFd> Clone for Socket<T> {
    fn clone(&self) -> Self {
        self.shared.handles.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: AsFd> Drop for Socket<T> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire of who wants the socket back.
        self.shared.handles.fetch_sub(1, Ordering::Release);
    }
}

// A panic leaves no call half done: those of the system are whole, and under the lock nothing panics.
impl<T: AsFd> UnwindSafe for Socket<T> {}
impl<T: AsFd> RefUnwindSafe for Socket<T> {}

impl<T: AsFd> AsFd for Socket<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io().as_fd()
    }
}
