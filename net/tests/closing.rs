//! `close`: it ends what waits and what comes later, with an error of its own.
#![cfg(target_os = "linux")]

#[path = "common/own_ip.rs"]
mod own_ip;
#[path = "common/pairs.rs"]
mod pairs;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/waiting.rs"]
mod waiting;

use std::io::{ErrorKind, Read, Write, read_to_string};
use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;

use gocsp_net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, is_closed};
use gocsp_runtime::spawn;
use own_ip::own_ip;
use pairs::tcp_pair;
use procs::everywhere;
use waiting::waiting;

#[test]
fn who_reads_is_woken_and_so_are_other_handles() {
    everywhere(|| {
        let (_client, server) = tcp_pair();
        let readers = [(); 3].map(|()| {
            let server = server.try_clone().unwrap();
            waiting(move || (&server).read(&mut [0]).unwrap_err())
        });
        server.close();
        for reader in readers {
            assert!(is_closed(&reader.join().unwrap()));
        }
    });
}

#[test]
fn a_thread_closes_as_well_as_a_goroutine() {
    let (_client, server) = tcp_pair();
    let reader = {
        let server = server.try_clone().unwrap();
        waiting(move || (&server).read(&mut [0]).unwrap_err())
    };
    let (tx, rx) = mpsc::channel();
    let blocked = {
        let server = server.try_clone().unwrap();
        thread::spawn(move || {
            tx.send(()).unwrap();
            (&server).read(&mut [0]).unwrap_err()
        })
    };
    rx.recv().unwrap();
    thread::spawn(move || server.close()).join().unwrap();
    assert!(is_closed(&reader.join().unwrap()));
    assert!(is_closed(&blocked.join().unwrap()));
}

#[test]
fn who_writes_is_woken() {
    everywhere(|| {
        let (_client, server) = tcp_pair();
        let writer = {
            let server = server.try_clone().unwrap();
            waiting(move || (&server).write_all(&vec![0; 64 << 20]).unwrap_err())
        };
        server.close();
        assert!(is_closed(&writer.join().unwrap()));
    });
}

#[test]
fn later_calls_fail_though_there_is_something_to_read() {
    everywhere(|| {
        let (mut client, server) = tcp_pair();
        client.write_all(b"unread").unwrap();
        server.peek(&mut [0]).unwrap();
        let another = server.try_clone().unwrap();
        another.close();
        another.close();
        assert!(server.is_closed());
        assert!(is_closed(&(&server).read(&mut [0]).unwrap_err()));
        assert!(is_closed(&server.peek(&mut [0]).unwrap_err()));
        assert!(is_closed(&(&server).write(b"x").unwrap_err()));
        assert!(is_closed(&server.shutdown(Shutdown::Write).unwrap_err()));
        assert_eq!((&server).read(&mut [0]).unwrap_err().to_string(), "use of closed network connection");
        assert!(!is_closed(&ErrorKind::BrokenPipe.into()));
    });
}

#[test]
fn the_other_side_sees_the_end_while_handles_are_left() {
    everywhere(|| {
        let (client, mut server) = tcp_pair();
        let reader = waiting(move || read_to_string(client).unwrap());
        server.write_all(b"the last").unwrap();
        server.close();
        assert_eq!(reader.join().unwrap(), "the last");
        drop(server);
    });
}

#[test]
fn a_listener_that_is_closed_accepts_nobody() {
    everywhere(|| {
        let listener = TcpListener::bind((own_ip(), 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let acceptors = [(); 3].map(|()| {
            let listener = listener.try_clone().unwrap();
            waiting(move || listener.accept().unwrap_err())
        });
        let counting = {
            let listener = listener.try_clone().unwrap();
            waiting(move || listener.incoming().count())
        };
        listener.close();
        for acceptor in acceptors {
            assert!(is_closed(&acceptor.join().unwrap()));
        }
        assert_eq!(counting.join().unwrap(), 0);
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_listener_in_the_machine_that_is_closed_accepts_nobody() {
    everywhere(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let acceptor = {
            let listener = listener.try_clone().unwrap();
            waiting(move || listener.accept().unwrap_err())
        };
        listener.close();
        assert!(is_closed(&acceptor.join().unwrap()));
        assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn who_waits_for_a_datagram_is_woken() {
    everywhere(|| {
        for connected in [false, true] {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            if connected {
                socket.connect(socket.local_addr().unwrap()).unwrap();
            }
            let receiver = {
                let socket = socket.try_clone().unwrap();
                waiting(move || socket.recv_from(&mut [0]).unwrap_err())
            };
            socket.close();
            assert!(is_closed(&receiver.join().unwrap()));
            assert!(is_closed(&socket.send_to(b"x", "127.0.0.1:9").unwrap_err()));
        }
    });
}

#[test]
fn to_close_races_with_those_who_read() {
    everywhere(|| {
        for _ in 0..50 {
            let (client, server) = tcp_pair();
            let reader = {
                let server = server.try_clone().unwrap();
                spawn(move || (&server).read(&mut [0]))
            };
            server.close();
            assert!(is_closed(&reader.join().unwrap().unwrap_err()));
            assert_eq!((&client).read(&mut [0]).unwrap(), 0);
        }
    });
}
