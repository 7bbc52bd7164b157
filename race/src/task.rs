//! What a contender's program is asked to do, and what it replies.
//!
//! ```text
//!   race-gocsp CONTENDER PROGRAM PROCS [SIZE=NUMBER]...
//!   race-gocsp gocsp-migrate flow 2 messages=1000000 capacity=0 producers=4 consumers=4
//! ```
//! The reply is one line of JSON on its standard output: a [`Reply`].

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One run of one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Who does it. One program may stand for several contenders.
    pub contender: String,
    /// What is done. Several workloads are the same program with other sizes.
    pub program: String,
    /// On how many workers.
    pub procs: usize,
    /// How much of it.
    pub sizes: Sizes,
}

/// Numbers that a workload is made of, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sizes(BTreeMap<String, u64>);

impl Sizes {
    /// The number called `name`.
    ///
    /// # Panics
    /// If there is none: then a contender and the list of workloads do not agree.
    pub fn get(&self, name: &str) -> u64 {
        *self.0.get(name).unwrap_or_else(|| panic!("the workload has no size called {name}"))
    }

    /// All of them, as arguments.
    pub fn arguments(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, number)| format!("{name}={number}"))
    }
}

impl<'a> FromIterator<(&'a str, u64)> for Sizes {
    fn from_iter<I: IntoIterator<Item = (&'a str, u64)>>(sizes: I) -> Self {
        Self(sizes.into_iter().map(|(name, number)| (name.to_owned(), number)).collect())
    }
}

impl Task {
    /// The arguments that tell a program what to do.
    pub fn arguments(&self) -> Vec<String> {
        let fixed = [self.contender.clone(), self.program.clone(), self.procs.to_string()];
        fixed.into_iter().chain(self.sizes.arguments()).collect()
    }

    /// What the arguments of this process ask for. From now on a panic anywhere ends the process: there is no use in a
    /// workload without one of its goroutines.
    ///
    /// # Panics
    /// If they make no sense. Only the harness writes them.
    pub fn from_process() -> Self {
        Self::from_arguments(std::env::args().skip(1))
    }

    /// As [`from_process`](Self::from_process), when these are only the last of the process's arguments.
    ///
    /// # Panics
    /// As `from_process`.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> Self {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            print(panic);
            std::process::exit(101);
        }));
        Self::parse(arguments).expect("CONTENDER PROGRAM PROCS [SIZE=NUMBER]...")
    }

    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (contender, program) = (arguments.next()?, arguments.next()?);
        let procs = arguments.next()?.parse().ok()?;
        let size = |argument: String| {
            let (name, number) = argument.split_once('=')?;
            Some((name.to_owned(), number.parse().ok()?))
        };
        let sizes = Sizes(arguments.map(size).collect::<Option<_>>()?);
        Some(Self { contender, program, procs, sizes })
    }

    /// The size called `name`.
    ///
    /// # Panics
    /// As [`Sizes::get`].
    pub fn size(&self, name: &str) -> u64 {
        self.sizes.get(name)
    }

    /// The size called `name`, as a number of things in memory.
    ///
    /// # Panics
    /// As [`Sizes::get`].
    pub fn count(&self, name: &str) -> usize {
        usize::try_from(self.size(name)).expect("sizes fit into memory")
    }
}

/// What came out of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Reply {
    /// Proves that the work was done.
    #[serde(default)]
    pub answer: u64,
    /// What was measured; less is better.
    #[serde(default)]
    pub figures: Vec<Figure>,
    /// What the reader has to know about this contender in this workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why this contender does not do this workload. Then the rest means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abstains: Option<String>,
}

/// A measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Figure {
    /// Which of the workload's figures, or nothing if it has only one.
    pub name: String,
    /// In the unit that the list of workloads gives it.
    pub value: f64,
}

impl Reply {
    /// With several figures: see [`figure`](Self::figure).
    pub fn answer(answer: u64) -> Self {
        Self { answer, figures: Vec::new(), note: None, abstains: None }
    }

    /// With the nanoseconds that each of `count` took.
    pub fn nanos_each(answer: u64, elapsed: Duration, count: u64) -> Self {
        Self::answer(answer).figure("", nanos_each(elapsed, count))
    }

    /// With milliseconds.
    pub fn millis(answer: u64, elapsed: Duration) -> Self {
        Self::answer(answer).figure("", elapsed.as_secs_f64() * 1e3)
    }

    /// With microseconds.
    pub fn micros(answer: u64, elapsed: Duration) -> Self {
        Self::answer(answer).figure("", elapsed.as_secs_f64() * 1e6)
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, name: impl Into<String>, value: f64) -> Self {
        self.figures.push(Figure { name: name.into(), value });
        self
    }

    /// Adds what the reader has to know.
    #[must_use]
    pub fn note(mut self, note: &str) -> Self {
        self.note = Some(note.to_owned());
        self
    }

    /// The contender does not do this workload, and why.
    pub fn abstain(reason: &str) -> Self {
        Self { abstains: Some(reason.to_owned()), ..Self::answer(0) }
    }

    /// Sends it to the harness.
    pub fn send(&self) {
        println!("{}", serde_json::to_string(self).expect("a reply is plain data"));
    }
}

/// The nanoseconds that each of `count` took.
pub fn nanos_each(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_secs_f64() * 1e9 / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_understands_what_the_harness_writes() {
        let sizes = [("messages", 1_000_000), ("capacity", 0)].into_iter().collect();
        let task = Task { contender: "go".into(), program: "flow".into(), procs: 2, sizes };
        assert_eq!(Task::parse(task.arguments().into_iter()), Some(task));
    }

    #[test]
    fn arguments_that_make_no_sense_are_refused() {
        let refused = |line: &str| Task::parse(line.split_whitespace().map(str::to_owned)).is_none();
        assert!(refused("go flow"));
        assert!(refused("go flow two"));
        assert!(refused("go flow 2 messages"));
        assert!(refused("go flow 2 messages=many"));
        assert!(!refused("go flow 2"));
    }

    #[test]
    fn a_reply_survives_its_line() {
        let reply = Reply::nanos_each(3, Duration::from_micros(1), 10).note("with \"quotes\"");
        let line = serde_json::to_string(&reply).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Reply>(&line).unwrap(), reply);
        assert_eq!(reply.figures, [Figure { name: String::new(), value: 100.0 }]);
    }
}
