//! Timeouts, as in std, and deadlines, as in Go.
#![cfg(target_os = "linux")]

#[path = "common/pairs.rs"]
mod pairs;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/waiting.rs"]
mod waiting;

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use gocsp_net::{TcpListener, UdpSocket};
use pairs::tcp_pair;
use procs::everywhere;
use waiting::waiting;

const SHORT: Duration = Duration::from_millis(3);
const LONG: Duration = Duration::from_secs(1000);

fn timed_out<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::TimedOut)
}

#[test]
fn a_read_times_out_and_not_too_early() {
    everywhere(|| {
        let (mut client, mut server) = tcp_pair();
        server.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!((server.read_timeout().unwrap(), server.write_timeout().unwrap()), (Some(SHORT), None));
        let start = Instant::now();
        assert!(timed_out(server.read(&mut [0])));
        assert!(start.elapsed() >= SHORT);
        // For each call anew; and it is for waiting, not for what is there.
        client.write_all(b"x").unwrap();
        server.set_read_timeout(Some(LONG)).unwrap();
        assert_eq!(server.read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn a_write_times_out() {
    everywhere(|| {
        let (_client, mut server) = tcp_pair();
        server.set_write_timeout(Some(SHORT)).unwrap();
        assert!(timed_out(server.write_all(&vec![0; 64 << 20])));
    });
}

#[test]
fn a_timeout_of_zero_is_an_error() {
    let (client, _server) = tcp_pair();
    assert_eq!(client.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(client.set_write_timeout(Some(Duration::ZERO)).unwrap_err().kind(), ErrorKind::InvalidInput);
    client.set_read_timeout(Some(Duration::MAX)).unwrap();
    assert_eq!(client.read_timeout().unwrap(), Some(Duration::MAX));
}

#[test]
fn a_timeout_belongs_to_all_handles() {
    let (client, _server) = tcp_pair();
    client.try_clone().unwrap().set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(client.read_timeout().unwrap(), Some(SHORT));
}

#[test]
fn a_deadline_that_has_passed_fails_every_call_until_it_is_moved() {
    everywhere(|| {
        let (mut client, mut server) = tcp_pair();
        client.write_all(b"xy").unwrap();
        assert_eq!(server.read(&mut [0]).unwrap(), 1);
        server.set_deadline(Some(Instant::now()));
        assert!(timed_out(server.read(&mut [0])) && timed_out(server.read(&mut [0])));
        assert!(timed_out(server.write(b"x")));
        server.set_write_deadline(None);
        assert_eq!(server.write(b"x").unwrap(), 1);
        server.set_read_deadline(Some(Instant::now() + LONG));
        assert_eq!(server.read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn a_deadline_set_while_somebody_waits_ends_the_wait() {
    everywhere(|| {
        let (_client, server) = tcp_pair();
        let reader = {
            let server = server.try_clone().unwrap();
            waiting(move || timed_out((&server).read(&mut [0])))
        };
        server.set_read_deadline(Some(Instant::now() + SHORT));
        assert!(reader.join().unwrap());
    });
}

#[test]
fn a_deadline_moved_while_somebody_waits_counts_from_then_on() {
    everywhere(|| {
        let (mut client, server) = tcp_pair();
        let near = Instant::now() + Duration::from_millis(100);
        server.set_read_deadline(Some(near));
        let reader = {
            let server = server.try_clone().unwrap();
            waiting(move || (&server).read(&mut [0]))
        };
        server.set_read_deadline(Some(near + LONG));
        if Instant::now() < near {
            gocsp_runtime::sleep_until(near + SHORT);
            client.write_all(b"x").unwrap();
            assert_eq!(reader.join().unwrap().unwrap(), 1);
        }
    });
}

#[test]
fn the_deadline_of_one_direction_is_not_that_of_the_other() {
    everywhere(|| {
        let (mut client, server) = tcp_pair();
        let reader = {
            let server = server.try_clone().unwrap();
            waiting(move || (&server).read(&mut [0]))
        };
        server.set_write_deadline(Some(Instant::now()));
        client.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
        assert!(timed_out((&server).write(b"x")));
    });
}

#[test]
fn what_accepts_and_what_receives_has_deadlines_as_well() {
    everywhere(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let acceptor = {
            let listener = listener.try_clone().unwrap();
            waiting(move || timed_out(listener.accept()))
        };
        listener.set_deadline(Some(Instant::now() + SHORT));
        assert!(acceptor.join().unwrap());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(SHORT)).unwrap();
        assert!(timed_out(socket.recv_from(&mut [0])));
    });
}
