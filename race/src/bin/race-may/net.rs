//! The server of the workloads of the network. See [`race::served`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use may::go;
use may::net::{TcpListener, TcpStream};
use may::sync::mpsc::channel;
use race::served::{LOOPBACK, announce, send_back, until_dismissed};
use race::task::Reply;

pub(crate) fn echo() -> Reply {
    let listener = TcpListener::bind(LOOPBACK).expect("there is a port");
    announce(listener.local_addr().expect("a listener has an address"));
    let accepted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&accepted);
    go!(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("connections can be accepted");
            count.fetch_add(1, Ordering::Relaxed);
            go!(move || serve(stream));
        }
    });
    let (dismissed, wait) = channel();
    // In a thread of its own: a coroutine that reads from a pipe keeps a worker.
    thread::spawn(move || {
        until_dismissed();
        dismissed.send(()).expect("somebody waits");
    });
    wait.recv().expect("the thread does not panic");
    Reply::answer(accepted.load(Ordering::Relaxed))
}

fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    send_back(stream)
}
