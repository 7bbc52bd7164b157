//! The for-select loop: work goes on until somebody closes a channel.
//!
//! Between two cycles of work a `select!` with a default looks whether it is closed, and does not wait.
//!
//! Prints, with five cycles if nothing else keeps the machine busy:
//! ```text
//! Achieved … cycles of work before signalled to stop.
//! ```

use std::time::Duration;

use gocsp::{channel, go, select, sleep};

#[gocsp::main]
fn main() {
    let (stop, done) = channel::<()>(0);
    go! {
        sleep(Duration::from_millis(500));
        drop(stop);
    };
    let mut cycles = 0;
    loop {
        select! {
            recv(done) => break,
            default => {}
        }
        // Simulated work.
        cycles += 1;
        sleep(Duration::from_millis(100));
    }
    println!("Achieved {cycles} cycles of work before signalled to stop.");
}
