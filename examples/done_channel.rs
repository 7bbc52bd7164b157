//! A done channel: it carries nothing, and tells a worker by its close that nobody needs it any more.
//!
//! Its values would be empty, `()`, and take no memory. To close it is to drop its only sender, which can happen only once.
//!
//! Prints:
//! ```text
//! Got some input: Hello
//! Got some input: World
//! The worker has stopped.
//! ```

use gocsp::{Receiver, channel, go, select};

fn do_work(input: Receiver<&str>, done: Receiver<()>) {
    loop {
        select! {
            recv(input) -> word => match word {
                Ok(word) => println!("Got some input: {word}"),
                Err(_) => return, // Closed as well, which does not happen here.
            },
            recv(done) => return,
        }
    }
}

#[gocsp::main]
fn main() {
    let (input, words) = channel(0);
    let (until_here, done) = channel::<()>(0);
    let worker = go!(do_work(words, done));
    for word in ["Hello", "World"] {
        input.send(word).expect("the worker receives");
    }
    drop(until_here);
    worker.join().expect("the worker does not panic");
    println!("The worker has stopped.");
}
