//! The end of the server: of what has begun, and of what has not.
#![cfg(target_os = "linux")]

#[path = "common/answers.rs"]
mod answers;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use answers::read_answer;
use gocsp::context::{CancelFunc, Context};
use gocsp::net::{TcpListener, TcpStream};
use gocsp::runtime::assert_no_leaks;
use gocsp::{JoinHandle, go};
use httpd::{Limits, serve};
use rustix::process::{Pid, Signal, kill_process};

fn start(limits: Limits) -> (TcpListener, CancelFunc, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.try_clone().unwrap();
    let (context, cancel) = Context::background().with_cancel();
    (listener, cancel, go!(move || serve(&context, &other, &limits)))
}

/// A connection that the server has, and on which no request has begun.
fn idle(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut stream, true).unwrap().status, 200);
    stream
}

/// A connection with a request that has begun, and wants five bytes more.
fn begun(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream, true).unwrap().status, 100);
    stream
}

fn assert_ended(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// The request is answered, and the connection closed.
fn assert_finished(mut stream: TcpStream) {
    stream.write_all(b"hello").unwrap();
    let answer = read_answer(&mut stream, true).unwrap();
    assert_eq!((answer.status, &*answer.body), (200, &b"hello"[..]));
    assert!(answer.head.contains("\r\nConnection: close\r\n"));
    assert_ended(&mut stream);
}

#[test]
fn what_has_begun_is_finished_and_what_has_not_is_closed() {
    assert_no_leaks(|| {
        let (listener, cancel, server) = start(Limits::default());
        let address = listener.local_addr().unwrap();
        let (mut idle, begun) = (idle(address), begun(address));
        cancel.cancel();
        assert_ended(&mut idle);
        assert_finished(begun);
        server.join().unwrap();
        assert!(listener.is_closed());
        assert!(TcpStream::connect(address).is_err());
    });
}

#[test]
fn the_server_ends_when_the_listener_is_closed() {
    assert_no_leaks(|| {
        let (listener, _cancel, server) = start(Limits::default());
        drop(idle(listener.local_addr().unwrap()));
        listener.close();
        server.join().unwrap();
    });
}

#[test]
fn what_takes_too_long_is_given_up() {
    assert_no_leaks(|| {
        let (listener, cancel, server) = start(Limits { grace: Duration::from_millis(20), ..Limits::default() });
        let mut begun = begun(listener.local_addr().unwrap());
        cancel.cancel();
        server.join().unwrap();
        assert_ended(&mut begun);
    });
}

fn signal(server: &Child, signal: Signal) {
    kill_process(Pid::from_child(server), signal).unwrap();
}

/// The program, where it listens, and what it prints after that.
fn program() -> (Child, SocketAddr, Lines<BufReader<ChildStdout>>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_httpd"));
    let mut server = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap().strip_prefix("listening on ").unwrap().parse().unwrap();
    (server, address, lines)
}

#[test]
fn the_program_ends_in_good_order_on_sigint() {
    let (mut server, address, mut lines) = program();
    let (mut idle, begun) = (idle(address), begun(address));
    signal(&server, Signal::INT);
    assert_ended(&mut idle);
    assert_finished(begun);
    assert_eq!(lines.next().unwrap().unwrap(), "stopped");
    assert!(server.wait().unwrap().success());
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let (mut server, address, _lines) = program();
    let (mut idle, _begun) = (idle(address), begun(address));
    signal(&server, Signal::TERM);
    // It has heard of the first.
    assert_ended(&mut idle);
    signal(&server, Signal::TERM);
    assert_eq!(server.wait().unwrap().code(), Some(128 + Signal::TERM.as_raw()));
}
