//! [`WaitGroup`]: a counter of what is under way, and a wait for its end.
//!
//! # State
//! One word: the counter, times two, plus [`AWAITED`]. The counter is never below zero, not even for a moment: a
//! change that would make it so is refused as a whole.
//!
//! # Protocol
//! 1. To add is one exchange of the word, unless the counter would come to zero while `AWAITED` is set.
//! 2. To wait, with the counter above zero, is to set `AWAITED` under the queue's lock, and to join the queue.
//! 3. To bring the counter to zero while `AWAITED` is set takes the queue's lock first. In one step the word becomes
//!    zero altogether; then everyone in the queue is claimed, and woken once the lock is released.
//!
//! # Invariant
//! **W1** Under the queue's lock, those who stand in the queue have seen the counter above zero, and it has not been
//! zero since: they came under the lock, and while `AWAITED` is set it becomes zero only under the lock, in the step
//! that claims them all.
//!
//! So a wait ends if and only if the counter has been zero at some moment during the wait, and the group can be used
//! again at once, even while the waiters of the last round are still waking up. (Go asks that the next round begins
//! only after they have returned, and panics if it notices that it has not.)
//!
//! Rejected: a plain atomic addition, which many threads can do at the same time without retries. The word then
//! comes to zero before the lock is taken, and in between the waiters of two rounds mix.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::{self, Description, Outcome, Partner, Patience, Reason, Way};

use crate::queue::{self, Lanes, Queue};
use crate::report::{self, Caller};
use crate::sync::atomic::{AtomicIsize, Ordering};

/// Somebody may stand in the queue. Set by a waiter, cleared by the one who brings the counter to zero, both under
/// the queue's lock.
const AWAITED: isize = 1;
/// The counter's unit in the word.
const ONE: isize = 2;

/// The only lane.
const ALL: usize = 0;

/// Waits until a number of goroutines, or anything else that is counted, is done.
///
/// A handle: its clones are the same group, and cloning counts nothing. The counter starts at zero;
/// [`add`](Self::add) raises it, [`done`](Self::done) lowers it, and [`wait`](Self::wait) waits until it is zero.
/// [`go`](Self::go) does all of it for a goroutine. A group can be used again as soon as its counter is zero.
///
/// What happened before a `done` is visible after the `wait` that it ended.
///
/// # Cost
/// One atomic operation for `add` and `done`, unless it ends a wait; none of the kind for a `wait` that need not
/// wait. One allocation for the group.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use gocsp_sync::WaitGroup;
///
/// let sum = Arc::new(AtomicU32::new(0));
/// let group = WaitGroup::new();
/// for n in 1..=4 {
///     let sum = Arc::clone(&sum);
///     group.go(move || {
///         sum.fetch_add(n, Ordering::Relaxed);
///     });
/// }
/// group.wait();
/// assert_eq!(sum.load(Ordering::Relaxed), 10);
/// ```
#[derive(Clone)]
pub struct WaitGroup {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    state: AtomicIsize,
    made_at: Caller,
    queue: Queue<(), 1>,
}

// A group holds nothing that a panic could leave half done.
impl UnwindSafe for WaitGroup {}
impl RefUnwindSafe for WaitGroup {}

impl WaitGroup {
    /// A group with nothing under way.
    ///
    /// # Examples
    /// ```
    /// gocsp_sync::WaitGroup::new().wait();
    /// ```
    #[track_caller]
    pub fn new() -> Self {
        let (state, queue) = (AtomicIsize::new(0), Queue::new(Lanes::new()));
        Self { inner: Arc::new(Inner { state, made_at: Location::caller(), queue }) }
    }

    #[inline(always)]
    fn point<W: Way<Inner>>(&self, place: Caller) {
        park::point(|| Reason::new::<W, _>(place, &*self.inner));
    }

    /// Adds `delta`, which may be negative, to the counter. If it becomes zero, everyone who waits is woken.
    ///
    /// To be called before the work is started, not by the work itself: a `wait` in between would find nothing
    /// to wait for.
    ///
    /// # Panics
    /// With `negative WaitGroup counter` if the counter would be below zero, and with `WaitGroup counter overflow` if
    /// it would be over `isize::MAX / 2`. The counter is then left as it was.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// group.add(2);
    /// for _ in 0..2 {
    ///     let group = group.clone();
    ///     std::thread::spawn(move || group.done());
    /// }
    /// group.wait();
    /// ```
    #[inline]
    #[track_caller]
    pub fn add(&self, delta: isize) {
        self.point::<Adding>(Location::caller());
        self.inner.add(delta);
    }

    /// Subtracts one from the counter: something is done.
    ///
    /// # Panics
    /// With `negative WaitGroup counter` if the counter is zero, and leaves it so.
    ///
    /// # Examples
    /// See [`add`](Self::add).
    #[inline]
    #[track_caller]
    pub fn done(&self) {
        self.point::<Adding>(Location::caller());
        self.inner.add(-1);
    }

    /// Runs `f` in a goroutine of its own, and counts it as done when it ends.
    ///
    /// It is done also if `f` panics, calls `exit_goroutine`, or is dropped without having run because the runtime
    /// shuts down: a `wait` then ends, and cannot tell. Where the failure matters, keep the `JoinHandle` of `go!`
    /// instead.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// group.go(|| println!("in a goroutine"));
    /// group.wait();
    /// ```
    #[track_caller]
    pub fn go<F>(&self, f: F)
    where
        F: FnOnce() + Send + 'static,
    {
        self.add(1);
        let done = DoneOnDrop(self.clone());
        gocsp_runtime::spawn_detached(move || {
            // Dropped after `f` has been called and everything that it owned is gone.
            let _done = done;
            f();
        });
    }

    /// Waits until the counter is zero.
    ///
    /// When the runtime of the calling goroutine shuts down, the goroutine is unwound, except if it unwinds
    /// already: then it goes on waiting. So whenever `wait` returns, the counter has been zero.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// for round in 0..3 {
    ///     group.go(move || println!("round {round}"));
    ///     group.wait();
    /// }
    /// ```
    #[inline]
    #[track_caller]
    pub fn wait(&self) {
        self.wait_as::<Waiting>(Location::caller());
    }

    /// As [`wait`](Self::wait), for who does something else in the eyes of the user, somewhere else.
    #[inline]
    pub(crate) fn wait_as<W: Way<Inner>>(&self, place: Caller) {
        park::cooperate();
        self.point::<W>(place);
        if self.inner.count() != 0 {
            self.inner.wait_for(Reason::new::<W, _>(place, &*self.inner));
        }
    }

    /// As [`wait`](Self::wait), for who waits for something else.
    pub(crate) fn wait_for(&self, reason: Reason<'_>) {
        self.inner.wait_for(reason);
    }

    /// The subject of a wait for this group.
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Waits until the counter is zero, for at most `timeout`. Whether it has been zero.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use gocsp_sync::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// group.add(1);
    /// assert!(!group.wait_timeout(Duration::from_millis(1)));
    /// group.done();
    /// assert!(group.wait_timeout(Duration::ZERO));
    /// ```
    #[inline]
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        park::cooperate();
        self.point::<Waiting>(Location::caller());
        self.inner.count() == 0 || self.inner.wait_in_time(clock::deadline(timeout), Location::caller())
    }

    /// Waits until the counter is zero, until `deadline` at the latest. Whether it has been zero.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    ///
    /// assert!(gocsp_sync::WaitGroup::new().wait_deadline(Instant::now()));
    /// ```
    #[inline]
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        park::cooperate();
        self.point::<Waiting>(Location::caller());
        self.inner.count() == 0 || self.inner.wait_in_time(deadline, Location::caller())
    }
}

impl Default for WaitGroup {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("count", &self.inner.count()).finish_non_exhaustive()
    }
}

/// Counts as done when dropped, however that comes about.
struct DoneOnDrop(WaitGroup);

impl Drop for DoneOnDrop {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl Inner {
    /// Acquire: pairs with the Release of every change that led to the value, and with that of all before it: each
    /// change is a read-modify-write, and so carries on what the earlier ones have released.
    #[inline]
    fn count(&self) -> isize {
        self.state.load(Ordering::Acquire) / ONE
    }

    /// Step 1.
    ///
    /// Release: pairs with the Acquire in `count`, `announce` and `finish`.
    #[inline]
    fn add(&self, delta: isize) {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let changed = match change(state, delta) {
                Ok(AWAITED) => self.finish(state),
                Ok(sum) => self.state.compare_exchange_weak(state, sum, Ordering::Release, Ordering::Relaxed),
                Err(refusal) => panic!("{refusal}"),
            };
            match changed {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }

    /// Step 3, unless the word is no longer `state`.
    ///
    /// Release: pairs with the Acquire in `count` and `announce`. Acquire: pairs with the Release of the changes
    /// before, which the waiters learn of by being woken from here.
    #[cold]
    fn finish(&self, state: isize) -> Result<isize, isize> {
        let mut queue = self.queue.lock();
        let before = self.state.compare_exchange(state, 0, Ordering::AcqRel, Ordering::Relaxed)?;
        let waiters = queue.lane::<ALL>().take_all();
        drop(queue);
        waiters.wake_all();
        Ok(before)
    }

    #[cold]
    fn wait_for(&self, reason: Reason<'_>) {
        let zero = self.wait(Patience::FOREVER, reason);
        debug_assert!(zero);
    }

    #[cold]
    fn wait_in_time(&self, deadline: Instant, place: Caller) -> bool {
        self.wait(Patience::until(deadline), Reason::new::<Waiting, _>(place, self))
    }

    /// Step 2. False when the deadline passed first.
    #[cold]
    fn wait(&self, mut patience: Patience, reason: Reason<'_>) -> bool {
        loop {
            let queue = self.queue.lock();
            if !self.announce() {
                return true;
            }
            match queue::wait::<ALL, _, _, _>(queue, &(), patience, reason) {
                Outcome::Woken => return true,
                Outcome::TimedOut => return false,
                // The goroutine unwinds already, and what it does next may rely on everything's being done.
                Outcome::Cancelled => patience.masked = true,
            }
        }
    }

    /// Announces a waiter, unless the counter is zero. To be called under the queue's lock.
    ///
    /// Acquire: as in `count`.
    fn announce(&self) -> bool {
        let mut state = self.state.load(Ordering::Acquire);
        while state != 0 && state & AWAITED == 0 {
            match self.state.compare_exchange_weak(state, state | AWAITED, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        state != 0
    }

    /// Tells of `what` is waited for by waiting for this group.
    pub(crate) fn describe(&self, what: &'static str, to: &mut Description) {
        let workers = self.state.load(Ordering::Relaxed) / ONE;
        report::tell(what, self, Some(self.made_at), Partner::Workers(workers.unsigned_abs()), to);
    }
}

/// To change the counter. Nobody waits for that.
enum Adding {}

impl Way<Inner> for Adding {
    const STATE: &'static str = "sync.WaitGroup.Add";

    fn describe(group: &Inner, to: &mut Description) {
        group.describe("wait group", to);
    }
}

/// To wait until the counter is zero.
enum Waiting {}

impl Way<Inner> for Waiting {
    const STATE: &'static str = "sync.WaitGroup.Wait";

    fn describe(group: &Inner, to: &mut Description) {
        group.describe("wait group", to);
    }
}

/// The word `state` with `delta` added to its counter, or the reason why that cannot be.
#[inline]
fn change(state: isize, delta: isize) -> Result<isize, &'static str> {
    match delta.checked_mul(ONE).and_then(|delta| state.checked_add(delta)) {
        Some(sum) if sum >= 0 => Ok(sum),
        _ if delta < 0 => Err("negative WaitGroup counter"),
        _ => Err("WaitGroup counter overflow"),
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn change_refuses_what_the_counter_cannot_hold() {
        assert_eq!(change(0, 3), Ok(3 * ONE));
        assert_eq!(change((3 * ONE) | AWAITED, -3), Ok(AWAITED));
        assert_eq!(change(0, -1), Err("negative WaitGroup counter"));
        assert_eq!(change(ONE | AWAITED, -2), Err("negative WaitGroup counter"));
        assert_eq!(change(ONE, isize::MIN), Err("negative WaitGroup counter"));
        assert_eq!(change(0, isize::MAX), Err("WaitGroup counter overflow"));
        assert_eq!(change(ONE, isize::MAX / 2), Err("WaitGroup counter overflow"));
        assert_eq!(change(ONE, isize::MAX / 2 - 1), Ok(isize::MAX - 1));
    }

    #[test]
    fn one_who_gives_up_leaves_the_group_usable() {
        let group = WaitGroup::new();
        group.add(1);
        assert!(!group.wait_timeout(Duration::from_micros(100)));
        assert_eq!(group.inner.state.load(Ordering::Relaxed), ONE | AWAITED);
        group.done();
        assert_eq!(group.inner.state.load(Ordering::Relaxed), 0);
        assert!(group.wait_timeout(Duration::ZERO));
    }
}
