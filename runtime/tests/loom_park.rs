//! The park seam under loom's schedules, for threads: `RUSTFLAGS="--cfg loom" cargo test -p gocsp-runtime --release
//! --test loom_park`.
//!
//! What the waiters hand over are loom cells, which notice when nothing orders one access before another. A deadline
//! that has passed stands for one that passes at any moment: the waiter comes back early in every schedule in which
//! nobody has woken it by then. Since loom may skip schedules without saying so, each model gives what it saw, and that
//! is compared with all that has to be possible.

#![cfg(loom)]

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use gocsp_runtime::models::outcomes;
use gocsp_runtime::park::{Description, Lock, Node, Outcome, Patience, Reason, Unparked, WaitList, Waiter, Way, wait};
use loom::cell::UnsafeCell;
use loom::thread;

/// A place on the waiter's stack that the claimer fills.
struct Slot(UnsafeCell<u32>);

// SAFETY: whoever claims the waiter has the slot until the token is spent; loom checks that.
unsafe impl Sync for Slot {}
// SAFETY: as above.
unsafe impl Send for Slot {}

impl Slot {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn write(&self, value: u32) {
        // SAFETY: loom checks that nobody else accesses the slot.
        self.0.with_mut(|place| unsafe { *place = value });
    }

    fn read(&self) -> u32 {
        // SAFETY: loom checks that nobody writes to the slot.
        self.0.with(|place| unsafe { *place })
    }
}

/// A place to wait at, and whether there is no more reason to.
#[derive(Default)]
struct Gate {
    waiting: WaitList<Slot>,
    open: bool,
}

type SharedGate = Arc<Lock<Gate>>;

/// To wait at a gate.
enum Passing {}

impl Way<()> for Passing {
    const STATE: &'static str = "pass";

    fn describe((): &(), _to: &mut Description) {}
}

fn reason() -> Reason<'static> {
    Reason::new::<Passing, _>(Location::caller(), &())
}

fn at_once() -> Patience {
    Patience::until(Instant::now())
}

/// Waits until `gate` is open; gives what was written into the slot, or `None` if the wait was given up.
fn pass(gate: &Lock<Gate>, patience: Patience) -> Option<u32> {
    let guard = gate.lock();
    if guard.open {
        return Some(0);
    }
    let slot = Slot::new();
    // SAFETY: the list is part of the guarded state.
    match unsafe { wait(guard, |gate| &mut gate.waiting, &slot, patience, reason()) } {
        Outcome::Woken => Some(slot.read()),
        Outcome::TimedOut | Outcome::Cancelled => None,
    }
}

/// Wakes the one who has waited longest, with `value`; false if nobody waits.
fn wake_one(gate: &Lock<Gate>, value: u32) -> bool {
    let mut guard = gate.lock();
    let claimed = guard.waiting.pop();
    drop(guard);
    match claimed {
        Some(claimed) => {
            claimed.payload().write(value);
            claimed.finish().wake();
            true
        }
        None => false,
    }
}

fn open(gate: &Lock<Gate>) {
    let mut guard = gate.lock();
    guard.open = true;
    let everybody = guard.waiting.take_all();
    drop(guard);
    everybody.wake_all();
}

#[test]
fn the_lock_orders_what_it_guards() {
    let seen = outcomes(4, || {
        let lock = Arc::new(Lock::new(Slot::new()));
        let increment = |lock: &Lock<Slot>| {
            let guard = lock.lock();
            let before = guard.read();
            guard.write(before + 1);
            before
        };
        let other = thread::spawn({
            let lock = Arc::clone(&lock);
            move || increment(&lock)
        });
        let here = increment(&lock);
        (here, other.join().unwrap())
    });
    assert_eq!(seen, BTreeSet::from([(0, 1), (1, 0)]));
}

/// Either the waiter gets the value and the waker knows that it did, or neither.
#[test]
fn a_wake_up_and_a_time_out_agree_on_who_came_first() {
    let seen = outcomes(4, || {
        let gate = SharedGate::default();
        let waiter = thread::spawn({
            let gate = Arc::clone(&gate);
            move || pass(&gate, at_once())
        });
        let woken = wake_one(&gate, 7);
        (woken, waiter.join().unwrap())
    });
    assert_eq!(seen, BTreeSet::from([(true, Some(7)), (false, None)]));
}

#[test]
fn a_wait_for_ever_is_ended_by_whoever_opens_the_gate() {
    let seen = outcomes(3, || {
        let gate = SharedGate::default();
        let waiter = thread::spawn({
            let gate = Arc::clone(&gate);
            move || pass(&gate, Patience::FOREVER)
        });
        let woken = wake_one(&gate, 7);
        open(&gate);
        (woken, waiter.join().unwrap())
    });
    assert_eq!(seen, BTreeSet::from([(true, Some(7)), (false, Some(0))]));
}

/// One waits for ever and one gives up, in the list at the same time: everyone who still waits is woken.
#[test]
fn a_batch_wakes_all_but_those_who_gave_up() {
    let seen = outcomes(1, || {
        let gate = SharedGate::default();
        let waiters = [Patience::FOREVER, at_once()].map(|patience| {
            let gate = Arc::clone(&gate);
            thread::spawn(move || pass(&gate, patience).is_some())
        });
        open(&gate);
        waiters.map(|waiter| waiter.join().unwrap())
    });
    assert_eq!(seen, BTreeSet::from([[true, true], [true, false]]));
}

/// How a select of two gates ended: the case that was claimed, with the value that came with it; or the gate that was
/// open already; or neither, for it gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Selected {
    Claimed(u32, u32),
    Open(usize),
    GaveUp,
}

/// Stands in both lists at once.
fn select(gates: &[SharedGate; 2], patience: Patience) -> Selected {
    let slots = [Slot::new(), Slot::new()];
    let waiter = Waiter::current();
    let nodes = [Node::of_case(&slots[0], &waiter, 0), Node::of_case(&slots[1], &waiter, 1)];
    let mut guards = gates.each_ref().map(|gate| gate.lock());
    if let Some(open) = guards.iter().position(|gate| gate.open) {
        return Selected::Open(open);
    }
    for (guard, node) in guards.iter_mut().zip(&nodes) {
        // SAFETY: this function returns only when both nodes are out of the lists and a claim's token was spent.
        unsafe { guard.waiting.push(node) };
    }
    // SAFETY: the waiter was made by this thread.
    let unparked = unsafe { waiter.park(patience, reason(), move || drop(guards)) };
    for (gate, node) in gates.iter().zip(&nodes) {
        // SAFETY: if the node is linked, it is linked in this list.
        unsafe { gate.lock().waiting.remove(node) };
    }
    // With both nodes out of their lists nobody can make a claim any more.
    let Some(case) = waiter.winner() else { return Selected::GaveUp };
    if unparked != Unparked::Woken {
        // SAFETY: the waiter was made by this thread, which came back early.
        unsafe { waiter.park_claimed() };
    }
    Selected::Claimed(case, slots[case as usize].read())
}

/// Wakes the one who has waited longest, with `value`; opens the gate if nobody waits.
fn wake_one_or_open(gate: &Lock<Gate>, value: u32) -> bool {
    let mut guard = gate.lock();
    let claimed = guard.waiting.pop();
    guard.open = claimed.is_none();
    drop(guard);
    let Some(claimed) = claimed else { return false };
    claimed.payload().write(value);
    claimed.finish().wake();
    true
}

/// A select in two lists, and somebody at each of them. Gives also who of the two claimed it.
fn select_model(preemptions: usize, patience: fn() -> Patience) -> BTreeSet<([bool; 2], Selected)> {
    outcomes(preemptions, move || {
        let gates = [SharedGate::default(), SharedGate::default()];
        let others = [0, 1].map(|case| {
            let gate = Arc::clone(&gates[case]);
            thread::spawn(move || wake_one_or_open(&gate, 10 + case as u32))
        });
        let selected = select(&gates, patience());
        (others.map(|other| other.join().unwrap()), selected)
    })
}

/// What is possible when the select waits for ever: it is claimed by one of the two, or finds one who was there before.
fn claimed_or_open() -> BTreeSet<([bool; 2], Selected)> {
    BTreeSet::from([
        ([true, false], Selected::Claimed(0, 10)),
        ([false, true], Selected::Claimed(1, 11)),
        ([false, false], Selected::Open(0)),
        ([false, false], Selected::Open(1)),
    ])
}

#[test]
fn a_select_is_claimed_by_one_of_two() {
    assert_eq!(select_model(1, || Patience::FOREVER), claimed_or_open());
}

#[test]
fn a_select_that_gives_up_is_claimed_by_one_of_two_or_by_nobody() {
    let mut possible = claimed_or_open();
    possible.insert(([false, false], Selected::GaveUp));
    assert_eq!(select_model(1, at_once), possible);
}
