//! The sieve of primes: a chain of filters that grows as it runs, and is torn down from its end.

use gocsp::{Receiver, channel, go};

use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (count, capacity) = (random.amount(120), *random.pick(&[0, 0, 1, 10]));
    let (tx, mut numbers) = channel(capacity);
    trial.goroutines_start(1 + count);
    let kept = trial.counted();
    go! {
        let _kept = kept;
        // Ends when the first filter has gone away.
        (2_u32..).try_for_each(|number| tx.send(number))
    };
    let mut last = 1;
    for _ in 0..count {
        let prime = numbers.recv().expect("numbers do not end");
        let expected = (last + 1..).find(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
        trial.check(Some(prime) == expected, format_args!("{prime} came after {last}"));
        last = prime;
        let kept = trial.counted();
        let (tx, rx) = channel(capacity);
        let trial = trial.clone();
        go! {
            let _kept = kept;
            filter(&trial, &numbers, prime, |number| tx.send(number).is_ok());
        };
        numbers = rx;
    }
}

/// Passes on what `prime` does not divide, as long as somebody takes it.
fn filter(trial: &Trial, numbers: &Receiver<u32>, prime: u32, pass_on: impl Fn(u32) -> bool) {
    let mut rest = numbers.iter().inspect(|_| trial.step()).filter(|number| number % prime != 0);
    _ = rest.all(pass_on);
}
