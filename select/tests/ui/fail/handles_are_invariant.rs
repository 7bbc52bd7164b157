// The dynamic select relies on it.
use gocsp_channels::{Receiver, Sender};

fn longer<'a>(rx: &'a Receiver<&'a str>) -> &'a Receiver<&'static str> {
    rx
}

fn shorter<'a>(rx: &'a Receiver<&'static str>) -> &'a Receiver<&'a str> {
    rx
}

fn longer_sender<'a>(tx: &'a Sender<&'a str>) -> &'a Sender<&'static str> {
    tx
}

fn shorter_sender<'a>(tx: &'a Sender<&'static str>) -> &'a Sender<&'a str> {
    tx
}

fn main() {}
