//! Decisions: where a schedule could go on in more than one way, which way it goes.
//!
//! All decisions of a schedule are made by one [`Choices`], in the order in which they come up, and the first of the
//! possibilities is always what happens if nobody interferes: who runs goes on running, else the one runs who has been ready for
//! longest. So a schedule is described by its seed, which the program's own random numbers come from, and by its *deviations*:
//! the decisions that went another way. A list of them leads to the same schedule again, whatever has chosen them the first
//! time, and to take some out of it makes a simpler schedule: see [`shrink`](super::shrink).

use super::Strategy;

/// A decision by its number, counted from 0, that did not take the first of the possibilities; and which it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deviation {
    pub(crate) decision: u32,
    pub(crate) choice: u64,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Choices {
    made: u32,
    deviations: Vec<Deviation>,
    chooser: Chooser,
}

#[derive(Debug)]
enum Chooser {
    Random(Random),
    Pct(Pct),
    Listed { list: Vec<Deviation>, next: usize },
}

impl Choices {
    /// Those that `strategy` makes of `seed`, in a schedule of perhaps `length` decisions.
    pub(crate) fn by(strategy: Strategy, seed: u64, length: u32) -> Self {
        let random = Random::new(seed);
        let chooser = match strategy {
            Strategy::Random => Chooser::Random(random),
            Strategy::Pct { depth } => Chooser::Pct(Pct::new(random, depth, length)),
        };
        Self { made: 0, deviations: Vec::new(), chooser }
    }

    /// Those that a list tells.
    pub(crate) fn listed(list: Vec<Deviation>) -> Self {
        Self { made: 0, deviations: Vec::new(), chooser: Chooser::Listed { list, next: 0 } }
    }

    /// Chooses one of so many possibilities. `who` tells which goroutine each of them lets run, by a number of its own.
    #[inline]
    pub(crate) fn choose(&mut self, possibilities: usize, who: impl Fn(usize) -> u32) -> usize {
        self.decide(possibilities, |pct, decision| pct.choose(decision, possibilities, &who))
    }

    /// Chooses one of so many possibilities, which are no goroutines: each is as probable as the others, by every strategy.
    pub(crate) fn draw(&mut self, possibilities: usize) -> usize {
        self.decide(possibilities, |pct, _| pct.random.below(possibilities))
    }

    #[inline]
    fn decide(&mut self, possibilities: usize, by_priority: impl FnOnce(&mut Pct, u32) -> usize) -> usize {
        if possibilities <= 1 {
            return 0;
        }
        let decision = self.made;
        self.made += 1;
        let choice = match &mut self.chooser {
            Chooser::Random(random) => random.below(possibilities),
            Chooser::Pct(pct) => by_priority(pct, decision),
            Chooser::Listed { list, next } => match list.get(*next) {
                Some(deviation) if deviation.decision == decision => {
                    *next += 1;
                    // The program may be another one by now. It is then up to the caller to see that it ends otherwise.
                    usize::try_from(deviation.choice).map_or(possibilities - 1, |choice| choice.min(possibilities - 1))
                }
                _ => 0,
            },
        };
        if choice != 0 {
            self.deviations.push(Deviation { decision, choice: choice as u64 });
        }
        choice
    }

    /// The goroutine of this number lets others run.
    pub(crate) fn yields(&mut self, who: u32) {
        if let Chooser::Pct(pct) = &mut self.chooser {
            pct.put_last(who);
        }
    }

    /// How many decisions there were.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    pub(crate) fn into_deviations(self) -> Vec<Deviation> {
        self.deviations
    }
}

/// Random numbers that are the same everywhere for the same seed: SplitMix64.
///
/// Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators" (2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of the numbers below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

/// Every goroutine has a priority of its own, by chance, and the highest runs. At `depth - 1` decisions, by chance, that one
/// becomes the lowest. A bug that takes `d` such changes shows with a probability of at least 1 in `n * k^(d-1)` if there are `n`
/// goroutines and `k` decisions.
///
/// Source: S. Burckhardt and others, "A randomized scheduler with probabilistic guarantees of finding bugs" (2010).
#[derive(Debug)]
struct Pct {
    random: Random,
    /// Of each goroutine, by its number. No two are the same.
    priorities: Vec<i64>,
    lowest: i64,
    /// The decisions at which a priority changes, the last one first.
    changes: Vec<u32>,
}

impl Pct {
    fn new(mut random: Random, depth: usize, length: u32) -> Self {
        // More than there are decisions are of no use.
        let changes = depth.saturating_sub(1).min(length as usize);
        let mut changes: Vec<_> = (0..changes).map(|_| random.below(length.max(1) as usize) as u32).collect();
        changes.sort_unstable_by(|one, other| other.cmp(one));
        Self { random, priorities: Vec::new(), lowest: 0, changes }
    }

    fn choose(&mut self, decision: u32, possibilities: usize, who: impl Fn(usize) -> u32) -> usize {
        let highest = self.highest(possibilities, &who);
        if self.changes.last().is_none_or(|&change| change > decision) {
            return highest;
        }
        while self.changes.last().is_some_and(|&change| change <= decision) {
            self.changes.pop();
        }
        self.put_last(who(highest));
        self.highest(possibilities, &who)
    }

    fn highest(&mut self, possibilities: usize, who: impl Fn(usize) -> u32) -> usize {
        let priorities = (0..possibilities).map(|number| (self.priority(who(number)), number));
        priorities.max().map_or(0, |(_, number)| number)
    }

    fn priority(&mut self, who: u32) -> i64 {
        while self.priorities.len() <= who as usize {
            // Above all that have been lowered.
            self.priorities.push((self.random.next() >> 1) as i64);
        }
        self.priorities[who as usize]
    }

    fn put_last(&mut self, who: u32) {
        self.priority(who);
        self.lowest -= 1;
        self.priorities[who as usize] = self.lowest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIKE: fn(usize) -> u32 = |number| number as u32;

    fn made_by(mut choices: Choices) -> (Vec<usize>, Vec<Deviation>) {
        let made = (0..100).map(|number| choices.choose(1 + number % 4, ALIKE)).collect();
        (made, choices.into_deviations())
    }

    #[test]
    fn the_same_seed_chooses_the_same_and_so_does_the_list_of_what_it_chose() {
        for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
            let (made, deviations) = made_by(Choices::by(strategy, 7, 75));
            assert_eq!(made_by(Choices::by(strategy, 7, 75)).0, made);
            assert_ne!(made_by(Choices::by(strategy, 8, 75)).0, made);
            assert_eq!(made_by(Choices::listed(deviations)).0, made);
        }
    }

    #[test]
    fn what_is_drawn_is_as_probable_as_the_rest_and_in_the_list_as_well() {
        for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
            let drawn = |mut choices: Choices| {
                let drawn: Vec<_> = (0..4_000)
                    .map(|_| {
                        // In between somebody runs.
                        choices.choose(2, ALIKE);
                        choices.draw(4)
                    })
                    .collect();
                (drawn, choices.into_deviations())
            };
            let (numbers, deviations) = drawn(Choices::by(strategy, 3, 8_000));
            for number in 0..4 {
                let times = numbers.iter().filter(|&&drawn| drawn == number).count();
                assert!((900..1_100).contains(&times), "{strategy:?}: {number} was drawn {times} times");
            }
            assert_eq!(drawn(Choices::listed(deviations)).0, numbers);
        }
    }

    #[test]
    fn what_is_drawn_of_very_many_is_in_the_list_as_it_is() {
        let drawn = |mut choices: Choices| {
            let drawn = [choices.draw(usize::MAX), choices.draw(usize::MAX)];
            (drawn, choices.into_deviations())
        };
        let (numbers, deviations) = drawn(Choices::by(Strategy::Random, 3, 10));
        assert!(numbers.iter().any(|&number| u32::try_from(number).is_err()), "{numbers:?}");
        assert_eq!(drawn(Choices::listed(deviations)).0, numbers);
    }

    #[test]
    fn what_has_one_possibility_is_no_decision() {
        let mut choices = Choices::by(Strategy::Random, 1, 10);
        assert_eq!((choices.choose(1, ALIKE), choices.made()), (0, 0));
        choices.choose(2, ALIKE);
        assert_eq!(choices.made(), 1);
    }

    #[test]
    fn without_deviations_it_is_always_the_first() {
        assert_eq!(made_by(Choices::listed(Vec::new())), (vec![0; 100], Vec::new()));
    }

    #[test]
    fn by_priority_the_same_one_runs_until_it_changes() {
        let mut choices = Choices::by(Strategy::Pct { depth: 1 }, 5, 100);
        let first = choices.choose(3, ALIKE);
        assert!((0..50).all(|_| choices.choose(3, ALIKE) == first));
        choices.yields(first as u32);
        assert_ne!(choices.choose(3, ALIKE), first);
    }
}
