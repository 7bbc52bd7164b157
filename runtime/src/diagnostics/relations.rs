//! Who could end each wait, and who waits for each other, in words.
//!
//! Who holds a lock is known by an address on his stack, whose end is awaited by his number, and which goroutines a scope waits
//! for by the scope. Who has the handles of a channel is not known, for they may lie anywhere; but when nothing that could act
//! is left in the process, all of them are with those who wait, wherever they lie.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::dump::{Dump, GoroutineDump, ThreadDump, Wait};
use crate::goroutine::GoroutineId;
use crate::park::{Partner, Subject};

/// Somebody in a dump.
#[derive(Clone, Copy)]
pub(super) enum Party<'a> {
    Goroutine(&'a GoroutineDump),
    Thread(&'a ThreadDump),
}

impl<'a> Party<'a> {
    pub(super) fn title(self) -> String {
        match self {
            Self::Goroutine(goroutine) => goroutine.title(),
            Self::Thread(thread) => thread.title(),
        }
    }

    pub(super) fn wait(self) -> Option<&'a Wait> {
        match self {
            Self::Goroutine(goroutine) => goroutine.wait(),
            Self::Thread(thread) => Some(&thread.wait),
        }
    }
}

/// Who could end a wait.
pub(super) enum Enders {
    Nobody,
    /// One of these, by number.
    These(Vec<usize>),
    /// Somebody of whom nothing is known.
    Anybody,
}

/// Everybody in a dump, and what is between them.
pub(super) struct Relations<'a> {
    parties: Vec<Party<'a>>,
    numbers: Numbers,
    /// By the beginning of the stack, whose it is.
    stacks: BTreeMap<usize, usize>,
    by_id: HashMap<GoroutineId, usize>,
    /// The children of each scope.
    children: HashMap<usize, Vec<usize>>,
    /// Where goroutines' stacks lie: an address elsewhere is on a thread's.
    areas: &'a [Range<usize>],
    /// Whether all of them wait, and there is nobody else.
    deadlocked: bool,
}

impl<'a> Relations<'a> {
    pub(super) fn new(dump: &'a Dump, deadlocked: bool) -> Self {
        // Also who waits for a main goroutine, and is not listed: it may hold what that one waits for.
        let threads = dump.threads.iter().map(Party::Thread);
        let parties: Vec<_> = dump.goroutines.iter().map(Party::Goroutine).chain(threads).collect();
        let goroutines = || dump.goroutines.iter().enumerate();
        let stacks = goroutines().filter_map(|(place, goroutine)| Some((goroutine.stack.as_ref()?.start, place)));
        let by_id = goroutines().map(|(place, goroutine)| (goroutine.id, place));
        let mut children: HashMap<_, Vec<_>> = HashMap::new();
        for (place, goroutine) in goroutines() {
            if let Some(scope) = goroutine.scope {
                children.entry(scope).or_default().push(place);
            }
        }
        Self {
            numbers: Numbers::of(&parties),
            stacks: stacks.collect(),
            by_id: by_id.collect(),
            children,
            parties,
            areas: &dump.stacks,
            deadlocked,
        }
    }

    /// On whose stack the address lies.
    fn owner_of(&self, address: usize) -> Option<usize> {
        let below = self.stacks.range(..=address).next_back().map(|(_, &place)| place);
        let is_on = |&place: &usize| match self.parties[place] {
            Party::Goroutine(goroutine) => goroutine.stack.as_ref().is_some_and(|stack| stack.contains(&address)),
            Party::Thread(_) => false,
        };
        below.filter(is_on).or_else(|| self.thread_at(address))
    }

    /// Whether the address may lie on the stack of a thread that is not in the dump, as it does something else.
    fn may_be_elsewhere(&self, address: usize) -> bool {
        !self.deadlocked && !self.areas.iter().any(|area| area.contains(&address))
    }

    fn thread_at(&self, address: usize) -> Option<usize> {
        let is_on = |party: &Party<'a>| matches!(party, Party::Thread(thread) if thread.stack.contains(&address));
        self.parties.iter().position(is_on)
    }

    /// Everybody, goroutines first.
    pub(super) fn parties(&self) -> &[Party<'a>] {
        &self.parties
    }

    /// Who could end the wait, for each thing that is waited for.
    pub(super) fn enders(&self, party: usize) -> Vec<Enders> {
        let subjects = self.parties[party].wait().map_or(&[][..], Wait::subjects);
        subjects.iter().map(|subject| self.enders_of(subject)).collect()
    }

    fn enders_of(&self, subject: &Subject) -> Enders {
        match subject.partner {
            // A channel without the other side is closed: whoever dropped the last handle is about to end the wait.
            Partner::Nobody => Enders::Nobody,
            Partner::Holder(address) if self.may_be_elsewhere(address) => Enders::Anybody,
            Partner::Holder(address) => {
                self.owner_of(address).map_or(Enders::Nobody, |owner| Enders::These(vec![owner]))
            }
            Partner::Goroutine(id) => self.by_id.get(&id).map_or(Enders::Anybody, |&place| Enders::These(vec![place])),
            Partner::Children(count) => {
                let children = self.children_of(subject.address);
                // One may have ended meanwhile, or be on a worker that has not answered.
                if children.len() < count { Enders::Anybody } else { Enders::These(children.to_vec()) }
            }
            _ => Enders::Anybody,
        }
    }

    /// The only one who could end the wait, if that is known.
    fn sole_partner(&self, party: usize) -> Option<usize> {
        match self.enders(party).as_slice() {
            [Enders::These(only)] if only.len() == 1 => Some(only[0]),
            _ => None,
        }
    }

    /// The children of a scope.
    fn children_of(&self, scope: usize) -> &[usize] {
        self.children.get(&scope).map_or(&[], Vec::as_slice)
    }

    /// Those who wait for each other, each for the next, and the last for the first.
    pub(super) fn cycles(&self) -> Vec<Vec<Party<'a>>> {
        let mut cycles = Vec::new();
        // From which start somebody was reached first.
        let mut reached: Vec<Option<usize>> = vec![None; self.parties.len()];
        for start in 0..self.parties.len() {
            let (mut path, mut next) = (Vec::new(), Some(start));
            while let Some(party) = next.filter(|&party| reached[party].is_none()) {
                reached[party] = Some(start);
                path.push(party);
                next = self.sole_partner(party);
            }
            if let Some(first) = next.and_then(|met| path.iter().position(|&party| party == met)) {
                cycles.push(path[first..].iter().map(|&party| self.parties[party]).collect());
            }
        }
        cycles
    }

    /// What the party waits for, and who could end that, a clause for each thing.
    pub(super) fn clauses(&self, waiting: Party<'a>) -> Vec<String> {
        let subjects = waiting.wait().map_or(&[][..], Wait::subjects);
        subjects
            .iter()
            .filter(|subject| subject.partner != Partner::Time)
            .map(|subject| self.clause(waiting, subject))
            .collect()
    }

    fn clause(&self, waiting: Party<'a>, subject: &Subject) -> String {
        let name = self.numbers.name(subject);
        match subject.partner {
            Partner::Nobody if subject.address == 0 => "for what never happens".into(),
            Partner::Nobody => format!("for {name}, which nobody can end"),
            Partner::Senders(count) => format!("to receive on {name}, {}", self.handles("sender", count)),
            Partner::Receivers(count) => format!("to send on {name}, {}", self.handles("receiver", count)),
            Partner::Holder(address) => format!("for {name}, {}", self.holder(waiting, address)),
            Partner::Readers(count) => {
                format!("for {name}, which {} held", counted(count, "reader has", "readers have"))
            }
            Partner::Goroutine(id) => match self.by_id.get(&id) {
                Some(&place) => format!("for the end of {}", self.parties[place].title()),
                None => format!("for the end of goroutine {id}"),
            },
            Partner::Children(count) => self.children(subject.address, count),
            Partner::Workers(count) => {
                format!("for {name}, for which {}", counted(count, "is still to be done", "are still to be done"))
            }
            Partner::Others => format!("for {name}"),
            Partner::Descriptor(number) => format!("for {} on descriptor {number}", subject.what),
            Partner::Time => format!("for {}", subject.what),
        }
    }

    fn handles(&self, side: &str, count: usize) -> String {
        match (count, self.deadlocked) {
            (0, _) => format!("which has no {side}"),
            (1, true) => format!("whose only {side} is held by one who waits as well"),
            (_, true) => format!("whose {count} {side}s are all held by those who wait as well"),
            (1, false) => format!("which has one {side}"),
            (_, false) => format!("which has {count} {side}s"),
        }
    }

    /// Those for whose end a scope waits: so many, of whom some may be at a worker that did not answer.
    fn children(&self, scope: usize, count: usize) -> String {
        let mut titles: Vec<_> = self.children_of(scope).iter().map(|&place| self.parties[place].title()).collect();
        let unknown = count.saturating_sub(titles.len());
        if unknown > 0 {
            titles.push(counted(unknown, "child that is not known", "children that are not known"));
        }
        format!("for the end of {}", titles.join(", "))
    }

    fn holder(&self, waiting: Party<'a>, address: usize) -> String {
        match self.owner_of(address).map(|place| self.parties[place].title()) {
            Some(owner) if owner == waiting.title() => "which it holds itself".into(),
            Some(owner) => format!("which {owner} holds"),
            None if self.may_be_elsewhere(address) => "which a thread holds that is not listed here".into(),
            None => "which is held by nobody who is left".into(),
        }
    }
}

fn counted(count: usize, one: &str, more: &str) -> String {
    if count == 1 { format!("one {one}") } else { format!("{count} {more}") }
}

/// Numbers for what is waited for, in the order in which it appears in a dump: addresses are hard to read.
struct Numbers(HashMap<(&'static str, usize), usize>);

impl Numbers {
    fn of(parties: &[Party<'_>]) -> Self {
        let mut numbers = HashMap::new();
        let mut counts: HashMap<&'static str, usize> = HashMap::new();
        for subject in parties.iter().filter_map(|party| party.wait()).flat_map(Wait::subjects) {
            numbers.entry((subject.what, subject.address)).or_insert_with(|| {
                let count = counts.entry(subject.what).or_default();
                *count += 1;
                *count
            });
        }
        Self(numbers)
    }

    /// As "channel #2 (made at src/main.rs:12:20)".
    fn name(&self, subject: &Subject) -> String {
        let Subject { what, address, made_at, .. } = *subject;
        let number = self.0.get(&(what, address)).copied().unwrap_or(0);
        match made_at {
            Some(place) => format!("{what} #{number} (made at {place})"),
            None => format!("{what} #{number}"),
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::panic::Location;
    use std::time::Duration;

    use super::*;
    use crate::diagnostics::Activity;
    use crate::park::Description;

    fn id(number: u64) -> GoroutineId {
        GoroutineId::new(number).expect("numbers begin at 1")
    }

    /// Goroutines from 1 on, each of which waits for the end of another.
    fn waiting_for(others: &[u64]) -> Dump {
        let goroutine = |(number, &other): (u64, &u64)| {
            let subject =
                Subject { what: "goroutine", address: 0, made_at: None, partner: Partner::Goroutine(id(other)) };
            let description = Description { state: "join".into(), subjects: vec![subject] };
            let (place, lasted) = (Location::caller(), Duration::ZERO);
            let wait = Wait { place, lasted, ends_by_itself: false, description, calls: Default::default() };
            GoroutineDump::new(id(number), None, place, Activity::Waiting(wait))
        };
        Dump { goroutines: (1..).zip(others).map(goroutine).collect(), ..Dump::default() }
    }

    fn cycles(others: &[u64]) -> Vec<Vec<String>> {
        let dump = waiting_for(others);
        let relations = Relations::new(&dump, true);
        relations.cycles().into_iter().map(|cycle| cycle.into_iter().map(Party::title).collect()).collect()
    }

    #[test]
    fn each_cycle_is_found_once_without_those_who_lead_to_it() {
        // 1 -> 2 -> 3 -> 4 -> 2, 5 -> 5, 6 -> 1, 7 <-> 8.
        let found = cycles(&[2, 3, 4, 2, 5, 1, 8, 7]);
        let expected = [vec![2, 3, 4], vec![5], vec![7, 8]];
        let titles =
            expected.map(|cycle: Vec<u64>| cycle.iter().map(|id| format!("goroutine {id}")).collect::<Vec<_>>());
        assert_eq!(found, titles);
    }

    #[test]
    fn a_line_that_ends_somewhere_is_no_cycle() {
        assert!(cycles(&[2, 3, 9]).is_empty());
    }

    #[test]
    fn one_is_told_whom_he_waits_for() {
        let dump = waiting_for(&[2, 1]);
        let relations = Relations::new(&dump, false);
        assert_eq!(relations.clauses(relations.parties()[0]), ["for the end of goroutine 2"]);
    }
}
