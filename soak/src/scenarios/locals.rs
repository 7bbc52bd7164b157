//! Values that belong to one goroutine: nobody else sees them, and they are dropped before anybody learns that it has ended.

use std::cell::{Cell, RefCell};

use gocsp::{Go, goroutine_local, yield_now};

use crate::crew::Crew;
use crate::drops::{Counted, Drops};
use crate::random::Random;
use crate::trial::Trial;

goroutine_local! {
    static WHO: Cell<Option<usize>> = Cell::new(None);
    static KEPT: RefCell<Vec<Counted>> = RefCell::default();
}

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let mut crew = Crew::new();
    for me in 0..random.amount(200) {
        let times = random.amount(50);
        crew.add(move || be_somebody(trial, me, times));
    }
    crew.work(trial, random);
    for me in 0..random.amount(50) {
        let (drops, of_it) = (Drops::default(), trial.clone());
        let (kept, times) = (drops.value(), random.amount(10));
        trial.goroutines_start(1);
        let handle = Go::new().name("somebody").spawn(move || {
            KEPT.with(|all| all.borrow_mut().push(kept));
            be_somebody(&of_it, me, times);
        });
        trial.check(handle.expect("the stack is of the usual size").join().is_ok(), "somebody has panicked");
        trial.expect(drops.balance());
    }
}

fn be_somebody(trial: &Trial, me: usize, times: usize) {
    trial.check(WHO.with(Cell::get).is_none(), "a new goroutine finds what another has left");
    WHO.with(|who| who.set(Some(me)));
    for _ in 0..times {
        KEPT.with(|all| all.borrow_mut().push(trial.counted()));
        yield_now();
        trial.step();
        trial.check(WHO.with(Cell::get) == Some(me), "a goroutine finds what belongs to another");
    }
    let kept = KEPT.with(|all| all.borrow().len());
    trial.check(kept >= times, "what belongs to a goroutine has gone before its end");
}
