//! What one worker has to do at which time.
//!
//! Most timers are for deadlines that are never reached, and most of these are not wanted any more after a short time. So
//! nothing is taken out when it is no longer needed: an entry holds no reference that keeps anything alive, and is dropped
//! when it is found to be unwanted. That is looked for twice:
//! - The newest few entries stand in a *nursery*, in no order. When that is full, those still wanted move to the heap. So
//!   who makes a timer and soon forgets it never gets as far as the heap, and what is left of the timer is given back
//!   while the allocator has its place at hand.
//! - The others stand in a binary heap, the earliest first. It is swept when it has doubled since the last sweep. So an
//!   entry that nobody wants costs its own few words, for a bounded time.
//!
//! Rejected: to take out of the heap what is not wanted, by its place, as soon as that is known. It costs as much as
//! firing it, and a timer that is dropped by another thread would need a lock.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Weak;
use std::time::Instant;

use super::Expire;
use crate::goroutine::call_quietly;
use crate::stack::Stack;

/// What is to be done.
pub(crate) enum Action {
    /// End the sleep of this number of the goroutine on this stack. Nothing else ends it, but for a shutdown.
    Wake(Stack, u64),
    /// End the wait of this number of the goroutine on this stack, unless a token is first. At the goroutine's home only.
    Unpark(Stack, u64),
    /// Call this, if it is still there.
    Call(Weak<dyn Expire>),
}

impl Action {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Wake(stack, number) | Self::Unpark(stack, number) => stack.frame().timed_park() == *number,
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
    nursery: Vec<Entry>,
    /// No entry of the nursery is due before this. `None` if it is empty.
    nursery_due: Option<Instant>,
    heap: BinaryHeap<Entry>,
    made: u64,
    /// The length at which the heap is next swept.
    sweep_at: usize,
}

impl Store {
    /// No more than the blocks of one size that an allocator keeps at hand for a thread: glibc's keeps seven.
    const NURSERY: usize = 6;
    const SMALLEST_SWEEP: usize = 64;

    pub(crate) fn is_empty(&self) -> bool {
        self.nursery_due.is_none() && self.heap.is_empty()
    }

    /// How many entries there are, wanted or not.
    pub(crate) fn len(&self) -> usize {
        self.nursery.len() + self.heap.len()
    }

    /// When the next entry is due, wanted or not.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let heap_due = self.heap.peek().map(|entry| entry.due);
        [self.nursery_due, heap_due].into_iter().flatten().min()
    }

    pub(crate) fn push(&mut self, due: Instant, action: Action) {
        let number = self.made;
        self.made += 1;
        if self.nursery.len() == Self::NURSERY {
            self.grow_up();
        }
        self.nursery.push(Entry { due, number, action });
        self.nursery_due = Some(self.nursery_due.map_or(due, |first| first.min(due)));
    }

    /// Whether anything is due at `now` that is wanted. Drops what is due and not.
    pub(crate) fn has_due(&mut self, now: Instant) -> bool {
        if self.nursery_due.is_some_and(|due| due <= now) {
            self.grow_up();
        }
        while let Some(first) = self.heap.peek().filter(|first| first.due <= now) {
            if first.action.is_wanted() {
                return true;
            }
            self.heap.pop();
        }
        false
    }

    /// The next action due at `now`, and when it was due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, Action)> {
        if self.nursery_due.is_some_and(|due| due <= now) {
            self.grow_up();
        }
        if self.heap.peek()?.due > now {
            return None;
        }
        self.heap.pop().map(|entry| (entry.due, entry.action))
    }

    /// Divides it into the timers that any worker may fire, and those that only the home of the waiting goroutine may.
    pub(crate) fn divide(mut self) -> (Self, Self) {
        self.grow_up();
        let at_home = |entry: &Entry| matches!(entry.action, Action::Unpark(..));
        let (bound, free): (Vec<_>, Vec<_>) = self.heap.drain().partition(at_home);
        (Self { heap: free.into(), ..Self::default() }, Self { heap: bound.into(), ..Self::default() })
    }

    /// Whether anything in it ends a wait, and what is to be called.
    pub(crate) fn wanted(&self) -> (bool, Vec<Weak<dyn Expire>>) {
        let (mut wakes, mut calls) = (false, Vec::new());
        for entry in self.nursery.iter().chain(&self.heap) {
            match &entry.action {
                Action::Call(what) => calls.push(Weak::clone(what)),
                action => wakes |= action.is_wanted(),
            }
        }
        (wakes, calls)
    }

    /// Tells all that are to be called that nobody will. No goroutine is left that could wait for the others.
    pub(crate) fn abandon(mut self) {
        self.grow_up();
        for entry in self.heap {
            if let Action::Call(what) = entry.action
                && let Some(what) = what.upgrade()
            {
                call_quietly(move || what.abandon(entry.due));
            }
        }
    }

    /// Adds the timers of another store.
    pub(crate) fn append(&mut self, mut other: Self) {
        other.grow_up();
        self.heap.append(&mut other.heap);
    }

    /// Moves what is still wanted from the nursery to the heap.
    fn grow_up(&mut self) {
        self.nursery_due = None;
        for entry in self.nursery.drain(..).filter(|entry| entry.action.is_wanted()) {
            if self.heap.len() >= self.sweep_at {
                self.heap.retain(|entry| entry.action.is_wanted());
                self.sweep_at = Self::SMALLEST_SWEEP.max(2 * self.heap.len());
            }
            self.heap.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::Nothing;
    use super::*;

    fn call(what: &Arc<Nothing>) -> Action {
        let weak: Weak<Nothing> = Arc::downgrade(what);
        Action::Call(weak)
    }

    #[test]
    fn the_earliest_comes_first_and_none_before_its_time() {
        let (mut store, what, start) = (Store::default(), Arc::new(Nothing), Instant::now());
        for millis in [30, 10, 20] {
            store.push(start + Duration::from_millis(millis), call(&what));
        }
        assert!(store.pop(start + Duration::from_millis(9)).is_none());
        let due = std::iter::from_fn(|| store.pop(start + Duration::from_millis(25))).map(|(due, _)| due - start);
        assert_eq!(due.collect::<Vec<_>>(), [10, 20].map(Duration::from_millis));
        assert_eq!(store.next_due(), Some(start + Duration::from_millis(30)));
    }

    #[test]
    fn of_those_due_at_the_same_time_the_first_made_goes_first() {
        let (mut store, start) = (Store::default(), Instant::now());
        let made: Vec<_> = (0..100).map(|_| Arc::new(Nothing)).collect();
        for what in &made {
            store.push(start, call(what));
        }
        let fired = std::iter::from_fn(|| store.pop(start)).map(|(_, action)| match action {
            Action::Call(what) => what.as_ptr().addr(),
            Action::Wake(..) | Action::Unpark(..) => unreachable!("only calls were made"),
        });
        assert!(fired.eq(made.iter().map(|what| Arc::as_ptr(what).addr())));
    }

    #[test]
    fn only_what_is_wanted_is_seen_to_be_due() {
        let (mut store, kept, start) = (Store::default(), Arc::new(Nothing), Instant::now());
        store.push(start, call(&Arc::new(Nothing)));
        store.push(start + Duration::from_millis(10), call(&kept));
        assert!(!store.has_due(start));
        assert!(!store.has_due(start + Duration::from_millis(9)) && store.len() == 1);
        assert!(
            store.has_due(start + Duration::from_millis(10)) && store.pop(start + Duration::from_secs(1)).is_some()
        );
        assert!(!store.has_due(start + Duration::from_secs(1)));
    }

    #[test]
    fn what_nobody_wants_does_not_pile_up() {
        let (mut store, kept, start) = (Store::default(), Arc::new(Nothing), Instant::now());
        store.push(start, call(&kept));
        for _ in 0..100_000 {
            store.push(start + Duration::from_secs(1), call(&Arc::new(Nothing)));
            assert!(store.len() <= Store::NURSERY + 1);
        }
        // These are wanted for long enough to reach the heap.
        let mut wanted: std::collections::VecDeque<_> = (0..Store::NURSERY).map(|_| Arc::new(Nothing)).collect();
        for _ in 0..100_000 {
            wanted.pop_front();
            wanted.push_back(Arc::new(Nothing));
            store.push(start + Duration::from_secs(1), call(&wanted[wanted.len() - 1]));
            assert!(store.len() <= Store::SMALLEST_SWEEP + Store::NURSERY + 1);
        }
        assert!(store.pop(start).is_some());
    }
}
