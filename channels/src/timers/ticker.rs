//! A ticker that can be stopped and set again.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use gocsp_runtime::park;

use super::channel::Plan;
use super::clockwork::Clockwork;
use super::period_for;
use crate::Receiver;
use crate::case::AsReceiver;

/// A channel that receives the time again and again, and can be stopped and set to another period: Go's `time.Ticker`.
///
/// In a `select!` the ticker itself may stand as the channel; elsewhere its [receiver](Self::receiver) does. The values are
/// the times at which the ticks were due. The channel holds one tick. If a receiver is too slow the ticks that do not fit are
/// dropped, and the ones that follow keep their phase. It is never closed.
///
/// All who have access to a ticker may use it at the same time, from goroutines and threads. It ticks until it is stopped, or
/// it and all clones of its receiver are gone.
///
/// # Cost
/// As for a [`Timer`](crate::Timer). A tick that is dropped costs what one that is received does, but nobody is woken.
///
/// ```
/// use std::time::Duration;
/// use gocsp_channels::Ticker;
///
/// let period = Duration::from_millis(2);
/// let ticker = Ticker::new(period);
/// let (first, second) = (ticker.receiver().recv()?, ticker.receiver().recv()?);
/// assert_eq!((second - first).as_nanos() % period.as_nanos(), 0);
/// ticker.stop();
/// assert!(ticker.receiver().is_empty());
/// # Ok::<(), gocsp_channels::RecvError>(())
/// ```
pub struct Ticker {
    clockwork: Clockwork,
}

impl Ticker {
    /// A ticker whose first tick is due one period from now.
    ///
    /// # Panics
    /// If the period is zero.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_channels::Ticker;
    ///
    /// let start = Instant::now();
    /// let ticker = Ticker::new(Duration::from_millis(1));
    /// assert!(ticker.receiver().recv()? >= start + Duration::from_millis(1));
    /// # Ok::<(), gocsp_channels::RecvError>(())
    /// ```
    #[must_use = "the ticks can only be received from the ticker"]
    #[track_caller]
    pub fn new(period: Duration) -> Self {
        Self { clockwork: Clockwork::new(Plan::ticks(period_for("Ticker::new", period)), Location::caller()) }
    }

    /// Where the ticks are received. It stays the same when the ticker is stopped or set again.
    ///
    /// # Panics
    /// When the caller is an ordinary thread, and the global runtime has to be started and cannot be.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_channels::Ticker;
    ///
    /// let ticker = Ticker::new(Duration::from_millis(1));
    /// let ticks: Vec<_> = ticker.receiver().iter().take(3).collect();
    /// assert!(ticks.is_sorted());
    /// ```
    #[inline]
    pub fn receiver(&self) -> &Receiver<Instant> {
        self.clockwork.receiver()
    }

    /// Stops the ticker: after this nothing is received until it is set again, not even a tick that was there already. Whoever
    /// waits goes on waiting.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_channels::Ticker;
    ///
    /// let ticker = Ticker::new(Duration::from_millis(1));
    /// ticker.stop();
    /// assert!(ticker.receiver().recv_timeout(Duration::from_millis(5)).is_err());
    /// ```
    #[track_caller]
    pub fn stop(&self) {
        park::point_of("time.Ticker.Stop", Location::caller());
        self.clockwork.set(None);
    }

    /// Sets the ticker to another period, or the same, whether it is running or was stopped. The next tick is due one period
    /// from now; no earlier one is received after this.
    ///
    /// # Panics
    /// If the period is zero, and as [`receiver`](Self::receiver).
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_channels::Ticker;
    ///
    /// let ticker = Ticker::new(Duration::from_secs(60));
    /// let start = Instant::now();
    /// ticker.reset(Duration::from_millis(1));
    /// assert!(ticker.receiver().recv()? >= start + Duration::from_millis(1));
    /// # Ok::<(), gocsp_channels::RecvError>(())
    /// ```
    #[track_caller]
    pub fn reset(&self, period: Duration) {
        park::point_of("time.Ticker.Reset", Location::caller());
        self.clockwork.set(Some(Plan::ticks(period_for("Ticker::reset", period))));
    }
}

impl AsReceiver<Instant> for Ticker {
    #[inline]
    fn as_receiver(&self) -> &Receiver<Instant> {
        self.receiver()
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").finish_non_exhaustive()
    }
}

// No panic can leave a ticker half changed: no user code runs under its locks.
impl UnwindSafe for Ticker {}
impl RefUnwindSafe for Ticker {}
