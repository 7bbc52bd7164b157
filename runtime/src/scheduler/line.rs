//! A line of goroutines, linked through their control blocks, from which both ends can be taken.
//!
//! It allocates nothing, so that it can be changed under a spin lock however long it is.
//!
//! # Invariants
//! - **L1** From `oldest`, `len - 1` links to the next newer lead to `newest`, and the links to the next older lead back. Links
//!   beyond the ends, and the ends of an empty line, are left as they were and never followed.
//! - **L2** A goroutine in a line has not ended, and belongs to the line: nobody else touches its links or its number.

use std::ptr::{self, NonNull};

use crate::goroutine::Goroutine;
use crate::prefetch::prefetch;

/// Greater than every number.
const NO_NUMBER: u64 = u64::MAX;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Line {
    oldest: *const Goroutine,
    newest: *const Goroutine,
    len: usize,
    /// The number of the oldest.
    oldest_number: u64,
}

// SAFETY: the goroutines in a line belong to it (L2), and have not started or are ready, which makes them their owner's.
unsafe impl Send for Line {}

impl Default for Line {
    fn default() -> Self {
        Self { oldest: ptr::null(), newest: ptr::null(), len: 0, oldest_number: NO_NUMBER }
    }
}

impl Line {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number that the oldest was put in with, greater than all numbers if there is none.
    #[inline]
    pub(super) fn oldest_number(&self) -> u64 {
        self.oldest_number
    }

    #[inline]
    pub(super) fn oldest(&self) -> Option<&Goroutine> {
        // SAFETY: a goroutine in the line has not ended (L2).
        (self.len > 0).then(|| unsafe { &*self.oldest })
    }

    /// Puts a goroutine in as the newest. The caller owns it, and has taken it out of every other queue.
    #[inline]
    pub(super) fn push(&mut self, goroutine: NonNull<Goroutine>, number: u64) {
        // SAFETY: the goroutine is the caller's, and becomes the line's (L2).
        let entry = unsafe { goroutine.as_ref() };
        entry.set_number(number);
        if self.len == 0 {
            self.oldest = entry;
            self.oldest_number = number;
        } else {
            self.link_behind(entry);
        }
        self.newest = entry;
        self.len += 1;
    }

    #[inline]
    pub(super) fn pop_newest(&mut self) -> Option<NonNull<Goroutine>> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: a goroutine in the line has not ended (L2).
        let entry = unsafe { &*self.newest };
        self.newest = entry.older_link().get();
        if self.len == 0 {
            self.oldest_number = NO_NUMBER;
        }
        // It is likely to be the next; in a burst it has not been touched for long.
        prefetch(self.newest.cast(), size_of::<Goroutine>());
        Some(NonNull::from(entry))
    }

    #[inline]
    pub(super) fn pop_oldest(&mut self) -> Option<NonNull<Goroutine>> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: a goroutine in the line has not ended (L2).
        let entry = unsafe { &*self.oldest };
        self.oldest = entry.newer_link().get();
        self.oldest_number = self.oldest().map_or(NO_NUMBER, Goroutine::number);
        Some(NonNull::from(entry))
    }

    /// Shows all, from the oldest on.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&Goroutine)) {
        let mut next = self.oldest;
        for _ in 0..self.len {
            // SAFETY: fewer than `len` links were followed, so this is in the line (L1) and has not ended (L2).
            let entry = unsafe { &*next };
            visit(entry);
            next = entry.newer_link().get();
        }
    }

    /// Takes the `count` oldest out, or all if there are fewer.
    pub(super) fn split_oldest(&mut self, count: usize) -> Self {
        if count >= self.len {
            return std::mem::take(self);
        }
        let mut first_left = self.oldest;
        let mut last_taken = ptr::null();
        for _ in 0..count {
            last_taken = first_left;
            // SAFETY: fewer than `len` links are followed, so this is in the line (L1) and has not ended (L2).
            first_left = unsafe { &*first_left }.newer_link().get();
        }
        if count == 0 {
            return Self::default();
        }
        let taken = Self { oldest: self.oldest, newest: last_taken, len: count, oldest_number: self.oldest_number };
        self.oldest = first_left;
        self.len -= count;
        // SAFETY: a goroutine in the line has not ended (L2).
        self.oldest_number = unsafe { &*first_left }.number();
        taken
    }

    /// Puts in all that were in another line, behind the newest. They come at the same time, and so have the same number;
    /// their tickets were for the other line.
    pub(super) fn append(&mut self, mut others: Self, number: u64) {
        while let Some(goroutine) = others.pop_oldest() {
            self.push(goroutine, number);
            // SAFETY: a goroutine in the line has not ended (L2).
            unsafe { goroutine.as_ref() }.set_ticket(0);
        }
    }

    /// Links the newest and `entry`, which comes behind it.
    #[inline]
    fn link_behind(&self, entry: &Goroutine) {
        entry.older_link().set(self.newest);
        // SAFETY: a goroutine in the line has not ended (L2), and the line is not empty.
        unsafe { &*self.newest }.newer_link().set(entry);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::goroutine::unstarted_for_ever;

    fn line_of(ids: impl IntoIterator<Item = u64>) -> Line {
        let mut line = Line::default();
        ids.into_iter().for_each(|id| line.push(NonNull::from(unstarted_for_ever(id)), id));
        line
    }

    fn id(goroutine: Option<NonNull<Goroutine>>) -> Option<u64> {
        // SAFETY: the goroutines of these tests live for ever.
        goroutine.map(|goroutine| unsafe { goroutine.as_ref() }.id())
    }

    /// All that are left, the oldest first.
    fn rest(mut line: Line) -> Vec<u64> {
        std::iter::from_fn(|| id(line.pop_oldest())).collect()
    }

    #[test]
    fn both_ends_can_be_taken() {
        let mut line = line_of(1..=4);
        assert_eq!([id(line.pop_newest()), id(line.pop_oldest())], [Some(4), Some(1)]);
        line.push(NonNull::from(unstarted_for_ever(5)), 5);
        assert_eq!((line.len(), line.oldest_number()), (3, 2));
        assert_eq!([id(line.pop_newest()), id(line.pop_newest())], [Some(5), Some(3)]);
        assert_eq!([id(line.pop_newest()), id(line.pop_newest())], [Some(2), None]);
        assert!(line.is_empty() && line.oldest_number() == NO_NUMBER && line.oldest().is_none());
        line.push(NonNull::from(unstarted_for_ever(6)), 6);
        assert_eq!((line.oldest_number(), rest(line)), (6, vec![6]));
    }

    #[test]
    fn the_oldest_can_be_split_off_and_put_elsewhere() {
        for count in 0..=6 {
            let mut line = line_of(1..=5);
            let taken = line.split_oldest(count);
            let cut = 5.min(count as u64);
            assert_eq!((taken.len(), line.len()), (cut as usize, 5 - cut as usize));
            assert_eq!(line.oldest_number(), if cut < 5 { cut + 1 } else { NO_NUMBER });
            let mut elsewhere = line_of([9]);
            elsewhere.append(taken, 7);
            assert_eq!(rest(elsewhere), [9].into_iter().chain(1..=cut).collect::<Vec<_>>());
            assert_eq!(rest(line), (cut + 1..=5).collect::<Vec<_>>());
        }
    }

    #[test]
    fn those_who_come_at_the_same_time_have_the_same_number() {
        let mut line = line_of([]);
        line.append(line_of(1..=2), 7);
        assert_eq!((id(line.pop_oldest()), line.oldest_number()), (Some(1), 7));
    }
}
