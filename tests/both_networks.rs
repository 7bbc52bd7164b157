//! What holds on the system's network and on the simulated one. Without the feature `testing` there is only the former.

#[path = "common/procs.rs"]
mod procs;
#[path = "common/schedules.rs"]
mod schedules;

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write, read_to_string};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gocsp::context::{Context, ContextError};
use gocsp::net::{
    KeepAlive, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, context_error, is_closed, lookup_host,
};
use gocsp::time::now;
use gocsp::{go, sleep};

use schedules::on_many_schedules as on_both_networks;

const ANY: &str = "127.0.0.1:0";
const MILLISECOND: Duration = Duration::from_millis(1);

/// Two ends of a connection: who has connected, and who has accepted.
fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(ANY).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.expect_err("it fails").kind()
}

/// A name within the machine that nobody else has.
fn some_name() -> UnixAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("gocsp both networks {} {}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    UnixAddr::from_abstract_name(name).unwrap()
}

#[test]
fn both_sides_talk_and_see_the_end() {
    on_both_networks(|| {
        let (mut client, mut server) = connected();
        let server = go!(move || {
            let mut question = [0; 8];
            server.read_exact(&mut question).unwrap();
            server.write_all(b"answer").unwrap();
            question
        });
        client.write_all(b"question").unwrap();
        assert_eq!(read_to_string(&client).unwrap(), "answer");
        assert_eq!(&server.join().unwrap(), b"question");
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert!(client.take_error().unwrap().is_none());
    });
}

#[test]
fn what_is_peeked_at_stays() {
    on_both_networks(|| {
        let (mut client, mut server) = connected();
        client.write_all(b"x").unwrap();
        let mut byte = [0];
        assert_eq!((server.peek(&mut byte).unwrap(), byte), (1, *b"x"));
        assert_eq!((server.read(&mut byte).unwrap(), byte), (1, *b"x"));
        assert_eq!((server.read(&mut []).unwrap(), server.write(&[]).unwrap()), (0, 0));
    });
}

#[test]
fn several_pieces_are_read_and_written_at_a_time() {
    on_both_networks(|| {
        let (mut client, mut server) = connected();
        let mut sent = 0;
        while sent < 2 {
            let pieces = [&b"1"[..], b"", b"2"];
            let mut pieces: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut rest = &mut pieces[..];
            IoSlice::advance_slices(&mut rest, sent);
            sent += client.write_vectored(rest).unwrap();
        }
        drop(client);
        let (mut one, mut two) = ([0; 1], [0; 5]);
        let mut received: Vec<u8> = Vec::new();
        loop {
            let read = server.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)]).unwrap();
            if read == 0 {
                break;
            }
            received.extend(one.iter().chain(&two).take(read));
        }
        assert_eq!(received, b"12");
    });
}

#[test]
fn where_nobody_listens_connections_are_refused() {
    on_both_networks(|| {
        // The other tests are at another address.
        let address = TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap();
        assert_eq!(kind(TcpStream::connect(address)), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn an_address_is_had_by_one() {
    on_both_networks(|| {
        let listener = TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(kind(TcpListener::bind(address)), ErrorKind::AddrInUse);
        assert_eq!(kind(TcpListener::bind(("0.0.0.0", address.port()))), ErrorKind::AddrInUse);
        let socket = UdpSocket::bind(ANY).unwrap();
        assert_eq!(kind(UdpSocket::bind(socket.local_addr().unwrap())), ErrorKind::AddrInUse);
        let address = some_name();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(kind(UnixListener::bind_addr(&address)), ErrorKind::AddrInUse);
    });
}

#[test]
fn who_binds_everywhere_is_reached_by_every_address() {
    on_both_networks(|| {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "127.0.0.2"] {
            let client = TcpStream::connect((host, port)).unwrap();
            let (server, address) = listener.accept().unwrap();
            assert_eq!(server.local_addr().unwrap().to_string(), format!("{host}:{port}"));
            assert_eq!((address, client.local_addr().unwrap().ip()), (client.local_addr().unwrap(), address.ip()));
            assert_eq!(address.ip().to_string(), "127.0.0.1");
        }
        let client = TcpStream::connect(("0.0.0.0", port)).unwrap();
        assert_eq!(client.peer_addr().unwrap().to_string(), format!("127.0.0.1:{port}"));
    });
}

#[test]
fn who_has_not_read_everything_breaks_the_connection_off() {
    on_both_networks(|| {
        let (client, mut server) = connected();
        server.write_all(b"x").unwrap();
        client.peek(&mut [0]).unwrap();
        drop(client);
        assert_eq!(kind(server.read(&mut [0])), ErrorKind::ConnectionReset);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        assert_eq!(kind(server.write(b"x")), ErrorKind::BrokenPipe);
        assert_eq!(kind(server.peer_addr()), ErrorKind::NotConnected);
        assert_eq!(kind(server.shutdown(Shutdown::Both)), ErrorKind::NotConnected);
    });
}

#[test]
fn what_came_before_a_reset_can_be_read() {
    on_both_networks(|| {
        let (mut client, mut server) = connected();
        client.write_all(b"x").unwrap();
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        server.read_exact(&mut [0]).unwrap();
        assert_eq!(kind(server.read(&mut [0])), ErrorKind::ConnectionReset);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_reset_is_the_error_of_one_call() {
    on_both_networks(|| {
        let (client, mut server) = connected();
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        let error = loop {
            match server.take_error().unwrap() {
                None => sleep(MILLISECOND),
                Some(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!((server.read(&mut [0]).unwrap(), kind(server.write(b"x"))), (0, ErrorKind::BrokenPipe));
    });
}

#[test]
fn who_writes_to_nobody_learns_of_it_later() {
    on_both_networks(|| {
        let (client, mut server) = connected();
        drop(client);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        server.write_all(b"x").unwrap();
        let error = loop {
            sleep(10 * MILLISECOND);
            if let Err(error) = server.write(b"x") {
                break error.kind();
            }
        };
        assert_eq!((error, server.read(&mut [0]).unwrap()), (ErrorKind::BrokenPipe, 0));
    });
}

#[test]
fn who_writes_to_one_who_has_closed_learns_of_it() {
    on_both_networks(|| {
        let (mut client, server) = connected();
        client.write_all(b"x").unwrap();
        // Its handle is still there.
        server.close();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        let error = loop {
            if let Err(error) = client.write(b"x") {
                break error.kind();
            }
            sleep(MILLISECOND);
        };
        assert!([ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error), "{error}");
    });
}

#[test]
fn who_has_shut_down_and_is_sent_more_finds_the_connection_reset() {
    on_both_networks(|| {
        let (mut client, mut server) = connected();
        server.shutdown(Shutdown::Both).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        client.write_all(b"x").unwrap();
        // The end has been read, so the reset is told to who writes.
        while client.write(b"x").is_ok() {
            sleep(MILLISECOND);
        }
        sleep(MILLISECOND * 10);
        assert_eq!(kind(server.write(b"x")), ErrorKind::ConnectionReset);
        assert_eq!(kind(server.peer_addr()), ErrorKind::NotConnected);
        assert_eq!(kind(server.shutdown(Shutdown::Write)), ErrorKind::NotConnected);
    });
}

#[test]
fn a_reset_after_the_end_is_the_error_of_who_writes() {
    on_both_networks(|| {
        let (mut client, server) = connected();
        drop(server);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        client.write_all(b"x").unwrap();
        while client.peer_addr().is_ok() {
            sleep(MILLISECOND);
        }
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!(client.take_error().unwrap().map(|error| error.kind()), Some(ErrorKind::BrokenPipe));
        assert!(client.take_error().unwrap().is_none());
        assert_eq!(kind(client.write(b"x")), ErrorKind::BrokenPipe);
    });
}

#[test]
fn within_a_machine_a_reset_is_told_after_the_end_as_well() {
    on_both_networks(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        there.write_all(b"unread").unwrap();
        here.shutdown(Shutdown::Write).unwrap();
        drop(here);
        assert_eq!(kind(there.read(&mut [0])), ErrorKind::ConnectionReset);
        assert_eq!(there.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn who_peeks_without_room_waits_for_something() {
    on_both_networks(|| {
        let (mut client, mut server) = connected();
        server.set_read_timeout(Some(MILLISECOND)).unwrap();
        assert_eq!(kind(server.peek(&mut [])), ErrorKind::TimedOut);
        assert_eq!(server.read(&mut []).unwrap(), 0);
        client.write_all(b"x").unwrap();
        server.set_read_timeout(None).unwrap();
        assert_eq!(server.peek(&mut []).unwrap(), 0);
        assert_eq!(server.read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn one_direction_ends_and_the_other_goes_on() {
    on_both_networks(|| {
        let (mut client, mut server) = connected();
        client.write_all(b"to").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(kind(client.write(b"more")), ErrorKind::BrokenPipe);
        assert_eq!(read_to_string(&server).unwrap(), "to");
        server.write_all(b"fro").unwrap();
        client.read_exact(&mut [0; 3]).unwrap();
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn who_writes_more_than_there_is_room_for_waits_for_who_reads() {
    const SOME: usize = 200_000;
    on_both_networks(|| {
        let (mut client, mut server) = connected();
        let writer = go!(move || {
            let bytes: Vec<_> = (0..SOME).map(|number| number as u8).collect();
            client.write_all(&bytes)
        });
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).unwrap();
        writer.join().unwrap().unwrap();
        assert!(bytes.len() == SOME && bytes.iter().enumerate().all(|(number, &byte)| byte == number as u8));
    });
}

#[test]
fn who_was_not_accepted_is_turned_away() {
    on_both_networks(|| {
        let listener = TcpListener::bind(ANY).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        drop(listener);
        assert_eq!(kind(client.read(&mut [0])), ErrorKind::ConnectionReset);
    });
}

#[test]
fn what_was_sent_before_the_connection_was_accepted_is_there() {
    on_both_networks(|| {
        let listener = TcpListener::bind(ANY).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(b"early").unwrap();
        drop(client);
        let (server, _) = listener.accept().unwrap();
        assert_eq!(read_to_string(server).unwrap(), "early");
    });
}

#[test]
fn a_close_ends_those_who_wait() {
    on_both_networks(|| {
        let listener = TcpListener::bind(ANY).unwrap();
        let accepts = listener.try_clone().unwrap();
        let accepts = go!(move || accepts.accept());
        let (client, server) = connected();
        let reads = client.try_clone().unwrap();
        let reads = go!(move || (&reads).read(&mut [0]));
        let socket = UdpSocket::bind(ANY).unwrap();
        let receives = socket.try_clone().unwrap();
        let receives = go!(move || receives.recv(&mut [0]));
        sleep(MILLISECOND);
        listener.close();
        client.close();
        socket.close();
        assert!(is_closed(&accepts.join().unwrap().unwrap_err()));
        assert!(is_closed(&reads.join().unwrap().unwrap_err()));
        assert!(is_closed(&receives.join().unwrap().unwrap_err()));
        assert_eq!((&server).read(&mut [0]).unwrap(), 0);
        assert_eq!(kind(TcpStream::connect(listener.local_addr().unwrap())), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn timeouts_and_deadlines_end_waits() {
    on_both_networks(|| {
        let (mut client, _server) = connected();
        let start = now();
        client.set_read_timeout(Some(5 * MILLISECOND)).unwrap();
        assert_eq!(kind(client.read(&mut [0])), ErrorKind::TimedOut);
        assert!(now() - start >= 5 * MILLISECOND);
        client.set_read_timeout(None).unwrap();
        client.set_read_deadline(Some(now() + MILLISECOND));
        assert_eq!(kind(client.read(&mut [0])), ErrorKind::TimedOut);
        client.set_read_deadline(None);
        // One that comes while somebody waits already.
        let waits = client.try_clone().unwrap();
        let waits = go!(move || (&waits).read(&mut [0]));
        sleep(MILLISECOND);
        client.set_read_deadline(Some(now()));
        assert_eq!(kind(waits.join().unwrap()), ErrorKind::TimedOut);
        let listener = TcpListener::bind(ANY).unwrap();
        listener.set_deadline(Some(now() + MILLISECOND));
        assert_eq!(kind(listener.accept()), ErrorKind::TimedOut);
        // There is no room for so much.
        client.set_write_timeout(Some(MILLISECOND)).unwrap();
        assert_eq!(kind(client.write_all(&vec![0; 32 << 20])), ErrorKind::TimedOut);
    });
}

#[test]
fn contexts_end_waits() {
    on_both_networks(|| {
        let (context, cancel) = Context::background().with_cancel();
        let listener = TcpListener::bind(ANY).unwrap();
        let (accepts, its) = (listener.try_clone().unwrap(), context.clone());
        let accepts = go!(move || accepts.accept_context(&its));
        let (mut client, _server) = connected();
        let bound = client.cancel_on(&context);
        let reads = client.try_clone().unwrap();
        let reads = go!(move || (&reads).read(&mut [0]));
        sleep(MILLISECOND);
        cancel.cancel();
        assert_eq!(context_error(&accepts.join().unwrap().unwrap_err()), Some(ContextError::Cancelled));
        assert_eq!(context_error(&reads.join().unwrap().unwrap_err()), Some(ContextError::Cancelled));
        drop(bound);
        client.write_all(b"x").unwrap();
        let connects = TcpStream::connect_context(&context, listener.local_addr().unwrap());
        assert_eq!(context_error(&connects.unwrap_err()), Some(ContextError::Cancelled));
        let (short, _cancel) = Context::background().with_timeout(MILLISECOND);
        let error = listener.accept_context(&short).unwrap_err();
        assert_eq!(context_error(&error), Some(ContextError::DeadlineExceeded));
    });
}

#[test]
fn halves_end_on_their_own() {
    on_both_networks(|| {
        let (client, server) = connected();
        let (mut reader, mut writer) = client.into_split();
        let answers = go!(move || {
            let text = read_to_string(&server).unwrap();
            (&server).write_all(text.as_bytes()).unwrap();
        });
        writer.write_all(b"there and back").unwrap();
        drop(writer);
        assert_eq!(read_to_string(&mut reader).unwrap(), "there and back");
        answers.join().unwrap();
    });
}

#[test]
fn options_are_kept() {
    on_both_networks(|| {
        let (client, server) = connected();
        client.set_ttl(7).unwrap();
        client.set_nodelay(true).unwrap();
        client.set_keepalive(Some(KeepAlive::new().idle(Duration::from_secs(60)))).unwrap();
        client.set_linger(None).unwrap();
        let kept = (client.ttl().unwrap(), client.nodelay().unwrap(), client.keepalive().unwrap());
        assert_eq!((kept, client.linger().unwrap()), ((7, true, true), None));
        assert!(!format!("{server:?}").is_empty());
        let listener = TcpListener::bind(ANY).unwrap();
        listener.set_ttl(9).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(listener.accept().unwrap().0.ttl().unwrap(), 9);
        let socket = UdpSocket::bind(ANY).unwrap();
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
    });
}

#[test]
fn datagrams_are_whole_or_cut_short() {
    on_both_networks(|| {
        let (here, there) = (UdpSocket::bind(ANY).unwrap(), UdpSocket::bind(ANY).unwrap());
        let to = there.local_addr().unwrap();
        for text in ["first", "second", ""] {
            assert_eq!(here.send_to(text.as_bytes(), to).unwrap(), text.len());
            let mut buffer = [0; 5];
            assert_eq!(there.peek_from(&mut buffer).unwrap(), (text.len().min(5), here.local_addr().unwrap()));
            let (length, from) = there.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from), (&text.as_bytes()[..length], here.local_addr().unwrap()));
        }
        assert!(here.send_to(&[0; 65_507], to).is_ok());
        assert!(here.send_to(&[0; 65_508], to).is_err());
        assert!(here.send_to(b"x", "127.0.0.1:0").is_err());
        assert!(here.send(b"x").is_err());
        assert_eq!(kind(here.peer_addr()), ErrorKind::NotConnected);
    });
}

#[test]
fn who_has_a_peer_hears_of_nobody_else() {
    on_both_networks(|| {
        // The other tests are at another address.
        let [here, there, other] = [(); 3].map(|()| UdpSocket::bind("127.0.0.3:0").unwrap());
        here.connect(there.local_addr().unwrap()).unwrap();
        there.connect(here.local_addr().unwrap()).unwrap();
        assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
        other.send_to(b"other", here.local_addr().unwrap()).unwrap();
        sleep(MILLISECOND);
        there.send(b"peer").unwrap();
        let mut buffer = [0; 10];
        let length = here.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"peer");
        // When that is gone, who sends to it is told, by the next call.
        drop(there);
        here.send(b"x").unwrap();
        assert_eq!(kind(here.recv(&mut buffer)), ErrorKind::ConnectionRefused);
        other.send_to(b"x", here.peer_addr().unwrap()).unwrap();
    });
}

#[test]
fn within_a_machine_names_are_found() {
    on_both_networks(|| {
        let address = some_name();
        assert_eq!(kind(UnixStream::connect_addr(&address)), ErrorKind::ConnectionRefused);
        assert_eq!(kind(UnixStream::connect("/nowhere/at all")), ErrorKind::NotFound);
        let listener = UnixListener::bind_addr(&address).unwrap();
        let mut client = UnixStream::connect_addr(&address).unwrap();
        let (mut server, from) = listener.accept().unwrap();
        assert!(from.is_unnamed() && client.local_addr().unwrap().is_unnamed());
        let own = server.local_addr().unwrap();
        assert_eq!(own.as_abstract_name(), address.as_abstract_name());
        assert_eq!(client.peer_addr().unwrap().as_abstract_name(), address.as_abstract_name());
        client.write_all(b"hello").unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        // Unread data.
        client.write_all(b"x").unwrap();
        drop(server);
        assert_eq!(kind(client.read(&mut [0])), ErrorKind::ConnectionReset);
        assert_eq!((client.read(&mut [0]).unwrap(), kind(client.write(b"x"))), (0, ErrorKind::BrokenPipe));
    });
}

#[test]
fn a_pair_is_connected() {
    on_both_networks(|| {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        here.write_all(b"hello").unwrap();
        there.read_exact(&mut [0; 5]).unwrap();
        assert!(here.peer_addr().unwrap().is_unnamed());
        there.shutdown(Shutdown::Read).unwrap();
        assert_eq!(kind(here.write(b"x")), ErrorKind::BrokenPipe);
        drop(there);
        assert_eq!(here.read(&mut [0]).unwrap(), 0);
        assert_eq!(kind(here.write(b"x")), ErrorKind::BrokenPipe);
    });
}

#[test]
fn this_machine_knows_itself() {
    on_both_networks(|| {
        // With the system's network it is looked up by a thread.
        assert!(lookup_host("localhost").unwrap().iter().all(|address| address.is_loopback()));
        assert_eq!(kind(TcpStream::connect("localhost")), ErrorKind::InvalidInput);
    });
}
