//! A deadlock: two goroutines take the same two locks, in opposite order.
//!
//! When each holds one lock and waits for the other, neither ever goes on. All four conditions of Coffman hold: a lock is
//! held by one goroutine alone; who holds one waits for another; nobody takes a lock away; and the waiting goes round in a
//! circle. The cure breaks the circle: everybody takes the locks in the same order.
//!
//! When all goroutines are asleep, and nothing is left that could wake one, the program ends with status 2 and a report. It
//! prints on the error stream:
//! ```text
//! fatal error: all goroutines are asleep - deadlock!
//!
//! goroutine 1 'main' [sync.WaitGroup.Wait, …s]:
//!     at examples/deadlock.rs:…
//!     waits for wait group #1 (made at examples/deadlock.rs:…), for which 2 are still to be done
//!     spawned at examples/deadlock.rs:…
//!
//! goroutine …sync.Mutex.Lock, …s]:
//!     at examples/deadlock.rs:…
//!     waits for mutex #1 (made at examples/deadlock.rs:…), which goroutine … holds
//!     spawned at examples/deadlock.rs:…
//!
//! goroutine …sync.Mutex.Lock, …s]:
//!     at examples/deadlock.rs:…
//!     waits for mutex #2 (made at examples/deadlock.rs:…), which goroutine … holds
//!     spawned at examples/deadlock.rs:…
//!
//! these wait for each other:
//!     goroutine … waits for mutex #1 (made at examples/deadlock.rs:…), which goroutine … holds
//!     goroutine … waits for mutex #2 (made at examples/deadlock.rs:…), which goroutine … holds
//!
//! ```

use std::sync::Arc;
use std::time::Duration;

use gocsp::sleep;
use gocsp::sync::{Mutex, WaitGroup};

fn print_sum(v1: &Mutex<i32>, v2: &Mutex<i32>) {
    let first = v1.lock();
    sleep(Duration::from_millis(200)); // Now each holds one.
    let second = v2.lock();
    println!("sum={}", *first + *second);
}

#[gocsp::main]
fn main() {
    let (a, b) = (Arc::new(Mutex::new(1)), Arc::new(Mutex::new(2)));
    let wg = WaitGroup::new();
    for (v1, v2) in [(Arc::clone(&a), Arc::clone(&b)), (b, a)] {
        wg.go(move || print_sum(&v1, &v2));
    }
    wg.wait();
}
