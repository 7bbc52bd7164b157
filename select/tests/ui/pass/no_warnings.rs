#![deny(warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use std::time::Duration;

use gocsp_channels::{Receiver, channel};
use gocsp_select::select;

/// Every form, in a function of which nothing is said.
fn all() -> Result<(), Box<dyn std::error::Error>> {
    let (tx, rx) = channel::<String>(1);
    let value = String::from("x");
    let spare = String::from("y");
    select! {
        send(tx, value) -> sent => { sent?; }
        recv(rx) -> message => { message?; }
        recv(rx) => {}
        recv(rx) -> _ => (),
        send(tx.clone(), spare) => {}
        send(tx, String::new()) -> _ => {}
        default(Duration::from_millis(1)) => return Ok(()),
    }
    let number = select! {
        recv(rx) -> message => message?.len(),
        default => 0,
    };
    assert!(number <= 1);
    select! { recv({ &rx }) => {} send(tx, { String::new() }) => {} }
    loop {
        select! {
            recv(rx) -> _message => break,
            recv(Receiver::<i32>::nil()) => continue,
            default({ Duration::ZERO }) => return Ok(()),
        }
    }
    Ok(())
}

fn main() {
    all().unwrap();
}
