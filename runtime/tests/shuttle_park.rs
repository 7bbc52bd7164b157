//! The park seam with many threads, under shuttle's schedules: `RUSTFLAGS="--cfg shuttle" cargo test -p gocsp-runtime
//! --release --test shuttle_park`. A failure prints the schedule, to be replayed with `shuttle::replay`.
//!
//! shuttle has no time. A deadline that has passed stands for one that passes at any moment.

#![cfg(shuttle)]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use gocsp_runtime::models::outcomes;
use gocsp_runtime::park::{Description, Lock, Node, Outcome, Patience, Reason, Unparked, WaitList, Waiter, Way, wait};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

/// What a waiter wants: tickets, handed out by whoever claims it.
type Slot = Cell<Option<u32>>;

/// Tickets, and those who wait for one.
#[derive(Default)]
struct Office {
    tickets: Vec<u32>,
    waiting: WaitList<Slot>,
    closed: bool,
}

type SharedOffice = Arc<Lock<Office>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Got {
    Ticket(u32),
    Closed,
    GaveUp,
}

impl Got {
    fn from_claim(ticket: Option<u32>) -> Self {
        ticket.map_or(Self::Closed, Self::Ticket)
    }
}

/// To wait in an office.
enum Queuing {}

impl Way<()> for Queuing {
    const STATE: &'static str = "queue";

    fn describe((): &(), _to: &mut Description) {}
}

fn reason() -> Reason<'static> {
    Reason::new::<Queuing, _>(Location::caller(), &())
}

fn at_once() -> Patience {
    Patience::until(Instant::now())
}

fn take(office: &Lock<Office>, patience: Patience) -> Got {
    let mut guard = office.lock();
    if let Some(ticket) = guard.tickets.pop() {
        return Got::Ticket(ticket);
    }
    if guard.closed {
        return Got::Closed;
    }
    let slot = Slot::default();
    // SAFETY: the list is part of the guarded state.
    match unsafe { wait(guard, |office| &mut office.waiting, &slot, patience, reason()) } {
        Outcome::Woken => Got::from_claim(slot.take()),
        Outcome::TimedOut => Got::GaveUp,
        Outcome::Cancelled => unreachable!("a thread has no runtime that could shut down"),
    }
}

/// Hands a ticket to the one who has waited longest, or keeps it for the next to come.
fn put(office: &Lock<Office>, ticket: u32) {
    let mut guard = office.lock();
    match guard.waiting.pop() {
        Some(claimed) => {
            drop(guard);
            // A claimer may take its time: whoever comes back early waits for it.
            thread::yield_now();
            claimed.payload().set(Some(ticket));
            claimed.finish().wake();
        }
        None => guard.tickets.push(ticket),
    }
}

fn close(office: &Lock<Office>) {
    let mut guard = office.lock();
    guard.closed = true;
    let everybody = guard.waiting.take_all();
    drop(guard);
    everybody.wake_all();
}

/// Stands in the lists of all `offices` at once; gives also the office that served it.
fn take_any(offices: &[SharedOffice], patience: Patience) -> (Got, Option<usize>) {
    let slots: Vec<Slot> = offices.iter().map(|_| Slot::default()).collect();
    let waiter = Waiter::current();
    let nodes: Vec<_> = (0..).zip(&slots).map(|(case, slot)| Node::of_case(slot, &waiter, case)).collect();
    let mut guards: Vec<_> = offices.iter().map(|office| office.lock()).collect();
    for (number, guard) in guards.iter_mut().enumerate() {
        if let Some(ticket) = guard.tickets.pop() {
            return (Got::Ticket(ticket), Some(number));
        }
        if guard.closed {
            return (Got::Closed, Some(number));
        }
    }
    for (guard, node) in guards.iter_mut().zip(&nodes) {
        // SAFETY: this function returns only when all nodes are out of the lists and a claim's token was spent.
        unsafe { guard.waiting.push(node) };
    }
    // SAFETY: the waiter was made by this thread.
    let unparked = unsafe { waiter.park(patience, reason(), move || drop(guards)) };
    for (office, node) in offices.iter().zip(&nodes) {
        // SAFETY: if the node is linked, it is linked in this list.
        unsafe { office.lock().waiting.remove(node) };
    }
    let Some(case) = waiter.winner() else {
        assert_eq!(unparked, Unparked::TimedOut);
        return (Got::GaveUp, None);
    };
    if unparked != Unparked::Woken {
        // SAFETY: the waiter was made by this thread, which came back early.
        unsafe { waiter.park_claimed() };
    }
    let case = case as usize;
    (Got::from_claim(slots[case].take()), Some(case))
}

/// Checks that each of `tickets` was had once, or is still in one of the offices, and that nobody waits any more.
fn assert_exactly_once(tickets: u32, got: impl IntoIterator<Item = Got>, offices: &[SharedOffice]) {
    let had = got.into_iter().filter_map(|got| match got {
        Got::Ticket(ticket) => Some(ticket),
        Got::Closed | Got::GaveUp => None,
    });
    let mut all: Vec<u32> = had.collect();
    for office in offices {
        let guard = office.lock();
        assert!(guard.waiting.is_empty(), "somebody was left in a list");
        all.extend(&guard.tickets);
    }
    all.sort_unstable();
    assert_eq!(all, (0..tickets).collect::<Vec<_>>());
}

/// The number of those who got a ticket, found the office closed, and gave up.
fn tally(got: &[Got]) -> [usize; 3] {
    let count = |wanted: fn(&Got) -> bool| got.iter().filter(|got| wanted(got)).count();
    [
        count(|got| matches!(got, Got::Ticket(_))),
        count(|got| matches!(got, Got::Closed)),
        count(|got| matches!(got, Got::GaveUp)),
    ]
}

/// Three draw a place in line under the same lock under which their wait begins.
#[test]
fn those_who_wait_are_served_in_order() {
    #[derive(Default)]
    struct Line {
        length: u32,
        waiting: WaitList<Slot>,
    }

    let seen = outcomes(|| {
        let line = Arc::new(Lock::new(Line::default()));
        let waiters = [(); 3].map(|()| {
            let line = Arc::clone(&line);
            thread::spawn(move || {
                let mut guard = line.lock();
                let place = guard.length;
                guard.length += 1;
                let slot = Slot::default();
                // SAFETY: the list is part of the guarded state.
                let outcome = unsafe { wait(guard, |line| &mut line.waiting, &slot, Patience::FOREVER, reason()) };
                assert_eq!(outcome, Outcome::Woken);
                assert_eq!(slot.take(), Some(place), "served out of turn");
                place
            })
        });
        for turn in 0..3 {
            let claimed = loop {
                let claimed = line.lock().waiting.pop();
                match claimed {
                    Some(claimed) => break claimed,
                    None => thread::yield_now(),
                }
            };
            claimed.payload().set(Some(turn));
            claimed.finish().wake();
        }
        waiters.map(|waiter| waiter.join().unwrap())
    });
    assert_eq!(seen.len(), 6, "not every order was seen");
}

#[test]
fn a_ticket_and_a_deadline_meet() {
    let seen = outcomes(|| {
        let office = SharedOffice::default();
        let waiters = [(); 3].map(|()| {
            let office = Arc::clone(&office);
            thread::spawn(move || take(&office, at_once()))
        });
        let put = thread::spawn({
            let office = Arc::clone(&office);
            move || (0..2).for_each(|ticket| put(&office, ticket))
        });
        let got = waiters.map(|waiter| waiter.join().unwrap());
        put.join().unwrap();
        assert_exactly_once(2, got, &[office]);
        tally(&got)
    });
    assert_eq!(seen, BTreeSet::from([[0, 0, 3], [1, 0, 2], [2, 0, 1]]));
}

#[test]
fn a_batch_wakes_everybody_who_still_waits() {
    let seen = outcomes(|| {
        let office = SharedOffice::default();
        let patient = [(); 2].map(|()| {
            let office = Arc::clone(&office);
            thread::spawn(move || take(&office, Patience::FOREVER))
        });
        let hasty = thread::spawn({
            let office = Arc::clone(&office);
            move || take(&office, at_once())
        });
        let put = thread::spawn({
            let office = Arc::clone(&office);
            move || put(&office, 0)
        });
        close(&office);
        put.join().unwrap();
        let [first, second] = patient.map(|waiter| waiter.join().unwrap());
        let got = [first, second, hasty.join().unwrap()];
        assert!(!matches!(first, Got::GaveUp) && !matches!(second, Got::GaveUp));
        assert_exactly_once(1, got, &[office]);
        tally(&got)
    });
    assert_eq!(seen, BTreeSet::from([[0, 2, 1], [0, 3, 0], [1, 1, 1], [1, 2, 0]]));
}

#[test]
fn a_select_is_served_by_one_office_and_the_other_keeps_its_ticket() {
    let seen = outcomes(|| {
        let offices = [SharedOffice::default(), SharedOffice::default()];
        let selector = thread::spawn({
            let offices = offices.clone();
            move || take_any(&offices, Patience::FOREVER)
        });
        let putters = [0, 1].map(|number| {
            let office = Arc::clone(&offices[number as usize]);
            thread::spawn(move || put(&office, number))
        });
        let (got, office) = selector.join().unwrap();
        putters.into_iter().for_each(|putter| putter.join().unwrap());
        assert_exactly_once(2, [got], &offices);
        assert_eq!(got, Got::Ticket(office.unwrap() as u32));
        got
    });
    assert_eq!(seen, BTreeSet::from([Got::Ticket(0), Got::Ticket(1)]));
}

/// Selects with and without a deadline, single waits, tickets and a close, over three offices.
#[test]
fn selects_and_single_waits_get_each_ticket_once() {
    let seen = outcomes(|| {
        let offices = [SharedOffice::default(), SharedOffice::default(), SharedOffice::default()];
        let mut waiters = Vec::new();
        for number in 0..4 {
            let offices = offices.clone();
            waiters.push(thread::spawn(move || {
                let patience = if number % 2 == 0 { Patience::FOREVER } else { at_once() };
                match number {
                    0 | 1 => take_any(&offices, patience).0,
                    _ => take(&offices[1], patience),
                }
            }));
        }
        let putter = thread::spawn({
            let offices = offices.clone();
            move || (0..3).for_each(|ticket| put(&offices[thread_rng().gen_range(0..3)], ticket))
        });
        putter.join().unwrap();
        offices.iter().for_each(|office| close(office));
        let got: Vec<Got> = waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect();
        assert!(got[0] != Got::GaveUp && got[2] != Got::GaveUp);
        assert_exactly_once(3, got.iter().copied(), &offices);
        tally(&got)[0]
    });
    assert_eq!(seen, BTreeSet::from([0, 1, 2, 3]));
}
