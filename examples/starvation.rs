//! Starvation: a greedy worker holds the lock for its whole work, a polite one only when it has to.
//!
//! Both do the same work. The polite one has to get the lock three times as often, and each time it may have to wait for
//! the greedy one; so it gets less done. How much less depends on the lock: that of gocsp is handed to whoever has waited
//! for more than a millisecond, so nobody starves altogether.
//!
//! Prints, in any order:
//! ```text
//! Polite worker was able to execute … work loops.
//! Greedy worker was able to execute … work loops.
//! ```

use std::time::{Duration, Instant};

use gocsp::sync::Mutex;
use gocsp::{scope, sleep};

/// How long they work.
const TIME: Duration = Duration::from_millis(500);
const WORK: Duration = Duration::from_nanos(3);

/// How often `work` is done in the time.
fn loops(work: impl Fn()) -> u32 {
    let start = Instant::now();
    let mut loops = 0;
    while start.elapsed() < TIME {
        work();
        loops += 1;
    }
    loops
}

fn greedy(lock: &Mutex<()>) {
    let _held = lock.lock();
    sleep(WORK);
}

fn polite(lock: &Mutex<()>) {
    for _ in 0..3 {
        let _held = lock.lock();
        sleep(WORK / 3);
    }
}

#[gocsp::main]
fn main() {
    let lock = Mutex::new(());
    scope(|s| {
        s.go(|| println!("Greedy worker was able to execute {} work loops.", loops(|| greedy(&lock))));
        s.go(|| println!("Polite worker was able to execute {} work loops.", loops(|| polite(&lock))));
    });
}
