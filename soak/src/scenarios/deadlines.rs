//! Waits with a limit: for what never comes, and for what comes just then. None ends early, and no value is lost on the way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gocsp::context::{Context, ContextError};
use gocsp::sync::{Cond, Mutex, RwLock, Semaphore, WaitGroup};
use gocsp::{Receiver, Select, SendTimeoutError, channel, select, sleep};

use crate::crew::Crew;
use crate::ledger::{Ledger, Order};
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let mut crew = Crew::new();
    for _ in 0..random.amount(40) {
        let (times, mut random) = (random.amount(40), random.fork());
        crew.add(move || {
            for _ in 0..times {
                trial.step();
                what_never_comes(trial, &mut random);
            }
        });
    }
    let values = random.amount(1500);
    let ledger = Ledger::new(1, values);
    let (tx, rx) = channel(random.below(2));
    let (giving, mut to_give, mut to_take) = (Arc::clone(&ledger), random.fork(), random.fork());
    crew.add(move || {
        for _ in 0..values {
            let mut value = giving.value(0);
            while let Err(SendTimeoutError::Timeout(back)) = tx.send_timeout(value, to_give.micros(8)) {
                value = back;
            }
            trial.step();
        }
    });
    crew.add(move || {
        let mut order = Order::new(1);
        loop {
            match rx.recv_timeout(to_take.micros(8)) {
                Ok(value) => {
                    value.received();
                    trial.expect(order.see(&value));
                }
                Err(error) if error.is_timeout() => {}
                Err(_) => return,
            }
        }
    });
    crew.work(trial, random);
    trial.check(trial.expect(ledger.settle(false)) == values, "a value was lost on the way");
}

fn what_never_comes(trial: &Trial, random: &mut Random) {
    let time = random.micros(2000);
    let due = Instant::now() + time;
    let in_time = match random.below(12) {
        0 => Receiver::<()>::nil().recv_timeout(time).is_ok(),
        1 => {
            let (tx, _rx) = channel(1);
            tx.send(trial.counted()).expect("there is room");
            tx.send_deadline(trial.counted(), due).is_ok()
        }
        2 => select! {
            recv(Receiver::<()>::nil()) => true,
            recv(Context::background().done().clone()) => true,
            default(time) => false,
        },
        3 => {
            let (tx, _rx) = channel(0);
            let mut select = Select::new();
            select.send(&tx, trial.counted());
            select.select_deadline(due).is_ok()
        }
        4 => {
            let mutex = Mutex::new(());
            let _held = mutex.lock();
            mutex.try_lock_for(time).is_some()
        }
        5 => {
            let lock = RwLock::new(());
            let _held = lock.read();
            lock.try_write_until(due).is_some()
        }
        6 => {
            let lock = RwLock::new(());
            let _held = lock.write();
            lock.try_read_for(time).is_some()
        }
        7 => {
            let mutex = Mutex::new(());
            Cond::new().wait_timeout(&mut mutex.lock(), time)
        }
        8 => {
            let group = WaitGroup::new();
            group.add(1);
            group.wait_deadline(due)
        }
        9 => {
            let semaphore = Semaphore::new(2);
            let _held = semaphore.acquire(1);
            semaphore.acquire_timeout(2, time).is_some()
        }
        10 => {
            let (context, _cancel) = Context::background().with_timeout(time);
            trial.check(context.done().recv().is_err(), "a context's channel gave a value");
            context.err() != Some(ContextError::DeadlineExceeded)
        }
        _ => {
            let semaphore = Semaphore::new(1);
            let _held = semaphore.acquire(1);
            let (context, _cancel) = Context::background().with_deadline(due);
            semaphore.acquire_context(&context, 1).err() != Some(ContextError::DeadlineExceeded)
        }
    };
    trial.check(!in_time, "what never comes has come");
    trial.not_before(due, "a wait with a limit");
    if random.one_in(10) {
        sleep(Duration::ZERO);
    }
}
