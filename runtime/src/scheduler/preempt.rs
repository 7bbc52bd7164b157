//! The request to a worker that the goroutine which runs shall yield, and whether there is any in the process.
//!
//! An operation that may succeed for ever without parking asks each time, while a request comes every few milliseconds. To
//! look at the request takes a call, since the worker is found through a thread-local. So the operation looks first at one
//! word of the process, which counts the requests that have not been heeded. Workers that sleep have none, but for a race:
//! theirs would stay for long, and have everybody look for nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;

/// How many requests there are, or for a moment more.
static REQUESTS: CachePadded<AtomicUsize> = CachePadded::new(AtomicUsize::new(0));

/// Whether anybody is asked to yield. Relaxed: a hint, acted on at the next time.
#[inline(always)]
pub(super) fn is_anybody_asked() -> bool {
    REQUESTS.load(Ordering::Relaxed) != 0
}

/// The request to one worker. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Preempt {
    raised: AtomicBool,
}

impl Preempt {
    /// Asks; says whether it was asked before. Counted first, so that the count is never too low.
    ///
    /// Release: pairs with the Acquire in [`withdraw`](Self::withdraw), so that the worker sees why it is asked.
    pub(super) fn raise(&self) -> bool {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        let before = self.raised.swap(true, Ordering::Release);
        if before {
            REQUESTS.fetch_sub(1, Ordering::Relaxed);
        }
        before
    }

    /// Ends the request, if there is one.
    ///
    /// Acquire: pairs with the Release of whoever has asked last.
    pub(super) fn withdraw(&self) {
        if self.raised.swap(false, Ordering::AcqRel) {
            REQUESTS.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether the worker is asked.
    #[inline(always)]
    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }
}

/// Nobody is left to heed it.
impl Drop for Preempt {
    fn drop(&mut self) {
        self.withdraw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_seen_by_everybody_until_it_is_withdrawn() {
        let preempt = Preempt::default();
        assert!(!preempt.is_raised());
        assert!(!preempt.raise());
        assert!(preempt.raise(), "it was there before");
        assert!(preempt.is_raised());
        assert!(is_anybody_asked());
        preempt.withdraw();
        assert!(!preempt.is_raised());
    }
}
