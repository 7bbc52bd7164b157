//! Dumps as text, after the manner of Go's.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::dump::{Activity, Dump, GoroutineDump, ThreadDump, Wait, WorkerDump, WorkerState};
use crate::goroutine::{GoroutineId, Run};
use crate::park::{Subject, Way};

/// So many of those who do the same at the same place are listed one by one.
const LISTED: usize = 100;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = Numbers::of(self);
        self.fmt_parties(f, &numbers)?;
        for worker in &self.workers {
            worker.fmt(f)?;
        }
        Ok(())
    }
}

impl Dump {
    /// Those of the threads of which something is to be told: not who only waits for a main goroutine.
    pub(super) fn threads_of_their_own(&self) -> impl Iterator<Item = &ThreadDump> {
        self.threads.iter().filter(|thread| thread.wait.state() != <Run as Way<GoroutineId>>::STATE)
    }

    /// The goroutines and the threads.
    pub(super) fn fmt_parties(&self, f: &mut fmt::Formatter<'_>, numbers: &Numbers) -> fmt::Result {
        let mut alike: HashMap<_, usize> = HashMap::new();
        for goroutine in &self.goroutines {
            let listed = alike.entry(goroutine.kind()).or_default();
            *listed += 1;
            if *listed <= LISTED {
                goroutine.fmt_with(f, numbers)?;
            }
        }
        for ((state, place, spawned_at), count) in alike.into_iter().filter(|(_, count)| *count > LISTED) {
            let more = count - LISTED;
            write!(f, "{more} more goroutines like those [{state}")?;
            if let Some(place) = place {
                write!(f, " at {place}")?;
            }
            writeln!(f, "] spawned at {spawned_at}\n")?;
        }
        for thread in self.threads_of_their_own() {
            thread.fmt_with(f, numbers)?;
        }
        Ok(())
    }
}

impl GoroutineDump {
    /// What it has in common with others like it.
    fn kind(&self) -> (&str, Option<&'static std::panic::Location<'static>>, &'static std::panic::Location<'static>) {
        (self.state(), self.wait().map(|wait| wait.place), self.spawned_at)
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
        match &self.name {
            Some(name) => format!("goroutine {} '{name}'", self.id),
            None => format!("goroutine {}", self.id),
        }
    }

    fn fmt_with(&self, f: &mut fmt::Formatter<'_>, numbers: &Numbers) -> fmt::Result {
        write!(f, "{} [{}", self.title(), self.state())?;
        if let Some(wait) = self.wait() {
            write!(f, ", {}", Lasted(wait.lasted))?;
        }
        writeln!(f, "]:")?;
        if let Some(wait) = self.wait() {
            wait.fmt_with(f, numbers)?;
        }
        if let Activity::Unknown { last: Some((state, place)) } = &self.activity {
            writeln!(f, "\twaited the last time [{state}] at {place}")?;
        }
        writeln!(f, "\tspawned at {}\n", self.spawned_at)
    }
}

impl ThreadDump {
    /// The thread by its name and number.
    pub(super) fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("thread {} '{name}'", self.number),
            None => format!("thread {}", self.number),
        }
    }

    fn fmt_with(&self, f: &mut fmt::Formatter<'_>, numbers: &Numbers) -> fmt::Result {
        writeln!(f, "{} [{}, {}]:", self.title(), self.wait.state(), Lasted(self.wait.lasted))?;
        self.wait.fmt_with(f, numbers)?;
        writeln!(f)
    }
}

impl Wait {
    fn fmt_with(&self, f: &mut fmt::Formatter<'_>, numbers: &Numbers) -> fmt::Result {
        writeln!(f, "\tat {}", self.place)?;
        for subject in self.subjects().iter().filter(|subject| subject.address != 0) {
            writeln!(f, "\tfor {}", numbers.name(subject))?;
        }
        Ok(())
    }
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
            WorkerState::Busy(id) => write!(f, ": has not answered, for goroutine {id} has not called the runtime")?,
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

/// Numbers for what is waited for, in the order in which it appears in a dump: addresses are hard to read.
pub(super) struct Numbers(HashMap<(&'static str, usize), usize>);

impl Numbers {
    pub(super) fn of(dump: &Dump) -> Self {
        let mut numbers: HashMap<(&'static str, usize), usize> = HashMap::new();
        let mut counts: HashMap<&'static str, usize> = HashMap::new();
        let waits = dump.goroutines.iter().filter_map(GoroutineDump::wait);
        for subject in waits.chain(dump.threads.iter().map(|thread| &thread.wait)).flat_map(Wait::subjects) {
            numbers.entry((subject.what, subject.address)).or_insert_with(|| {
                let count = counts.entry(subject.what).or_default();
                *count += 1;
                *count
            });
        }
        Self(numbers)
    }

    /// As "channel #2 (made at src/main.rs:12:20)".
    pub(super) fn name(&self, subject: &Subject) -> String {
        let Subject { what, address, made_at, .. } = *subject;
        let number = self.0.get(&(what, address)).copied().unwrap_or(0);
        match made_at {
            Some(place) => format!("{what} #{number} (made at {place})"),
            None => format!("{what} #{number}"),
        }
    }
}
