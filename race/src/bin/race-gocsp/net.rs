//! The server of the workloads of the network. See [`race::served`].

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gocsp::net::{TcpListener, TcpStream};
use gocsp::{blocking, go};
use race::served::{LOOPBACK, announce, until_dismissed};
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
            go!(move || send_back(stream));
        }
    });
    blocking(until_dismissed);
    Reply::answer(accepted.load(Ordering::Relaxed))
}

fn send_back(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}
