//! Where time comes from: every reading of the clock in gocsp goes through here.

use std::time::{Duration, Instant};

/// The current time.
#[inline]
pub fn now() -> Instant {
    Instant::now()
}

/// The instant `after` from now, clamped to what the clock can represent.
pub fn deadline(after: Duration) -> Instant {
    saturating_add(now(), after)
}

/// `start + after`, clamped to what the clock can represent (at least thirty years ahead).
pub fn saturating_add(start: Instant, after: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    start.checked_add(after).unwrap_or_else(|| start + FAR)
}
