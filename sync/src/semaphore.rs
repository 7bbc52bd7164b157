//! [`Semaphore`]: a number of permits.
//!
//! # Protocol
//! What is available, and who waits for how many, first come first, is under one lock, which is held for a few steps.
//! 1. Who asks is given its permits at once if nobody waits and there are enough of them. Else it joins the line, with a
//!    channel of its own, and waits for the grant to come through that, or for its deadline, or for the end of its context.
//! 2. Permits that come back go to the first in the line, as long as there are enough for it; then to the next. Nobody
//!    overtakes the first, however few it asks for: else who asks for many might wait for ever.
//! 3. Who gives up, or is unwound, leaves the line. If it is not there any more it has been given its permits: then it keeps
//!    them, if only its time was over, and else gives them back. In either case the next may get on.
//! 4. Who is unwinding already when its runtime shuts down finds the channel closed, though nothing has been granted. As with a
//!    lock it cannot do without: it waits on, for a [`WaitGroup`], which a shutdown does not disturb in a destructor.
//!
//! A wait here is for one of several things, which is what select is for; so this is built upon channels, as Go's is, and not
//! upon the queues of the other primitives.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gocsp_channels::{Receiver, RecvError, Sender, channel};
use gocsp_context::{Context, ContextError};
use gocsp_runtime::park::{Description, Partner, Reason, Way};
use gocsp_runtime::std_sync::{Mutex, MutexGuard};
use gocsp_runtime::{clock, park};
use gocsp_select::__private::{End, Pair, RecvCase, Wait, run_for};

use crate::WaitGroup;
use crate::report::{self, Caller};

/// A number of permits, of which one may take several at a time.
///
/// A handle: its clones are the same semaphore. Who asks is served in the strict order of coming: somebody who asks for few
/// waits behind somebody who asks for more than there are.
///
/// # Cost
/// A lock for each taking and giving back. To wait takes two allocations.
///
/// # Examples
/// No more than three at a time:
/// ```
/// use gocsp_sync::{Semaphore, WaitGroup};
///
/// let (permits, group) = (Semaphore::new(3), WaitGroup::new());
/// for n in 0..10 {
///     let permit = permits.acquire(1);
///     group.go(move || {
///         println!("{n} is one of three at most");
///         drop(permit);
///     });
/// }
/// group.wait();
/// assert_eq!(permits.available(), 3);
/// ```
#[derive(Clone)]
pub struct Semaphore {
    inner: Arc<Inner>,
}

struct Inner {
    size: usize,
    made_at: Caller,
    state: Mutex<State>,
}

struct State {
    available: usize,
    line: VecDeque<Waiting>,
    /// The number of the next to join the line.
    next: u64,
}

/// One in the line.
struct Waiting {
    number: u64,
    permits: usize,
    bell: Bell,
}

/// How one in the line is told of its grant.
enum Bell {
    Channel(Sender<()>),
    Group(WaitGroup),
}

impl Semaphore {
    /// A semaphore with so many permits.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(gocsp_sync::Semaphore::new(3).available(), 3);
    /// ```
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        let state = Mutex::new(State { available: permits, line: VecDeque::new(), next: 0 });
        Self { inner: Arc::new(Inner { size: permits, made_at: Location::caller(), state }) }
    }

    /// Takes so many permits, waiting for as long as it takes.
    ///
    /// # Panics
    /// If the semaphore has fewer altogether.
    ///
    /// # Examples
    /// ```
    /// let semaphore = gocsp_sync::Semaphore::new(3);
    /// let permit = semaphore.acquire(2);
    /// assert_eq!(semaphore.available(), 1);
    /// drop(permit);
    /// assert_eq!(semaphore.available(), 3);
    /// ```
    #[track_caller]
    pub fn acquire(&self, permits: usize) -> SemaphorePermit {
        let place = Location::caller();
        self.acquire_for(permits, || self.reason(place))
    }

    /// As [`acquire`](Self::acquire), for who waits for something else in the eyes of the user.
    #[track_caller]
    pub(crate) fn acquire_for<'r>(&self, permits: usize, reason: impl FnOnce() -> Reason<'r>) -> SemaphorePermit {
        self.try_acquire(permits).unwrap_or_else(|| match self.join(permits) {
            Ok(permit) => permit,
            Err(waiting) => {
                let reason = reason();
                let told = waiting.wait(Wait::Forever, reason);
                waiting.settle(told, reason)
            }
        })
    }

    /// Takes so many permits if that needs no waiting.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// let semaphore = gocsp_sync::Semaphore::new(3);
    /// let permit = semaphore.try_acquire(2).expect("there are three");
    /// assert!(semaphore.try_acquire(2).is_none());
    /// ```
    #[track_caller]
    pub fn try_acquire(&self, permits: usize) -> Option<SemaphorePermit> {
        let size = self.inner.size;
        assert!(permits <= size, "a semaphore of {size} permits can never give {permits}");
        park::cooperate();
        let place = Location::caller();
        park::point_of("semaphore.TryAcquire", place);
        let taken = self.inner.lock().take(permits);
        taken.then(|| report::held(self.permit(permits), place))
    }

    /// Takes so many permits, waiting for at most `timeout`. `None` when that has passed.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let semaphore = gocsp_sync::Semaphore::new(1);
    /// let permit = semaphore.acquire(1);
    /// assert!(semaphore.acquire_timeout(1, Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn acquire_timeout(&self, permits: usize, timeout: Duration) -> Option<SemaphorePermit> {
        self.acquire_deadline(permits, clock::deadline(timeout))
    }

    /// Takes so many permits, waiting until `deadline` at the latest. `None` when that has passed.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    ///
    /// let semaphore = gocsp_sync::Semaphore::new(1);
    /// assert!(semaphore.acquire_deadline(1, Instant::now()).is_some());
    /// ```
    #[track_caller]
    pub fn acquire_deadline(&self, permits: usize, deadline: Instant) -> Option<SemaphorePermit> {
        let place = Location::caller();
        self.try_acquire(permits).or_else(|| match self.join(permits) {
            Ok(permit) => Some(permit),
            Err(waiting) if waiting.wait(Wait::Until(deadline), self.reason(place)).is_ok() => Some(waiting.accept()),
            Err(waiting) => waiting.give_up(),
        })
    }

    /// Takes so many permits, waiting for as long as `context` lasts.
    ///
    /// # Errors
    /// How the context has ended; also if it ends when the permits have just been given, which then go back.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_context::{Context, ContextError};
    ///
    /// let semaphore = gocsp_sync::Semaphore::new(1);
    /// let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// let permit = semaphore.acquire_context(&context, 1)?;
    /// assert_eq!(semaphore.acquire_context(&context, 1).unwrap_err(), ContextError::DeadlineExceeded);
    /// # Ok::<(), ContextError>(())
    /// ```
    #[track_caller]
    pub fn acquire_context(&self, context: &Context, permits: usize) -> Result<SemaphorePermit, ContextError> {
        let place = Location::caller();
        let permit = self.try_acquire(permits).or_else(|| match self.join(permits) {
            Ok(permit) => Some(permit),
            Err(waiting) => match waiting.wait_unless(context, self.reason(place)) {
                Some(told) => Some(waiting.settle(told, self.reason(place))),
                // Whoever has been given its permits meanwhile gives them back below.
                None => waiting.give_up(),
            },
        });
        match (context.err(), permit) {
            (Some(error), _) => Err(error),
            (None, Some(permit)) => Ok(permit),
            (None, None) => unreachable!("`done` is closed when the context has ended"),
        }
    }

    /// How many permits nobody has. The answer may be out of date at once.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(gocsp_sync::Semaphore::new(3).available(), 3);
    /// ```
    #[track_caller]
    pub fn available(&self) -> usize {
        park::point_of("semaphore.Available", Location::caller());
        self.inner.lock().available
    }

    /// Gives back permits whose [`SemaphorePermit`] was [forgotten](SemaphorePermit::forget).
    ///
    /// # Panics
    /// With `semaphore: released more than held` if there would be more than the semaphore had at first.
    ///
    /// # Examples
    /// ```
    /// let semaphore = gocsp_sync::Semaphore::new(3);
    /// semaphore.acquire(2).forget();
    /// semaphore.release(2);
    /// assert_eq!(semaphore.available(), 3);
    /// ```
    #[track_caller]
    pub fn release(&self, permits: usize) {
        let mut state = self.inner.lock();
        let too_many = permits > self.inner.size - state.available;
        if !too_many {
            state.available += permits;
        }
        let granted = state.grant();
        drop(state);
        granted.wake();
        assert!(!too_many, "semaphore: released more than held");
    }

    /// To wait for permits.
    fn reason(&self, place: Caller) -> Reason<'_> {
        Reason::new::<Acquiring, _>(place, &*self.inner)
    }

    fn permit(&self, permits: usize) -> SemaphorePermit {
        SemaphorePermit { semaphore: self.clone(), permits }
    }

    /// Step 1: the permits, or a place in the line.
    fn join(&self, permits: usize) -> Result<SemaphorePermit, InLine> {
        let (tx, rx) = channel(1);
        let mut state = self.inner.lock();
        if state.take(permits) {
            drop(state);
            return Ok(self.permit(permits));
        }
        let number = state.next;
        state.next += 1;
        state.line.push_back(Waiting { number, permits, bell: Bell::Channel(tx) });
        drop(state);
        Err(InLine { semaphore: self.clone(), number, permits, granted: rx, settled: false })
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, available) = (self.inner.size, self.inner.lock().available);
        f.debug_struct("Semaphore").field("size", &size).field("available", &available).finish()
    }
}

impl Inner {
    /// Held for a few steps, in which nobody parks, so that its blocking a thread does no harm.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }
}

impl State {
    /// Takes permits for somebody who is not in the line, if he need not wait.
    fn take(&mut self, permits: usize) -> bool {
        let free = self.line.is_empty() && self.available >= permits;
        if free {
            self.available -= permits;
        }
        free
    }

    /// Step 2.
    fn grant(&mut self) -> Granted {
        let mut granted = Vec::new();
        while let Some(first) = self.line.front()
            && first.permits <= self.available
        {
            self.available -= first.permits;
            granted.extend(self.line.pop_front());
        }
        Granted(granted)
    }
}

/// To wait for permits.
enum Acquiring {}

impl Way<Inner> for Acquiring {
    const STATE: &'static str = "semaphore.Acquire";

    fn describe(semaphore: &Inner, to: &mut Description) {
        report::tell("semaphore", semaphore, Some(semaphore.made_at), Partner::Others, to);
    }
}

/// Those who have been given their permits, and are to be told.
#[must_use = "who is not told waits for ever"]
struct Granted(Vec<Waiting>);

impl Granted {
    /// Not under the lock.
    fn wake(self) {
        for waiting in self.0 {
            match waiting.bell {
                // It has a place for this one message. If it has been left, the receiver gives the permits back.
                Bell::Channel(granted) => _ = granted.try_send(()),
                Bell::Group(granted) => granted.done(),
            }
        }
    }
}

/// A place in the line. Dropped, it is left, and permits that have come go back.
struct InLine {
    semaphore: Semaphore,
    number: u64,
    permits: usize,
    granted: Receiver<()>,
    /// Whether it has been left, or the permits are somebody else's.
    settled: bool,
}

impl InLine {
    /// The permits, which have been granted.
    fn accept(mut self) -> SemaphorePermit {
        self.settled = true;
        self.semaphore.permit(self.permits)
    }

    /// Waits for the channel to tell of the permits; an error if the time is over, or the goroutine unwinds already.
    fn wait(&self, wait: Wait, reason: Reason<'_>) -> Result<(), RecvError> {
        let mut told = RecvCase::new(&self.granted);
        run_for::<1>(Pair(&mut told, End), wait, reason).ok_or(RecvError)?;
        told.finish()
    }

    /// As [`wait`](Self::wait), unless the context ends first: then `None`.
    fn wait_unless(&self, context: &Context, reason: Reason<'_>) -> Option<Result<(), RecvError>> {
        let (mut told, mut ended) = (RecvCase::new(&self.granted), RecvCase::new(context.done()));
        let cases = Pair(&mut told, Pair(&mut ended, End));
        if run_for::<2>(cases, Wait::Forever, reason) == Some(0) { Some(told.finish()) } else { None }
    }

    /// The permits, whether the channel has told of them, or has failed.
    fn settle(self, told: Result<(), RecvError>, reason: Reason<'_>) -> SemaphorePermit {
        if told.is_ok() { self.accept() } else { self.insist(reason) }
    }

    /// Step 4.
    #[cold]
    fn insist(self, reason: Reason<'_>) -> SemaphorePermit {
        let granted = WaitGroup::new();
        let mut state = self.semaphore.inner.lock();
        let place = state.line.iter_mut().find(|waiting| waiting.number == self.number);
        let channel = place.map(|waiting| {
            granted.add(1);
            mem::replace(&mut waiting.bell, Bell::Group(granted.clone()))
        });
        drop(state);
        // To close it is to wake who waits for it, though nobody does.
        drop(channel);
        granted.wait_for(reason);
        self.accept()
    }

    /// Step 3: the permits, if they have been granted; else leaves the line.
    fn give_up(mut self) -> Option<SemaphorePermit> {
        if self.leave() { None } else { Some(self.accept()) }
    }

    /// Leaves the line, unless that has happened by a grant. The next may get on then.
    fn leave(&mut self) -> bool {
        let mut state = self.semaphore.inner.lock();
        let place = state.line.iter().position(|waiting| waiting.number == self.number);
        let left = place.and_then(|place| state.line.remove(place));
        let granted = state.grant();
        drop(state);
        granted.wake();
        self.settled |= left.is_some();
        left.is_some()
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        if !self.settled && !self.leave() {
            self.semaphore.release(self.permits);
        }
    }
}

/// Permits taken from a [`Semaphore`], which go back when this is dropped. It may be sent to another goroutine.
///
/// # Examples
/// ```
/// use gocsp_sync::{Semaphore, SemaphorePermit};
///
/// /// Something of which there may be only so many.
/// struct Connection {
///     _permit: SemaphorePermit,
/// }
///
/// let connections = Semaphore::new(2);
/// let connection = Connection { _permit: connections.acquire(1) };
/// assert_eq!(connections.available(), 1);
/// drop(connection);
/// assert_eq!(connections.available(), 2);
/// ```
#[must_use = "the permits go back as soon as this is dropped"]
pub struct SemaphorePermit {
    semaphore: Semaphore,
    permits: usize,
}

impl SemaphorePermit {
    /// How many these are.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(gocsp_sync::Semaphore::new(3).acquire(2).permits(), 2);
    /// ```
    #[must_use]
    pub fn permits(&self) -> usize {
        self.permits
    }

    /// Does not give them back: [`Semaphore::release`] can.
    ///
    /// # Examples
    /// ```
    /// let semaphore = gocsp_sync::Semaphore::new(3);
    /// semaphore.acquire(1).forget();
    /// assert_eq!(semaphore.available(), 2);
    /// ```
    pub fn forget(mut self) {
        self.permits = 0;
    }
}

impl Drop for SemaphorePermit {
    fn drop(&mut self) {
        if self.permits > 0 {
            self.semaphore.release(self.permits);
        }
    }
}

impl fmt::Debug for SemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit").field("permits", &self.permits).finish()
    }
}
