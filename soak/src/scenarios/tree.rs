//! Goroutines that start goroutines: divide and conquer, over what the caller has lent.

use gocsp::{ScopedJoinHandle, go, scope, yield_now};

use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let numbers: Vec<u64> = (0..random.amount(20_000)).map(|_| random.below(1 << 40) as u64).collect();
    let least = 1 + random.below(32);
    trial.check(sum(trial, &numbers, least) == numbers.iter().sum(), "a sum is wrong");
    let depth = random.below(12) as u32;
    trial.check(leaves(trial.clone(), depth) == 1 << depth, "leaves are missing");
    let mut sorted = numbers.clone();
    sort(trial, &mut sorted, 200);
    trial.check(sorted.is_sorted(), "a sorted list is not sorted");
}

fn sum(trial: &Trial, numbers: &[u64], least: usize) -> u64 {
    trial.step();
    if numbers.len() <= least {
        return numbers.iter().sum();
    }
    let (left, right) = numbers.split_at(numbers.len() / 2);
    trial.goroutines_start(2);
    scope(|s| {
        let halves = [left, right].map(|half| s.go(move || sum(trial, half, least)));
        halves.map(ScopedJoinHandle::join).into_iter().map(|sum| sum.expect("no half panics")).sum()
    })
}

/// With handles that may outlive their parents, and do not.
fn leaves(trial: Trial, depth: u32) -> u64 {
    trial.step();
    if depth == 0 {
        yield_now();
        return 1;
    }
    trial.goroutines_start(2);
    let halves = [(); 2].map(|()| go!(leaves(trial.clone(), depth - 1)));
    halves.map(|half| half.join().expect("no half panics")).into_iter().sum()
}

fn sort(trial: &Trial, numbers: &mut [u64], least: usize) {
    trial.step();
    if numbers.len() <= least {
        return numbers.sort_unstable();
    }
    let middle = numbers.len() / 2;
    let (left, _, right) = numbers.select_nth_unstable(middle);
    trial.goroutines_start(1);
    scope(|s| {
        s.go(|| sort(trial, left, least));
        sort(trial, right, least);
    });
}
