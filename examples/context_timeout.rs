//! A context with a timeout: a worker takes input until the time is over.
//!
//! The context's `done` is a channel that is closed then, also if the context is cancelled before; `err` says which it was.
//!
//! Prints:
//! ```text
//! Got some input: Hello
//! Got some input: World
//! Out of time! context deadline exceeded
//! ```

use std::time::Duration;

use gocsp::context::Context;
use gocsp::{Receiver, channel, go, select};

fn do_work(context: &Context, input: &Receiver<&str>) {
    loop {
        select! {
            recv(input) -> word => println!("Got some input: {}", word.expect("the channel stays open")),
            recv(context.done()) => {
                return println!("Out of time! {}", context.err().expect("it has ended"));
            }
        }
    }
}

#[gocsp::main]
fn main() {
    let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(300));
    let (input, words) = channel(0);
    let worker = go!(move || do_work(&context, &words));
    for word in ["Hello", "World"] {
        // Fails only if the worker is out of time.
        let _ = input.send(word);
    }
    worker.join().expect("it does not panic");
}
