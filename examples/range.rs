//! A loop over a channel: it receives until the channel is closed.
//!
//! Nobody has to close it here: that happens when the last sender is dropped, at the end of the goroutine.
//!
//! Prints:
//! ```text
//! 1 2 3 4 5
//! ```

use gocsp::{channel, go};

#[gocsp::main]
fn main() {
    let (tx, rx) = channel(0);
    go!(move || (1..=5).try_for_each(|n| tx.send(n)));
    let mut words = Vec::new();
    for n in &rx {
        words.push(n.to_string());
    }
    println!("{}", words.join(" "));
}
