//! How a schedule is begun and ended by the explorer, and how a goroutine waits for the rest of them.

use std::panic::Location;

use super::super::{current, unwind_if_shutting_down};
use super::{here, id_of};
use crate::goroutine::{call_quietly, spawn_body};
use crate::park::{Description, Partner, Patience, Reason, Subject, WaitList, Way, wait};
use crate::random;
use crate::testing::{Course, Plan};

/// How many goroutines there are that do not belong to the schedule.
pub(crate) const EXPLORERS: u64 = 1;

/// Runs `body` as a goroutine under the director, with all that it spawns, until nobody is left, or nobody can go on. To be called
/// by the explorer.
pub(crate) fn run_schedule(
    plan: Plan,
    body: impl FnOnce() + Send + 'static,
    place: &'static Location<'static>,
) -> Course {
    let worker = current().expect("the explorer is a goroutine");
    let directed = worker.directed().expect("the explorer's worker is directed");
    let body = move || {
        let _ends = BodyEnds;
        body();
    };
    let body = spawn_body(body, place);
    random::seed_with(plan.seed);
    directed.director.begin(plan, worker.running().map(id_of));
    worker.signals.preempt.raise();
    let gate = directed.gate.lock();
    let reason = Reason::new::<Turn, _>(place, &());
    // SAFETY: the list is part of the guarded state.
    let _ = unsafe { wait(gate, |gate| &mut gate.waiting, &(), Patience::MASKED, reason) };
    directed.gate.lock().open = false;
    drop(body);
    // Of a schedule that has failed.
    directed.director.take_locals().for_each(|local| call_quietly(|| drop(local)));
    directed.director.take_course()
}

/// Tells when the function that is tested has ended, however it did.
struct BodyEnds;

impl Drop for BodyEnds {
    fn drop(&mut self) {
        if let Some((_, directed)) = here() {
            directed.director.body_ends();
        }
    }
}

/// Ends the runtime of the explorer, which calls, after a schedule of which goroutines are left.
pub(crate) fn end_directed() {
    let worker = current().expect("the explorer is a goroutine");
    worker.shared().end_in_background();
    let directed = worker.directed().expect("the explorer's worker is directed");
    worker.timers.lock().append(directed.left_timers.take());
    for goroutine in directed.director.take_ready() {
        // SAFETY: a ready goroutine has not ended.
        match unsafe { goroutine.as_ref() }.stack() {
            Some(_) => worker.push_woken(goroutine),
            None => worker.fresh.push(goroutine),
        }
    }
}

/// Returns when no other goroutine of the schedule can go on before time passes. False if the caller belongs to none.
#[track_caller]
pub(crate) fn settle() -> bool {
    let Some((_, directed)) = here() else { return false };
    fn whole(list: &mut WaitList<()>) -> &mut WaitList<()> {
        list
    }
    let reason = Reason::new::<Turn, _>(Location::caller(), &());
    // SAFETY: the list is the guarded state itself.
    let _ = unsafe { wait(directed.settling.lock(), whole, &(), Patience::FOREVER, reason) };
    unwind_if_shutting_down();
    true
}

/// What the explorer waits for, and those who wait until nobody else can go on.
struct Turn;

impl Way<()> for Turn {
    const STATE: &'static str = "testing.wait";

    fn describe((): &(), to: &mut Description) {
        to.subjects.push(Subject { what: "schedule", address: 0, made_at: None, partner: Partner::Others });
    }
}
