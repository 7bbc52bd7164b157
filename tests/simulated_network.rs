//! What the simulated network does that the system's does rarely, or never in a test.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write, read_to_string};
use std::net::{IpAddr, Shutdown};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Command;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use gocsp::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, lookup_host};
use gocsp::sync::Mutex;
use gocsp::testing::network::{self, Conditions, on_host, partition};
use gocsp::testing::{self, Config, Explored, FailureKind, Strategy};
use gocsp::time::now;
use gocsp::{JoinHandle, channel, go, sleep};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const STRATEGIES: [Strategy; 2] = [Strategy::Random, Strategy::Pct { depth: 3 }];

/// What different schedules lead to.
fn outcomes<T: Ord + Send + 'static>(schedules: u32, body: impl Fn() -> T + Send + Sync + 'static) -> BTreeSet<T> {
    let all = Arc::new(StdMutex::new(BTreeSet::new()));
    let seen = Arc::clone(&all);
    Config::default().schedules(schedules).check(move || {
        let outcome = body();
        seen.lock().unwrap().insert(outcome);
    });
    std::mem::take(&mut all.lock().unwrap())
}

fn check(body: impl Fn() + Send + Sync + 'static) {
    Config::default().schedules(200).check(body);
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Two ends of a connection: who has connected, and who has accepted.
fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn what_is_sent_takes_its_time() {
    let took = outcomes(200, || {
        network::set(Conditions::default().delay(3 * MILLISECOND));
        let (mut client, mut server) = connected();
        let start = now();
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
        now() - start
    });
    assert_eq!(took, BTreeSet::from([0, 1, 2, 3].map(Duration::from_millis)));
}

#[test]
fn what_takes_for_ever_does_not_come() {
    check(|| {
        network::set(Conditions::default().delay(Duration::MAX).stalls(1, Duration::MAX).duplicated(1));
        let address = "127.0.0.1:80".parse().unwrap();
        let listener = TcpListener::bind(address).unwrap();
        let start = now();
        for _ in 0..3 {
            if TcpStream::connect_timeout(&address, SECOND).is_err() {
                assert_eq!(now(), start + SECOND);
                break;
            }
        }
        let [here, there] = [1, 2].map(|port| UdpSocket::bind(("127.0.0.1", port)).unwrap());
        here.send_to(b"x", there.local_addr().unwrap()).unwrap();
        drop(listener);
    });
}

#[test]
fn without_delay_no_time_passes() {
    check(|| {
        network::set(Conditions::default().delay(Duration::ZERO));
        let start = now();
        let (mut client, server) = connected();
        let reader = go!(move || read_to_string(server).unwrap());
        client.write_all(b"hello").unwrap();
        drop(client);
        assert_eq!((reader.join().unwrap().as_str(), now()), ("hello", start));
    });
}

#[test]
fn connections_overtake_each_other() {
    let orders = outcomes(200, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let [mut one, mut two] = [(); 2].map(|()| TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let order = Arc::new(Mutex::new(String::new()));
        let read = |mut stream: TcpStream| {
            let order = Arc::clone(&order);
            go!(move || {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                order.lock().push(byte[0].into());
            })
        };
        let readers = [(); 2].map(|()| read(listener.accept().unwrap().0));
        one.write_all(b"1").unwrap();
        two.write_all(b"2").unwrap();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        order.lock().clone()
    });
    assert_eq!(orders, BTreeSet::from(["12", "21"].map(String::from)));
}

#[test]
fn streams_come_in_pieces_unless_they_are_not_to() {
    let sizes = |conditions: Conditions| {
        outcomes(200, move || {
            network::set(conditions);
            let (mut here, mut there) = UnixStream::pair().unwrap();
            let written = here.write(b"12345678").unwrap();
            (written, there.read(&mut [0; 20]).unwrap())
        })
    };
    let pieces = sizes(Conditions::default());
    assert!(pieces.contains(&(8, 8)) && pieces.contains(&(1, 1)) && pieces.contains(&(4, 3)), "{pieces:?}");
    assert_eq!(sizes(Conditions::default().in_pieces(false)), BTreeSet::from([(8, 8)]));
}

#[test]
fn what_is_sent_before_a_reset_arrives_or_is_lost() {
    let ends = outcomes(500, || {
        network::set(Conditions::default().resets(1));
        let (mut client, mut server) = connected();
        let server = go!(move || {
            let mut bytes = [0; 2];
            let read = server.read_exact(&mut bytes).map_err(|error| error.kind());
            (bytes, read.and_then(|()| server.write_all(b"y").map_err(|error| error.kind())))
        });
        let mut ask = || {
            client.write_all(b"a")?;
            client.write_all(b"b")?;
            client.read_exact(&mut [0])
        };
        let asked = ask().map_err(|error| error.kind());
        (server.join().unwrap(), asked)
    });
    let reset = Err(ErrorKind::ConnectionReset);
    // All is well; all was lost; half of it; the answer; or nothing but the confidence in it.
    assert!(ends.contains(&((*b"ab", Ok(())), Ok(()))), "{ends:?}");
    assert!(ends.contains(&((*b"\0\0", reset), reset)), "{ends:?}");
    assert!(ends.contains(&((*b"a\0", reset), reset)), "{ends:?}");
    assert!(ends.contains(&((*b"ab", Ok(())), reset)), "{ends:?}");
    assert!(ends.contains(&((*b"ab", reset), reset)), "{ends:?}");
}

#[test]
fn what_comes_before_a_socket_is_closed_is_seen_as_well_as_what_comes_after() {
    let seen = outcomes(200, || {
        network::set(Conditions::default().delay(Duration::ZERO));
        let (mut client, mut server) = connected();
        let server = go!(move || {
            server.read_exact(&mut [0]).unwrap();
            server.write_all(b"y").unwrap();
            server.read(&mut [0]).map_err(|error| error.kind())
        });
        client.write_all(b"x").unwrap();
        // Before that the server may have answered, or not.
        drop(client);
        server.join().unwrap()
    });
    assert_eq!(seen, BTreeSet::from([Ok(0), Err(ErrorKind::ConnectionReset)]));
}

#[test]
fn no_more_connections_are_reset_than_may_be() {
    let failed = outcomes(500, || {
        network::set(Conditions::default().resets(2));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let talk = |_| {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let mut server = listener.accept().unwrap().0;
            client.write_all(b"x").is_err() || server.read_exact(&mut [0]).is_err() || client.read(&mut [0; 0]).is_err()
        };
        (0..5).map(talk).filter(|&failed| failed).count()
    });
    assert!(failed.len() == 3 && failed.last() == Some(&2), "{failed:?}");
}

#[test]
fn who_is_held_up_is_late() {
    let late = outcomes(300, || {
        network::set(Conditions::default().stalls(1, SECOND));
        let listener = TcpListener::bind("127.0.0.1:80").unwrap();
        let start = now();
        let mut client = TcpStream::connect("127.0.0.1:80").unwrap();
        let connects_late = now() - start >= SECOND;
        let mut server = listener.accept().unwrap().0;
        server.set_read_timeout(Some(10 * MILLISECOND)).unwrap();
        client.write_all(b"x").unwrap();
        let in_time = server.read(&mut [0]).map_err(|error| error.kind());
        if in_time.is_err() {
            server.set_read_timeout(Some(2 * SECOND)).unwrap();
            server.read_exact(&mut [0]).unwrap();
        }
        (connects_late, in_time)
    });
    let expected = [(false, Ok(1)), (true, Ok(1)), (false, Err(ErrorKind::TimedOut))];
    assert_eq!(late, BTreeSet::from(expected));
}

#[test]
fn a_partition_holds_connections_up() {
    check(|| {
        let [here, there] = ["127.0.0.1", "127.0.0.2"].map(ip);
        let listener = TcpListener::bind((there, 80)).unwrap();
        let client = TcpStream::connect((there, 80)).unwrap();
        let server = listener.accept().unwrap().0;
        (&client).write_all(b"before").unwrap();
        let cut = partition(&[here], &[there]);
        (&client).write_all(b" during").unwrap();
        server.set_read_timeout(Some(SECOND)).unwrap();
        let mut text = Vec::new();
        // What was under way may have been there already.
        assert_eq!((&server).read_to_end(&mut text).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(b"before".starts_with(&text), "{text:?}");
        let connects = TcpStream::connect_timeout(&listener.local_addr().unwrap(), SECOND);
        assert_eq!(connects.unwrap_err().kind(), ErrorKind::TimedOut);
        // Others are not concerned.
        on_host(there, || TcpStream::connect((there, 80))).unwrap();
        let late = go!(move || TcpStream::connect((there, 80)).map(|_| now()));
        testing::wait();
        let healed = now();
        drop(cut);
        client.shutdown(Shutdown::Write).unwrap();
        (&server).read_to_end(&mut text).unwrap();
        assert_eq!(text, b"before during");
        assert!(late.join().unwrap().unwrap() >= healed);
    });
}

#[test]
fn a_partition_that_ends_lets_the_listener_know() {
    check(|| {
        let [here, there] = ["127.0.0.1", "127.0.0.2"].map(ip);
        let listener = TcpListener::bind((there, 80)).unwrap();
        let accepts = go!(move || listener.accept().map(|_| ()));
        let cut = partition(&[there], &[here, ip("10.0.0.1")]);
        let connects = go!(move || TcpStream::connect((there, 80)));
        testing::wait();
        assert!(!accepts.is_finished() && !connects.is_finished());
        drop(cut);
        connects.join().unwrap().unwrap();
        accepts.join().unwrap().unwrap();
    });
}

#[test]
fn connections_that_were_on_their_way_when_hosts_are_parted_are_made_afterwards() {
    check(|| {
        let [here, there] = ["127.0.0.1", "127.0.0.2"].map(ip);
        let listener = TcpListener::bind((there, 80)).unwrap();
        let connects = go!(move || TcpStream::connect((there, 80)));
        sleep(MILLISECOND / 2);
        let cut = partition(&[here], &[there]);
        sleep(SECOND);
        drop(cut);
        let mut client = connects.join().unwrap().unwrap();
        client.write_all(b"x").unwrap();
        listener.accept().unwrap().0.read_exact(&mut [0]).unwrap();
    });
}

#[test]
fn datagrams_are_lost_by_a_partition() {
    check(|| {
        let [here, there] = ["127.0.0.1", "127.0.0.2"].map(|host| UdpSocket::bind((host, 53)).unwrap());
        let cut = partition(&[ip("127.0.0.1")], &[ip("127.0.0.2")]);
        here.send_to(b"1", there.local_addr().unwrap()).unwrap();
        drop(cut);
        here.send_to(b"2", there.local_addr().unwrap()).unwrap();
        let mut byte = [0];
        there.recv(&mut byte).unwrap();
        assert_eq!(&byte, b"2");
    });
}

#[test]
fn datagrams_overtake_each_other_and_are_lost_and_doubled() {
    let seen = outcomes(2_000, || {
        network::set(Conditions::default().lost(1).duplicated(1));
        let [here, there] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        there.set_read_timeout(Some(SECOND)).unwrap();
        for number in [b"1", b"2"] {
            here.send_to(number, there.local_addr().unwrap()).unwrap();
        }
        let mut seen = String::new();
        let mut byte = [0];
        while there.recv(&mut byte).is_ok() {
            seen.push(byte[0].into());
        }
        seen
    });
    for expected in ["12", "21", "1", "2", "112", "122", "221", "11", "22"] {
        assert!(seen.contains(expected), "{expected} is not in {seen:?}");
    }
    assert!(seen.iter().all(|seen| !seen.is_empty() && seen.len() <= 3), "{seen:?}");
}

#[test]
fn there_can_be_several_hosts() {
    check(|| {
        let [one, two] = ["10.0.0.1", "10.0.0.2"].map(ip);
        let listeners = [one, two].map(|host| on_host(host, || TcpListener::bind("0.0.0.0:80")).unwrap());
        network::add_host("one", one);
        network::add_host("two", two);
        let client = on_host(one, || TcpStream::connect("two:80")).unwrap();
        let (server, from) = listeners[1].accept().unwrap();
        assert_eq!((from.ip(), client.peer_addr().unwrap().ip(), server.local_addr().unwrap().ip()), (one, two, two));
        assert_eq!(TcpStream::connect("10.0.0.3:80").unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let socket = on_host(one, || UdpSocket::bind("0.0.0.0:53")).unwrap();
        let other = on_host(two, || UdpSocket::bind("0.0.0.0:53")).unwrap();
        other.send_to(b"x", (one, 53)).unwrap();
        assert_eq!(socket.recv_from(&mut [0]).unwrap(), (1, (two, 53).into()));
    });
}

#[test]
fn both_versions_of_the_protocol_are_there() {
    check(|| {
        let listener = TcpListener::bind("[::]:80").unwrap();
        let client = TcpStream::connect("127.0.0.1:80").unwrap();
        let (server, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), ip("::ffff:127.0.0.1"));
        assert_eq!((client.peer_addr().unwrap().ip(), server.local_addr().unwrap().port()), (ip("127.0.0.1"), 80));
        let client = TcpStream::connect("[::1]:80").unwrap();
        assert_eq!(client.local_addr().unwrap().ip(), ip("::1"));
        assert_eq!(TcpListener::bind("0.0.0.0:80").unwrap_err().kind(), ErrorKind::AddrInUse);
        let _other = TcpListener::bind("[::1]:81").unwrap();
        assert_eq!(TcpStream::connect("127.0.0.1:81").unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn names_are_those_that_it_was_told() {
    check(|| {
        network::add_host("database", ip("10.0.0.1"));
        network::add_host("database", ip("10.0.0.2"));
        assert_eq!(lookup_host("database").unwrap(), ["10.0.0.1", "10.0.0.2"].map(ip));
        // The first does not answer.
        let listener = TcpListener::bind("10.0.0.2:80").unwrap();
        assert_eq!(TcpStream::connect("database:80").unwrap().peer_addr().unwrap(), listener.local_addr().unwrap());
        assert_eq!(TcpStream::connect(("elsewhere", 80)).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_path_is_only_a_name() {
    check(|| {
        let path = "/run/gocsp/no such directory";
        let listener = UnixListener::bind(path).unwrap();
        let mut client = UnixStream::connect(path).unwrap();
        client.write_all(b"x").unwrap();
        let (server, _) = listener.accept().unwrap();
        assert_eq!(server.local_addr().unwrap().as_pathname().unwrap().to_str(), Some(path));
        drop(listener);
        assert_eq!(UnixStream::connect(path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        UnixListener::bind(path).unwrap();
    });
}

#[test]
fn the_buffer_is_as_large_as_it_is_said_to_be() {
    check(|| {
        network::set(Conditions::default().buffer(3).in_pieces(false));
        let (mut here, there) = UnixStream::pair().unwrap();
        assert_eq!(here.write(b"12345").unwrap(), 3);
        here.set_write_timeout(Some(MILLISECOND)).unwrap();
        assert_eq!(here.write(b"45").unwrap_err().kind(), ErrorKind::TimedOut);
        let writer = here.try_clone().unwrap();
        here.set_write_timeout(None).unwrap();
        let writer = go!(move || (&writer).write_all(b"45"));
        testing::wait();
        network::set(Conditions::default());
        writer.join().unwrap().unwrap();
        drop(here);
        assert_eq!(read_to_string(there).unwrap(), "12345");
    });
}

#[test]
fn each_schedule_has_a_network_of_its_own() {
    Config::default().schedules(20).check(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listener.local_addr().unwrap().port(), 49_152);
        network::add_host("here", ip("127.0.0.1"));
        assert_eq!(lookup_host("here").unwrap().len(), 1);
    });
}

#[test]
fn a_socket_that_outlives_its_schedule_is_of_no_use() {
    let kept = Arc::new(StdMutex::new(None));
    let left = Arc::clone(&kept);
    check(move || {
        let mut left = left.lock().unwrap();
        if let Some((mut stream, listener)) = left.replace(connected()) {
            // Of the schedule before.
            assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::Unsupported);
            assert_eq!(listener.local_addr().unwrap_err().kind(), ErrorKind::Unsupported);
        }
    });
    let (mut stream, _) = kept.lock().unwrap().take().unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(stream.peer_addr().unwrap_err().kind(), ErrorKind::Unsupported);
    stream.set_nodelay(true).unwrap();
    stream.close();
}

#[test]
fn sockets_do_not_pass_between_the_simulation_and_the_system() {
    check(|| {
        let (stream, _other) = UnixStream::pair().unwrap();
        assert!(format!("{stream:?}").contains("Simulated"));
        assert_eq!(stream.into_std().unwrap_err().kind(), ErrorKind::Unsupported);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(OwnedFd::try_from(socket).unwrap_err().kind(), ErrorKind::Unsupported);
        let (_here, there) = StdUnixStream::pair().unwrap();
        let mut there = UnixStream::from_std(there).unwrap();
        assert_eq!(there.read(&mut [0]).unwrap_err().kind(), ErrorKind::Unsupported);
        let socket = std::thread::spawn(|| UdpSocket::bind("127.0.0.1:0").unwrap()).join().unwrap();
        assert!(!format!("{socket:?}").contains("Simulated"));
    });
}

#[test]
fn who_reads_when_the_test_is_over_is_left_behind() {
    let body = || {
        let (client, mut server) = connected();
        go!(move || server.read(&mut [0]).map(drop));
        go!(move || {
            sleep(Duration::MAX);
            drop(client);
        });
    };
    let failure = Config::default().explore(body).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Leak, "{failure}");
    assert!(failure.to_string().contains("waits for input"), "{failure}");
}

#[test]
#[should_panic(expected = "network::set() is for what testing::check runs")]
fn conditions_are_for_schedules() {
    network::set(Conditions::default());
}

/// What one who writes, and closes, and one who reads have come to.
#[derive(Debug, PartialEq, Eq)]
struct Transfer {
    /// How many bytes were written, and whether the end of them was.
    written: (usize, bool),
    /// How many were read, and how that ended.
    read: (usize, Result<(), ErrorKind>),
}

/// Sends bytes in pieces of any size, to somebody who reads them so: they count up.
fn transfer(mut from: TcpStream, mut to: TcpStream, whole: bool) -> JoinHandle<Transfer> {
    const MOST: usize = 60;
    let reader = go!(move || {
        let mut read = 0;
        let mut buffer = [0; 16];
        loop {
            let size = [16, 1, 5][testing::choose(3)];
            match to.read(&mut buffer[..size]) {
                Ok(0) => break (read, Ok(())),
                Ok(count) => {
                    let is_next = |(place, &byte): (usize, &u8)| byte == (read + place) as u8;
                    assert!(buffer[..count].iter().enumerate().all(is_next), "{buffer:?} after {read}");
                    read += count;
                }
                Err(error) => break (read, Err(error.kind())),
            }
            if !whole && testing::choose(8) == 7 {
                to.close();
                break (read, Err(ErrorKind::Other));
            }
        }
    });
    go!(move || {
        let bytes: Vec<u8> = (0..MOST as u8).collect();
        let mut written = 0;
        while written < MOST {
            let size = [20, 1, 7][testing::choose(3)].min(MOST - written);
            match from.write(&bytes[written..written + size]) {
                Ok(count) => written += count,
                Err(_) => break,
            }
        }
        let ended = written == MOST && from.shutdown(Shutdown::Write).is_ok();
        Transfer { written: (written, ended), read: reader.join().unwrap() }
    })
}

#[test]
fn what_is_read_is_what_was_written_whatever_happens() {
    for (whole, strategy) in [true, false].into_iter().flat_map(|whole| STRATEGIES.map(|strategy| (whole, strategy))) {
        Config::default().schedules(500).strategy(strategy).check(move || {
            let resets = if whole { 0 } else { 2 };
            network::set(Conditions::default().buffer(25).resets(resets).stalls(2, SECOND));
            let listener = TcpListener::bind("127.0.0.2:80").unwrap();
            let mut transfers = Vec::new();
            for _ in 0..2 {
                let Ok(client) = TcpStream::connect("127.0.0.2:80") else { continue };
                let server = listener.accept().unwrap().0;
                transfers.push(transfer(client.try_clone().unwrap(), server.try_clone().unwrap(), whole));
                transfers.push(transfer(server, client, whole));
            }
            for _ in 0..2 {
                sleep(testing::choose(3) as u32 * MILLISECOND);
                let cut = partition(&[ip("127.0.0.1")], &[ip("127.0.0.2")]);
                sleep(testing::choose(2) as u32 * SECOND);
                drop(cut);
            }
            for transfer in transfers.into_iter().map(|transfer| transfer.join().unwrap()) {
                assert!(transfer.read.0 <= transfer.written.0, "{transfer:?}");
                let is_whole = transfer == Transfer { written: (60, true), read: (60, Ok(())) };
                assert!(!whole || is_whole, "{transfer:?}");
            }
        });
    }
}

/// A little of everything.
fn everything() {
    network::set(Conditions::default().resets(1).stalls(1, SECOND).lost(1).duplicated(1));
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tx, rx) = channel(0);
    let serves = listener.try_clone().unwrap();
    go!(move || {
        for stream in serves.incoming() {
            let (mut stream, tx) = (stream.unwrap(), tx.clone());
            go!(move || {
                let mut text = Vec::new();
                let read = stream.read_to_end(&mut text).map_err(|error| error.kind());
                tx.send((text, read)).unwrap();
            });
        }
    });
    let cut = partition(&[ip("127.0.0.1")], &[ip("127.0.0.2")]);
    let clients = [(); 2].map(|()| {
        go!(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            _ = stream.write_all(b"some text");
        })
    });
    sleep(SECOND);
    drop(cut);
    clients.into_iter().for_each(|client| client.join().unwrap());
    (0..2).for_each(|_| _ = rx.recv().unwrap());
    listener.close();
    assert!(rx.recv().is_err());
    let [here, there] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    here.send_to(b"x", there.local_addr().unwrap()).unwrap();
    there.set_read_timeout(Some(SECOND)).unwrap();
    while there.recv(&mut [0]).is_ok() {}
}

fn explored(seed: u64, strategy: Strategy) -> Explored {
    let config = Config::default().schedules(200).seed(seed).strategy(strategy);
    config.explore(everything).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn the_same_seed_leads_to_the_same() {
    for strategy in STRATEGIES {
        let first = explored(1, strategy);
        assert_eq!(explored(1, strategy), first);
        assert_ne!(explored(2, strategy).hash, first.hash);
    }
}

#[test]
#[ignore = "for the next test"]
fn the_hash_of_everything() {
    println!("{}", explored(1, Strategy::Random).hash);
}

#[test]
fn the_same_seed_leads_to_the_same_in_another_process() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", "the_hash_of_everything", "--ignored", "--nocapture"]).output().unwrap();
    let (output, hash) = (String::from_utf8(output.stdout).unwrap(), explored(1, Strategy::Random).hash.to_string());
    assert!(output.lines().any(|line| line == hash || line.ends_with(&format!(" {hash}"))), "{hash}: {output}");
}
