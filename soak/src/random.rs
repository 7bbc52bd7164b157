//! What chance decides: which scenarios there are, how large they are, and what each of their parties does next. All of it
//! follows from a seed. The schedule, and so what happens in the end, does not.

use std::time::Duration;

/// A source of chance.
pub(crate) struct Random(fastrand::Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Another source, for somebody who draws at the same time.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }

    /// A number from 1 to `most`. All orders of magnitude are equally likely, so that small ones, where most of the special
    /// cases are, come often.
    pub(crate) fn amount(&mut self, most: usize) -> usize {
        ((most as f64).powf(self.0.f64()) as usize).clamp(1, most)
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// A time below `most` microseconds.
    pub(crate) fn micros(&mut self, most: usize) -> Duration {
        Duration::from_nanos(self.below(most * 1000) as u64)
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, these: &mut [T]) {
        self.0.shuffle(these);
    }
}

/// The seed of the round that comes after that of `seed`. It comes round only after 2^64 of them.
///
/// Source of the factor: D. E. Knuth, MMIX.
pub(crate) fn seed_after(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_everything() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            let mut other = random.fork();
            (0..100).map(|_| (random.amount(1000), other.below(1000))).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(seed_after(7)));
    }

    #[test]
    fn an_amount_is_of_any_magnitude_and_keeps_its_limits() {
        let mut random = Random::new(1);
        let mut of_magnitude = [0; 3];
        for _ in 0..3000 {
            let amount = random.amount(999);
            assert!((1..=999).contains(&amount));
            of_magnitude[amount.ilog10() as usize] += 1;
        }
        assert!(of_magnitude.iter().all(|&count| count > 800), "{of_magnitude:?}");
        assert_eq!(random.amount(1), 1);
    }
}
