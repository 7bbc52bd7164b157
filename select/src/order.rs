//! The two orders in which a select goes over its cases: by address, to take locks, and at random, to choose.

use std::cell::Cell;
use std::ptr;

use gocsp_channels::case::Case;
use gocsp_runtime::park::RawLock;
use gocsp_runtime::random;

use crate::cases::Cases;

/// One element of two lists that are as long as there are cases, and otherwise have nothing to do with each other.
pub(crate) struct Place {
    /// The lock of a case, or null for that of a nil channel. They are in order.
    pub(crate) lock: *const RawLock,
    /// The lottery ticket at this place: the number of a case.
    ticket: Cell<usize>,
}

impl Place {
    /// What a list of places is made of before [`sort`] fills it.
    pub(crate) const fn empty() -> Self {
        Self { lock: ptr::null(), ticket: Cell::new(0) }
    }
}

/// Up to here sorting by insertion is the fastest.
const FEW: usize = 16;

/// Fills `places` with the locks of all `cases` in the order of their addresses. There are as many of the one as of the
/// other.
#[inline(always)]
pub(crate) fn sort<C: Cases + ?Sized>(places: &mut [Place], cases: &mut C) {
    let count = cases.count();
    let places = &mut places[..count];
    cases.each(0, &mut |number, case| {
        let lock = case.lock().map_or(ptr::null(), ptr::from_ref);
        let mut at = number;
        while at > 0 && count <= FEW && places[at - 1].lock > lock {
            places[at].lock = places[at - 1].lock;
            at -= 1;
        }
        places[at].lock = lock;
    });
    if count > FEW {
        places.sort_unstable_by_key(|place| place.lock);
    }
}

/// Draws some of the cases in uniformly random order, each once.
pub(crate) struct Lottery<'p> {
    places: &'p [Place],
    dice: Dice,
}

impl<'p> Lottery<'p> {
    /// Among the `cases` that `may_win`. Often that is one, and takes neither a random number nor a branch that cannot be
    /// predicted. There are as many places as cases.
    #[inline(always)]
    pub(crate) fn among<C: Cases + ?Sized>(
        places: &'p [Place],
        cases: &mut C,
        may_win: impl Fn(&mut dyn Case) -> bool,
    ) -> Self {
        let mut tickets = 0;
        cases.each(0, &mut |number, case| {
            // Overwritten by the next one if this one is not counted.
            places[tickets].ticket.set(number);
            tickets += usize::from(may_win(case));
        });
        Self { places: &places[..tickets], dice: Dice::new() }
    }
}

impl Iterator for Lottery<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let (last, others) = self.places.split_last()?;
        let drawn = &self.places[self.dice.below(self.places.len() as u32) as usize].ticket;
        let case = drawn.get();
        // The last ticket takes the place of the one that was drawn.
        drawn.set(last.ticket.get());
        self.places = others;
        Some(case)
    }
}

/// Makes several small random numbers out of a large one, digit by digit: a random number is a fraction of 2^64, its
/// product with the bound has the next digit above the point and the fraction that remains below it.
struct Dice {
    fraction: u64,
    /// The product of all bounds that `fraction` has been asked for.
    spent: u64,
}

impl Dice {
    /// A fraction is replaced before what is left of it gets so coarse that a result could be off by more than one
    /// part in 2^32 of its share.
    const LIMIT: u64 = 1 << 32;

    #[inline]
    fn new() -> Self {
        Self { fraction: 0, spent: Self::LIMIT }
    }

    #[inline]
    fn below(&mut self, bound: u32) -> u32 {
        if bound == 1 {
            return 0;
        }
        self.spent *= u64::from(bound);
        if self.spent > Self::LIMIT {
            self.fraction = random::next_u64();
            self.spent = u64::from(bound);
        }
        let product = u128::from(self.fraction) * u128::from(bound);
        self.fraction = product as u64;
        (product >> 64) as u32
    }
}

#[cfg(test)]
mod tests {
    use gocsp_channels::case::RecvCase;
    use gocsp_channels::{Receiver, channel};

    use super::*;

    /// The locks of the cases, from which are received through `handles`, in the order in which `sort` puts them.
    fn sorted(handles: &[&Receiver<()>]) -> Vec<*const RawLock> {
        let mut cases: Vec<RecvCase<'_, ()>> = handles.iter().map(|rx| RecvCase::new(rx)).collect();
        let mut cases: Vec<&mut dyn Case> = cases.iter_mut().map(|case| case as _).collect();
        let mut places: Vec<Place> = cases.iter().map(|_| Place::empty()).collect();
        sort(&mut places, &mut *cases);
        places.into_iter().map(|place| place.lock).collect()
    }

    fn lock_of(rx: &Receiver<()>) -> *const RawLock {
        RecvCase::new(rx).lock().map_or(ptr::null(), ptr::from_ref)
    }

    /// The order in which so many cases are drawn, all of which may win.
    fn drawn(count: usize) -> Vec<usize> {
        let rx = Receiver::<()>::nil();
        let mut cases: Vec<RecvCase<'_, ()>> = (0..count).map(|_| RecvCase::new(&rx)).collect();
        let mut cases: Vec<&mut dyn Case> = cases.iter_mut().map(|case| case as _).collect();
        let places: Vec<Place> = cases.iter().map(|_| Place::empty()).collect();
        Lottery::among(&places, &mut *cases, |_| true).collect()
    }

    #[test]
    fn locks_are_sorted_by_address_however_many() {
        assert_eq!(sorted(&[]), []);
        let channels: Vec<Receiver<()>> = (0..100).map(|_| channel(0).1).collect();
        for count in [2, 3, 16, 17, 100] {
            let handles: Vec<&Receiver<()>> = channels[..count].iter().collect();
            let mut expected: Vec<*const RawLock> = handles.iter().map(|rx| lock_of(rx)).collect();
            expected.sort_unstable();
            assert_eq!(sorted(&handles), expected);
            assert_eq!(sorted(&handles.into_iter().rev().collect::<Vec<_>>()), expected);
        }
    }

    #[test]
    fn nil_channels_come_first_and_the_same_stand_side_by_side() {
        let nil = Receiver::nil();
        let (a, b) = (channel(0).1, channel(0).1);
        let (low, high) = if lock_of(&a) < lock_of(&b) { (&a, &b) } else { (&b, &a) };
        let expected = [&nil, &nil, low, low, high].map(lock_of);
        assert_eq!(sorted(&[low, &nil, high, low, &nil]), expected);
    }

    #[test]
    fn a_lottery_draws_each_case_once() {
        for count in [0, 1, 2, 3, 8, 40, 300] {
            let mut drawn = drawn(count);
            drawn.sort_unstable();
            assert!(drawn.into_iter().eq(0..count));
        }
    }

    #[test]
    fn every_order_is_equally_likely() {
        const ROUNDS: u32 = 60_000;
        let mut seen = std::collections::BTreeMap::<Vec<usize>, u32>::new();
        for _ in 0..ROUNDS {
            *seen.entry(drawn(4)).or_default() += 1;
        }
        assert_eq!(seen.len(), 24);
        let share = f64::from(ROUNDS) / 24.0;
        // Ten standard deviations of a binomial count.
        let tolerance = 10.0 * (share * (1.0 - 1.0 / 24.0)).sqrt();
        for (order, count) in seen {
            assert!((f64::from(count) - share).abs() < tolerance, "{order:?} came {count} times, not {share}");
        }
    }
}
