// Whoever receives the variable may drop it before the select is done with its other channels.
use std::sync::{Arc, Mutex};

use gocsp_channels::{Chan, Sender, channel};
use gocsp_select::select;

struct Request {
    cancel: Chan<u8>,
    reply: Option<Sender<Box<Request>>>,
}

fn another_case(tx: Sender<Box<Request>>, request: Box<Request>) {
    select! {
        send(tx, request) -> sent => drop(sent),
        recv(request.cancel) -> _ => {}
    }
}

fn earlier_and_by_reference(tx: Sender<Request>, request: Request) {
    select! {
        recv(&request.cancel) -> _ => {}
        send(tx, request) => {}
        default => {}
    }
}

fn its_own_case(request: Box<Request>) {
    select! { send(request.reply.as_ref().unwrap(), request) => {} }
}

fn shared(tx: Sender<Arc<Request>>, request: Arc<Request>) {
    select! {
        send(tx, request) => {}
        send(request.cancel, 1) => {}
    }
}

fn a_guard<'a>(tx: Sender<std::sync::MutexGuard<'a, Chan<u8>>>, mutex: &'a Mutex<Chan<u8>>) {
    let guard = mutex.lock().unwrap();
    select! {
        send(tx, guard) => {}
        recv(*guard) => {}
    }
}

fn exclusive<'a>(tx: Sender<&'a mut Request>, request: &'a mut Request) {
    select! {
        send(tx, request) => {}
        recv(request.cancel) => {}
    }
}

struct Holder(Sender<Holder>);

fn crosswise(a: Holder, b: Holder) {
    select! {
        send(a.0, b) => {}
        send(b.0, a) => {}
    }
}

fn through_a_reference(tx: Sender<Box<Request>>, request: Box<Request>) {
    let cancel = &request.cancel;
    select! {
        send(tx, request) => {}
        recv(cancel) => {}
    }
}

fn another_value(tx: Sender<Box<u8>>, number: Box<u8>) {
    let (references, _rx) = channel::<&u8>(1);
    select! {
        send(tx, number) => {}
        send(references, &*number) => {}
    }
}

fn main() {}
