//! What may not happen, on purpose: each is to be found by one of the checks.

use std::sync::Arc;
use std::time::Duration;
use std::{mem, thread};

use gocsp::net::UdpSocket;
use gocsp::{Receiver, channel, go, scope, sleep};

use crate::ledger::{Ledger, Order};
use crate::random::Random;
use crate::trial::Trial;

/// Two values change places on their way.
pub(super) fn swap(trial: &Trial, _random: &mut Random) {
    let ledger = Ledger::new(1, 3);
    let (tx, rx) = channel(3);
    let [first, second, third] = [0; 3].map(|producer| ledger.value(producer));
    for value in [first, third, second] {
        tx.send(value).expect("there is room");
    }
    drop(tx);
    let mut order = Order::new(1);
    for value in rx {
        value.received();
        trial.expect(order.see(&value));
    }
}

/// A value is dropped on its way.
pub(super) fn loss(trial: &Trial, _random: &mut Random) {
    let ledger = Ledger::new(1, 2);
    let (tx, rx) = channel(2);
    let sending = Arc::clone(&ledger);
    scope(|s| {
        s.go(|| (0..2).try_for_each(|_| tx.send(sending.value(0))));
        drop(rx.recv());
        rx.recv().expect("there are two").received();
    });
    trial.expect(ledger.settle(false));
}

/// Somebody waits for what never comes.
pub(super) fn hang(trial: &Trial, _random: &mut Random) {
    trial.step();
    _ = Receiver::<()>::nil().recv();
}

/// A sleep takes half as long as it should.
pub(super) fn early(trial: &Trial, _random: &mut Random) {
    let due = std::time::Instant::now() + Duration::from_secs(2);
    sleep(Duration::from_millis(1));
    trial.not_before(due, "a sleep");
}

/// A goroutine is left over.
pub(super) fn goroutine(_trial: &Trial, _random: &mut Random) {
    go!(|| Receiver::<()>::nil().recv());
}

/// Something is not dropped.
pub(super) fn a_drop(trial: &Trial, _random: &mut Random) {
    mem::forget(trial.counted());
}

/// Memory is lost, a little in each round.
pub(super) fn leak(_trial: &Trial, _random: &mut Random) {
    mem::forget(vec![1_u8; 100 << 10]);
}

/// A socket is left open.
pub(super) fn socket(trial: &Trial, _random: &mut Random) {
    mem::forget(trial.expect(UdpSocket::bind("127.0.0.1:0")));
}

/// Somebody panics whose panic nobody expects.
pub(super) fn panic(_trial: &Trial, _random: &mut Random) {
    thread::scope(|_| panic!("this is not planned"));
}
