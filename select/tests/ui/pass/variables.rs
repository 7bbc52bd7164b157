#![deny(warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

//! What may be offered, beside what, and what remains of it.

use std::time::Duration;

use gocsp_channels::{Chan, Receiver, Sender, channel};
use gocsp_select::select;

struct Request {
    cancel: Chan<u8>,
    reply: Chan<Vec<u8>>,
    body: Vec<u8>,
}

/// Go's loop: the value is offered until it is taken.
fn offer<T>(tx: &Sender<T>, ticks: &Receiver<u8>, value: T) -> usize {
    let mut heard = 0;
    loop {
        select! {
            send(tx, value) -> sent => { assert!(sent.is_ok()); break heard; }
            recv(ticks) -> _ => heard += 1,
        }
    }
}

/// What is not sent is still there.
fn unsent(tx: &Sender<String>, value: String) -> String {
    select! {
        send(tx, value) => String::new(),
        default => value,
    }
}

/// Channels beside the variable, and those that a shared reference in it leads to.
fn beside<'a>(request: Request, tx: &Sender<u8>, lent: &'a Request, requests: &Sender<&'a Request>) {
    let Request { cancel, reply, body } = request;
    select! {
        send(reply, body) -> _ => {}
        recv(cancel) -> _ => {}
        send(requests, lent) => {}
        recv(lent.cancel) => {}
        default(Duration::from_millis(body.len() as u64)) => drop(body),
    }
    let limit = 3;
    select! { send(tx, limit) => {} send(tx, limit) => {} default => {} }
    assert_eq!(limit, 3);
}

/// One variable on two channels, an array of a length that nobody knows, and a variable that is filled again.
fn twice<const N: usize>(a: &Sender<[String; N]>, b: &Sender<[String; N]>, from_b: &Receiver<[String; N]>) {
    let mut words = [const { String::new() }; N];
    for _ in 0..2 {
        select! {
            send(a, words) -> sent => { assert!(sent.is_err()); return; }
            send(b, words) -> sent => { assert!(sent.is_ok()); words = from_b.recv().unwrap(); }
        }
    }
    drop(words);
}

fn main() {
    let (tx, rx) = channel(1);
    let (_ticks, ticking) = channel(1);
    assert_eq!(offer(&tx, &ticking, String::from("x")), 0);
    assert_eq!(unsent(&tx, String::from("y")), "y");
    drop(rx);
    let request = || Request { cancel: Chan::new(0), reply: Chan::new(1), body: vec![1] };
    let (numbers, _from_numbers) = channel(2);
    let lent = request();
    beside(request(), &numbers, &lent, &Sender::nil());
    let (b, from_b) = channel(1);
    twice::<2>(&Sender::nil(), &b, &from_b);
}
