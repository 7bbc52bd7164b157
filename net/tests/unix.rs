//! Sockets of the Unix domain.
#![cfg(target_os = "linux")]

#[path = "common/procs.rs"]
mod procs;
#[path = "common/waiting.rs"]
mod waiting;

use std::io::{ErrorKind, Read, Write, read_to_string};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gocsp_context::{Context, ContextError};
use gocsp_net::{UnixListener, UnixStream, context_error};
use gocsp_runtime::{scope, spawn};
use procs::everywhere;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};
use waiting::waiting;

#[test]
fn a_listener_at_a_path_is_found_there() {
    everywhere(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        let server = waiting(move || {
            let (stream, address) = listener.accept().unwrap();
            assert!(address.is_unnamed());
            read_to_string(stream).unwrap()
        });
        let mut client = UnixStream::connect(&path).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
        client.write_all(b"hello").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.join().unwrap(), "hello");
        assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(UnixStream::connect(directory.path().join("no")).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_listener_with_an_abstract_name_is_found_by_that() {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    everywhere(|| {
        let name = format!("gocsp {} {}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let server = waiting(move || listener.incoming().next().unwrap().unwrap().write_all(b"hello"));
        assert_eq!(read_to_string(UnixStream::connect_addr(&address).unwrap()).unwrap(), "hello");
        server.join().unwrap().unwrap();
        let unnamed = UnixStream::pair().unwrap().0.local_addr().unwrap();
        assert_eq!(UnixStream::connect_addr(&unnamed).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

/// A listener for whom so many can wait, and one more.
fn with_a_line_of(length: i32, path: &Path) -> UnixListener {
    let listener = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&listener, length).unwrap();
    listener.try_into().unwrap()
}

#[test]
fn who_finds_no_room_in_the_line_waits_for_a_place() {
    everywhere(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = with_a_line_of(1, &path);
        scope(|s| {
            for _ in 0..20 {
                s.go(|| UnixStream::connect(&path).unwrap().write_all(b"x").unwrap());
            }
            for _ in 0..20 {
                listener.accept().unwrap().0.read_exact(&mut [0]).unwrap();
            }
        });
    });
}

#[test]
fn who_finds_no_room_in_the_line_waits_no_longer_than_the_context_lasts() {
    everywhere(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let address = SocketAddr::from_pathname(&path).unwrap();
        let _listener = with_a_line_of(0, &path);
        let (context, cancel) = Context::background().with_cancel();
        let first = UnixStream::connect_context(&context, &path).unwrap();
        let connecting = spawn(move || UnixStream::connect_context(&context, &path).unwrap_err());
        let (timed, _cancel) = Context::background().with_timeout(Duration::from_millis(3));
        let error = UnixStream::connect_addr_context(&timed, &address).unwrap_err();
        assert_eq!((context_error(&error), error.kind()), (Some(ContextError::DeadlineExceeded), ErrorKind::TimedOut));
        cancel.cancel();
        assert_eq!(context_error(&connecting.join().unwrap()), Some(ContextError::Cancelled));
        drop(first);
    });
}

#[test]
fn a_pair_is_connected_and_bound_to_contexts() {
    everywhere(|| {
        let (mut here, there) = UnixStream::pair().unwrap();
        let (context, cancel) = Context::background().with_timeout(Duration::from_secs(1000));
        let _bound = there.cancel_on(&context);
        let reader = {
            let mut there = there.try_clone().unwrap();
            waiting(move || {
                let mut bytes = [0; 4];
                there.read_exact(&mut bytes[..2]).unwrap();
                there.write_all(b"x").unwrap();
                there.read_exact(&mut bytes[2..])
            })
        };
        here.write_all(b"abc").unwrap();
        here.read_exact(&mut [0]).unwrap();
        cancel.cancel();
        let error = reader.join().unwrap().unwrap_err();
        assert_eq!(context_error(&error), Some(ContextError::Cancelled));
    });
}
