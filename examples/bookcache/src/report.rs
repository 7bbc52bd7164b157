//! The report: prints the answers, counts them, and sums up.

use std::fmt::{self, Arguments};
use std::time::Duration;

use gocsp::sync::Mutex;

use crate::output;

pub(crate) struct Report {
    queries: u64,
    quiet: bool,
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    hits: u64,
    misses: u64,
    /// How long each query has waited for its first answer.
    waits: Vec<Duration>,
    /// Nothing is printed or counted any more.
    closed: bool,
}

impl Report {
    /// A report of that many queries. If it is `quiet`, it prints no answers.
    pub(crate) fn new(queries: u64, quiet: bool) -> Self {
        Self { queries, quiet, ledger: Mutex::default() }
    }

    /// Prints an answer. If it is its query's `first`, counts it: whether it was a hit, and how long it took.
    pub(crate) fn answer(&self, first: Option<(bool, Duration)>, text: Arguments<'_>) {
        let mut ledger = self.ledger.lock();
        if ledger.closed {
            return;
        }
        if let Some((hit, waited)) = first {
            *(if hit { &mut ledger.hits } else { &mut ledger.misses }) += 1;
            ledger.waits.push(waited);
        }
        if !self.quiet {
            // Under the lock, so that nothing is printed once the report is closed.
            output::print(text);
        }
    }

    /// Sums up. What is still answered later is ignored.
    pub(crate) fn close(&self) -> Summary {
        let mut ledger = self.ledger.lock();
        ledger.closed = true;
        let Ledger { hits, misses, .. } = *ledger;
        let waits = Waits::new(std::mem::take(&mut ledger.waits));
        Summary { hits, misses, unanswered: self.queries - hits - misses, waits }
    }
}

/// What there is to say about the answers.
pub(crate) struct Summary {
    pub(crate) hits: u64,
    /// Found in the database, or not at all.
    pub(crate) misses: u64,
    pub(crate) unanswered: u64,
    pub(crate) waits: Waits,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hits: {}, misses: {}", self.hits, self.misses)?;
        if self.unanswered > 0 {
            write!(f, ", unanswered: {}", self.unanswered)?;
        }
        Ok(())
    }
}

/// How long the answers took.
pub(crate) struct Waits {
    sorted: Vec<Duration>,
}

impl Waits {
    fn new(mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        Self { sorted: waits }
    }

    /// The shortest time within which at least `percent` percent of the answers came, if there are any.
    fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.sorted.len() * percent).div_ceil(100);
        self.sorted.get(rank.checked_sub(1)?).copied()
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.percentile(50), self.percentile(99)) {
            (Some(p50), Some(p99)) => write!(f, "p50: {p50:.2?}, p99: {p99:.2?}"),
            _ => f.write_str("p50: -, p99: -"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(millis: impl IntoIterator<Item = u64>) -> Waits {
        Waits::new(millis.into_iter().map(Duration::from_millis).collect())
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        assert_eq!(waits((1..=100).rev()).to_string(), "p50: 50.00ms, p99: 99.00ms");
        assert_eq!(waits([30, 10, 20]).to_string(), "p50: 20.00ms, p99: 30.00ms");
        assert_eq!(waits([7]).to_string(), "p50: 7.00ms, p99: 7.00ms");
        assert_eq!(waits([]).to_string(), "p50: -, p99: -");
    }

    #[test]
    fn only_first_answers_count_and_none_after_the_close() {
        let report = Report::new(3, true);
        report.answer(Some((true, Duration::ZERO)), format_args!(""));
        report.answer(Some((false, Duration::ZERO)), format_args!(""));
        report.answer(None, format_args!(""));
        assert_eq!(report.close().to_string(), "hits: 1, misses: 1, unanswered: 1");
        report.answer(Some((true, Duration::ZERO)), format_args!(""));
        assert_eq!(report.close().to_string(), "hits: 1, misses: 1, unanswered: 1");
    }
}
