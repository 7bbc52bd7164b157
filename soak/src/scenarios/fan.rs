//! Several channels at once: senders offer a value to each of two, and receivers wait for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::{Receiver, Select, Sender, channel, select};

use crate::crew::Crew;
use crate::ledger::{Ledger, Order, Value};
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (senders, receivers, channels) = (random.amount(8), random.amount(8), 1 + random.amount(10));
    let pairs = random.amount(2000 / senders);
    let ledger = Ledger::new(2 * senders, pairs);
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..channels).map(|_| channel(*random.pick(&[0, 0, 1, 5]))).unzip();
    let received = AtomicUsize::new(0);
    let mut crew = Crew::new();
    for me in 0..senders {
        // The values of an odd producer go to the one channel, those of an even one to the other, so each keeps its order.
        let first = random.below(channels);
        let both = [&txs[first], &txs[(first + 1 + random.below(channels - 1)) % channels]].map(Sender::clone);
        let (ledger, is_dynamic) = (Arc::clone(&ledger), random.one_in(2));
        crew.add(move || {
            for _ in 0..pairs {
                let values = [ledger.value(2 * me), ledger.value(2 * me + 1)];
                if is_dynamic { send_dynamically(trial, &both, values) } else { send_both(trial, &both, values) }
            }
        });
    }
    for _ in 0..receivers {
        let (rxs, received) = (rxs.clone(), &received);
        crew.add(move || _ = received.fetch_add(receive_from_all(trial, &rxs, 2 * senders), Ordering::Relaxed));
    }
    drop((txs, rxs));
    crew.work(trial, random);
    let all = 2 * senders * pairs;
    let (settled, received) = (trial.expect(ledger.settle(false)), received.into_inner());
    trial.check(
        settled == all && received == all,
        format_args!("of {all} values {settled} or {received} were received"),
    );
}

/// Offers both values at the same time, until each has been sent.
fn send_both(trial: &Trial, [one, other]: &[Sender<Value>; 2], [first, second]: [Value; 2]) {
    const LISTENS: &str = "the receivers listen to the end";
    trial.step();
    select! {
        send(one, first) -> sent => {
            sent.expect(LISTENS);
            other.send(second).expect(LISTENS);
        }
        send(other, second) -> sent => {
            sent.expect(LISTENS);
            one.send(first).expect(LISTENS);
        }
    }
}

/// The same, with a dynamic select. The value that is not sent is taken back, and offered again.
fn send_dynamically(trial: &Trial, both: &[Sender<Value>; 2], values: [Value; 2]) {
    trial.step();
    let mut select = Select::new();
    for (tx, value) in both.iter().zip(values) {
        select.send(tx, value);
    }
    let selected = select.select();
    let won = selected.index();
    trial.check(selected.send(&both[won]).is_ok(), "a send failed though the receivers listen to the end");
    let left = 1 - won;
    let value = select.take_back(left, &both[left]);
    trial.check(select.is_empty(), "a select still has operations that were carried out");
    trial.check(both[left].send(value).is_ok(), "a send failed though the receivers listen to the end");
}

/// Receives until all channels are closed; gives how many there were.
fn receive_from_all(trial: &Trial, rxs: &[Receiver<Value>], producers: usize) -> usize {
    let (mut order, mut received) = (Order::new(producers), 0);
    let mut select = Select::new();
    rxs.iter().for_each(|rx| _ = select.recv(rx));
    while !select.is_empty() {
        let selected = select.select();
        let index = selected.index();
        match selected.recv(&rxs[index]) {
            Ok(value) => {
                value.received();
                trial.expect(order.see(&value));
                trial.step();
                received += 1;
            }
            Err(_) => select.remove(index),
        }
    }
    received
}
