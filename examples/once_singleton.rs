//! A `OnceValue`: something of which the program has one, made by whoever needs it first.
//!
//! To look whether it is there, and to make it if it is not, would let two goroutines find nothing, and make two. Here the
//! others wait until the first has made it.
//!
//! Prints:
//! ```text
//! making the singleton
//! ```
//! and then, in any order:
//! ```text
//! handler 0 uses the singleton
//! handler 1 uses the singleton
//! handler 2 uses the singleton
//! ```

use std::time::Duration;

use gocsp::sync::OnceValue;
use gocsp::{scope, sleep};

static SINGLETON: OnceValue<String> = OnceValue::new(|| {
    println!("making the singleton");
    sleep(Duration::from_millis(10));
    "the singleton".to_owned()
});

#[gocsp::main]
fn main() {
    scope(|s| {
        for n in 0..3 {
            s.go(move || println!("handler {n} uses {}", SINGLETON.get()));
        }
    });
}
