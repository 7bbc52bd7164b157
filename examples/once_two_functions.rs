//! A `Once` counts its calls, not the functions that it is given: the second function does not run.
//!
//! Prints:
//! ```text
//! Count: 1
//! ```

use gocsp::sync::Once;

#[gocsp::main]
fn main() {
    let mut count = 0;
    let once = Once::new();
    once.call_once(|| count += 1);
    once.call_once(|| count -= 1);
    println!("Count: {count}");
}
