//! A server, and what clients do with it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};

use gocsp::context::Context;
use gocsp::go;
use gocsp::net::{TcpListener, TcpStream};
use gocsp::runtime::assert_no_leaks;
use httpd::{Limits, serve};

use crate::answers::{Answer, read_answer};

/// Runs a server while `clients` runs, and stops it. Nobody may be left behind.
pub(crate) fn served(limits: Limits, clients: impl FnOnce(SocketAddr) + Send) {
    assert_no_leaks(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (context, cancel) = Context::background().with_cancel();
        let server = go!(move || serve(&context, &listener, &limits));
        clients(address);
        assert_eq!(statuses(&ask(address, HEALTH)), [200]);
        cancel.cancel();
        server.join().unwrap();
    });
}

/// A request that gets 200, and after which the connection is closed.
pub(crate) const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";

/// Sends this, ends, and gives what comes back.
pub(crate) fn ask(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    answers
}

/// All answers in these bytes, of which none is a part of one.
pub(crate) fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        answers.push(read_answer(&mut bytes, true).expect("answers are whole"));
    }
    answers
}

pub(crate) fn statuses(bytes: &[u8]) -> Vec<u16> {
    answers(bytes).into_iter().map(|answer| answer.status).collect()
}
