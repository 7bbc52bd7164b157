//! What a worker has whose every step is chosen: the goroutines that are ready, the clock, and what has happened.
//!
//! How it is used is told in `scheduler/directed`.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use super::choices::Choices;
use super::trace::{Event, Trace};
use super::watchdog::Pulse;
use crate::clock;
use crate::goroutine::{Goroutine, GoroutineId};

/// How a schedule is run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Of the program's own random numbers.
    pub(crate) seed: u64,
    pub(crate) choices: Choices,
    pub(crate) max_steps: u64,
    /// Whether what happens is written down. Panics are printed only then.
    pub(crate) records: bool,
    /// Whether blocking calls are made where they are.
    pub(crate) blocks_inline: bool,
    /// Who wants to know that it goes on.
    pub(crate) pulse: Pulse,
}

/// How a schedule ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All its goroutines have.
    Done,
    /// Nobody can go on.
    Stuck,
    /// It took too many steps.
    Endless,
    /// A thread that is none of the runtime's has woken somebody.
    Disturbed,
}

/// A schedule that has ended.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) end: End,
    /// Whether the function that is tested has returned.
    pub(crate) body_ended: bool,
    /// Panics that nobody has asked for by joining, in their order.
    pub(crate) panics: Vec<(GoroutineId, String)>,
    pub(crate) choices: Choices,
    pub(crate) steps: u64,
    pub(crate) trace: Trace,
    /// Its goroutines, by their number in it.
    pub(crate) members: Vec<GoroutineId>,
}

/// See the [module](self). For its worker's thread only.
#[derive(Debug)]
pub(crate) struct Director {
    /// Whether a schedule is being run. Otherwise the worker does as any other.
    on: Cell<bool>,
    records: Cell<bool>,
    blocks_inline: Cell<bool>,
    start: Instant,
    now: Cell<Instant>,
    state: RefCell<State>,
    /// What belongs to the schedule, in the order in which it was made. Nothing of it is called, nor dropped, while this is borrowed.
    locals: RefCell<Vec<(TypeId, Local)>>,
}

/// See [`schedule_local`](super::schedule_local).
pub(crate) type Local = Arc<dyn Any + Send + Sync>;

#[derive(Debug)]
struct State {
    /// In the order in which they became so.
    ready: Vec<Ready>,
    /// The place in `ready` of the one who runs next, if that has been decided.
    decided: Option<usize>,
    /// Whether it has been decided that a timer fires first.
    strikes: bool,
    max_steps: u64,
    disturbed: bool,
    explorer: Option<GoroutineId>,
    pulse: Pulse,
    course: Course,
}

#[derive(Clone, Copy, Debug)]
struct Ready {
    goroutine: NonNull<Goroutine>,
    member: u32,
}

impl Director {
    pub(crate) fn new() -> Self {
        let plan = Plan {
            seed: 0,
            choices: Choices::listed(Vec::new()),
            max_steps: 0,
            records: false,
            blocks_inline: false,
            pulse: Pulse::default(),
        };
        let start = clock::real_now();
        Self {
            on: Cell::new(false),
            records: Cell::new(false),
            blocks_inline: Cell::new(false),
            start,
            now: Cell::new(start),
            state: RefCell::new(State::new(plan)),
            locals: RefCell::default(),
        }
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on.get()
    }

    /// Whether what happens is to be written down.
    #[inline]
    pub(crate) fn records(&self) -> bool {
        self.on.get() && self.records.get()
    }

    /// Whether blocking calls are made where they are, and not refused.
    pub(crate) fn blocks_inline(&self) -> bool {
        self.blocks_inline.get()
    }

    /// The time, while a schedule is being run.
    pub(crate) fn now(&self) -> Option<Instant> {
        self.on.get().then(|| self.now.get())
    }

    /// A schedule begins, without this goroutine.
    pub(crate) fn begin(&self, plan: Plan, explorer: Option<GoroutineId>) {
        self.now.set(self.start);
        self.records.set(plan.records);
        self.blocks_inline.set(plan.blocks_inline);
        plan.pulse.begins();
        *self.state.borrow_mut() = State { explorer, ..State::new(plan) };
        self.on.set(true);
    }

    /// The schedule is over. Those who are still ready remain so.
    pub(crate) fn end(&self, end: End) {
        self.on.set(false);
        self.state.borrow_mut().course.end = end;
    }

    /// What the schedule came to.
    pub(crate) fn take_course(&self) -> Course {
        let mut state = self.state.borrow_mut();
        std::mem::replace(&mut state.course, Course::new(Choices::listed(Vec::new()), false))
    }

    /// Those who were ready when the schedule ended.
    pub(crate) fn take_ready(&self) -> impl Iterator<Item = NonNull<Goroutine>> + use<> {
        std::mem::take(&mut self.state.borrow_mut().ready).into_iter().map(|ready| ready.goroutine)
    }

    /// `goroutine` can go on.
    pub(crate) fn is_ready(&self, goroutine: NonNull<Goroutine>, id: GoroutineId) {
        let mut state = self.state.borrow_mut();
        let member = state.member(id);
        state.ready.push(Ready { goroutine, member });
    }

    /// Who goes on, if anybody can.
    pub(crate) fn next(&self) -> Option<NonNull<Goroutine>> {
        let State { ready, decided, pulse, course, .. } = &mut *self.state.borrow_mut();
        pulse.beats();
        let next = decided.take().unwrap_or_else(|| course.choices.choose(ready.len(), |number| ready[number].member));
        course.steps += 1;
        let chosen = (!ready.is_empty()).then(|| ready.remove(next))?;
        course.trace.goes_on(chosen.member);
        Some(chosen.goroutine)
    }

    /// Whether a timer that is due fires now, and not later, after somebody has gone on.
    pub(crate) fn strikes(&self) -> bool {
        let State { ready, decided, strikes, course, .. } = &mut *self.state.borrow_mut();
        std::mem::take(strikes) || ready.is_empty() || (decided.is_none() && course.choices.draw(2) == 0)
    }

    /// Whether the goroutine that runs goes on running, and not one of those who are ready; nor a timer fires first, if any is due.
    pub(crate) fn stays(&self, running: GoroutineId, any_due: bool) -> bool {
        let mut state = self.state.borrow_mut();
        let running = state.member(running);
        let State { ready, decided, strikes, course, max_steps, pulse, .. } = &mut *state;
        pulse.beats();
        course.steps += 1;
        if course.steps > *max_steps {
            return false;
        }
        *strikes = any_due && course.choices.draw(2) == 1;
        if *strikes {
            return false;
        }
        let who = |number: usize| number.checked_sub(1).map_or(running, |number| ready[number].member);
        *decided = course.choices.choose(1 + ready.len(), who).checked_sub(1);
        decided.is_none()
    }

    /// The goroutine that runs lets others run.
    pub(crate) fn yields(&self, running: GoroutineId) {
        let mut state = self.state.borrow_mut();
        let running = state.member(running);
        state.course.choices.yields(running);
    }

    /// So many numbers in the order in which they are to be taken.
    pub(crate) fn shuffle<T>(&self, mut things: Vec<T>) -> Vec<T> {
        let choices = &mut self.state.borrow_mut().course.choices;
        let order: Vec<usize> = (1..=things.len()).rev().map(|left| choices.draw(left)).collect();
        order.into_iter().map(|next| things.remove(next)).collect()
    }

    /// A decision of the program's own.
    pub(crate) fn draw(&self, possibilities: usize) -> usize {
        let course = &mut self.state.borrow_mut().course;
        let choice = course.choices.draw(possibilities);
        course.trace.draws(choice);
        choice
    }

    /// What belongs to the schedule, of this type, if it was made already.
    pub(crate) fn local(&self, of: TypeId) -> Option<Local> {
        let locals = self.locals.borrow();
        locals.iter().find(|(other, _)| *other == of).map(|(_, local)| Arc::clone(local))
    }

    pub(crate) fn add_local(&self, of: TypeId, local: Local) {
        self.locals.borrow_mut().push((of, local));
    }

    /// What belongs to the schedule, which does not any more: to be dropped, the latest first. That counts as a step, or a destructor
    /// that makes more of it would go on for ever.
    pub(crate) fn take_locals(&self) -> impl Iterator<Item = Local> + use<> {
        let locals = std::mem::take(&mut *self.locals.borrow_mut());
        self.state.borrow_mut().course.steps += u64::from(!locals.is_empty());
        locals.into_iter().rev().map(|(_, local)| local)
    }

    pub(crate) fn has_locals(&self) -> bool {
        !self.locals.borrow().is_empty()
    }

    /// Nobody could go on before `now`.
    pub(crate) fn pass_time(&self, now: Instant) {
        self.now.set(now);
        self.state.borrow_mut().course.trace.time_passes(now.saturating_duration_since(self.start));
    }

    /// Whether the schedule has to end, and why.
    pub(crate) fn must_end(&self) -> Option<End> {
        let state = self.state.borrow();
        let endless = state.course.steps > state.max_steps;
        state.disturbed.then_some(End::Disturbed).or(endless.then_some(End::Endless))
    }

    /// A thread that is none of the runtime's has woken somebody.
    pub(crate) fn is_disturbed(&self) {
        self.state.borrow_mut().disturbed = true;
    }

    /// The function that is tested has returned.
    pub(crate) fn body_ends(&self) {
        self.state.borrow_mut().course.body_ended = true;
    }

    pub(crate) fn has_body_ended(&self) -> bool {
        self.state.borrow().course.body_ended
    }

    /// A goroutine has ended by a panic.
    pub(crate) fn panics(&self, goroutine: GoroutineId, message: String) {
        self.state.borrow_mut().course.panics.push((goroutine, message));
    }

    /// Somebody has asked for the panic of this goroutine.
    pub(crate) fn joins(&self, goroutine: GoroutineId) {
        self.state.borrow_mut().course.panics.retain(|(panicked, _)| *panicked != goroutine);
    }

    /// The goroutine of this id does something at this line.
    pub(crate) fn passes(&self, id: GoroutineId, line: u32) {
        let mut state = self.state.borrow_mut();
        let member = state.member(id);
        state.course.trace.passes(member, line);
    }

    /// Writes down what the goroutine of this id does.
    pub(crate) fn record(&self, id: GoroutineId, what: Event) {
        let mut state = self.state.borrow_mut();
        if state.explorer == Some(id) {
            return;
        }
        let member = state.member(id);
        let time = self.now.get().saturating_duration_since(self.start);
        state.course.trace.record(time, member, what);
    }
}

impl State {
    fn new(plan: Plan) -> Self {
        let Plan { choices, max_steps, records, pulse, .. } = plan;
        let course = Course::new(choices, records);
        Self {
            ready: Vec::new(),
            decided: None,
            strikes: false,
            max_steps,
            disturbed: false,
            explorer: None,
            pulse,
            course,
        }
    }

    /// The number of a goroutine in its schedule. They are met in the order in which they were spawned, which is that of their ids.
    fn member(&mut self, id: GoroutineId) -> u32 {
        let members = &mut self.course.members;
        let number = members.binary_search(&id).unwrap_or_else(|place| {
            debug_assert_eq!(place, members.len(), "a goroutine was met before one that was spawned earlier");
            members.push(id);
            members.len() - 1
        });
        number as u32
    }
}

impl Course {
    fn new(choices: Choices, records: bool) -> Self {
        Self {
            end: End::Done,
            body_ended: false,
            panics: Vec::new(),
            choices,
            steps: 0,
            trace: Trace::new(records),
            members: Vec::new(),
        }
    }
}
