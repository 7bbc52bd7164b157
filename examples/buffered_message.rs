//! Two messages, of which only one is received: a channel with room for one keeps the other.
//!
//! Without that room the sender would wait for somebody to take the second one.
//!
//! Prints:
//! ```text
//! 42
//! left in the channel: 1
//! ```

use gocsp::channel;
use gocsp::sync::WaitGroup;

#[gocsp::main]
fn main() {
    let group = WaitGroup::new();
    let (tx, rx) = channel(1);
    let receiver = rx.clone();
    group.go(move || println!("{}", receiver.recv().expect("the sender sends")));
    group.go(move || [42, 27].into_iter().for_each(|n| tx.send(n).expect("main keeps a receiver")));
    group.wait();
    println!("left in the channel: {}", rx.len());
}
