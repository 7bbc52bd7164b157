//! A failing schedule, made simpler: as many of its deviations are left out as can be, so that it fails as before with few
//! switches from one goroutine to another.
//!
//! What is left out shifts the decisions that follow, so the rest may lead somewhere else. It is tried all the same: all at once
//! first, then halves, then ever smaller parts; and each time that the schedule still fails in the same way, what it has
//! decided then is gone on with.
//!
//! Source: A. Zeller, R. Hildebrandt, "Simplifying and isolating failure-inducing input" (2002), without complements.

use super::choices::Deviation;
use super::config::{Config, Explored};
use super::explore::{Body, Failed, run_listed};
use super::failure::{Failure, FailureKind};
use super::token::Token;

/// So many schedules are tried at the most, and so many steps.
const MOST_TRIES: u32 = 1_000;
const MOST_STEPS: u64 = 20_000_000;

/// What is said of a failed schedule: of a simpler one that fails in the same way.
pub(super) fn told(config: &Config, body: &Body, failed: Failed) -> Box<Failure> {
    let (number, seed) = (failed.number, failed.seed);
    let mut tries = Tries { config, body, seed, kind: failed.kind, all: Explored { schedules: 0, steps: 0, hash: 0 } };
    let found = failed.course.choices.into_deviations();
    let simplest = tries.simplest(found.clone());
    // Told of the simplest; but should it not fail again, because the test does not do the same each time, of the first.
    let failure = [simplest, found].into_iter().find_map(|deviations| tries.run(deviations, true));
    let failure = failure.map(|failed| Failure::new(Failed { number, ..failed }));
    Box::new(failure.unwrap_or_else(|| Failure::unrepeatable(number, failed.kind)))
}

struct Tries<'a> {
    config: &'a Config,
    body: &'a Body,
    seed: u64,
    kind: FailureKind,
    all: Explored,
}

impl Tries<'_> {
    fn simplest(&mut self, mut found: Vec<Deviation>) -> Vec<Deviation> {
        let mut size = found.len();
        while size > 0 {
            let mut start = 0;
            while start < found.len() {
                if self.all.schedules >= MOST_TRIES || self.all.steps >= MOST_STEPS {
                    return found;
                }
                let end = found.len().min(start + size);
                let rest = [&found[..start], &found[end..]].concat();
                match self.run(rest, false).map(|failed| failed.course.choices.into_deviations()) {
                    Some(simpler) if simpler.len() < found.len() => found = simpler,
                    _ => start = end,
                }
            }
            size = size.min(found.len()) / 2;
        }
        found
    }

    /// Runs a schedule; gives it if it fails in the same way.
    fn run(&mut self, deviations: Vec<Deviation>, records: bool) -> Option<Failed> {
        let token = Token { seed: self.seed, deviations };
        let failed = run_listed(self.config, self.body, token, records, &mut self.all)?;
        (failed.kind == self.kind).then_some(failed)
    }
}
