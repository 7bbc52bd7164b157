//! What is said of a schedule that has failed.

use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::explore::Failed;
use super::token::Token;
use super::trace::{Entry, Event};
use crate::park::Description;

/// In which way a schedule has failed.
///
/// ```
/// use gocsp_runtime::testing::{Config, FailureKind};
///
/// let failure = Config::default().explore(|| panic!("a bug")).unwrap_err();
/// assert_eq!(failure.kind(), FailureKind::Panic);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// A goroutine panicked, and nobody has asked for that by joining it.
    Panic,
    /// All goroutines were asleep, and nothing was left that could have woken one, before the function that is tested had
    /// returned.
    Deadlock,
    /// When the function that is tested had returned, there were goroutines left that could not go on; or not before some time
    /// has passed.
    Leak,
    /// It took more [steps](super::Config::max_steps) than it may.
    Livelock,
    /// A thread of the program has woken a goroutine: that cannot be done again at the same moment.
    Disturbed,
}

/// A schedule that has failed, made as simple as it goes. Its [`Display`](fmt::Display) tells what happened in it, step by step, and
/// how to run it again.
///
/// ```
/// use gocsp_runtime::testing::{Config, FailureKind};
/// use gocsp_runtime::{sleep, spawn};
/// use std::time::Duration;
///
/// let failure = Config::default().explore(|| drop(spawn(|| sleep(Duration::from_secs(1))))).unwrap_err();
/// assert_eq!(failure.kind(), FailureKind::Leak);
/// assert!(failure.to_string().contains("sleep"));
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    number: u32,
    kind: FailureKind,
    token: Token,
    panics: Vec<(usize, String)>,
    left: String,
    entries: Vec<Entry>,
    repeatable: bool,
}

impl Failure {
    pub(super) fn new(failed: Failed) -> Self {
        let Failed { number, seed, kind, course, left } = failed;
        let place = |id| course.members.binary_search(&id).map_or(0, |place| place + 1);
        Self {
            number,
            kind,
            panics: course.panics.into_iter().map(|(id, message)| (place(id), message)).collect(),
            token: Token { seed, deviations: course.choices.into_deviations() },
            left,
            entries: course.trace.into_entries(),
            repeatable: true,
        }
    }

    /// One that did not come about again.
    pub(super) fn unrepeatable(number: u32, kind: FailureKind) -> Self {
        let token = Token { seed: 0, deviations: Vec::new() };
        Self { number, kind, token, panics: Vec::new(), left: String::new(), entries: Vec::new(), repeatable: false }
    }

    /// In which way it has failed.
    ///
    /// See [the example](Self).
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The schedule, to be run again.
    ///
    /// See [the example](super).
    pub fn token(&self) -> &Token {
        &self.token
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "schedule {} failed: ", self.number + 1)?;
        match self.kind {
            FailureKind::Panic => write!(f, "a panic that nobody has asked for")?,
            FailureKind::Deadlock => write!(f, "all goroutines are asleep - deadlock!")?,
            FailureKind::Leak => write!(f, "goroutines are left behind")?,
            FailureKind::Livelock => write!(f, "it does not come to an end")?,
            FailureKind::Disturbed => write!(
                f,
                "a thread has woken a goroutine. What is tested must not depend on threads: start goroutines instead"
            )?,
        }
        if !self.repeatable {
            return write!(
                f,
                "; but run again it did not. The test must do the same each time: nothing that the time of day, other threads or \
                 earlier schedules could change"
            );
        }
        writeln!(f)?;
        for (goroutine, message) in &self.panics {
            writeln!(f, "    goroutine {goroutine} panicked: {message}")?;
        }
        writeln!(f)?;
        f.write_str(&self.left)?;
        self.fmt_timeline(f)?;
        let name = std::thread::current().name().filter(|name| *name != "main").unwrap_or_default().to_owned();
        write!(f, "\nto run this schedule again: GOCSP_REPLAY={} cargo test {name}", self.token)
    }
}

/// So many of the last lines are told.
const MOST_LINES: usize = 60;

impl Failure {
    fn fmt_timeline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut names, mut lines, mut left_out) = (Names::default(), VecDeque::<(String, usize)>::new(), 0);
        for Entry { time, member, event } in &self.entries {
            let line = format!("{:>12}  goroutine {:<3} {}", clock(*time), member + 1, names.text(event));
            match lines.back_mut() {
                Some((last, times)) if *last == line => *times += 1,
                _ => lines.push_back((line, 1)),
            }
            if lines.len() > MOST_LINES {
                left_out += lines.pop_front().map_or(0, |(_, times)| times);
            }
        }
        if left_out > 0 {
            writeln!(f, "({left_out} earlier events)")?;
        }
        for (line, times) in lines {
            match times {
                1 | 2 => (0..times).try_for_each(|_| writeln!(f, "{line}"))?,
                _ => writeln!(f, "{line} ({times} times)")?,
            }
        }
        Ok(())
    }
}

/// A time since the schedule began.
fn clock(time: Duration) -> String {
    format!("{time:?}")
}

/// What things are called that have no name: by their kind, and a number for each, in the order in which they were first used. What is
/// made, by the same line, where another of its kind is gone may be given the number of that.
#[derive(Default)]
struct Names(Vec<Name>);

/// What kind of thing, where it is, and where it was made.
type Name = (&'static str, usize, Option<&'static Location<'static>>);

impl Names {
    fn text(&mut self, event: &Event) -> String {
        match event {
            Event::Does(what, place) => format!("{} at {}", self.description(what), short(place)),
            Event::Waits(state, place) => format!("waits: {state} at {}", short(place)),
            Event::Woken => "is woken".to_owned(),
            Event::TimedOut => "has waited long enough".to_owned(),
            Event::Yields(place) => format!("yields at {}", short(place)),
            Event::Preempted => "    ... somebody else first".to_owned(),
            Event::PreemptedHolding => "    ... has it; now somebody else".to_owned(),
            Event::Panics(message) => format!("panics: {message}"),
            Event::Says(text) => format!("    {text}"),
        }
    }

    fn description(&mut self, what: &Description) -> String {
        let subjects: Vec<_> = what.subjects.iter().filter(|subject| subject.address != 0).collect();
        let names: Vec<_> = subjects
            .into_iter()
            .map(|subject| {
                let number = self.number((subject.what, subject.address, subject.made_at));
                let made = subject.made_at.map_or_else(String::new, |place| format!(" (made at {})", short(place)));
                format!("{} {number}{made}", subject.what)
            })
            .collect();
        if names.is_empty() { what.state.to_string() } else { format!("{}: {}", what.state, names.join(", ")) }
    }

    fn number(&mut self, name: Name) -> usize {
        let Self(known) = self;
        if !known.contains(&name) {
            known.push(name);
        }
        let of_its_kind = known.iter().filter(|(kind, ..)| *kind == name.0);
        of_its_kind.take_while(|&&other| other != name).count() + 1
    }
}

/// Without the directories that the standard library was built in.
fn short(place: &Location<'_>) -> String {
    let file = place.file().strip_prefix("/rustc/").and_then(|path| path.split_once("/library/"));
    format!("{}:{}", file.map_or(place.file(), |(_, path)| path), place.line())
}
