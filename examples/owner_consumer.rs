//! Lexical confinement: a channel belongs to one goroutine, and the others see only the end that they need.
//!
//! The owner makes the channel, sends, and closes it by dropping the sender; it hands out the receiver and nothing else. The
//! consumer can only receive. So nobody can send after the close, or close twice, and nobody has to look for whether
//! somebody does.
//!
//! Prints:
//! ```text
//! Received: 0
//! Received: 1
//! Received: 2
//! Received: 3
//! Received: 4
//! Received: 5
//! Done receiving!
//! ```

use gocsp::{Receiver, channel, go};

fn owner() -> Receiver<u32> {
    let (results, receiver) = channel(5);
    // Ends early if nobody receives any more.
    go!(move || (0..=5).try_for_each(|n| results.send(n)));
    receiver
}

fn consumer(results: &Receiver<u32>) {
    for result in results {
        println!("Received: {result}");
    }
    println!("Done receiving!");
}

#[gocsp::main]
fn main() {
    consumer(&owner());
}
