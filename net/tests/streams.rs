//! Streams: what is written arrives, in order, and the end after it.
#![cfg(target_os = "linux")]

#[path = "common/pairs.rs"]
mod pairs;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/waiting.rs"]
mod waiting;

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write, read_to_string};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::{net, thread};

use gocsp_net::{KeepAlive, TcpStream, UnixStream};
use gocsp_runtime::{scope, sleep, spawn};
use pairs::tcp_pair;
use procs::{everywhere, on_procs};
use rustix::net::{SendFlags, send};
use waiting::waiting;

/// More than any buffer between the two ends takes.
const MUCH: usize = 8 << 20;

#[test]
fn what_is_written_is_read() {
    everywhere(|| {
        let (mut client, mut server) = tcp_pair();
        client.write_all(b"question").unwrap();
        let mut text = [0; 8];
        server.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"question");
        server.write_all(b"answer").unwrap();
        assert_eq!((client.read(&mut text).unwrap(), &text[..6]), (6, &b"answer"[..]));
    });
}

#[test]
fn pieces_are_written_and_read_in_one_call() {
    everywhere(|| {
        let (mut client, mut server) = tcp_pair();
        let pieces = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(client.write_vectored(&pieces).unwrap(), 7);
        client.flush().unwrap();
        let (mut first, mut second) = ([0; 3], [0; 10]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(server.read_vectored(&mut buffers).unwrap(), 7);
        assert_eq!((&first, &second[..4]), (b"one", &b" two"[..]));
        // More than the system takes at a time.
        let many = vec![IoSlice::new(b"x"); 5000];
        assert_eq!(client.write_vectored(&many).unwrap(), 1024);
    });
}

#[test]
fn a_read_without_room_waits_for_nothing() {
    everywhere(|| {
        let (mut client, _server) = tcp_pair();
        assert_eq!(client.read(&mut []).unwrap(), 0);
        assert_eq!(client.read_vectored(&mut [IoSliceMut::new(&mut [])]).unwrap(), 0);
    });
}

#[test]
fn the_end_comes_after_what_was_written_and_comes_again() {
    everywhere(|| {
        let (mut client, mut server) = tcp_pair();
        client.write_all(b"all").unwrap();
        drop(client);
        // A read that does not fill its buffer is followed by one that sees the end, though there may be no further
        // event.
        let mut buffer = [0; 100];
        let lengths = [(); 4].map(|()| server.read(&mut buffer).unwrap());
        assert_eq!(lengths, [3, 0, 0, 0]);
    });
}

#[test]
fn the_end_is_seen_by_who_waits_for_more() {
    everywhere(|| {
        let (client, server) = tcp_pair();
        (&client).write_all(b"all").unwrap();
        let reader = waiting(move || read_to_string(server).unwrap());
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.join().unwrap(), "all");
    });
}

#[test]
fn one_direction_can_end_and_the_other_go_on() {
    everywhere(|| {
        let (mut client, server) = tcp_pair();
        let echo = spawn(move || {
            let text = read_to_string(&server).unwrap();
            (&server).write_all(text.as_bytes()).unwrap();
        });
        client.write_all(b"there and back").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(read_to_string(client).unwrap(), "there and back");
        echo.join().unwrap();
    });
}

#[test]
fn who_writes_more_than_there_is_room_for_waits() {
    everywhere(|| {
        let (mut client, server) = tcp_pair();
        let writer = waiting(move || (&server).write_all(&vec![7; MUCH]).unwrap());
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        assert!(bytes.len() == MUCH && bytes.iter().all(|&byte| byte == 7));
        writer.join().unwrap();
    });
}

#[test]
fn to_write_to_nobody_is_an_error_and_no_signal() {
    everywhere(|| {
        let (mut here, there) = UnixStream::pair().unwrap();
        drop(there);
        assert_eq!(here.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(here.write_vectored(&[IoSlice::new(b"x")]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reader_and_a_writer_use_one_stream_at_a_time() {
    everywhere(|| {
        let (client, server) = tcp_pair();
        let echo = spawn(move || std::io::copy(&mut &server, &mut &server).unwrap());
        let reader = waiting({
            let client = client.try_clone().unwrap();
            move || (&client).take(MUCH as u64).read_to_end(&mut Vec::new()).unwrap()
        });
        (&client).write_all(&vec![1; MUCH]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!((reader.join().unwrap(), echo.join().unwrap()), (MUCH, MUCH as u64));
    });
}

#[test]
fn two_readers_share_what_comes() {
    everywhere(|| {
        let (client, server) = tcp_pair();
        let readers = [(); 2].map(|()| {
            let mut server = server.try_clone().unwrap();
            waiting(move || {
                let (mut buffer, mut sum) = ([0; 64], 0);
                loop {
                    match server.read(&mut buffer).unwrap() {
                        0 => return sum,
                        length => sum += length,
                    }
                }
            })
        });
        for _ in 0..1000 {
            (&client).write_all(&[0; 100]).unwrap();
        }
        drop(client);
        let sums = readers.map(|reader| reader.join().unwrap());
        assert_eq!(sums.iter().sum::<usize>(), 100_000);
    });
}

#[test]
fn threads_and_goroutines_talk_to_each_other() {
    let (client, server) = tcp_pair();
    let echo = |stream: &TcpStream, rounds: u8, first: bool| {
        let (mut stream, mut byte) = (stream, [0]);
        for round in 0..rounds {
            if first {
                stream.write_all(&[round]).unwrap();
            }
            stream.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [round]);
            if !first {
                stream.write_all(&[round]).unwrap();
            }
        }
    };
    thread::scope(|s| {
        let thread = s.spawn(|| echo(&client, 200, true));
        on_procs(2, || echo(&server, 200, false));
        thread.join().unwrap();
    });
    // Both at the same end.
    thread::scope(|s| {
        let reader = s.spawn(|| (&server).take(200).read_to_end(&mut Vec::new()).unwrap());
        on_procs(1, || {
            scope(|s| {
                let reader = s.go(|| (&server).take(200).read_to_end(&mut Vec::new()).unwrap());
                for _ in 0..400 {
                    (&client).write_all(&[0]).unwrap();
                }
                assert_eq!(reader.join().unwrap(), 200);
            });
        });
        assert_eq!(reader.join().unwrap(), 200);
    });
}

#[test]
fn what_comes_after_urgent_data_is_read_without_more_to_come() {
    everywhere(|| {
        let (mut client, mut server) = tcp_pair();
        client.set_nodelay(true).unwrap();
        let first = waiting(move || server.read_exact(&mut [0]).map(|()| server));
        client.write_all(b"-").unwrap();
        let mut server = first.join().unwrap().unwrap();
        client.write_all(b"before").unwrap();
        assert_eq!(send(&client, b"!", SendFlags::OOB).unwrap(), 1);
        client.write_all(b"after").unwrap();
        // Meanwhile the poller tells of all of it.
        sleep(Duration::from_millis(1));
        let mut text = [0; 20];
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!((server.read(&mut text).unwrap(), &text[..6]), (6, &b"before"[..]));
        assert_eq!((server.read(&mut text).unwrap(), &text[..5]), (5, &b"after"[..]));
    });
}

#[test]
fn halves_go_their_own_ways_and_come_together() {
    everywhere(|| {
        let (client, server) = tcp_pair();
        let (reader, writer) = server.into_split();
        let writer = spawn(move || {
            let mut writer = writer;
            writer.write_all(b"to the client").unwrap();
            writer
        });
        (&client).write_all(b"to the server").unwrap();
        let mut text = [0; 13];
        let mut reader = reader;
        reader.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"to the server");
        let server = reader.reunite(writer.join().unwrap()).unwrap();
        // Both are one handle again.
        let (reader, writer) = TcpStream::from_std(server.into_std().unwrap()).unwrap().into_split();
        drop(writer);
        assert_eq!(read_to_string(&client).unwrap(), "to the client");
        assert_eq!(reader.as_ref().peer_addr().unwrap(), client.local_addr().unwrap());
    });
}

#[test]
fn a_stream_given_back_to_std_blocks_again_and_only_the_last_handle_can_be() {
    let (client, server) = tcp_pair();
    let another = server.try_clone().unwrap();
    assert_eq!(server.into_std().unwrap_err().kind(), ErrorKind::ResourceBusy);
    let mut server: net::TcpStream = another.try_into().unwrap();
    thread::scope(|s| {
        let reader = s.spawn(move || server.read(&mut [0; 10]).unwrap());
        (&client).write_all(b"word").unwrap();
        assert_eq!(reader.join().unwrap(), 4);
    });
    let descriptor = OwnedFd::try_from(client).unwrap();
    let client = TcpStream::try_from(descriptor).unwrap();
    assert!(client.peer_addr().is_ok());
}

#[test]
fn options_are_those_of_the_system() {
    let (client, _server) = tcp_pair();
    client.set_keepalive(Some(KeepAlive::new().idle(Duration::from_secs(9)).count(3))).unwrap();
    assert!(client.keepalive().unwrap());
    client.set_keepalive(None).unwrap();
    assert!(!client.keepalive().unwrap());
    client.set_linger(Some(Duration::from_secs(3))).unwrap();
    assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(3)));
    client.set_linger(None).unwrap();
    assert_eq!(client.linger().unwrap(), None);
    assert!(format!("{client:?}").starts_with("TcpStream { addr: 127.0.0.1:"), "{client:?}");
}

#[test]
fn a_connection_that_is_reset_is_an_error_for_who_waits() {
    everywhere(|| {
        let (client, server) = tcp_pair();
        let reader = waiting(move || (&client).read(&mut [0]).unwrap_err().kind());
        server.set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        assert_eq!(reader.join().unwrap(), ErrorKind::ConnectionReset);
    });
}
