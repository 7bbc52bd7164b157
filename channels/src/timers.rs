//! Channels that receive the time.
//!
//! Such a channel has one place and no senders, and is never closed. The runtime's timer holds only a weak
//! reference to it: once its receivers are gone, what is left until the timer is due is an empty shell.

use std::num::NonZeroU64;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gocsp_runtime::{clock, timer};

use crate::Receiver;
use crate::shared::Shared;

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
pub fn after(delay: Duration) -> Receiver<Instant> {
    start(delay, None)
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
pub fn tick(period: Duration) -> Receiver<Instant> {
    let nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
    let Some(nanos) = NonZeroU64::new(nanos) else { panic!("zero period for tick") };
    start(period, Some(nanos))
}

fn start(delay: Duration, period: Option<NonZeroU64>) -> Receiver<Instant> {
    let channel = Arc::new(Shared::of_timer(period));
    let weak: Weak<Shared<Instant>> = Arc::downgrade(&channel);
    timer::arm(clock::deadline(delay), weak);
    Receiver::of(channel)
}

impl timer::Expire for Shared<Instant> {
    fn expire(&self, due: Instant) -> Option<Instant> {
        // A tick that finds its place taken, or nobody left to receive it, is dropped.
        let _ = self.try_send(due);
        self.period().map(|period| next_tick(due, clock::now(), period))
    }
}

/// The first instant after `now` that is a whole number of periods after `due`, and not `due` itself.
fn next_tick(due: Instant, now: Instant, period: NonZeroU64) -> Instant {
    let late = now.saturating_duration_since(due).as_nanos();
    let period = u128::from(period.get());
    let ahead = (late / period + 1) * period;
    clock::saturating_add(due, Duration::from_nanos(u64::try_from(ahead).unwrap_or(u64::MAX)))
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const PERIOD: NonZeroU64 = NonZeroU64::new(10).unwrap();

    fn nanos(nanos: u64) -> Duration {
        Duration::from_nanos(nanos)
    }

    #[test]
    fn ticks_keep_their_phase_whatever_they_miss() {
        let due = clock::now();
        assert_eq!(next_tick(due, due - nanos(3), PERIOD), due + nanos(10));
        assert_eq!(next_tick(due, due, PERIOD), due + nanos(10));
        assert_eq!(next_tick(due, due + nanos(9), PERIOD), due + nanos(10));
        assert_eq!(next_tick(due, due + nanos(10), PERIOD), due + nanos(20));
        assert_eq!(next_tick(due, due + nanos(1_005), PERIOD), due + nanos(1_010));
    }

    #[test]
    fn a_full_ticker_drops_ticks_and_a_one_shot_ends() {
        let due = clock::now();
        let ticker = Shared::of_timer(Some(PERIOD));
        let next = timer::Expire::expire(&ticker, due).expect("a ticker goes on");
        assert!(timer::Expire::expire(&ticker, next).is_some());
        assert_eq!(ticker.try_recv(), Ok(due));
        assert!(ticker.try_recv().is_err());

        let once = Shared::of_timer(None);
        assert_eq!(timer::Expire::expire(&once, due), None);
        assert_eq!(once.try_recv(), Ok(due));
    }

    #[test]
    fn a_dropped_receiver_leaves_nothing_for_the_timer_to_find() {
        let channel = Arc::new(Shared::of_timer(Some(PERIOD)));
        let weak = Arc::downgrade(&channel);
        drop(Receiver::of(channel));
        assert!(weak.upgrade().is_none());
    }
}
