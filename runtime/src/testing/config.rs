//! What is explored, and how.

use std::panic::Location;
use std::time::Duration;

use super::Token;
use super::choices::Choices;
use super::director::Plan;
use super::explore;
use super::failure::Failure;
use super::watchdog::Pulse;

/// How schedules are chosen.
///
/// ```
/// use gocsp_runtime::testing::{Config, Strategy};
///
/// Config::default().strategy(Strategy::Pct { depth: 3 }).check(|| ());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// At every point anybody who is ready may go on, each with the same probability.
    #[default]
    Random,
    /// Goroutines have priorities, which change `depth - 1` times, at points that are chosen by chance. It finds what takes few
    /// switches at the right moments, in long schedules as well.
    ///
    /// Source: S. Burckhardt and others, "A randomized scheduler with probabilistic guarantees of finding bugs" (2010).
    Pct {
        /// How many orderings of events have to come together, at most, for what is looked for. Few bugs take more than 3.
        depth: usize,
    },
}

/// How many schedules are run, and which. See the [module](super).
///
/// ```
/// use gocsp_runtime::testing::Config;
/// use gocsp_runtime::{go, yield_now};
///
/// Config::default().schedules(100).seed(7).max_steps(10_000).check(|| {
///     let other = go!(yield_now);
///     other.join().unwrap();
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) schedules: u32,
    pub(super) seed: u64,
    pub(super) strategy: Strategy,
    pub(super) max_steps: u64,
    pub(super) time: Option<Duration>,
    pub(super) blocks_inline: bool,
    pub(super) replay: Option<Token>,
}

/// What was explored without a failure.
///
/// ```
/// use gocsp_runtime::testing::Config;
///
/// let explored = Config::default().schedules(10).explore(|| ()).unwrap();
/// assert_eq!(explored.schedules, 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How many schedules.
    pub schedules: u32,
    /// How many steps in all of them: points that were passed, and turns of goroutines.
    pub steps: u64,
    /// A number for all that happened, which is the same whenever and wherever the same program is explored in the same way.
    pub hash: u64,
}

impl Default for Config {
    /// A thousand schedules by chance, of no more than a million steps each, from the seed 0. If the variable `GOCSP_REPLAY` holds
    /// a [`Token`], only the schedule that it stands for.
    fn default() -> Self {
        Self {
            schedules: 1_000,
            seed: 0,
            strategy: Strategy::default(),
            max_steps: 1_000_000,
            time: None,
            blocks_inline: false,
            replay: None,
        }
    }
}

impl Config {
    /// How many schedules are run.
    ///
    /// See [the example](Self).
    pub fn schedules(mut self, schedules: u32) -> Self {
        self.schedules = schedules;
        self
    }

    /// What all choices follow from, and the random numbers of the program as well: the same seed leads to the same schedules.
    ///
    /// See [the example](Self).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How the schedules are chosen.
    ///
    /// See [the example](Strategy).
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// After how many steps a schedule fails because it does not come to an end. A step is a point that is passed, or a turn of a
    /// goroutine.
    ///
    /// See [the example](Self).
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.max_steps = steps;
        self
    }

    /// No more schedules are begun when so much time has passed, by the system's clock; but there is one at least.
    ///
    /// ```
    /// use gocsp_runtime::testing::Config;
    /// use std::time::Duration;
    ///
    /// let all = Config::default().schedules(u32::MAX).time(Duration::from_millis(20)).explore(|| ()).unwrap();
    /// assert!(all.schedules < u32::MAX);
    /// ```
    pub fn time(mut self, limit: Duration) -> Self {
        self.time = Some(limit);
        self
    }

    /// Has [`blocking`](crate::blocking()) call its closure on the spot, while everybody else waits. Without this it panics, for how long
    /// a call takes, and what it finds outside, is not the same each time. If it is, that is what this is for.
    ///
    /// ```
    /// use gocsp_runtime::blocking;
    /// use gocsp_runtime::testing::Config;
    ///
    /// Config::default().schedules(10).blocking_inline(true).check(|| assert_eq!(blocking(|| 42), 42));
    /// assert!(Config::default().explore(|| blocking(|| ())).is_err());
    /// ```
    pub fn blocking_inline(mut self, inline: bool) -> Self {
        self.blocks_inline = inline;
        self
    }

    /// Runs this schedule, and no other.
    ///
    /// See [the example](super).
    pub fn replay(mut self, token: Token) -> Self {
        self.replay = Some(token);
        self
    }

    pub(super) fn plan(&self, seed: u64, choices: Choices, records: bool, pulse: Pulse) -> Plan {
        Plan { seed, choices, max_steps: self.max_steps, records, blocks_inline: self.blocks_inline, pulse }
    }

    /// Runs `body` under one schedule after the other.
    ///
    /// # Panics
    /// With a report, if one of them fails: see [`Failure`]. If `GOCSP_REPLAY` holds something else than a [`Token`]. Within a test of
    /// this kind. In a program that is built with `panic = "abort"`, for goroutines that are left have to be unwound.
    ///
    /// See [the example](Self).
    #[track_caller]
    pub fn check(&self, body: impl Fn() + Send + Sync + 'static) {
        if let Err(failure) = self.explore(body) {
            panic!("{failure}");
        }
    }

    /// As [`check`](Self::check), but gives the first failure back.
    ///
    /// # Errors
    /// The first schedule that fails.
    ///
    /// # Panics
    /// As [`check`](Self::check), but not with a report.
    ///
    /// See [the example](super).
    #[track_caller]
    pub fn explore(&self, body: impl Fn() + Send + Sync + 'static) -> Result<Explored, Box<Failure>> {
        explore::explore(self, body, Location::caller())
    }
}
