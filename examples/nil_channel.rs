//! A nil channel: nobody ever sends on it, so whoever receives from it without a limit waits for ever.
//!
//! In a `select!` that is what it is good for: a case with a nil channel is switched off.
//!
//! Prints:
//! ```text
//! from the nil channel: timed out receiving
//! from the other channel: 42
//! ```
//! Then it receives from the nil channel without a limit. When all goroutines are asleep, and nothing is left that could wake one,
//! the program ends with status 2 and a report. It prints on the error stream:
//! ```text
//! fatal error: all goroutines are asleep - deadlock!
//!
//! goroutine 1 'main' [chan receive (nil chan), … ms]:
//!     at examples/nil_channel.rs:…
//!     waits for what never happens
//!     spawned at examples/nil_channel.rs:…
//!
//! ```

use std::time::Duration;

use gocsp::{Receiver, SendError, channel, select};

#[gocsp::main]
fn main() -> Result<(), SendError<u32>> {
    let nil = Receiver::<u32>::nil();
    if let Err(error) = nil.recv_timeout(Duration::from_millis(10)) {
        println!("from the nil channel: {error}");
    }
    let (tx, rx) = channel(1);
    tx.send(42)?;
    select! {
        recv(nil) => unreachable!("nothing comes from a nil channel"),
        recv(rx) -> n => println!("from the other channel: {}", n.expect("it was sent")),
    }
    nil.recv().expect("nothing comes from a nil channel");
    Ok(())
}
