//! The concurrent map: what is counted in it, what is put there once, and what is handed over by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::sync::{Barrier, Map};
use gocsp::yield_now;

use crate::crew::Crew;
use crate::ledger::{Ledger, Value};
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (parties, rounds, keys) = (random.amount(20), random.amount(200), random.amount(50));
    let (counts, firsts) = (Map::<usize, usize>::new(), Map::<usize, usize>::new());
    let (posts, ledger) = (Map::<usize, Arc<Value>>::new(), Ledger::new(parties, rounds));
    let (won, start) = (AtomicUsize::new(0), Barrier::new(parties));
    let mut crew = Crew::new();
    for me in 0..parties {
        let (counts, firsts, posts, ledger, won, start) = (&counts, &firsts, &posts, &ledger, &won, &start);
        let mut random = random.fork();
        crew.add(move || {
            start.wait();
            for round in 0..rounds {
                trial.step();
                increase(counts, random.below(keys));
                let (first, there) = firsts.load_or_store(round, me);
                won.fetch_add(usize::from(!there), Ordering::Relaxed);
                trial.check(there || first == me, "what was stored is another's");
                trial.check(firsts.load(&round) == Some(first), "what was stored once has changed");
                // Who finds a post takes it; no matter who has left it.
                if let Some(value) = posts.swap(random.below(keys), Arc::new(ledger.value(me))) {
                    value.received();
                }
                if let Some(value) = posts.load_and_delete(&random.below(keys)) {
                    value.received();
                }
                if random.one_in(20) {
                    yield_now();
                }
            }
        });
    }
    crew.work(trial, random);
    let mut sum = 0;
    counts.range(|_, count| {
        sum += count;
        true
    });
    trial.check(sum == parties * rounds, format_args!("{sum} was counted, not {}", parties * rounds));
    trial.check(won.into_inner() == rounds && firsts.len() == rounds, "something was not stored once");
    posts.iter().for_each(|(_, value)| value.received());
    posts.clear();
    trial.check(trial.expect(ledger.settle(false)) == parties * rounds, "a post was lost");
}

fn increase(counts: &Map<usize, usize>, key: usize) {
    let (mut count, there) = counts.load_or_store(key, 1);
    while there && counts.compare_and_swap(&key, &count, count + 1).is_err() {
        count = counts.load(&key).expect("nobody deletes it");
    }
}
