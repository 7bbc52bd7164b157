//! Where time comes from: every reading of the clock in gocsp goes through here. See [`deadline`] for an example.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::std_sync::OnceLock;

/// The current time; in a test under chosen schedules that of its own clock.
///
/// ```
/// use gocsp_runtime::clock::now;
///
/// assert!(now() <= now());
/// ```
#[inline]
pub fn now() -> Instant {
    #[cfg(feature = "testing")]
    if let Some(time) = crate::scheduler::directed_time() {
        return time;
    }
    Instant::now()
}

/// The current time by the system's clock, also where a schedule has a clock of its own.
#[cfg(feature = "testing")]
pub(crate) fn real_now() -> Instant {
    Instant::now()
}

/// The instant `after` from now, clamped to what the clock can represent.
///
/// ```
/// use std::time::Duration;
/// use gocsp_runtime::clock::{deadline, now};
///
/// assert!(deadline(Duration::from_secs(1)) > now());
/// assert!(deadline(Duration::MAX) > now()); // In thirty years, at least.
/// ```
pub fn deadline(after: Duration) -> Instant {
    saturating_add(now(), after)
}

/// `start + after`, clamped to what the clock can represent (at least thirty years ahead).
///
/// ```
/// use std::time::{Duration, Instant};
/// use gocsp_runtime::clock::saturating_add;
///
/// let (start, second) = (Instant::now(), Duration::from_secs(1));
/// assert_eq!(saturating_add(start, second), start + second);
/// assert!(saturating_add(start, Duration::MAX) > start);
/// ```
pub fn saturating_add(start: Instant, after: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    start.checked_add(after).unwrap_or_else(|| start + FAR)
}

/// The last reading of the coarse clock, in milliseconds since [`origin`].
static COARSE: AtomicU64 = AtomicU64::new(0);

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(now)
}

/// Reads the coarse clock, which somebody sets every few milliseconds as long as a worker runs: for what happens so often that a
/// real reading would cost too much. In milliseconds since a moment at which the program had begun.
#[inline(always)]
pub(crate) fn coarse() -> u64 {
    COARSE.load(Ordering::Relaxed)
}

/// Sets the coarse clock; gives what it shows. It may go back by as much as two who set it at the same time are apart.
pub(crate) fn set_coarse() -> u64 {
    let origin = origin();
    let reading = now().saturating_duration_since(origin).as_millis() as u64;
    COARSE.store(reading, Ordering::Relaxed);
    reading
}
