//! Receiving from a closed channel: what was sent before comes first, and then every receive fails at once.
//!
//! Where Go gives a zero and `false`, `recv` returns an error, so that nobody takes the zero for a value. To close a channel
//! a second time is an error as well, where Go panics.
//!
//! Prints:
//! ```text
//! (true): 42
//! (false): 0
//! to close it again: close of a closed or nil channel
//! ```

use gocsp::{Chan, CloseError, SendError};

#[gocsp::main]
fn main() -> Result<(), CloseError> {
    let stream = Chan::new(1);
    stream.send(42).unwrap_or_else(|SendError(value)| unreachable!("there is room for {value}"));
    stream.close()?;
    for _ in 0..2 {
        match stream.recv() {
            Ok(value) => println!("(true): {value}"),
            Err(_) => println!("(false): 0"),
        }
    }
    if let Err(error) = stream.close() {
        println!("to close it again: {error}");
    }
    Ok(())
}
