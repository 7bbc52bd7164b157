//! Connecting and accepting: addresses, names, time, and many at once.
#![cfg(target_os = "linux")]

#[path = "common/own_ip.rs"]
mod own_ip;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/waiting.rs"]
mod waiting;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{self, IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use gocsp_context::{Context, ContextError};
use gocsp_net::{TcpListener, TcpStream, ToSocketAddrs, context_error, lookup_host};
use gocsp_runtime::{scope, spawn};
use own_ip::own_ip;
use procs::everywhere;
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
use waiting::waiting;

const HERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let silent = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&silent, &SocketAddr::from((own_ip(), 0))).unwrap();
    getsockname(&silent).unwrap().try_into().unwrap()
}

/// An address where whoever connects gets no answer, as long as what is given with it is there: one has connected, and
/// there is no room for another.
fn no_answer() -> (SocketAddr, impl Sized) {
    let full = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&full, &SocketAddr::from(HERE)).unwrap();
    listen(&full, 0).unwrap();
    let address = getsockname(&full).unwrap().try_into().unwrap();
    let first = net::TcpStream::connect(address).unwrap();
    (address, (full, first))
}

#[test]
fn whom_nobody_answers_is_refused() {
    everywhere(|| {
        let error = TcpStream::connect(nobody()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(TcpStream::connect(&[][..]).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn addresses_are_tried_in_turn() {
    everywhere(|| {
        let listener = TcpListener::bind(HERE).unwrap();
        let addresses = [nobody(), listener.local_addr().unwrap(), nobody()];
        let stream = TcpStream::connect(&addresses[..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
        // The second is taken already.
        let listener = TcpListener::bind(&[addresses[1], SocketAddr::from(HERE)][..]).unwrap();
        assert_ne!(listener.local_addr().unwrap(), addresses[1]);
    });
}

#[test]
fn to_connect_times_out() {
    let (address, _full) = no_answer();
    everywhere(|| {
        let error = TcpStream::connect_timeout(&address, Duration::from_millis(3)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let error = TcpStream::connect_timeout(&address, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn the_end_of_a_context_ends_connecting() {
    let (address, _full) = no_answer();
    everywhere(|| {
        let (context, cancel) = Context::background().with_cancel();
        let connecting = waiting(move || TcpStream::connect_context(&context, address).unwrap_err());
        cancel.cancel();
        assert_eq!(context_error(&connecting.join().unwrap()), Some(ContextError::Cancelled));
        let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(3));
        // For all addresses together.
        let error = TcpStream::connect_context(&context, &[address, address][..]).unwrap_err();
        assert_eq!((context_error(&error), error.kind()), (Some(ContextError::DeadlineExceeded), ErrorKind::TimedOut));
    });
}

#[test]
fn a_context_that_does_not_end_does_not_disturb() {
    everywhere(|| {
        let listener = TcpListener::bind(HERE).unwrap();
        let port = listener.local_addr().unwrap().port();
        for context in [Context::background(), Context::background().with_cancel().0] {
            let stream = TcpStream::connect_context(&context, ("localhost", port)).unwrap();
            let (_stream, address) = listener.accept_context(&context).unwrap();
            assert_eq!(address, stream.local_addr().unwrap());
        }
    });
}

#[test]
fn names_are_looked_up() {
    everywhere(|| {
        assert!(lookup_host("localhost").unwrap().iter().all(IpAddr::is_loopback));
        assert_eq!(lookup_host("::1").unwrap(), ["::1".parse::<IpAddr>().unwrap()]);
        let listener = TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("localhost".to_owned(), port)).unwrap();
        TcpStream::connect(format!("localhost:{port}")).unwrap();
        TcpStream::connect(Box::<str>::from(format!("localhost:{port}"))).unwrap();
        for nonsense in ["localhost", "localhost:port", ""] {
            assert_eq!(TcpStream::connect(nonsense).unwrap_err().kind(), ErrorKind::InvalidInput, "{nonsense}");
        }
    });
}

#[test]
fn a_look_up_lasts_no_longer_than_its_context() {
    everywhere(|| {
        let (context, cancel) = Context::background().with_cancel();
        assert!(("localhost", 1).to_socket_addrs_context(&context).unwrap().all(|address| address.port() == 1));
        cancel.cancel();
        let error = ("localhost", 1).to_socket_addrs_context(&context).unwrap_err();
        assert_eq!(context_error(&error), Some(ContextError::Cancelled));
    });
}

#[test]
fn every_connection_goes_to_one_of_those_who_accept() {
    const ACCEPTORS: usize = 8;
    const CONNECTIONS: usize = 200;
    everywhere(|| {
        let listener = TcpListener::bind(HERE).unwrap();
        let address = listener.local_addr().unwrap();
        let acceptors = [(); ACCEPTORS].map(|()| {
            let listener = listener.try_clone().unwrap();
            waiting(move || listener.incoming().map(|stream| stream?.write_all(b"x")).collect::<io::Result<Vec<_>>>())
        });
        scope(|s| {
            for _ in 0..CONNECTIONS {
                s.go(|| TcpStream::connect(address).unwrap().read_exact(&mut [0]).unwrap());
            }
        });
        listener.close();
        let accepted = acceptors.into_iter().map(|acceptor| acceptor.join().unwrap().unwrap().len());
        assert_eq!(accepted.sum::<usize>(), CONNECTIONS);
    });
}

#[test]
fn many_can_wait_to_be_accepted() {
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    everywhere(|| {
        let listener = TcpListener::bind(HERE).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(60)).unwrap();
        let waiting: Vec<_> = (0..usize::min(allowed, 500)).map(connect).collect();
        for _ in waiting {
            drop(listener.accept().unwrap());
        }
    });
}

#[test]
fn the_context_of_one_who_accepts_is_not_that_of_another() {
    everywhere(|| {
        let listener = TcpListener::bind(HERE).unwrap();
        let address = listener.local_addr().unwrap();
        let (context, cancel) = Context::background().with_cancel();
        let bound = {
            let listener = listener.try_clone().unwrap();
            waiting(move || listener.accept_context(&context).unwrap_err())
        };
        let free = waiting(move || listener.accept().unwrap());
        cancel.cancel();
        assert_eq!(context_error(&bound.join().unwrap()), Some(ContextError::Cancelled));
        let stream = TcpStream::connect(address).unwrap();
        assert_eq!(free.join().unwrap().1, stream.local_addr().unwrap());
    });
}

#[test]
fn a_thread_connects_with_a_goroutine_by_std() {
    let listener = TcpListener::bind(HERE).unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn(move || listener.accept().unwrap().0.write_all(b"hello"));
    let client = thread::spawn(move || io::read_to_string(net::TcpStream::connect(address).unwrap()));
    assert_eq!(client.join().unwrap().unwrap(), "hello");
    server.join().unwrap().unwrap();
}
