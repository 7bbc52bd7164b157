//! A producer with a buffer: it need not wait for the consumer as long as there is room.
//!
//! What both have to say is collected, and printed at the end.
//!
//! Prints, in any order, but each in its own:
//! ```text
//! Sending: 0
//! Sending: 1
//! Sending: 2
//! Sending: 3
//! Sending: 4
//! Producer Done.
//! Received 0.
//! Received 1.
//! Received 2.
//! Received 3.
//! Received 4.
//! ```

use gocsp::sync::Mutex;
use gocsp::{channel, scope};

#[gocsp::main]
fn main() {
    let story = Mutex::new(Vec::new());
    let say = |line: String| story.lock().push(line);
    let (tx, rx) = channel(4);
    scope(|s| {
        s.go(move || {
            for n in 0..5 {
                say(format!("Sending: {n}"));
                tx.send(n).expect("the consumer receives all");
            }
            say("Producer Done.".to_owned());
        });
        for n in &rx {
            say(format!("Received {n}."));
        }
    });
    println!("{}", story.lock().join("\n"));
}
