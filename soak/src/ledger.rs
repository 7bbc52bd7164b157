//! What becomes of values: each has to reach one receiver or come back to its sender, once, and to be dropped, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// What has become of the values of some producers.
pub(crate) struct Ledger {
    per_producer: usize,
    /// How many each has made.
    made: Vec<AtomicUsize>,
    /// For each value how often it was received, came back, and was dropped: two, two and four bits.
    fates: Vec<AtomicU8>,
}

const RECEIVED: u8 = 0b01;
const CAME_BACK: u8 = 0b01_00;
const DROPPED: u8 = 0b01_00_00;

/// A value that tells the ledger what becomes of it.
pub(crate) struct Value {
    ledger: Arc<Ledger>,
    pub(crate) producer: usize,
    pub(crate) number: usize,
}

impl Ledger {
    pub(crate) fn new(producers: usize, per_producer: usize) -> Arc<Self> {
        let made = (0..producers).map(|_| AtomicUsize::new(0)).collect();
        let fates = (0..producers * per_producer).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Self { per_producer, made, fates })
    }

    /// The next value of a producer. Called by that one only, and not more often than was said.
    pub(crate) fn value(self: &Arc<Self>, producer: usize) -> Value {
        let number = self.made[producer].fetch_add(1, Ordering::Relaxed);
        assert!(number < self.per_producer, "more values than there was to be");
        Value { ledger: Arc::clone(self), producer, number }
    }

    /// Whether every value that was made has met its fate, when all is over; and how many were received. If `lossy`, values may
    /// also have been dropped where nobody was left to receive them.
    pub(crate) fn settle(&self, lossy: bool) -> Result<usize, String> {
        let mut received = 0;
        for (producer, fates) in self.fates.chunks(self.per_producer).enumerate() {
            let made = self.made[producer].load(Ordering::Relaxed);
            for (number, fate) in fates.iter().enumerate() {
                let fate = fate.load(Ordering::Relaxed);
                let is_well = match fate {
                    0 => number >= made,
                    DROPPED => lossy,
                    _ => fate == RECEIVED | DROPPED || fate == CAME_BACK | DROPPED,
                };
                if !is_well {
                    return Err(format!("value {number} of producer {producer} was {}", Fate(fate)));
                }
                received += usize::from(fate & RECEIVED);
            }
        }
        Ok(received)
    }
}

impl Value {
    pub(crate) fn received(&self) {
        self.note(RECEIVED);
    }

    pub(crate) fn came_back(&self) {
        self.note(CAME_BACK);
    }

    fn note(&self, what: u8) {
        self.ledger.fates[self.producer * self.ledger.per_producer + self.number].fetch_add(what, Ordering::Relaxed);
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.note(DROPPED);
    }
}

struct Fate(u8);

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (received, came_back, dropped) = (self.0 & 0b11, self.0 >> 2 & 0b11, self.0 >> 4);
        write!(f, "received {received} times, came back {came_back} times, and was dropped {dropped} times")
    }
}

/// What one receiver has seen of the order of values. Those of one producer have to come in the order in which they were sent.
pub(crate) struct Order {
    next: Vec<usize>,
}

impl Order {
    pub(crate) fn new(producers: usize) -> Self {
        Self { next: vec![0; producers] }
    }

    /// Whether that may come now.
    pub(crate) fn see(&mut self, value: &Value) -> Result<(), String> {
        let &Value { producer, number, .. } = value;
        let next = self.next[producer];
        if number < next {
            return Err(format!("value {number} of producer {producer} came after value {}", next - 1));
        }
        self.next[producer] = number + 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_received_once_or_come_back_are_well() {
        let ledger = Ledger::new(2, 3);
        ledger.value(0).received();
        ledger.value(1).received();
        ledger.value(1).came_back();
        assert_eq!(ledger.settle(false), Ok(2));
    }

    #[test]
    fn a_value_that_is_lost_is_noticed() {
        let ledger = Ledger::new(2, 3);
        drop(ledger.value(1));
        assert!(ledger.settle(false).unwrap_err().contains("value 0 of producer 1 was received 0 times"));
        assert_eq!(ledger.settle(true), Ok(0));
    }

    #[test]
    fn a_value_that_is_leaked_is_noticed() {
        let ledger = Ledger::new(1, 1);
        let value = ledger.value(0);
        value.received();
        std::mem::forget(value);
        assert!(ledger.settle(true).unwrap_err().contains("was dropped 0 times"));
    }

    #[test]
    fn a_value_that_is_received_twice_or_by_both_sides_is_noticed() {
        for twice in [Value::received, Value::came_back] {
            let ledger = Ledger::new(1, 1);
            let value = ledger.value(0);
            value.received();
            twice(&value);
            drop(value);
            assert!(ledger.settle(true).is_err());
        }
    }

    #[test]
    fn a_swapped_pair_is_noticed() {
        let ledger = Ledger::new(2, 3);
        let [first, second, of_another] = [0, 0, 1].map(|producer| ledger.value(producer));
        let mut order = Order::new(2);
        assert_eq!(order.see(&second), Ok(()));
        assert_eq!(order.see(&of_another), Ok(()));
        assert_eq!(order.see(&first), Err("value 0 of producer 0 came after value 1".into()));
    }

    #[test]
    fn values_that_others_have_received_leave_gaps() {
        let ledger = Ledger::new(1, 3);
        let values = [0; 3].map(|producer| ledger.value(producer));
        let mut order = Order::new(1);
        assert_eq!((order.see(&values[0]), order.see(&values[2])), (Ok(()), Ok(())));
    }
}
