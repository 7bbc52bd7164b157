//! Deep stacks, of all sizes, and what stands on them while others run.

use gocsp::{Go, channel, sleep, yield_now};

use crate::random::Random;
use crate::trial::Trial;

/// At least what a level takes, in a build without optimization as well.
const LEVEL: usize = 1 << 10;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    for _ in 0..random.amount(10) {
        let started: Vec<_> = (0..random.amount(40))
            .map(|me| {
                let size = *random.pick(&[32 << 10, 64 << 10, 256 << 10, 1 << 20]);
                // Half of it, less what the runtime and a wait take.
                let levels = random.amount((size / 2 - (8 << 10)) / LEVEL);
                let (trial, random, name) = (trial.clone(), random.fork(), format!("deep {me}"));
                let go = Go::new().name(name.clone()).stack_size(size);
                let go = match me % 3 {
                    0 => go.spread(),
                    1 => go.local(),
                    _ => go,
                };
                let handle = go.spawn(move || {
                    let mut random = random;
                    let sum = descend(&trial, levels, &mut random);
                    trial.check(sum == levels * (levels + 1) / 2, "what stood on a stack has changed");
                });
                (handle.expect("the size is allowed"), name)
            })
            .collect();
        trial.goroutines_start(started.len());
        for (handle, name) in started {
            trial.check(handle.name() == Some(&name), "a goroutine has another name");
            trial.check(handle.join().is_ok(), "a goroutine with a deep stack has panicked");
        }
    }
}

/// Fills the stack, waits at its end and now and then on the way back, and adds up what it has left there.
#[inline(never)]
fn descend(trial: &Trial, level: usize, random: &mut Random) -> usize {
    let mark = std::hint::black_box([level; 16]);
    if level == 0 {
        trial.step();
        wait(random);
        return 0;
    }
    let below = descend(trial, level - 1, random);
    if random.one_in(50) {
        wait(random);
    }
    trial.check(std::hint::black_box(&mark).iter().all(|&mark| mark == level), "somebody else has written on a stack");
    below + mark[15]
}

#[inline(never)]
fn wait(random: &mut Random) {
    match random.below(4) {
        0 => sleep(random.micros(300)),
        1 => {
            let (_tx, rx) = channel::<()>(0);
            _ = rx.recv_timeout(random.micros(300));
        }
        _ => yield_now(),
    }
}
