//! Closing a channel unblocks all who wait for it, however many they are.
//!
//! Prints
//! ```text
//! Unblocking goroutines...
//! ```
//! and then, in any order:
//! ```text
//! 0 has begun
//! 1 has begun
//! 2 has begun
//! 3 has begun
//! 4 has begun
//! ```

use gocsp::sync::WaitGroup;
use gocsp::{CloseError, channel};

#[gocsp::main]
fn main() -> Result<(), CloseError> {
    let group = WaitGroup::new();
    let (begin, has_begun) = channel::<()>(0);
    for n in 0..5 {
        let has_begun = has_begun.clone();
        group.go(move || {
            // Fails when the channel is closed, and only then: nothing is sent.
            let _ = has_begun.recv();
            println!("{n} has begun");
        });
    }
    println!("Unblocking goroutines...");
    begin.close()?;
    group.wait();
    Ok(())
}
