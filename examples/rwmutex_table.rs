//! What an `RwLock`, Go's `RWMutex`, gains where many only read: a table.
//!
//! For each number of readers: how long it takes until all have had the lock once, beside a writer who takes it five times.
//! In the first column of times the readers share the lock; in the second each takes it for itself. The lock is held for
//! next to no time here, so what is seen is mostly what the goroutines and the lock itself cost.
//!
//! Prints twenty lines, up to 524288 readers, or as many as its argument says, with other times each time:
//! ```text
//! Readers  RWMutex  Mutex
//! 1        …  …
//! 2        …  …
//! 4        …  …
//! …
//! ```

use std::env;
use std::num::ParseIntError;
use std::time::{Duration, Instant};

use gocsp::sync::RwLock;
use gocsp::{scope, sleep};

fn produce(lock: &RwLock<()>) {
    for _ in 0..5 {
        drop(lock.write());
        sleep(Duration::from_nanos(1));
    }
}

/// How long it takes until so many have done `observe`, beside a producer.
fn measure(observers: u32, observe: fn(&RwLock<()>)) -> Duration {
    let lock = RwLock::new(());
    let start = Instant::now();
    scope(|s| {
        s.go(|| produce(&lock));
        for _ in 0..observers {
            s.go(|| observe(&lock));
        }
    });
    start.elapsed()
}

#[gocsp::main]
fn main() -> Result<(), ParseIntError> {
    let lines = env::args().nth(1).map_or(Ok(20), |argument| argument.parse::<u32>())?;
    println!("Readers  RWMutex  Mutex");
    for observers in (0..lines).map(|power| 1 << power) {
        let shared = measure(observers, |lock| drop(lock.read()));
        let alone = measure(observers, |lock| drop(lock.write()));
        println!("{observers:<7}  {shared:<7.0?}  {alone:.0?}");
    }
    Ok(())
}
