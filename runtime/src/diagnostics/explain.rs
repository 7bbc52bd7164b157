//! Why those who wait do not go on, in words: who could end each wait, and who waits for each other.
//!
//! Who holds a lock is known by an address on his stack, whose end is awaited by his number, and which goroutines a scope waits
//! for by the scope. Who has the handles of a channel is not known, for they may lie anywhere; but when nothing that could act
//! is left in the process, all of them are with those who wait, wherever they lie.

use std::fmt::{self, Write};

use super::dump::{Dump, GoroutineDump, ThreadDump, Wait};
use super::text::Numbers;
use crate::park::{Partner, Subject};

/// So many waits are explained one by one.
const EXPLAINED: usize = 24;
/// A thread's stack is taken to be no larger than this.
const THREAD_STACK: usize = 8 << 20;

/// Somebody who waits.
#[derive(Clone, Copy)]
pub(super) enum Party<'a> {
    Goroutine(&'a GoroutineDump),
    Thread(&'a ThreadDump),
}

impl<'a> Party<'a> {
    fn title(self) -> String {
        match self {
            Self::Goroutine(goroutine) => goroutine.title(),
            Self::Thread(thread) => thread.title(),
        }
    }

    fn wait(self) -> Option<&'a Wait> {
        match self {
            Self::Goroutine(goroutine) => goroutine.wait(),
            Self::Thread(thread) => Some(&thread.wait),
        }
    }

    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Goroutine(one), Self::Goroutine(other)) => one.id == other.id,
            (Self::Thread(one), Self::Thread(other)) => one.number == other.number && one.stack == other.stack,
            _ => false,
        }
    }
}

/// What is to be explained.
pub(super) struct Explanation<'a> {
    dump: &'a Dump,
    numbers: &'a Numbers,
}

impl<'a> Explanation<'a> {
    pub(super) fn new(dump: &'a Dump, numbers: &'a Numbers) -> Self {
        Self { dump, numbers }
    }

    fn parties(&self) -> impl Iterator<Item = Party<'a>> + use<'a> {
        let dump = self.dump;
        dump.goroutines.iter().map(Party::Goroutine).chain(dump.threads_of_their_own().map(Party::Thread))
    }

    /// On whose stack the address lies.
    fn owner_of(&self, address: usize) -> Option<Party<'a>> {
        let here = |goroutine: &&GoroutineDump| goroutine.stack.as_ref().is_some_and(|stack| stack.contains(&address));
        let goroutine = self.dump.goroutines.iter().find(here).map(Party::Goroutine);
        let distance = |thread: &&ThreadDump| thread.stack.abs_diff(address);
        let thread = self.dump.threads.iter().min_by_key(distance);
        goroutine.or_else(|| thread.filter(|thread| distance(thread) < THREAD_STACK).map(Party::Thread))
    }

    /// The only one who could end the wait, if that is known.
    fn sole_partner(&self, wait: &Wait) -> Option<Party<'a>> {
        let [subject] = wait.subjects() else { return None };
        match subject.partner {
            Partner::Holder(address) => self.owner_of(address),
            Partner::Goroutine(id) => {
                self.dump.goroutines.iter().find(|goroutine| goroutine.id == id).map(Party::Goroutine)
            }
            _ => None,
        }
    }

    /// Those who wait for each other, each for the next, and the last for the first.
    pub(super) fn cycles(&self) -> Vec<Vec<Party<'a>>> {
        let mut cycles: Vec<Vec<Party<'a>>> = Vec::new();
        for start in self.parties() {
            let mut path = vec![start];
            while let Some(next) = path.last().and_then(|last| self.sole_partner(last.wait()?)) {
                if let Some(first) = path.iter().position(|party| party.is(next)) {
                    let cycle = path.split_off(first);
                    let known = |party: &Party<'a>| cycles.iter().flatten().any(|other| other.is(*party));
                    if !cycle.iter().any(known) {
                        cycles.push(cycle);
                    }
                    break;
                }
                path.push(next);
            }
        }
        cycles
    }

    /// What the party waits for, and who could end that.
    pub(super) fn sentence(&self, party: Party<'a>) -> Option<String> {
        let wait = party.wait()?;
        let title = party.title();
        Some(match wait.subjects() {
            [] => format!("{title} waits [{}]", wait.state()),
            [subject] => format!("{title} waits {}", self.clause(party, subject)),
            subjects => {
                let clauses: Vec<_> = subjects.iter().map(|subject| self.clause(party, subject)).collect();
                format!("{title} waits in a select {}", clauses.join("; or "))
            }
        })
    }

    fn clause(&self, waiting: Party<'a>, subject: &Subject) -> String {
        let name = self.numbers.name(subject);
        match subject.partner {
            Partner::Nobody if subject.address == 0 => {
                "for nothing that could ever happen: on a nil channel, or in a select without cases".into()
            }
            Partner::Nobody => format!("for {name}, which nobody can end"),
            Partner::Senders(0) => format!("to receive on {name}, which has no sender"),
            Partner::Senders(count) => format!("to receive on {name}, {}", held("sender", count)),
            Partner::Receivers(count) => format!("to send on {name}, {}", held("receiver", count)),
            Partner::Holder(address) => format!("for {name}, {}", self.holder(waiting, address)),
            Partner::Readers(1) => format!("for {name}, which one reader holds"),
            Partner::Readers(count) => format!("for {name}, which {count} readers hold"),
            Partner::Goroutine(id) => match self.dump.goroutines.iter().find(|goroutine| goroutine.id == id) {
                Some(goroutine) => format!("for the end of {}", goroutine.title()),
                None => format!("for the end of goroutine {id}"),
            },
            Partner::Workers(_) if subject.what == "scope" => self.children(subject.address),
            Partner::Workers(count) => format!(
                "for {name}, for which {count} {} still to be done",
                if count == 1 { "thing is" } else { "things are" }
            ),
            Partner::Others => format!("for {name}, which somebody else would have to end"),
            Partner::Time => format!("for {}", subject.what),
        }
    }

    /// Those for whose end a scope waits.
    fn children(&self, scope: usize) -> String {
        let children = self.dump.goroutines.iter().filter(|goroutine| goroutine.scope == Some(scope));
        let titles: Vec<_> = children.map(GoroutineDump::title).collect();
        format!("for the goroutines of its scope: {}", titles.join(", "))
    }

    fn holder(&self, waiting: Party<'a>, address: usize) -> String {
        match self.owner_of(address) {
            Some(owner) if owner.is(waiting) => "which it holds itself".into(),
            Some(owner) => format!("which {} holds", owner.title()),
            None => "which is held by nobody who is left".into(),
        }
    }
}

fn held(side: &str, count: usize) -> String {
    match count {
        1 => format!("whose only {side} is held by a goroutine that waits, too"),
        _ => format!("whose {count} {side}s are all held by goroutines that wait, too"),
    }
}

/// All of it.
impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for cycle in self.cycles() {
            let mut names: Vec<_> = cycle.iter().map(|party| party.title()).collect();
            names.extend(names.first().cloned());
            match names.as_slice() {
                [only, _] => writeln!(f, "{only} waits for itself:")?,
                _ => writeln!(f, "they wait for each other, {}:", names.join(" for "))?,
            }
            for party in cycle {
                self.sentence(party).into_iter().try_for_each(|sentence| writeln!(f, "\t{sentence}"))?;
            }
        }
        let sentences: Vec<_> = self.parties().filter_map(|party| self.sentence(party)).collect();
        f.write_str("nobody can go on:\n")?;
        for sentence in sentences.iter().take(EXPLAINED) {
            writeln!(f, "\t{sentence}")?;
        }
        match sentences.len().checked_sub(EXPLAINED) {
            None | Some(0) => f.write_char('\n'),
            Some(more) => writeln!(f, "\tand {more} more, listed below\n"),
        }
    }
}
