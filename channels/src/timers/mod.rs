//! Channels that receive the time.
//!
//! Such a channel has one place and no senders, and is never closed. The runtime's timer holds only a weak
//! reference to it: once its receivers are gone, what is left until the timer is due is an empty shell.
//!
//! - [`channel`] is how the timer and its channel go together: what it does when its time has come, and how it is stopped.
//! - [`clockwork`] is what [`Timer`] and [`Ticker`] have in common: the channel comes when somebody asks for it.

mod channel;
mod clockwork;
mod ticker;
mod timer;

pub(crate) use channel::Timing;
pub use ticker::Ticker;
pub use timer::Timer;

use std::num::NonZeroU64;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::timer::arm;

use crate::Receiver;
use crate::shared::Shared;
use channel::Plan;

/// A channel that receives the time once, `delay` from now. The value is the time at which it was due, which is
/// never later than the time of receipt.
///
/// It is not closed afterwards: a second receive blocks for ever. A delay beyond what the clock can represent
/// (thirty years at least) is shortened to that.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let due = gocsp_channels::after(Duration::from_millis(5)).recv()?;
/// assert!(due >= start + Duration::from_millis(5) && due <= Instant::now());
/// # Ok::<(), gocsp_channels::RecvError>(())
/// ```
#[must_use = "the time can only be received from the channel"]
#[track_caller]
pub fn after(delay: Duration) -> Receiver<Instant> {
    let channel = Arc::new(Shared::of_timer(None, Location::caller()));
    let weak: Weak<Shared<Instant>> = Arc::downgrade(&channel);
    arm(clock::deadline(delay), weak);
    Receiver::of(channel)
}

/// A channel that receives the time every `period`, first one period from now. The values are the times at which
/// the ticks were due.
///
/// The channel holds one tick. If a receiver is too slow the ticks that do not fit are dropped, and the ones that
/// follow keep their phase. It ticks until the receivers are gone.
///
/// # Panics
/// If the period is zero.
///
/// ```
/// use std::time::Duration;
///
/// let period = Duration::from_millis(2);
/// let ticks = gocsp_channels::tick(period);
/// let (first, second) = (ticks.recv()?, ticks.recv()?);
/// assert_eq!((second - first).as_nanos() % period.as_nanos(), 0);
/// # Ok::<(), gocsp_channels::RecvError>(())
/// ```
#[must_use = "the ticks can only be received from the channel"]
#[track_caller]
pub fn tick(period: Duration) -> Receiver<Instant> {
    Plan::ticks(period_for("tick", period)).start(Location::caller())
}

/// # Panics
/// If `period` is zero.
fn period_for(who: &str, period: Duration) -> NonZeroU64 {
    let nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
    NonZeroU64::new(nanos).unwrap_or_else(|| panic!("zero period for {who}"))
}
