//! A `select!` of three channels, two to receive from and one to send to: of those that are ready it takes one by chance.
//!
//! All three are always ready here, and each is chosen about as often as the others. A `switch` would always take the first.
//!
//! Prints, with other numbers each time:
//! ```text
//! c1: …, c2: …, c3: …
//! ```

use gocsp::{channel, select};

#[gocsp::main]
fn main() {
    // What is received from a closed channel is an error, but it is ready.
    let (_, c1) = channel::<()>(0);
    let (_, c2) = channel::<()>(0);
    let (c3, _receiver) = channel(3000);
    let (mut first, mut second) = (0, 0);
    for _ in 0..3000 {
        select! {
            recv(c1) => first += 1,
            recv(c2) => second += 1,
            send(c3, ()) -> sent => sent.expect("there is room"),
        }
    }
    println!("c1: {first}, c2: {second}, c3: {}", c3.len());
}
