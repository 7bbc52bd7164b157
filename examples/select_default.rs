//! A `select!` that does not wait: if no channel is ready it takes the default.
//!
//! Prints, with another time each time:
//! ```text
//! In default after …
//! ```

use std::time::Instant;

use gocsp::{Receiver, select};

#[gocsp::main]
fn main() {
    let start = Instant::now();
    let (c1, c2) = (Receiver::<u32>::nil(), Receiver::<u32>::nil());
    select! {
        recv(c1) => unreachable!("nobody sends"),
        recv(c2) => unreachable!("nobody sends"),
        default => println!("In default after {:?}", start.elapsed()),
    }
}
