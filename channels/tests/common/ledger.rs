//! Values that are accounted for.

use std::sync::atomic::{AtomicU32, Ordering};

/// Counts what becomes of each of a number of values.
pub(crate) struct Ledger {
    received: Vec<AtomicU32>,
    dropped: Vec<AtomicU32>,
}

/// A value in the ledger: counts its own drop.
pub(crate) struct Value<'a> {
    ledger: &'a Ledger,
    pub(crate) id: usize,
}

impl Ledger {
    pub(crate) fn new(values: usize) -> Self {
        let zeros = || (0..values).map(|_| AtomicU32::new(0)).collect();
        Self { received: zeros(), dropped: zeros() }
    }

    pub(crate) fn value(&self, id: usize) -> Value<'_> {
        Value { ledger: self, id }
    }

    /// How many values were received.
    pub(crate) fn received(&self) -> usize {
        self.received.iter().filter(|count| count.load(Ordering::Relaxed) > 0).count()
    }

    /// Checks that every value was dropped exactly once and received at most once.
    pub(crate) fn check(&self) {
        for (id, count) in self.dropped.iter().enumerate() {
            assert_eq!(count.load(Ordering::Relaxed), 1, "drops of value {id}");
        }
        for (id, count) in self.received.iter().enumerate() {
            assert!(count.load(Ordering::Relaxed) <= 1, "value {id} was received twice");
        }
    }
}

impl Value<'_> {
    /// Notes that the value has arrived.
    pub(crate) fn receive(self) {
        self.ledger.received[self.id].fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Value<'_> {
    fn drop(&mut self) {
        self.ledger.dropped[self.id].fetch_add(1, Ordering::Relaxed);
    }
}
