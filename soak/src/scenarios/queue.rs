//! A queue with room for a few, made of a mutex and two conditions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gocsp::sync::{Cond, Mutex, MutexGuard};

use crate::crew::Crew;
use crate::ledger::{Ledger, Order, Value};
use crate::random::Random;
use crate::trial::Trial;

struct Queue {
    state: Mutex<State>,
    room: Cond,
    something: Cond,
    most: usize,
}

#[derive(Default)]
struct State {
    values: VecDeque<Value>,
    closed: bool,
}

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (producers, consumers) = (random.amount(12), random.amount(12));
    let each = random.amount(3000 / producers);
    let ledger = Ledger::new(producers, each);
    let queue = Queue { state: Mutex::default(), room: Cond::new(), something: Cond::new(), most: random.amount(20) };
    let mut crew = Crew::new();
    let producing = AtomicUsize::new(producers);
    for me in 0..producers {
        let (ledger, queue, producing, mut random) = (Arc::clone(&ledger), &queue, &producing, random.fork());
        crew.add(move || {
            for _ in 0..each {
                queue.put(trial, ledger.value(me), &mut random);
            }
            if producing.fetch_sub(1, Ordering::Relaxed) == 1 {
                queue.state.lock().closed = true;
                queue.something.broadcast();
            }
        });
    }
    for _ in 0..consumers {
        let (queue, mut random) = (&queue, random.fork());
        crew.add(move || {
            let mut order = Order::new(producers);
            while let Some(value) = queue.get(trial, &mut random) {
                value.received();
                trial.expect(order.see(&value));
            }
        });
    }
    crew.work(trial, random);
    trial.check(trial.expect(ledger.settle(false)) == producers * each, "a value was lost");
}

impl Queue {
    fn put(&self, trial: &Trial, value: Value, random: &mut Random) {
        trial.step();
        let mut state = self.state.lock();
        while state.values.len() == self.most {
            wait(trial, &self.room, &mut state, random);
        }
        state.values.push_back(value);
        drop(state);
        self.something.signal();
    }

    fn get(&self, trial: &Trial, random: &mut Random) -> Option<Value> {
        trial.step();
        let mut state = self.state.lock();
        while state.values.is_empty() && !state.closed {
            wait(trial, &self.something, &mut state, random);
        }
        let value = state.values.pop_front();
        drop(state);
        self.room.signal();
        value
    }
}

fn wait(trial: &Trial, cond: &Cond, state: &mut MutexGuard<'_, State>, random: &mut Random) {
    if random.one_in(3) {
        let limit = random.micros(200);
        let due = Instant::now() + limit;
        if !cond.wait_timeout(state, limit) {
            trial.not_before(due, "a wait for a condition");
        }
    } else {
        cond.wait(state);
    }
}
