//! How one of several channel operations is carried out.
//!
//! # Protocol
//! 0. The select gives way if its time is over. From here to the caller of [`select`] nothing may unwind once a case has
//!    completed: its value may stand in a variable that its owner still has to forget.
//! 1. The distinct channels are locked in the order of their addresses, so that two selects never wait for each other.
//!    A nil channel takes no part.
//! 2. The cases are tried in random order, with all the locks held: at one instant, that is. The first that can
//!    complete does. The locks are released, then the counterpart is woken.
//! 3. If none can: a select that may not wait gives up. The others link a node of each case into its channel and park;
//!    the commit releases all the locks. From here on exactly one party can claim the select, by moving its
//!    [`Waiter`] from open to the number of a case.
//! 4. The select returns from parking. It learns the winner; a select that comes back early claims itself, so that
//!    nobody else can any more. If somebody did before, a wake-up is on its way, and the select waits for it.
//! 5. The nodes are unlinked, each under its own lock, except the winner's, which was unlinked by the claim.
//!
//! # Why the commit may outlive the wait
//! Between the first and the last release of step 3 the select can be claimed, and under a migrating scheduler a thread
//! other than the one that runs the commit can resume it. It then takes, in step 5, every lock but the winner's, and
//! the winner's was free, or nobody could have claimed. So it does not get past step 5 before the commit has released
//! the last lock, and the commit touches nothing in the select's frame after that: it works on raw pointers,
//! since a reference would promise more.
//!
//! # Rejected
//! - Taking the locks together again in step 5: the order is needed only by who judges all channels at one instant.
//! - Reading the clock before step 2: most selects with a time limit find something ready.

use std::borrow::Cow;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::{
    self, Description, Lock, Patience, RawLock, Reason, Unparked, WaitList, Waiter, WakeToken, Way,
};

use crate::cases::{Cases, End};
use crate::order::{self, Lottery, Place};

/// How long a select waits for one of its cases.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// It takes what is ready.
    Never,
    /// For this long.
    AtMost(Duration),
    /// Up to this instant.
    Until(Instant),
    /// Until one can complete.
    Forever,
}

impl Wait {
    /// How to park for it; `None` if not at all. May read the clock.
    #[inline]
    fn patience(self) -> Option<Patience> {
        match self {
            Self::Forever => Some(Patience::FOREVER),
            Self::Never | Self::AtMost(Duration::ZERO) => None,
            Self::AtMost(limit) => Some(Patience::until(clock::deadline(limit))),
            Self::Until(deadline) => Some(Patience::until(deadline)),
        }
    }
}

/// Stands for a case number when a select has claimed itself.
const NO_CASE: u32 = u32::MAX - 1;

/// Completes one of `cases`, and returns its number, or `None` if the wait was over before one could be.
///
/// If the runtime shuts down while the select waits, this unwinds. A goroutine that is unwinding already cannot, and
/// gets the same answer as at the end of its time, or, if it has none, the first case, which then fails as if its
/// channel were closed.
///
/// `places` has as many elements as there are cases.
///
/// # Panics
/// If a goroutine that is unwinding already would have to wait without a case.
#[inline]
pub(crate) fn select<'r, C: Cases + ?Sized>(
    cases: &mut C,
    places: &mut [Place],
    wait: Wait,
    cause: impl Cause<'r>,
) -> Option<usize> {
    park::cooperate();
    let told = Told(NonNull::from(&mut *cases));
    park::point(|| cause.reason(&told));
    let count = cases.count();
    order::sort(places, cases);
    let contest = Contest { cases: NonNull::from(cases), places: NonNull::from(places) };
    let locked = contest.lock();
    if let Some((winner, token)) = locked.try_cases() {
        drop(locked);
        if let Some(token) = token {
            token.wake();
        }
        return Some(winner);
    }
    let patience = wait.patience()?;
    let subject = Told(contest.cases);
    let reason = cause.reason(&subject);
    match contest.park(locked, patience, reason) {
        Parked::Won(winner) => Some(winner as usize),
        Parked::TimedOut => None,
        Parked::Cancelled => cancelled(count, wait, reason),
    }
}

/// Blocks for ever.
///
/// # Panics
/// If the goroutine is unwinding already while its runtime shuts down.
#[cold]
#[track_caller]
pub fn block_forever() -> ! {
    let subject = Told(NonNull::from(&mut End));
    cancelled(0, Wait::Forever, Reason::new::<Selecting, _>(Location::caller(), &subject));
    unreachable!("a select without cases has ended");
}

/// Ends a select that was cancelled: unwinds, unless the goroutine is unwinding already.
#[cold]
fn cancelled(cases: usize, wait: Wait, reason: Reason<'_>) -> Option<usize> {
    fn whole(list: &mut WaitList<()>) -> &mut WaitList<()> {
        list
    }
    let nobody_else = Lock::new(WaitList::new());
    // SAFETY: the list is the guarded state itself.
    let _ = unsafe { park::wait(nobody_else.lock(), whole, &(), Patience::FOREVER, reason) };
    match wait {
        Wait::Forever => {
            assert_ne!(cases, 0, "a destructor blocks for ever in a select while the runtime shuts down");
            Some(0)
        }
        _ => None,
    }
}

/// How [`Contest::park`] ended.
enum Parked {
    /// Somebody completed this case.
    Won(u32),
    /// The deadline passed.
    TimedOut,
    /// The runtime is shutting down.
    Cancelled,
}

/// The cases of one select, and the places in which their locks stand in order. Both are borrowed by the call of [`select`]
/// that made this, and outlive it.
struct Contest<C: ?Sized> {
    cases: NonNull<C>,
    places: NonNull<[Place]>,
}

impl<C: ?Sized> Clone for Contest<C> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: ?Sized> Copy for Contest<C> {}

impl<C: Cases + ?Sized> Contest<C> {
    #[inline]
    fn places(&self) -> &[Place] {
        // SAFETY: the places outlive the contest, and are nowhere borrowed exclusively.
        unsafe { self.places.as_ref() }
    }

    /// The lock at one of the places, or null.
    #[inline(always)]
    fn lock_at(&self, place: usize) -> *const RawLock {
        // SAFETY: there is one of this number.
        let place = unsafe { self.places.cast::<Place>().add(place) };
        // SAFETY: the places outlive the contest.
        unsafe { (*place.as_ptr()).lock }
    }

    /// The cases. The borrow ends before the next begins.
    #[inline(always)]
    fn cases(&mut self) -> &mut C {
        // SAFETY: the cases outlive the contest, and its copies, the only way to them, are not used meanwhile.
        unsafe { self.cases.as_mut() }
    }

    /// Step 1.
    #[inline(always)]
    fn lock(self) -> Locked<C> {
        let mut last = ptr::null();
        for place in 0..self.places.len() {
            let lock = self.lock_at(place);
            if lock != last {
                // SAFETY: the lock of a channel, which outlives the case that borrows a handle of it.
                unsafe { &*lock }.acquire();
                last = lock;
            }
        }
        Locked { contest: self }
    }

    /// Steps 3 to 5. Inlined into the function that selects, which so is the only one that returns between two parks.
    #[inline(always)]
    fn park(mut self, locked: Locked<C>, patience: Patience, reason: Reason<'_>) -> Parked {
        let waiter = Waiter::current();
        self.cases().each(0, &mut |number, case| {
            // SAFETY: the lock is held; this does not return before every case was dequeued or has won.
            unsafe { case.enqueue(&waiter, number as u32) };
        });
        // SAFETY: the waiter was just made here.
        let parked = match unsafe { waiter.park(patience, reason, move || drop(locked)) } {
            Unparked::Woken => Parked::Won(winner(&waiter)),
            early => claim_for_nobody(&waiter, early),
        };
        self.dequeue(&parked);
        parked
    }

    /// Step 5.
    #[inline(always)]
    fn dequeue(&mut self, parked: &Parked) {
        self.cases().each(0, &mut |number, case| {
            if matches!(parked, Parked::Won(winner) if *winner as usize == number) {
                return;
            }
            let Some(lock) = case.lock().map(NonNull::from) else { return };
            // SAFETY: as in `lock`.
            let lock = unsafe { lock.as_ref() };
            lock.acquire();
            // SAFETY: the lock of the channel is held.
            unsafe { case.dequeue() };
            // SAFETY: it was taken above.
            unsafe { lock.release() };
        });
    }
}

/// To wait until one of several cases can complete.
enum Selecting {}

/// The cases of a select that waits, as reports see them.
pub(crate) struct Told<C: ?Sized>(NonNull<C>);

// SAFETY: all that can be done with it is to ask the cases what they wait for, which any thread may.
unsafe impl<C: ?Sized> Sync for Told<C> {}

impl<C: Cases + ?Sized> Way<Told<C>> for Selecting {
    const STATE: &'static str = "select";

    fn describe(told: &Told<C>, to: &mut Description) {
        // SAFETY: whoever selects waits, and goes on borrowing the cases only when that is over.
        let cases = unsafe { told.0.as_ref() };
        to.state = match cases.count() {
            0 => Cow::Borrowed("select (no cases)"),
            1 => Cow::Borrowed("select (1 case)"),
            count => Cow::Owned(format!("select ({count} cases)")),
        };
        cases.subjects(&mut to.subjects);
    }
}

/// What a report is to tell of a select that waits.
pub(crate) trait Cause<'r>: Copy {
    fn reason<'a, C: Cases + ?Sized>(self, told: &'a Told<C>) -> Reason<'a>
    where
        'r: 'a;
}

/// That it selects among its cases, in this place.
impl Cause<'static> for &'static Location<'static> {
    #[inline(always)]
    fn reason<'a, C: Cases + ?Sized>(self, told: &'a Told<C>) -> Reason<'a>
    where
        'static: 'a,
    {
        Reason::new::<Selecting, _>(self, told)
    }
}

/// Something else, of which the cases are but the means.
impl<'r> Cause<'r> for Reason<'r> {
    #[inline(always)]
    fn reason<'a, C: Cases + ?Sized>(self, _told: &'a Told<C>) -> Reason<'a>
    where
        'r: 'a,
    {
        self
    }
}

/// The case for which a select that has been woken was claimed.
#[inline]
fn winner(waiter: &Waiter) -> u32 {
    waiter.winner().expect("a select that was woken has a winner")
}

/// Step 4 for a select that returned `early`.
#[cold]
fn claim_for_nobody(waiter: &Waiter, early: Unparked) -> Parked {
    if !waiter.try_claim(NO_CASE) {
        // SAFETY: the waiter was made by the caller, which came back early.
        unsafe { waiter.park_claimed() };
        return Parked::Won(winner(waiter));
    }
    if early == Unparked::TimedOut { Parked::TimedOut } else { Parked::Cancelled }
}

/// The evidence that this thread holds the lock of every channel of a contest. Released when dropped.
struct Locked<C: Cases + ?Sized> {
    contest: Contest<C>,
}

impl<C: Cases + ?Sized> Locked<C> {
    /// Step 2: the case that completed, and the token to be spent once the locks are released.
    #[inline(always)]
    fn try_cases(&self) -> Option<(usize, Option<WakeToken>)> {
        let mut contest = self.contest;
        // SAFETY: the locks are held.
        let lottery = Lottery::among(self.contest.places(), contest.cases(), |case| unsafe { case.may_complete() });
        for number in lottery {
            // SAFETY: its lock is held, and no case before this one has completed.
            if let Some(token) = contest.cases().with(number, |case| unsafe { case.try_now() }) {
                return Some((number, token));
            }
        }
        None
    }
}

impl<C: Cases + ?Sized> Drop for Locked<C> {
    /// A lock is released where it stands for the last time: after the last release no place is looked at any more.
    #[inline(always)]
    fn drop(&mut self) {
        let contest = self.contest;
        let places = contest.places.len();
        for place in 0..places {
            let lock = contest.lock_at(place);
            let again = place + 1 < places && contest.lock_at(place + 1) == lock;
            if !again && !lock.is_null() {
                // SAFETY: the lock of a channel, which outlives the case that borrows a handle of it.
                let lock = unsafe { &*lock };
                // SAFETY: it was taken when this was made.
                unsafe { lock.release() };
            }
        }
    }
}
