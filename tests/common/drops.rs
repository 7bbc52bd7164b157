//! Values that count their drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many of a number of values have been made and dropped.
#[derive(Clone, Default)]
pub(crate) struct Drops {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// Counts its drop.
pub(crate) struct Counted {
    counts: Arc<Counts>,
    dropped: bool,
}

impl Drops {
    /// One more value.
    pub(crate) fn value(&self) -> Counted {
        self.counts.made.fetch_add(1, Ordering::Relaxed);
        Counted { counts: Arc::clone(&self.counts), dropped: false }
    }

    pub(crate) fn made(&self) -> usize {
        self.counts.made.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Checks that `count` values were made and all have been dropped, none of them twice.
    pub(crate) fn assert_all(&self, count: usize) {
        assert_eq!((self.made(), self.dropped()), (count, count), "values made, and dropped");
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert!(!std::mem::replace(&mut self.dropped, true), "a value was dropped twice");
        self.counts.dropped.fetch_add(1, Ordering::Relaxed);
    }
}
