#![allow(non_upper_case_globals, non_camel_case_types)]

use gocsp_channels::channel;
use gocsp_select::select;

const constant: String = String::new();
static global: String = String::new();
struct unit;

fn main() {
    let (tx, _rx) = channel::<String>(0);
    select! {
        send(tx, constant) => {}
    }
    select! {
        send(tx, global) => {}
    }
    let (tx, _rx) = channel::<unit>(0);
    select! {
        send(tx, unit) => {}
    }
}
