//! What came out: all runs, and the rows of the tables made of them.

use std::fmt;
use std::time::Duration;

use race::task::Reply;
use race::workload::{Section, Unit, Workload};

use crate::contenders::{Contender, MIGRATE};
use crate::machine::Machine;
use crate::statistics::Summary;

/// Why a run has no figures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// There is no program.
    Missing(String),
    /// The contender does not do the workload.
    Abstained(String),
    Died(String),
    TimedOut(Duration),
    Wrong {
        given: u64,
        right: u64,
    },
}

impl Failure {
    /// For a cell of a table.
    pub(crate) fn in_a_word(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Abstained(_) => "n/a",
            Self::Died(_) => "died",
            Self::TimedOut(_) => "timed out",
            Self::Wrong { .. } => "wrong",
        }
    }

    /// Whether it makes no sense to try again.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::Died(_) | Self::Wrong { .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(reason) | Self::Abstained(reason) | Self::Died(reason) => f.write_str(reason),
            Self::TimedOut(limit) => write!(f, "it was stopped after {} s, and not run again", limit.as_secs()),
            Self::Wrong { given, right } => write!(f, "its answer was {given}, the right one is {right}"),
        }
    }
}

/// All runs of a contender in a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Runs {
    results: Vec<Result<Reply, Failure>>,
}

impl Runs {
    pub(crate) fn push(&mut self, result: Result<Reply, Failure>) {
        self.results.push(result);
    }

    /// The failure of the last run, if it failed.
    pub(crate) fn last(&self) -> Option<&Failure> {
        self.results.last()?.as_ref().err()
    }

    fn replies(&self) -> impl Iterator<Item = &Reply> {
        self.results.iter().flatten()
    }

    fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.results.iter().filter_map(|result| result.as_ref().err())
    }

    /// What was measured under this name, run by run.
    pub(crate) fn values(&self, figure: &str) -> Vec<f64> {
        let named = |reply: &Reply| reply.figures.iter().find(|found| found.name == figure).map(|found| found.value);
        self.replies().filter_map(named).collect()
    }

    /// What stands in the table.
    fn cell(&self, figure: &str) -> Cell {
        let failed = self.failures().count();
        let Some(summary) = Summary::of(&self.values(figure)) else {
            let failure = self.failures().next().cloned();
            return Cell::Failed(failure.unwrap_or_else(|| Failure::Died("it did not give this figure".to_owned())));
        };
        let note = self.replies().find_map(|reply| reply.note.clone());
        let failures = self.failures().last().map(|failure| {
            format!("{failed} of {} runs failed, the last one: {}: {failure}", self.results.len(), failure.in_a_word())
        });
        Cell::Measured { summary, notes: note.into_iter().chain(failures).collect() }
    }
}

/// All that came out of a race.
#[derive(Debug)]
pub(crate) struct Race {
    pub(crate) machine: Machine,
    pub(crate) contenders: Vec<&'static Contender>,
    workloads: Vec<(&'static Workload, Vec<Runs>)>,
}

/// A table.
pub(crate) struct SectionRows {
    pub(crate) section: Section,
    pub(crate) rows: Vec<Row>,
}

/// One figure of one workload, for all contenders.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) workload: &'static Workload,
    /// Empty if the workload has only one.
    pub(crate) figure: String,
    pub(crate) unit: Unit,
    /// In the order of the contenders.
    pub(crate) cells: Vec<Cell>,
}

/// A figure of a contender.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Measured { summary: Summary, notes: Vec<String> },
    Failed(Failure),
}

impl Cell {
    /// The median of what was measured.
    pub(crate) fn median(&self) -> Option<f64> {
        match self {
            Self::Measured { summary, .. } => Some(summary.median),
            Self::Failed(_) => None,
        }
    }
}

impl Race {
    pub(crate) fn new(machine: Machine, contenders: Vec<&'static Contender>) -> Self {
        Self { machine, contenders, workloads: Vec::new() }
    }

    /// Adds a workload, with the runs of each contender.
    pub(crate) fn add(&mut self, workload: &'static Workload, runs: Vec<Runs>) {
        assert_eq!(runs.len(), self.contenders.len());
        self.workloads.push((workload, runs));
    }

    /// All workloads, with the runs of each contender.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = (&'static Workload, &[Runs])> {
        self.workloads.iter().map(|(workload, runs)| (*workload, runs.as_slice()))
    }

    /// The tables of what was run.
    pub(crate) fn sections(&self) -> Vec<SectionRows> {
        let rows = |section| {
            let workloads = self.workloads().filter(move |(workload, _)| workload.section == section);
            SectionRows { section, rows: workloads.flat_map(|(workload, runs)| rows(workload, runs)).collect() }
        };
        Section::ALL.into_iter().map(rows).filter(|section| !section.rows.is_empty()).collect()
    }

    /// Whether gocsp, in any mode, failed in anything.
    pub(crate) fn gocsp_failed(&self) -> bool {
        let failed = |runs: &[Runs]| {
            let contenders = self.contenders.iter().zip(runs).filter(|(contender, _)| contender.is_gocsp());
            contenders.flat_map(|(_, runs)| runs.failures()).next().is_some()
        };
        self.workloads().any(|(_, runs)| failed(runs))
    }
}

/// The rows of a workload: one for each figure that anybody gave.
fn rows(workload: &'static Workload, runs: &[Runs]) -> Vec<Row> {
    let mut figures: Vec<String> = Vec::new();
    for figure in runs.iter().flat_map(Runs::replies).flat_map(|reply| &reply.figures) {
        if !figures.contains(&figure.name) {
            figures.push(figure.name.clone());
        }
    }
    if figures.is_empty() {
        figures.push(String::new());
    }
    let row = |figure: String| {
        let unit = workload.unit(&figure).unwrap_or(workload.units[0].1);
        let cells = runs.iter().map(|runs| runs.cell(&figure)).collect();
        Row { workload, figure, unit, cells }
    };
    figures.into_iter().map(row).collect()
}

impl Row {
    /// What stands in its first column.
    pub(crate) fn title(&self) -> String {
        if self.figure.is_empty() {
            self.workload.name.to_owned()
        } else {
            format!("{} {}", self.workload.name, self.figure)
        }
    }

    fn median_of(&self, contenders: &[&Contender], name: &str) -> Option<f64> {
        let index = contenders.iter().position(|contender| contender.name == name)?;
        self.cells[index].median()
    }

    /// How many times as much somebody takes as somebody else.
    pub(crate) fn ratio(&self, contenders: &[&Contender], this: &str, to: &str) -> Option<f64> {
        quotient(self.median_of(contenders, this)?, self.median_of(contenders, to)?)
    }

    /// Who of those that are not gocsp takes least, and how many times as much as somebody else.
    pub(crate) fn best_peer(&self, contenders: &[&'static Contender], to: &str) -> Option<(&'static str, f64)> {
        let peers = contenders.iter().zip(&self.cells).filter(|(contender, _)| !contender.is_gocsp());
        let medians = peers.filter_map(|(contender, cell)| Some((contender.name, cell.median()?)));
        let (name, median) = medians.min_by(|(_, left), (_, right)| left.total_cmp(right))?;
        Some((name, quotient(median, self.median_of(contenders, to)?)?))
    }
}

fn quotient(this: f64, to: f64) -> Option<f64> {
    Some(this / to).filter(|quotient| quotient.is_finite())
}

/// A run, for those who watch.
pub(crate) fn in_short(workload: &Workload, result: &Result<Reply, Failure>) -> String {
    let reply = match result {
        Ok(reply) => reply,
        Err(failure) => return format!("{}: {failure}", failure.in_a_word()),
    };
    let shown = reply.figures.iter().take(3).map(|figure| {
        let unit = workload.unit(&figure.name).map_or("", Unit::symbol);
        format!("{} {:.1} {unit}", figure.name, figure.value).trim_start().to_owned()
    });
    let more = if reply.figures.len() > 3 { ", ..." } else { "" };
    shown.collect::<Vec<_>>().join(", ") + more
}

/// Whether the other mode of gocsp takes part.
pub(crate) fn has_migrate(contenders: &[&Contender]) -> bool {
    contenders.iter().any(|contender| contender.name == MIGRATE)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contenders;
    use race::workloads;

    pub(crate) fn runs(results: &[Result<f64, Failure>]) -> Runs {
        let reply = |value: &f64| Reply::answer(0).figure("", *value);
        Runs { results: results.iter().map(|result| result.as_ref().map(reply).map_err(Failure::clone)).collect() }
    }

    /// Who takes part, how gocsp, Go and tokio did in ctxswitch.
    pub(crate) fn race(gocsp: Runs, go: Runs, tokio: Runs) -> Race {
        let who = ["gocsp", "go", "tokio"].map(|name| contenders::find(name).unwrap());
        let mut race = Race::new(Machine::default(), who.to_vec());
        race.add(workloads::find("ctxswitch").unwrap(), vec![gocsp, go, tokio]);
        race
    }

    #[test]
    fn ratios_say_how_many_times_as_much_others_take() {
        let race = race(runs(&[Ok(20.0), Ok(30.0), Ok(10.0)]), runs(&[Ok(100.0)]), runs(&[Ok(50.0)]));
        let row = &race.sections()[0].rows[0];
        assert_eq!(row.ratio(&race.contenders, "go", "gocsp"), Some(5.0));
        assert_eq!(row.best_peer(&race.contenders, "gocsp"), Some(("tokio", 2.5)));
        assert_eq!(row.ratio(&race.contenders, "gocsp-migrate", "gocsp"), None);
    }

    #[test]
    fn the_best_peer_is_one_that_lived() {
        let died = Failure::Died("of boredom".to_owned());
        let race = race(runs(&[Ok(20.0)]), runs(&[Ok(100.0)]), runs(&[Err(died.clone()), Err(died)]));
        assert_eq!(race.sections()[0].rows[0].best_peer(&race.contenders, "gocsp"), Some(("go", 5.0)));
        assert!(!race.gocsp_failed());
    }

    #[test]
    fn whoever_fails_now_and_then_is_measured_with_a_note() {
        let died = Failure::Died("of boredom".to_owned());
        let Cell::Measured { summary, notes } = runs(&[Ok(1.0), Err(died), Ok(3.0)]).cell("") else { panic!() };
        assert_eq!(summary.median, 2.0);
        assert_eq!(notes, ["1 of 3 runs failed, the last one: died: of boredom"]);
    }

    #[test]
    fn that_gocsp_fails_is_noticed_whatever_else_it_did() {
        let wrong = Failure::Wrong { given: 1, right: 2 };
        let race = race(runs(&[Ok(20.0), Err(wrong)]), runs(&[Ok(100.0)]), runs(&[Ok(50.0)]));
        assert!(race.gocsp_failed());
    }

    #[test]
    fn only_what_may_go_better_is_tried_again() {
        assert!(Failure::TimedOut(Duration::from_secs(1)).is_final());
        assert!(Failure::Abstained(String::new()).is_final() && Failure::Missing(String::new()).is_final());
        assert!(!Failure::Died(String::new()).is_final());
    }
}
