//! A buffered channel that is full: four can be sent before anybody receives, and the fifth has to wait.
//!
//! Prints:
//! ```text
//! sent A, B, C and D
//! there is no room for E
//! received A
//! sent E
//! left: BCDE
//! ```

use gocsp::{TrySendError, channel};

#[gocsp::main]
fn main() -> Result<(), TrySendError<char>> {
    let (tx, rx) = channel(4);
    for c in 'A'..='D' {
        tx.try_send(c)?;
    }
    println!("sent A, B, C and D");
    if let Err(TrySendError::Full(c)) = tx.try_send('E') {
        println!("there is no room for {c}");
    }
    if let Ok(c) = rx.recv() {
        println!("received {c}");
    }
    tx.try_send('E')?;
    println!("sent E");
    println!("left: {}", rx.try_iter().collect::<String>());
    Ok(())
}
