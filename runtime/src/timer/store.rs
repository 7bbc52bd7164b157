//! What one worker has to do at which time.
//!
//! A binary heap, the earliest first. Most timers are for deadlines that are never reached, so nothing is taken out
//! when one is no longer needed: an entry holds no reference that keeps anything alive, finds out when due that nobody
//! wants it, and is swept out when the heap has doubled since the last sweep. So making and forgetting a timer costs
//! one push, and an entry nobody wants costs its own few words, for a bounded time.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Weak;
use std::time::Instant;

use super::Expire;
use crate::stack::Stack;

/// What is to be done.
pub(crate) enum Action {
    /// End the wait of this number of the goroutine on this stack.
    Unpark(Stack, u64),
    /// Call this, if it is still there.
    Call(Weak<dyn Expire>),
}

impl Action {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Unpark(stack, number) => stack.frame().timed_park() == *number,
            Self::Call(what) => what.strong_count() > 0,
        }
    }
}

struct Entry {
    due: Instant,
    /// Of two entries due at the same time, the one that was made first goes first.
    number: u64,
    action: Action,
}

impl Entry {
    fn key(&self) -> (Instant, u64) {
        (self.due, self.number)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// The earliest is the greatest, for [`BinaryHeap`] gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// The timers of one worker. See the [module](self).
#[derive(Default)]
pub(crate) struct Store {
    heap: RefCell<BinaryHeap<Entry>>,
    made: Cell<u64>,
    /// The length at which the heap is next swept.
    sweep_at: Cell<usize>,
}

impl Store {
    const SMALLEST_SWEEP: usize = 64;

    pub(crate) fn is_empty(&self) -> bool {
        self.heap.borrow().is_empty()
    }

    /// When the next entry is due, wanted or not.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.heap.borrow().peek().map(|entry| entry.due)
    }

    pub(crate) fn push(&self, due: Instant, action: Action) {
        let number = self.made.get();
        self.made.set(number + 1);
        let mut heap = self.heap.borrow_mut();
        if heap.len() >= self.sweep_at.get() {
            heap.retain(|entry| entry.action.is_wanted());
            self.sweep_at.set(Self::SMALLEST_SWEEP.max(2 * heap.len()));
        }
        heap.push(Entry { due, number, action });
    }

    /// The next action due at `now`, and when it was due.
    pub(crate) fn pop(&self, now: Instant) -> Option<(Instant, Action)> {
        let mut heap = self.heap.borrow_mut();
        if heap.peek()?.due > now {
            return None;
        }
        heap.pop().map(|entry| (entry.due, entry.action))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    struct Nothing;

    impl Expire for Nothing {
        fn expire(&self, _due: Instant) -> Option<Instant> {
            None
        }
    }

    fn call(what: &Arc<Nothing>) -> Action {
        let weak: Weak<Nothing> = Arc::downgrade(what);
        Action::Call(weak)
    }

    #[test]
    fn the_earliest_comes_first_and_none_before_its_time() {
        let (store, what, start) = (Store::default(), Arc::new(Nothing), Instant::now());
        for millis in [30, 10, 20] {
            store.push(start + Duration::from_millis(millis), call(&what));
        }
        assert!(store.pop(start + Duration::from_millis(9)).is_none());
        let due = std::iter::from_fn(|| store.pop(start + Duration::from_millis(25))).map(|(due, _)| due - start);
        assert_eq!(due.collect::<Vec<_>>(), [10, 20].map(Duration::from_millis));
        assert_eq!(store.next_due(), Some(start + Duration::from_millis(30)));
    }

    #[test]
    fn what_nobody_wants_is_swept() {
        let (store, kept, start) = (Store::default(), Arc::new(Nothing), Instant::now());
        store.push(start, call(&kept));
        for _ in 0..100_000 {
            store.push(start + Duration::from_secs(1), call(&Arc::new(Nothing)));
            assert!(store.heap.borrow().len() <= Store::SMALLEST_SWEEP + 1);
        }
        assert!(store.pop(start).is_some());
    }
}
