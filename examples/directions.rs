//! The directions of a channel: who is given a `Sender` can only send, who is given a `Receiver` can only receive.
//!
//! A `Chan` does both, and becomes either. That the directions are kept is checked by the compiler.
//!
//! Prints:
//! ```text
//! ping
//! pong
//! ```

use gocsp::{Chan, Receiver, Sender, go};

/// Receives from the one, sends to the other.
fn answer(questions: Receiver<&str>, answers: Sender<&str>) {
    for question in &questions {
        println!("{question}");
        answers.send("pong").expect("who asks waits for the answer");
    }
}

#[gocsp::main]
fn main() {
    let (questions, answers) = (Chan::new(0), Chan::new(0));
    go!(answer(Receiver::from(&questions), Sender::from(&answers)));
    questions.send("ping").expect("there is a receiver");
    println!("{}", answers.recv().expect("there is a sender"));
}
