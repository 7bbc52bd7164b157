//! Workers whose every step is chosen, so that it can be taken again: the scheduler's part of [`testing`](crate::testing).
//!
//! A *directed* runtime has one worker, no monitor, and a [`Director`]. While a schedule is being run
//! - everybody who becomes ready does so by the same ways as ever, and is then *collected* from the worker's queues by the
//!   director, who decides in which order they go on;
//! - every call of gocsp begins with a [`point`], at which the director may decide that somebody else goes on first;
//! - the clock stands still until nobody can go on. Then it jumps to the time of the next timer. Of several that are due then each
//!   fires when the director says so: at once, or after somebody has gone on, whom another has woken.
//!
//! So the goroutines, and all that they wait in, are what they are in any other runtime. It is only decided differently who is
//! next.
//!
//! # How a schedule begins and ends
//! 1. The *explorer*, a goroutine of the same worker, spawns the function that is tested as a goroutine, and waits at a gate.
//!    From now on the director decides.
//! 2. The worker finds that the schedule is over: all its goroutines have ended, none can go on, it took too many steps, or
//!    somebody has been woken from outside. It opens the gate, and does as any other worker again. Nobody is ready but the
//!    explorer, nor will be: the director keeps those who were, and timers are put aside.
//! 3. If goroutines are left, the explorer looks at them for its report, and then [ends the runtime](end_directed): all are unwound.
//!    Otherwise it goes on with the next schedule.
//!
//! See `schedule.rs` for the explorer's part, `point.rs` for points, and `notes.rs` for what is written down.
//!
//! What asks a goroutine to yield is always raised: it is what makes operations look whether they are at a point. It is never
//! heeded by itself.

mod notes;
mod point;
mod schedule;

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::process;
use std::ptr::NonNull;
use std::time::Instant;

use super::worker::{Worker, count};
use super::{current_here, with_running};
use crate::goroutine::{Goroutine, GoroutineId, Unwinding, call_quietly};
use crate::park::{Lock, WaitList};
use crate::stack::Stack;
use crate::testing::{Director, End, Local};
use crate::timer::{Action, Store};

pub(crate) use notes::{note, note_join, note_panic};
pub(super) use notes::{note_of, note_wait};
pub(super) use point::yields;
pub(crate) use point::{point, point_holding, point_of};
pub(crate) use schedule::{EXPLORERS, end_directed, run_schedule, settle};

/// What a worker has that is directed.
pub(crate) struct Directed {
    director: Director,
    /// Where the explorer waits.
    gate: Lock<Gate>,
    /// Who waits until nobody else can go on.
    settling: Lock<WaitList<()>>,
    /// Whether the goroutine that runs is in the panic hook: its thread knows of that, so it must not leave its stack.
    in_panic_hook: Cell<bool>,
    /// What was to be done later in a schedule that is over. By the system's clock it may be due at once.
    left_timers: Cell<Store>,
    /// What is due, and has not been done yet: whoever is ready may go on before.
    due: RefCell<VecDeque<(Instant, Action)>>,
}

#[derive(Default)]
struct Gate {
    open: bool,
    waiting: WaitList<()>,
}

impl Directed {
    pub(super) fn new() -> Self {
        Self {
            director: Director::new(),
            gate: Lock::default(),
            settling: Lock::default(),
            in_panic_hook: Cell::new(false),
            left_timers: Cell::default(),
            due: RefCell::default(),
        }
    }

    fn is_any_due(&self) -> bool {
        !self.due.borrow().is_empty()
    }

    pub(super) fn is_in_panic_hook(&self) -> bool {
        self.in_panic_hook.get()
    }
}

impl Worker {
    /// The loop of turns of a directed worker, as that of others.
    pub(super) fn take_directed_turns_until_done(&self, directed: &Directed) {
        while let Some(stack) = self.direct(directed).or_else(|| self.pick()) {
            self.execute(stack);
        }
    }

    /// The stack of the goroutine that is to be run, as long as a schedule is being run.
    fn direct(&self, directed: &Directed) -> Option<Stack> {
        let director = &directed.director;
        if !director.is_on() {
            return None;
        }
        self.nobody_runs();
        loop {
            self.collect(director);
            if let Some(end) = director.must_end() {
                return self.end_schedule(directed, end);
            }
            self.fires_due(directed);
            let stack = director.next().map(|goroutine| self.take_turn(goroutine));
            match stack {
                Some(None) => {}
                Some(stack) => return stack,
                None if directed.all_settled() || self.drops_timers() || self.drops_locals(director) => {}
                None if self.shared().live() <= EXPLORERS => return self.end_schedule(directed, End::Done),
                None if !director.has_body_ended() && self.passes_time(directed) => {}
                None => return self.end_schedule(directed, End::Stuck),
            }
        }
    }

    /// The stack of the goroutine whose turn it is, as one from the line.
    fn take_turn(&self, goroutine: NonNull<Goroutine>) -> Option<Stack> {
        count(&self.signals.turns);
        count(&self.signals.slice);
        self.start(goroutine)
    }

    /// Hands everybody to the director who has become ready: first those who have started, then the others, each in the order in
    /// which they came.
    fn collect(&self, director: &Director) {
        if self.inbox.has_messages() {
            self.drain_inbox();
            director.is_disturbed();
        }
        let mut unstarted: Vec<_> = std::iter::from_fn(|| self.fresh.take()).collect();
        let started = || self.local().queues.take_next().or_else(|| self.local().queues.pop_ready(&self.fresh));
        std::iter::from_fn(started).for_each(|goroutine| director.is_ready(goroutine, id_of(goroutine)));
        // The queue gives them in an order of its own.
        unstarted.sort_unstable_by_key(|&goroutine| id_of(goroutine));
        unstarted.into_iter().for_each(|goroutine| director.is_ready(goroutine, id_of(goroutine)));
    }

    /// When all goroutines have ended, nobody can be waiting for a timer. Whether there was any.
    fn drops_timers(&self) -> bool {
        if self.shared().live() > EXPLORERS {
            return false;
        }
        let timers = std::mem::take(&mut *self.timers.lock());
        let any = !timers.is_empty();
        timers.abandon();
        any
    }

    /// When all goroutines have ended, what belongs to the schedule goes as well, by destructors that may spawn others. Whether there
    /// was any.
    fn drops_locals(&self, director: &Director) -> bool {
        let over = self.shared().live() <= EXPLORERS && director.has_locals();
        if over {
            director.take_locals().for_each(|local| call_quietly(|| drop(local)));
        }
        over
    }

    /// Fires those timers that are due, and come before whoever is ready.
    fn fires_due(&self, directed: &Directed) {
        while directed.is_any_due() && directed.director.strikes() {
            let next = directed.due.borrow_mut().pop_front();
            next.into_iter().for_each(|(due, action)| self.fire(due, action));
            self.collect(&directed.director);
        }
    }

    /// Lets the time come at which the next timer is due, with all that are due then. Whether there is any.
    fn passes_time(&self, directed: &Directed) -> bool {
        let due = || {
            let mut timers = self.timers.lock();
            while let Some(due) = timers.next_due() {
                if timers.has_due(due) {
                    return Some((due, std::iter::from_fn(|| timers.pop(due)).collect::<Vec<_>>()));
                }
            }
            None
        };
        let Some((now, actions)) = due() else { return false };
        directed.director.pass_time(now);
        directed.due.replace(directed.director.shuffle(actions).into());
        true
    }

    /// Step 2 of the [protocol](self).
    fn end_schedule(&self, directed: &Directed, end: End) -> Option<Stack> {
        directed.director.end(end);
        let mut timers = self.timers.lock();
        directed.due.take().into_iter().for_each(|(due, action)| timers.push(due, action));
        directed.left_timers.set(std::mem::take(&mut *timers));
        drop(timers);
        let mut gate = directed.gate.lock();
        gate.open = true;
        let explorer = gate.waiting.pop();
        drop(gate);
        if let Some(claimed) = explorer {
            claimed.finish().wake();
        }
        None
    }

    /// Whether the goroutine that calls leaves its stack while its thread counts a panic, on a worker that is directed.
    #[inline(never)]
    pub(super) fn is_left_unwinding(&self) -> bool {
        std::thread::panicking() && self.directed().is_some()
    }

    /// The director, while a schedule is being run.
    fn directed_now(&self) -> Option<&Directed> {
        self.directed().filter(|directed| directed.director.is_on())
    }
}

fn id_of(goroutine: NonNull<Goroutine>) -> GoroutineId {
    // SAFETY: a ready goroutine has not ended.
    unsafe { goroutine.as_ref() }.goroutine_id()
}

impl Directed {
    /// Wakes those who wait until nobody else can go on. Whether there are any.
    fn all_settled(&self) -> bool {
        let waiting = self.settling.lock().take_all();
        let any = !waiting.is_empty();
        waiting.wake_all();
        any
    }
}

/// The directed worker that calls, while a schedule is being run.
#[inline(never)]
fn here<'a>() -> Option<(&'a Worker, &'a Directed)> {
    let worker = current_here()?;
    Some((worker, worker.directed_now()?))
}

/// The goroutine that calls, and where it runs, if it belongs to a schedule.
fn running_here<'a>() -> Option<(&'a Worker, &'a Directed, NonNull<Goroutine>)> {
    let (worker, directed) = here()?;
    Some((worker, directed, worker.running()?))
}

/// Whether a blocking call of the caller is made on the spot, because it belongs to a schedule.
///
/// # Panics
/// If it belongs to one where that is not wanted.
#[track_caller]
pub(crate) fn blocks_inline() -> bool {
    let inline = here().map(|(_, directed)| directed.director.blocks_inline());
    assert!(
        inline != Some(false),
        "`blocking` was called in a test under chosen schedules, where nothing may depend on the world outside; \
         `Config::blocking_inline` allows it, for calls that do the same each time"
    );
    inline.is_some()
}

/// Who is no goroutine that can leave its stack blocks the thread. In a schedule there is no other on which somebody could end the
/// wait.
pub(crate) fn refuse_to_block() {
    if is_directed() {
        let message =
            "fatal error: in a test under chosen schedules, a panic hook waits, or a destructor outside any goroutine";
        // A closed stderr is no reason to go on.
        let _ = writeln!(io::stderr(), "{message}");
        process::abort();
    }
}

/// Whether the caller belongs to a schedule that is being run.
pub(crate) fn is_directed() -> bool {
    here().is_some()
}

/// The time by the clock of the schedule that the caller belongs to.
pub(crate) fn directed_time() -> Option<Instant> {
    here()?.1.director.now()
}

/// The goroutine that calls is in the panic hook, or not any more.
#[inline(never)]
pub(crate) fn note_panic_hook(is_in_it: bool) {
    if let Some(directed) = current_here().and_then(Worker::directed) {
        directed.in_panic_hook.set(is_in_it);
    }
}

/// Whether the panics of the caller are not to be printed: all but those of a schedule that is told of, and those that end the
/// process, because something panics while a panic unwinds it.
#[inline(never)]
pub(crate) fn is_muted() -> bool {
    if with_running(|goroutine| goroutine.unwinding() != Unwinding::No) == Some(true) {
        return false;
    }
    let mutes = |worker: &Worker| {
        let ends = || worker.shared().is_shutting_down();
        worker
            .directed()
            .is_some_and(|directed| if directed.director.is_on() { !directed.director.records() } else { ends() })
    };
    current_here().is_some_and(mutes)
}

/// A decision of the program's own, if the caller belongs to a schedule.
pub(crate) fn draw(possibilities: usize) -> Option<usize> {
    Some(here()?.1.director.draw(possibilities))
}

/// What belongs to the schedule that the caller belongs to, of this type, if it was made already.
pub(crate) fn local(of: TypeId) -> Option<Option<Local>> {
    Some(here()?.1.director.local(of))
}

pub(crate) fn add_local(of: TypeId, local: Local) {
    if let Some((_, directed)) = here() {
        directed.director.add_local(of, local);
    }
}
