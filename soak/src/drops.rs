//! Values whose drops are counted: what is left on a stack that is unwound, in a closure that never ran, under a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many of a number of values have been made and dropped.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<Counts>);

#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

impl Drops {
    /// One more value.
    pub(crate) fn value(&self) -> Counted {
        self.0.made.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(&self.0))
    }

    /// Whether as many have been dropped as were made.
    pub(crate) fn balance(&self) -> Result<(), String> {
        // In this order: what is made in between must not look like a drop too many.
        let dropped = self.0.dropped.load(Ordering::SeqCst);
        let made = self.0.made.load(Ordering::SeqCst);
        if dropped == made { Ok(()) } else { Err(format!("{made} values were made, and {dropped} were dropped")) }
    }
}

/// Counts its drop.
pub(crate) struct Counted(Arc<Counts>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_tells_a_drop_too_few() {
        let drops = Drops::default();
        let [one, another] = [drops.value(), drops.value()];
        drop(one);
        assert_eq!(drops.balance(), Err("2 values were made, and 1 were dropped".into()));
        drop(another);
        assert_eq!(drops.balance(), Ok(()));
    }

    #[test]
    fn the_balance_tells_a_drop_too_many() {
        let drops = Drops::default();
        let value = drops.value();
        let dropped_twice = Counted(Arc::clone(&value.0));
        drop((value, dropped_twice));
        assert_eq!(drops.balance(), Err("1 values were made, and 2 were dropped".into()));
    }
}
