//! A timer that can be stopped and set again.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use gocsp_runtime::park;

use super::channel::Plan;
use super::clockwork::Clockwork;
use crate::Receiver;
use crate::case::AsReceiver;

/// A channel that receives the time once, and can be stopped and set again: Go's `time.Timer`.
///
/// In a `select!` the timer itself may stand as the channel; elsewhere its [receiver](Self::receiver) does. The value is the
/// time at which it was due, which is never later than the time of receipt. The channel is never closed: who receives from a
/// timer that was stopped, or has been received from, waits until it is set again.
///
/// All who have access to a timer may use it at the same time, from goroutines and threads. Dropping it does not stop it for
/// those who have clones of its receiver. It belongs to the runtime in which somebody has first asked for the receiver, or has set
/// it anew after it had fired: when that runtime ends the timer is stopped, even if another has put it off meanwhile.
///
/// # Cost
/// To make a timer, to stop it and to set it again allocate nothing and queue nothing before somebody has asked for the
/// receiver. That takes two allocations, and a timer of the caller's worker (from a thread, of the global runtime). Set to a
/// later time, it keeps its place there. A timer that is stopped or dropped leaves there a few words, which are swept out
/// soon.
///
/// ```
/// use std::time::Duration;
/// use gocsp_channels::Timer;
///
/// let timer = Timer::new(Duration::from_millis(1));
/// assert!(timer.receiver().recv().is_ok());
/// // It is spent, and can be set again.
/// timer.reset(Duration::from_secs(60));
/// assert!(timer.stop());
/// ```
pub struct Timer {
    clockwork: Clockwork,
}

impl Timer {
    /// A timer that is due `delay` from now. A delay beyond what the clock can represent (thirty years at least) is shortened
    /// to that.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_channels::Timer;
    ///
    /// let start = Instant::now();
    /// let due = Timer::new(Duration::from_millis(5)).receiver().recv()?;
    /// assert!(due >= start + Duration::from_millis(5) && due <= Instant::now());
    /// # Ok::<(), gocsp_channels::RecvError>(())
    /// ```
    #[inline]
    #[must_use = "the time can only be received from the timer"]
    #[track_caller]
    pub fn new(delay: Duration) -> Self {
        Self { clockwork: Clockwork::new(Plan::once(delay), Location::caller()) }
    }

    /// Where the time is received. It stays the same when the timer is stopped or set again.
    ///
    /// # Panics
    /// When the caller is an ordinary thread, and the global runtime has to be started and cannot be.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_channels::{RecvTimeoutError, Timer};
    ///
    /// let timer = Timer::new(Duration::from_secs(60));
    /// assert_eq!(timer.receiver().recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// ```
    #[inline]
    pub fn receiver(&self) -> &Receiver<Instant> {
        self.clockwork.receiver()
    }

    /// Stops the timer: after this nothing is received until it is set again, whether its time had come or not. Whoever waits
    /// goes on waiting.
    ///
    /// True if there was something to be stopped: the timer was set, and its time had not been received. False if it was
    /// stopped before, or is spent.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_channels::Timer;
    ///
    /// let timer = Timer::new(Duration::ZERO);
    /// assert!(!timer.receiver().is_empty());
    /// assert!(timer.stop(), "its time had come, but nobody has received it");
    /// assert!(timer.receiver().is_empty());
    /// assert!(!timer.stop());
    /// ```
    #[inline]
    #[track_caller]
    pub fn stop(&self) -> bool {
        park::point_of("time.Timer.Stop", Location::caller());
        self.clockwork.set(None)
    }

    /// Sets the timer to `delay` from now, whether it is running, was stopped, or is spent. After this only the new time is
    /// received, also by those who wait already.
    ///
    /// True if it was running, or its time had not been received; as [`stop`](Self::stop) would have told.
    ///
    /// # Panics
    /// As [`receiver`](Self::receiver).
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_channels::Timer;
    ///
    /// let timer = Timer::new(Duration::from_secs(60));
    /// assert!(timer.reset(Duration::from_millis(1)));
    /// let due = timer.receiver().recv()?;
    /// assert!(due <= Instant::now());
    /// assert!(!timer.reset(Duration::from_millis(1)), "it was spent");
    /// assert!(timer.receiver().recv()? > due);
    /// # Ok::<(), gocsp_channels::RecvError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn reset(&self, delay: Duration) -> bool {
        park::point_of("time.Timer.Reset", Location::caller());
        self.clockwork.set(Some(Plan::once(delay)))
    }
}

impl AsReceiver<Instant> for Timer {
    #[inline]
    fn as_receiver(&self) -> &Receiver<Instant> {
        self.receiver()
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

// No panic can leave a timer half changed: no user code runs under its locks.
impl UnwindSafe for Timer {}
impl RefUnwindSafe for Timer {}
