//! The waiting side of a wait, whether goroutine, OS thread or [task](super::task).

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomPinned;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};
use std::task::{RawWaker, RawWakerVTable, Waker};
use std::time::Instant;

use super::blocked::Entry;
use super::reason::RawReason;
use super::{Reason, held};
use crate::scheduler;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::thread::{self, Thread};

/// How long a waiter waits, and whether the shutdown of its runtime may end the wait.
///
/// See [the example](super#an-example).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// When the wait ends unsuccessfully; `None` for never.
    pub deadline: Option<Instant>,
    /// A masked wait goes on through the shutdown of its runtime: others hold references to the waiter's stack.
    pub masked: bool,
}

impl Patience {
    /// Waits until woken.
    pub const FOREVER: Self = Self { deadline: None, masked: false };
    /// Waits until woken, whatever happens to the runtime.
    pub const MASKED: Self = Self { deadline: None, masked: true };

    /// Waits until woken or until `deadline`.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_runtime::park::Patience;
    ///
    /// let patience = Patience::until(Instant::now() + Duration::from_secs(1));
    /// assert!(patience.deadline.is_some() && !patience.masked);
    /// ```
    pub const fn until(deadline: Instant) -> Self {
        Self { deadline: Some(deadline), masked: false }
    }
}

/// Why [`Waiter::park`] returned.
///
/// See [the example](Waiter).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unparked {
    /// A token was spent.
    Woken,
    /// The deadline passed. A claim may still have been made: see step 5 of the [protocol](super).
    TimedOut,
    /// The runtime shuts down. A claim may still have been made.
    Cancelled,
}

enum Who {
    Goroutine(NonNull<scheduler::Goroutine>),
    Thread(Thread),
    /// By what it is woken, as long as it waits.
    Task(Cell<Option<Waker>>),
}

/// One that waits: the caller, on whose stack this lives for the duration of one wait, or a task, in whose future it
/// does.
///
/// [`wait`](super::wait) is all that it takes to wait in one list. To wait in several, as a select does:
/// ```
/// use std::panic::Location;
/// use std::time::Duration;
/// use gocsp_runtime::park::{Description, Lock, Node, Patience, Reason, Unparked, WaitList, Waiter, Way};
/// use gocsp_runtime::{clock, go, run, yield_now};
///
/// /// In the order of their addresses, in which they are locked.
/// static LISTS: [Lock<WaitList<()>>; 2] = [const { Lock::new(WaitList::new()) }; 2];
///
/// /// The number of the list in which somebody claimed the caller, or `NONE` if nobody did for so long.
/// fn first_of_both(limit: Duration, reason: Reason<'_>) -> u32 {
///     const NONE: u32 = 2;
///     let waiter = Waiter::current();
///     let nodes = [0, 1].map(|case| Node::of_case(&(), &waiter, case));
///     for (lock, node) in LISTS.iter().zip(&nodes) {
///         lock.raw().acquire();
///         // SAFETY: the lock was just taken, and nothing else refers to the list.
///         let list = unsafe { lock.force_get() };
///         // SAFETY: node and waiter stay where they are until the end of this function, which removes the node.
///         unsafe { list.push(node) };
///     }
///     // SAFETY: this thread has taken the locks, and keeps no reference to the lists.
///     let release = || LISTS.iter().for_each(|lock| unsafe { lock.raw().release() });
///     // SAFETY: the waiter was made by the caller.
///     let unparked = unsafe { waiter.park(Patience::until(clock::deadline(limit)), reason, release) };
///     if unparked != Unparked::Woken && !waiter.try_claim(NONE) {
///         // Somebody was quicker: the token is on its way.
///         // SAFETY: the waiter was made by the caller, who came back early.
///         unsafe { waiter.park_claimed() };
///     }
///     for (lock, node) in LISTS.iter().zip(&nodes) {
///         // SAFETY: the node has been in this list only.
///         unsafe { lock.lock().remove(node) };
///     }
///     waiter.winner().expect("by now it is claimed")
/// }
/// #
/// # struct Both;
/// #
/// # impl Way<()> for Both {
/// #     const STATE: &'static str = "both";
/// #
/// #     fn describe(_: &(), _: &mut Description) {}
/// # }
/// #
/// # let reason = || Reason::new::<Both, _>(Location::caller(), &());
///
/// run(move || {
///     assert_eq!(first_of_both(Duration::from_millis(1), reason()), 2);
///     let waits = go!(move || first_of_both(Duration::from_secs(60), reason()));
///     let claimed = loop {
///         let first = LISTS[1].lock().pop(); // The lock is released at the end of the line.
///         match first {
///             Some(claimed) => break claimed,
///             None => yield_now(),
///         }
///     };
///     assert_eq!(claimed.case(), Some(1));
///     claimed.finish().wake();
///     assert_eq!(waits.join().unwrap(), 1);
/// });
/// ```
pub struct Waiter {
    who: Who,
    /// For threads: set by the spent token.
    woken: AtomicBool,
    /// For a select: [`Self::OPEN`], or the number of the case that was claimed.
    winner: AtomicU32,
    _pinned: PhantomPinned,
}

impl Waiter {
    pub(super) const OPEN: u32 = u32::MAX;

    /// The calling goroutine or thread. A goroutine that is unwinding counts as its thread.
    ///
    /// See [the example](Self).
    #[inline]
    pub fn current() -> Self {
        let who = match scheduler::current_parkable() {
            Some(goroutine) => Who::Goroutine(goroutine),
            None => Who::Thread(thread::current()),
        };
        Self::new(who)
    }

    /// A task, with nothing yet to wake it by. It never parks.
    pub(super) fn task() -> Self {
        Self::new(Who::Task(Cell::new(None)))
    }

    #[inline(always)]
    fn new(who: Who) -> Self {
        Self { who, woken: AtomicBool::new(false), winner: AtomicU32::new(Self::OPEN), _pinned: PhantomPinned }
    }

    /// By what the task is woken.
    pub(super) fn waker(&self) -> &Cell<Option<Waker>> {
        match &self.who {
            Who::Task(waker) => waker,
            Who::Goroutine(_) | Who::Thread(_) => unreachable!("goroutines and threads park"),
        }
    }

    /// Claims this select for `case`, which is not `u32::MAX`; true for the first caller only.
    ///
    /// Acquire and Release: what the claimer did before is seen by whoever reads the winner.
    ///
    /// ```
    /// let waiter = gocsp_runtime::park::Waiter::current();
    /// assert_eq!(waiter.winner(), None);
    /// assert!(waiter.try_claim(3) && !waiter.try_claim(4));
    /// assert_eq!(waiter.winner(), Some(3));
    /// ```
    #[inline]
    pub fn try_claim(&self, case: u32) -> bool {
        debug_assert_ne!(case, Self::OPEN);
        self.winner.compare_exchange(Self::OPEN, case, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The case that was claimed, if any. Acquire: pairs with [`try_claim`](Self::try_claim), which has an example.
    #[inline]
    pub fn winner(&self) -> Option<u32> {
        match self.winner.load(Ordering::Acquire) {
            Self::OPEN => None,
            case => Some(case),
        }
    }

    /// Blocks the caller until woken or out of patience, for the `reason` that reports tell.
    ///
    /// `commit` runs once the caller can be woken: for a goroutine after its stack has been left, on the same
    /// thread. It must not panic, park, or use the goroutine's identity.
    ///
    /// # Safety
    /// The caller is the goroutine or thread that made this waiter.
    ///
    /// See [the example](Self).
    #[inline(always)]
    pub unsafe fn park<F: FnOnce()>(&self, patience: Patience, reason: Reason<'_>, commit: F) -> Unparked {
        match &self.who {
            // SAFETY: the goroutine calls.
            Who::Goroutine(goroutine) => unsafe { scheduler::park(*goroutine, patience, reason.raw, commit) },
            Who::Thread(_) | Who::Task(_) => {
                commit();
                // A copy, or a goroutine's would be written to the stack as well.
                let reason = reason.raw;
                self.block_thread(patience.deadline, patience.masked, Some(&reason))
            }
        }
    }

    /// Blocks the caller until `deadline`, or until its runtime shuts down.
    ///
    /// # Safety
    /// The caller is the goroutine or thread that made this waiter, and nobody else knows it.
    #[cold]
    pub(crate) unsafe fn sleep(&self, deadline: Instant, reason: Reason<'_>) -> Unparked {
        match &self.who {
            // SAFETY: the goroutine calls, and nobody else knows of its wait.
            Who::Goroutine(goroutine) => unsafe { scheduler::sleep(*goroutine, deadline, reason.raw) },
            Who::Thread(_) | Who::Task(_) => self.block_thread(Some(deadline), false, Some(&reason.raw)),
        }
    }

    /// Blocks the caller until the token of a claim already made has been spent.
    ///
    /// # Safety
    /// The caller is the goroutine or thread that made this waiter, and has come back early from
    /// [`park`](Self::park).
    ///
    /// See [the example](Self).
    #[cold]
    pub unsafe fn park_claimed(&self) {
        match &self.who {
            // SAFETY: the goroutine calls.
            Who::Goroutine(goroutine) => unsafe { scheduler::park_claimed(*goroutine) },
            Who::Thread(_) | Who::Task(_) => {
                self.block_thread(None, true, None);
            }
        }
    }

    /// The [`Patience`] in parts, which are passed in registers: as a whole it would be written to the stack, also by who is a
    /// goroutine.
    #[cold]
    fn block_thread(&self, deadline: Option<Instant>, masked: bool, reason: Option<&RawReason>) -> Unparked {
        held::assert_none("blocking a thread");
        #[cfg(feature = "testing")]
        scheduler::refuse_to_block();
        let _entry = reason.map(|reason| Entry::new(*reason, deadline.is_some(), &self.woken));
        self.wait_for_flag(&scheduler::LentPermit::of_this_thread(), deadline, masked)
    }

    /// Acquire: pairs with the Release in [`wake_thread`].
    fn wait_for_flag(&self, lent: &scheduler::LentPermit<'_>, deadline: Option<Instant>, masked: bool) -> Unparked {
        loop {
            let timer = lent.tend_timers();
            if self.woken.load(Ordering::Acquire) {
                return Unparked::Woken;
            }
            if !masked && scheduler::is_beyond_waiting() {
                return Unparked::Cancelled;
            }
            let Some(until) = deadline.into_iter().chain(timer).min() else {
                thread::park();
                continue;
            };
            let left = until.saturating_duration_since(crate::clock::now());
            if !left.is_zero() {
                park_timeout(left);
            } else if deadline == Some(until) {
                return Unparked::TimedOut;
            }
        }
    }

    /// The token of this wait.
    ///
    /// # Safety
    /// The caller has claimed this waiter, and makes one token of the claim.
    #[inline]
    pub(crate) unsafe fn token(&self) -> WakeToken {
        WakeToken(match &self.who {
            Who::Goroutine(goroutine) => Target::Goroutine(*goroutine),
            // SAFETY: passed on.
            Who::Thread(_) | Who::Task(_) => Target::Waker(unsafe { self.token_waker() }),
        })
    }

    /// # Safety
    /// As [`token`](Self::token), of a thread or task.
    #[cold]
    unsafe fn token_waker(&self) -> Waker {
        match &self.who {
            Who::Task(waker) => waker.take().expect("a task that waits can be woken"),
            // SAFETY: the waiter does not return before this, its one token, has been spent (P1).
            _ => unsafe { Waker::new(ptr::from_ref(self).cast(), &THREAD) },
        }
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("winner", &self.winner()).finish_non_exhaustive()
    }
}

#[cfg(not(loom))]
fn park_timeout(left: std::time::Duration) {
    thread::park_timeout(left);
}

/// loom has no time: a timed wait there is one that may end at any moment.
#[cfg(loom)]
fn park_timeout(_left: std::time::Duration) {
    thread::yield_now();
}

enum Target {
    Goroutine(NonNull<scheduler::Goroutine>),
    /// The waker of a task; or one of ours, for a thread. So a token fits into two registers.
    Waker(Waker),
}

/// The right, and the duty, to wake one parked goroutine or thread, or one task.
///
/// See [the second example](super#another-which-hands-something-over).
#[must_use = "a token that is not spent is a lost wake-up"]
pub struct WakeToken(Target);

// SAFETY: a parked goroutine's control block and a blocked thread's waiter may be reached from any thread (P1).
unsafe impl Send for WakeToken {}

impl WakeToken {
    /// Wakes the waiter, as the one to run next if it lives on this worker.
    ///
    /// See [the second example](super#another-which-hands-something-over).
    #[inline]
    pub fn wake(self) {
        self.wake_here();
    }

    /// Wakes the waiter, and yields if the caller's time slice is over: for the end of an operation that may succeed for
    /// ever without parking. Never unwinds.
    ///
    /// A waiter on this worker will not wait again before the caller parks or yields. So that they are served one after
    /// the other comes to an end by itself, and costs no look at the time slice.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use gocsp_runtime::park::{Lock, WaitList};
    ///
    /// /// Whether somebody took it.
    /// fn offer(receivers: &Lock<WaitList<Cell<u32>>>, value: u32) -> bool {
    ///     let first = receivers.lock().pop(); // The lock is released at the end of the line.
    ///     let Some(claimed) = first else { return false };
    ///     claimed.payload().set(value);
    ///     claimed.finish().hand_off(); // A caller who offers on and on lets others have their turn.
    ///     true
    /// }
    /// # assert!(!offer(&Lock::new(WaitList::new()), 1));
    /// ```
    #[inline]
    pub fn hand_off(self) {
        if !self.wake_here() {
            scheduler::yield_if_due();
        }
    }

    /// Whether the waiter lives on this worker.
    #[inline(always)]
    fn wake_here(self) -> bool {
        held::assert_none("waking");
        match self.0 {
            Target::Goroutine(goroutine) => {
                // SAFETY: this token is the one of the goroutine's present wait (P1), and is spent here.
                unsafe { scheduler::wake(goroutine) }
            }
            Target::Waker(waker) => {
                wake_elsewhere(waker);
                false
            }
        }
    }

    /// Wakes the waiter behind everyone who is ready on its worker: for the many that one event wakes.
    ///
    /// ```
    /// use gocsp_runtime::park::{Lock, WaitList};
    ///
    /// fn wake_two(list: &Lock<WaitList<()>>) {
    ///     let two = {
    ///         let mut list = list.lock();
    ///         [list.pop(), list.pop()]
    ///     };
    ///     two.into_iter().flatten().for_each(|claimed| claimed.finish().wake_in_turn());
    /// }
    /// # wake_two(&Lock::new(WaitList::new()));
    /// ```
    #[inline]
    pub fn wake_in_turn(self) {
        held::assert_none("waking");
        match self.0 {
            Target::Goroutine(goroutine) => {
                // SAFETY: as in `wake`.
                unsafe { scheduler::wake_in_turn(goroutine) }
            }
            Target::Waker(waker) => wake_elsewhere(waker),
        }
    }
}

/// The waker of a task is the user's. If it panics, that is told as any panic is, and concerns nobody else: whoever
/// spends a token has done what it came for, and may have others to wake.
#[cold]
fn wake_elsewhere(waker: Waker) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        // Its destructor might panic as well.
        mem::forget(payload);
    }
}

/// Of a thread's waker, which leads to its [`Waiter`], and which nobody sees but its token: it is woken by once, or
/// dropped.
static THREAD: RawWakerVTable = RawWakerVTable::new(
    |_| -> RawWaker { unreachable!("a token is not cloned") },
    |waiter| wake_thread(waiter.cast()),
    |_| unreachable!("a token is spent as a whole"),
    |_| {},
);

/// Release: pairs with the Acquire in [`Waiter::wait_for_flag`]. The waiter is gone as soon as the flag is set; the
/// handle of the thread is our own.
fn wake_thread(waiter: *const Waiter) {
    // SAFETY: the waiter does not return before the flag is set (P1), so it is still there.
    let waiter = unsafe { &*waiter };
    let Who::Thread(thread) = &waiter.who else { unreachable!("it was made for a thread") };
    let thread = thread.clone();
    waiter.woken.store(true, Ordering::Release);
    thread.unpark();
}

impl fmt::Debug for WakeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Target::Goroutine(_) => "goroutine",
            Target::Waker(_) => "thread or task",
        };
        f.debug_tuple("WakeToken").field(&kind).finish()
    }
}
