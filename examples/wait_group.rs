//! A `WaitGroup`: waits until a number of goroutines are done.
//!
//! `add` counts the goroutines before they start, `done` counts each out when it ends, and `wait` waits for zero. `go` does
//! all of it.
//!
//! Prints, in any order:
//! ```text
//! 1st goroutine sleeping...
//! 2nd goroutine sleeping...
//! ```
//! and then
//! ```text
//! All goroutines complete.
//! ```

use std::time::Duration;

use gocsp::sync::WaitGroup;
use gocsp::{go, sleep};

#[gocsp::main]
fn main() {
    let group = WaitGroup::new();
    group.add(1);
    let counted = group.clone();
    go! {
        println!("1st goroutine sleeping...");
        sleep(Duration::from_millis(1));
        counted.done();
    };
    group.go(|| {
        println!("2nd goroutine sleeping...");
        sleep(Duration::from_millis(2));
    });
    group.wait();
    println!("All goroutines complete.");
}
