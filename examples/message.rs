//! One goroutine sends a message to another, over an unbuffered channel.
//!
//! Such a channel holds nothing: each waits until the other is there, and the message goes from hand to hand.
//!
//! Prints:
//! ```text
//! 42
//! ```

use gocsp::channel;
use gocsp::sync::WaitGroup;

#[gocsp::main]
fn main() {
    let group = WaitGroup::new();
    let (tx, rx) = channel(0);
    group.go(move || println!("{}", rx.recv().expect("the sender sends")));
    group.go(move || tx.send(42).expect("the receiver receives"));
    group.wait();
}
