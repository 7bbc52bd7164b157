//! A `select!` that waits for a limited time.
//!
//! `after` is a channel on which the time is sent when it is over. `default(duration)` does the same without a channel.
//!
//! Prints:
//! ```text
//! Timed out.
//! Timed out again.
//! ```

use std::time::Duration;

use gocsp::time::after;
use gocsp::{Receiver, select};

#[gocsp::main]
fn main() {
    let nothing = Receiver::<u32>::nil();
    let timeout = after(Duration::from_millis(20));
    select! {
        recv(nothing) => unreachable!("nobody sends"),
        recv(timeout) => println!("Timed out."),
    }
    select! {
        recv(nothing) => unreachable!("nobody sends"),
        default(Duration::from_millis(20)) => println!("Timed out again."),
    }
}
