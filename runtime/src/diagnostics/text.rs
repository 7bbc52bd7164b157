//! Dumps as text, after the manner of Go's.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::dump::{Activity, Dump, GoroutineDump, ThreadDump, WorkerDump, WorkerState};
use super::relations::{Party, Relations};
use crate::goroutine::{self, GoroutineId, Run};
use crate::park::Way;

/// So many of those who do the same at the same place are listed one by one.
const LISTED: usize = 100;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relations = Relations::new(self, false);
        self.fmt_parties(f, &relations)?;
        self.workers.iter().try_for_each(|worker| worker.fmt(f))
    }
}

impl Dump {
    /// Those of the threads of which something is to be told: not who only waits for a main goroutine.
    pub(super) fn threads_of_their_own(&self) -> impl Iterator<Item = &ThreadDump> {
        self.threads.iter().filter(|thread| thread.wait.state() != <Run as Way<GoroutineId>>::STATE)
    }

    /// The goroutines and the threads, and who waits for each other.
    pub(super) fn fmt_parties(&self, f: &mut fmt::Formatter<'_>, relations: &Relations<'_>) -> fmt::Result {
        let mut alike: BTreeMap<_, usize> = BTreeMap::new();
        for goroutine in &self.goroutines {
            let listed = alike.entry(goroutine.kind()).or_default();
            *listed += 1;
            if *listed <= LISTED {
                goroutine.fmt_with(f, relations)?;
            }
        }
        for (kind, count) in alike.into_iter().filter(|(_, count)| *count > LISTED) {
            writeln!(f, "and {} more goroutines {kind}\n", count - LISTED)?;
        }
        self.threads_of_their_own().try_for_each(|thread| thread.fmt_with(f, relations))?;
        relations.cycles().iter().try_for_each(|cycle| fmt_cycle(f, cycle, relations))
    }
}

/// A goroutine as in a dump, and why it counts as left behind.
pub(super) fn of_leak(goroutine: &GoroutineDump, is_stuck: bool, relations: &Relations<'_>) -> String {
    let why = if is_stuck { "it can never go on" } else { "it has waited for longer than the limit" };
    let text = fmt::from_fn(|f| goroutine.fmt_with(f, relations)).to_string();
    format!("{}\n    {why}\n", text.trim_end())
}

fn fmt_cycle(f: &mut fmt::Formatter<'_>, cycle: &[Party<'_>], relations: &Relations<'_>) -> fmt::Result {
    match cycle {
        [only] => writeln!(f, "{} waits for itself:", only.title())?,
        _ => writeln!(f, "these wait for each other:")?,
    }
    for &party in cycle {
        let clauses = relations.clauses(party);
        clauses.iter().try_for_each(|clause| writeln!(f, "    {} waits {clause}", party.title()))?;
    }
    writeln!(f)
}

/// What a goroutine has in common with others like it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Likeness<'a> {
    state: &'a str,
    place: Option<&'static Location<'static>>,
    spawned_at: &'static Location<'static>,
}

impl fmt::Display for Likeness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.state)?;
        self.place.map_or(Ok(()), |place| write!(f, " at {place}"))?;
        write!(f, ", spawned at {}", self.spawned_at)
    }
}

impl GoroutineDump {
    fn kind(&self) -> Likeness<'_> {
        let place = self.wait().map(|wait| wait.place);
        Likeness { state: self.state(), place, spawned_at: self.spawned_at }
    }

    /// What it does, in Go's words.
    fn state(&self) -> &str {
        match &self.activity {
            Activity::Unstarted => "unstarted",
            Activity::Running => "running",
            Activity::Ready => "runnable",
            Activity::Waiting(wait) => wait.state(),
            Activity::Unknown { .. } => "its worker is busy",
        }
    }

    /// The goroutine by its number and name.
    pub(super) fn title(&self) -> String {
        goroutine::title(self.id, self.name.as_deref()).to_string()
    }

    fn fmt_with(&self, f: &mut fmt::Formatter<'_>, relations: &Relations<'_>) -> fmt::Result {
        write!(f, "{} [{}", self.title(), self.state())?;
        if let Some(wait) = self.wait() {
            write!(f, ", {}", Lasted(wait.lasted))?;
        }
        writeln!(f, "]:")?;
        if let Some(wait) = self.wait() {
            writeln!(f, "    at {}", wait.place)?;
            fmt_clauses(f, Party::Goroutine(self), relations)?;
            self.backtrace().iter().try_for_each(|frame| writeln!(f, "    in {frame}"))?;
        }
        if let Activity::Unknown { last: Some((state, place)) } = &self.activity {
            writeln!(f, "    waited the last time [{state}] at {place}")?;
        }
        writeln!(f, "    spawned at {}\n", self.spawned_at)
    }
}

impl ThreadDump {
    /// The thread by its name and number.
    pub(super) fn title(&self) -> String {
        let number = self.number.map_or_else(String::new, |number| format!(" {number}"));
        let name = self.name.as_ref().map_or_else(String::new, |name| format!(" '{name}'"));
        format!("thread{number}{name}")
    }

    fn fmt_with(&self, f: &mut fmt::Formatter<'_>, relations: &Relations<'_>) -> fmt::Result {
        writeln!(f, "{} [{}, {}]:", self.title(), self.wait.state(), Lasted(self.wait.lasted))?;
        writeln!(f, "    at {}", self.wait.place)?;
        fmt_clauses(f, Party::Thread(self), relations)?;
        writeln!(f)
    }
}

fn fmt_clauses(f: &mut fmt::Formatter<'_>, party: Party<'_>, relations: &Relations<'_>) -> fmt::Result {
    relations.clauses(party).iter().try_for_each(|clause| writeln!(f, "    waits {clause}"))
}

impl fmt::Display for WorkerDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}", self.id)?;
        if self.runtime > 1 {
            write!(f, " of runtime {}", self.runtime)?;
        }
        match self.state {
            WorkerState::Asleep => write!(f, ": asleep")?,
            WorkerState::Awake => write!(f, ": runs goroutines")?,
            WorkerState::AwaitsPermit => write!(f, ": waits for its turn")?,
            WorkerState::Busy { goroutine, lasted } => {
                write!(f, ": runs goroutine {goroutine}, which has not called the runtime for {}", Lasted(lasted))?;
            }
        }
        if let Some(ready) = self.ready {
            write!(f, ", {ready} runnable")?;
        }
        writeln!(f, ", {} unstarted", self.unstarted)
    }
}

/// A time, as short as it can be read.
struct Lasted(Duration);

impl fmt::Display for Lasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(time) = *self;
        match time.as_secs() {
            0 => write!(f, "{} ms", time.as_millis()),
            1..60 => write!(f, "{} s", time.as_secs()),
            60..120 => write!(f, "1 minute"),
            seconds => write!(f, "{} minutes", seconds / 60),
        }
    }
}
