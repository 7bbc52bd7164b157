//! A `Mutex`: some goroutines count up and others down, one at a time.
//!
//! The number is inside the lock, and there is no other way to it. The lock is free again when the guard goes out of scope,
//! whatever the way out; so nothing like Go's `defer lock.Unlock()` can be forgotten.
//!
//! Prints, in any order:
//! ```text
//! Incrementing: …
//! Incrementing: …
//! Incrementing: …
//! Decrementing: …
//! Decrementing: …
//! Decrementing: …
//! ```
//! and then
//! ```text
//! Arithmetic complete: 0
//! ```

use gocsp::scope;
use gocsp::sync::Mutex;

#[gocsp::main]
fn main() {
    let count = Mutex::new(0);
    let increment = || {
        let mut count = count.lock();
        *count += 1;
        println!("Incrementing: {count}");
    };
    let decrement = || {
        let mut count = count.lock();
        *count -= 1;
        println!("Decrementing: {count}");
    };
    scope(|s| {
        for _ in 0..3 {
            s.go(increment);
            s.go(decrement);
        }
    });
    println!("Arithmetic complete: {}", count.lock());
}
