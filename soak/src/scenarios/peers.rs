//! Peers that all send to and receive from one channel, in the same select. A select never deals with itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::{Chan, select};

use crate::crew::Crew;
use crate::ledger::{Ledger, Value};
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let peers = 1 + random.amount(9);
    let each = random.amount(4000 / peers);
    let (ledger, chan) = (Ledger::new(peers, each), Chan::new(*random.pick(&[0, 0, 0, 1, 4])));
    let left = AtomicUsize::new(peers * each);
    let mut crew = Crew::new();
    for me in 0..peers {
        let (ledger, chan, left) = (Arc::clone(&ledger), &chan, &left);
        crew.add(move || be_a_peer(trial, &ledger, chan, left, me, each));
    }
    crew.work(trial, random);
    trial.check(trial.expect(ledger.settle(false)) == peers * each, "a value was not received");
}

/// Sends `each`, and receives until there are none `left`.
fn be_a_peer(
    trial: &Trial,
    ledger: &Arc<Ledger>,
    chan: &Chan<(usize, Value)>,
    left: &AtomicUsize,
    me: usize,
    each: usize,
) {
    let unbuffered = chan.capacity() == 0;
    let take = |(from, value): (usize, Value), offering: bool| {
        trial.check(!(unbuffered && offering && from == me), "a select has dealt with itself");
        value.received();
        trial.step();
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            trial.check(chan.close().is_ok(), "somebody else has received the last value");
        }
    };
    for _ in 0..each {
        let offer = (me, ledger.value(me));
        loop {
            select! {
                send(chan, offer) -> sent => {
                    trial.check(sent.is_ok(), "a channel is closed though there is more to come");
                    break;
                }
                recv(chan) -> other => match other {
                    Ok(other) => take(other, true),
                    Err(_) => trial.fail("a channel is closed though there is more to come"),
                },
            }
        }
    }
    chan.iter().for_each(|other| take(other, false));
}
