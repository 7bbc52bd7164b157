//! Producers and consumers share a channel. Somebody may close it at any moment, and the consumers may leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::{Receiver, Sender, channel, sleep};

use super::ways;
use crate::crew::Crew;
use crate::ledger::{Ledger, Order, Value};
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (producers, consumers) = (random.amount(12), random.amount(12));
    let per_producer = random.amount(6000 / producers);
    let (closed, left) = (random.one_in(4), random.one_in(4));
    let ledger = Ledger::new(producers, per_producer);
    let (tx, rx) = channel(*random.pick(&[0, 0, 1, 2, 16, 100]));
    let lossy = left && rx.capacity() > 0;
    let mut crew = Crew::new();
    for me in 0..producers {
        let (tx, ledger, random) = (tx.clone(), Arc::clone(&ledger), random.fork());
        crew.add(move || produce(trial, &tx, &ledger, me, per_producer, random));
    }
    let received = AtomicUsize::new(0);
    for _ in 0..consumers {
        let most = if left { random.below(per_producer) } else { usize::MAX };
        let (rx, received, random) = (rx.clone(), &received, random.fork());
        crew.add(move || _ = received.fetch_add(consume(trial, &rx, producers, most, random), Ordering::Relaxed));
    }
    if closed {
        let (tx, moment) = (tx.clone(), random.micros(5000));
        crew.add(move || {
            sleep(moment);
            trial.check(tx.close().is_ok(), "a channel was closed that nobody had closed");
        });
    }
    drop((tx, rx));
    crew.work(trial, random);
    let received = received.into_inner();
    trial.check(trial.expect(ledger.settle(lossy)) == received, "what was received is not what was counted");
    let all = producers * per_producer;
    trial.check(closed || left || received == all, format_args!("of {all} values {received} were received"));
}

fn produce(
    trial: &Trial,
    tx: &Sender<Value>,
    ledger: &Arc<Ledger>,
    me: usize,
    per_producer: usize,
    mut random: Random,
) {
    for _ in 0..per_producer {
        if let Err(value) = ways::send(trial, tx, ledger.value(me), &mut random) {
            return value.came_back();
        }
    }
}

/// Gives how many it has received.
fn consume(trial: &Trial, rx: &Receiver<Value>, producers: usize, most: usize, mut random: Random) -> usize {
    let (mut order, mut received) = (Order::new(producers), 0);
    while received < most
        && let Some(value) = ways::recv(trial, rx, &mut random)
    {
        value.received();
        trial.expect(order.see(&value));
        received += 1;
    }
    received
}
