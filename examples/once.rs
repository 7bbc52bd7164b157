//! A `Once`: a hundred goroutines call it, and its function runs once.
//!
//! Prints:
//! ```text
//! Count is 1
//! ```

use std::sync::atomic::{AtomicU32, Ordering};

use gocsp::scope;
use gocsp::sync::Once;

#[gocsp::main]
fn main() {
    let count = AtomicU32::new(0);
    let once = Once::new();
    scope(|s| {
        for _ in 0..100 {
            s.go(|| once.call_once(|| _ = count.fetch_add(1, Ordering::Relaxed)));
        }
    });
    println!("Count is {}", count.into_inner());
}
