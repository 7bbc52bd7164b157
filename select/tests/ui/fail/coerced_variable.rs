// A variable is sent as it is: what it points to belongs to somebody else.
use std::sync::{Arc, Mutex};

use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (tx, _rx) = channel::<String>(1);
    let text = String::from("text");
    let reference = &text;
    select! { send(tx, reference) => {} }
    let twice = &&text;
    select! { send(tx, twice) => {}, default => {} }
    let mut other = String::from("other");
    let exclusive = &mut other;
    select! { send(tx, exclusive) => {} }
    let shared = Arc::new(String::from("shared"));
    select! { send(tx, shared) => {} }
    let boxed = Box::new(String::from("boxed"));
    select! { send(tx, boxed) => {} }
    let mutex = Mutex::new(String::from("guarded"));
    let guard = mutex.lock().unwrap();
    select! { send(tx, guard) => {} }
}

fn generic<T>(tx: gocsp_channels::Sender<T>, value: &T) {
    select! { send(tx, value) => {} }
}
