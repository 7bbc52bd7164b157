//! The two orders in which a select goes over its cases: by address, to take locks, and at random, to choose.

use std::cell::Cell;

use gocsp_runtime::random;

/// One case whose channel is not nil, among the others in the order of their locks.
pub(crate) struct Place {
    /// Of the channel's lock. Cases of one channel have the same, and stand side by side.
    pub(crate) address: usize,
    /// The number of the case.
    pub(crate) case: u32,
    /// The lottery ticket at this place: the number of a case, not of this one in general.
    ticket: Cell<u32>,
}

impl Place {
    /// What a list of places is made of before [`sort`] fills it.
    pub(crate) const fn empty() -> Self {
        Self { address: 0, case: 0, ticket: Cell::new(0) }
    }

    fn new(address: usize, case: u32) -> Self {
        Self { address, case, ticket: Cell::new(case) }
    }
}

/// Up to here sorting by insertion is the fastest.
const FEW: usize = 16;

/// Fills `places` with the cases that have an address, in its order; what is left over stays at the end. Returns the
/// places that are filled.
#[inline]
pub(crate) fn sort(places: &mut [Place], addresses: impl Iterator<Item = usize>) -> &[Place] {
    let mut filled = 0;
    for (case, address) in addresses.enumerate() {
        if address == 0 {
            continue;
        }
        let mut at = filled;
        while at > 0 && filled <= FEW && places[at - 1].address > address {
            places.swap(at - 1, at);
            at -= 1;
        }
        places[at] = Place::new(address, case as u32);
        filled += 1;
    }
    let places = &mut places[..filled];
    if filled > FEW {
        places.sort_unstable_by_key(|place| (place.address, place.case));
    }
    places
}

/// Draws some of the cases in uniformly random order, each once.
pub(crate) struct Lottery<'p> {
    places: &'p [Place],
    dice: Dice,
}

impl<'p> Lottery<'p> {
    /// Among the cases of `places` that `may_win`. Often that is one, and takes neither a random number nor a branch that
    /// cannot be predicted.
    #[inline]
    pub(crate) fn among(places: &'p [Place], may_win: impl Fn(u32) -> bool) -> Self {
        let mut tickets = 0;
        for place in places {
            // Overwritten by the next one if this one is not counted.
            places[tickets].ticket.set(place.case);
            tickets += usize::from(may_win(place.case));
        }
        Self { places: &places[..tickets], dice: Dice::new() }
    }
}

impl Iterator for Lottery<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
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
    use super::*;

    fn sorted(addresses: &[usize]) -> Vec<(usize, u32)> {
        let mut places: Vec<Place> = addresses.iter().map(|_| Place::empty()).collect();
        sort(&mut places, addresses.iter().copied()).iter().map(|place| (place.address, place.case)).collect()
    }

    #[test]
    fn places_are_sorted_by_address_and_nil_has_none() {
        assert_eq!(sorted(&[]), []);
        assert_eq!(sorted(&[0, 0]), []);
        assert_eq!(sorted(&[30, 0, 10, 20, 10]), [(10, 2), (10, 4), (20, 3), (30, 0)]);
    }

    #[test]
    fn many_places_are_sorted_too() {
        let addresses: Vec<usize> = (0..100_usize).map(|i| i * 37 % 101).collect();
        let mut expected: Vec<(usize, u32)> = addresses.iter().copied().zip(0..).filter(|it| it.0 != 0).collect();
        expected.sort_unstable();
        assert_eq!(sorted(&addresses), expected);
    }

    #[test]
    fn a_lottery_draws_each_case_once() {
        for count in [0, 1, 2, 3, 8, 40, 300] {
            let addresses: Vec<usize> = (1..=count).collect();
            let mut places: Vec<Place> = addresses.iter().map(|_| Place::empty()).collect();
            let mut drawn: Vec<u32> = Lottery::among(sort(&mut places, addresses.into_iter()), |_| true).collect();
            drawn.sort_unstable();
            assert!(drawn.into_iter().eq(0..count as u32));
        }
    }

    #[test]
    fn every_order_is_equally_likely() {
        const ROUNDS: u32 = 60_000;
        let mut seen = std::collections::BTreeMap::<Vec<u32>, u32>::new();
        for _ in 0..ROUNDS {
            let mut places = [const { Place::empty() }; 4];
            let order = Lottery::among(sort(&mut places, [4, 3, 2, 1].into_iter()), |_| true).collect();
            *seen.entry(order).or_default() += 1;
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
