//! What workers have too much of, for those who have too little: kept until nobody has needed it for a while.

use std::collections::VecDeque;
use std::time::Duration;

/// How long something is kept that nobody needs.
pub(crate) const KEEP: Duration = Duration::from_secs(1);

/// What came last is the first to be taken: it is in the cache. So what nobody needs gathers at the other end.
#[derive(Debug)]
pub(crate) struct Stock<T> {
    kept: VecDeque<T>,
    /// How many of them, from the beginning, nobody needs.
    unused: usize,
    /// The least number of them since `unused` was last determined.
    least: usize,
}

impl<T> Default for Stock<T> {
    fn default() -> Self {
        Self { kept: VecDeque::new(), unused: 0, least: 0 }
    }
}

impl<T> Stock<T> {
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps what may be needed again soon.
    pub(crate) fn give(&mut self, surplus: impl IntoIterator<Item = T>) {
        self.kept.extend(surplus);
    }

    /// Keeps what nobody has needed for a while.
    pub(crate) fn give_unused(&mut self, surplus: impl IntoIterator<Item = T>) {
        for one in surplus {
            self.kept.push_front(one);
            self.unused += 1;
        }
    }

    /// What came last.
    pub(crate) fn take(&mut self) -> Option<T> {
        let last = self.kept.pop_back();
        self.least = self.least.min(self.kept.len());
        self.unused = self.unused.min(self.kept.len());
        last
    }

    /// Determines what nobody has needed since the last call: as many as have always been there.
    pub(crate) fn mark_unused(&mut self) {
        self.unused = self.unused.max(self.least);
        self.least = self.kept.len();
    }

    /// Takes out what nobody needs, but no more than `most`.
    pub(crate) fn take_unused(&mut self, most: usize) -> Vec<T> {
        let number = self.unused.min(most);
        self.unused -= number;
        self.least = self.least.saturating_sub(number);
        self.kept.drain(..number).collect()
    }
}
