//! Timers: short actions at a given time, and the sleep of goroutines.
//!
//! Every worker has a store of its own, and looks at it between goroutines; an idle worker sleeps exactly until its next
//! timer. A goroutine that computes for long holds up the timers of its worker, unless others take them over: see
//! `scheduler/hogged.rs`.
//!
//! What is in a store stays there until its time comes, or until it is swept out. What may be stopped and set anew
//! keeps a [`Schedule`], which tells what a call that comes then means.
//!
//! See [`Schedule`] for an example with all of it, and [`after_func`] for what programs use.

mod after_func;
mod schedule;
mod store;

use std::panic::Location;
use std::sync::Weak;
use std::time::{Duration, Instant};

use crate::park::{self, Description, Partner, Reason, Subject, Unparked, Waiter, Way};
use crate::{clock, scheduler};

pub use after_func::{AfterFunc, after_func};
pub use schedule::{Arming, Expiry, Schedule};
pub(crate) use store::{Action, Store};

/// What a timer does when it is due.
///
/// ```
/// use std::sync::{Arc, Weak, mpsc};
/// use std::time::{Duration, Instant};
/// use gocsp_runtime::clock;
/// use gocsp_runtime::timer::{Expire, arm};
///
/// struct Alarm(mpsc::Sender<Instant>);
///
/// impl Expire for Alarm {
///     fn expire(&self, due: Instant) -> Option<Instant> {
///         let _ = self.0.send(due); // It has no capacity, so this does not wait.
///         None // Once is enough.
///     }
/// }
///
/// let (tx, rx) = mpsc::channel();
/// let alarm = Arc::new(Alarm(tx));
/// let due = clock::deadline(Duration::from_millis(1));
/// let weak: Weak<Alarm> = Arc::downgrade(&alarm);
/// arm(due, weak);
/// assert_eq!(rx.recv(), Ok(due));
/// ```
pub trait Expire: Send + Sync {
    /// Called once, at or after the time `due`; the answer is when to be called again, if at all.
    ///
    /// It runs on a worker, outside any goroutine, or in the call that would have [armed](Arming::carry_out) it: it must be
    /// short, and must not block, park or panic.
    ///
    /// See [the example](Self).
    fn expire(&self, due: Instant) -> Option<Instant>;

    /// Whether anybody would be woken or started by it, as things are. If nobody would, it is no reason to believe that goroutines
    /// which all wait will go on. As short as the others.
    ///
    /// See [`Schedule`].
    fn is_awaited(&self) -> bool {
        true
    }

    /// Called in place of [`expire`](Self::expire) if the runtime in which it was armed has ended. As short as that, but it may
    /// drop what is the user's: a panic is reported as any other, and concerns nobody else.
    ///
    /// See [`Schedule`].
    fn abandon(&self, _due: Instant) {}
}

/// Calls `what` at `due`, unless it has been dropped by then: the timer holds a weak reference only.
///
/// From a goroutine the timer is its worker's, whose lock nobody else takes unless that worker is hogged. From a thread it
/// goes to the global runtime.
///
/// # Panics
/// From a thread, when the global runtime has to be started and cannot be.
///
/// See [the example](Expire).
pub fn arm(due: Instant, what: Weak<dyn Expire>) {
    scheduler::arm_timer(due, Action::Call(what));
}

/// Pauses the calling goroutine or thread for at least `duration`; returns at once when it is zero.
///
/// Sub-millisecond sleeps are real: an idle worker wakes to the microsecond.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// gocsp_runtime::sleep(Duration::from_micros(200));
/// assert!(start.elapsed() >= Duration::from_micros(200));
/// ```
#[track_caller]
pub fn sleep(duration: Duration) {
    if !duration.is_zero() {
        sleep_until(clock::deadline(duration));
    }
}

/// Pauses the calling goroutine or thread until `deadline`; returns at once when it has passed.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_micros(200);
/// gocsp_runtime::sleep_until(deadline);
/// assert!(Instant::now() >= deadline);
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) {
    scheduler::cooperate();
    let reason = Reason::new::<Sleep, _>(Location::caller(), &());
    park::point(|| reason);
    let waiter = Waiter::current();
    // SAFETY: the waiter was just made here, and nobody else knows it.
    if unsafe { waiter.sleep(deadline, reason) } == Unparked::Cancelled {
        // If the goroutine is unwinding already, the sleep just ends early.
        crate::goroutine::unwind_cancelled();
    }
}

enum Sleep {}

impl Way<()> for Sleep {
    const STATE: &'static str = "sleep";

    fn describe((): &(), to: &mut Description) {
        to.subjects.push(Subject { what: "time", address: 0, made_at: None, partner: Partner::Time });
    }
}

/// What does nothing when it is due.
#[cfg(test)]
struct Nothing;

#[cfg(test)]
impl Expire for Nothing {
    fn expire(&self, _due: Instant) -> Option<Instant> {
        None
    }
}
