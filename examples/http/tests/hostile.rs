//! Clients that want no good: the server stays, gives correct answers or none, and serves the others.
#![cfg(target_os = "linux")]

#[path = "common/answers.rs"]
mod answers;
#[path = "common/served.rs"]
mod served;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use answers::{Answer, read_answer};
use fastrand::Rng;
use gocsp::net::TcpStream;
use gocsp::{scope, sleep};
use httpd::Limits;
use served::{HEALTH, answers, ask, served, statuses};

const SHORT: Duration = Duration::from_millis(100);

const GOOD: [&str; 4] = [
    "GET /health HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 11\r\n\r\nhello world",
    "POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n\
     5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
];

/// Good requests, in which some bytes are changed, lost, repeated, or cut off.
fn damaged(random: &mut Rng) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..random.usize(1..4)).flat_map(|_| GOOD[random.usize(..GOOD.len())].bytes()).collect();
    for _ in 0..random.usize(1..5) {
        let at = random.usize(..bytes.len().max(1));
        match random.u8(..6) {
            _ if bytes.is_empty() => bytes.push(random.u8(..)),
            0 => bytes[at] = random.u8(..),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, random.u8(..)),
            3 => bytes.truncate(at),
            4 => bytes[at] = b"\r\n :;,0fF"[random.usize(..9)],
            _ => bytes.extend_from_within(at..),
        }
    }
    bytes
}

fn garbage(random: &mut Rng) -> Vec<u8> {
    (0..random.usize(..2000)).map(|_| random.u8(..)).collect()
}

/// Sends this in pieces, ends, and gives what came back and whether all of it did: who sends what nobody wants to read
/// may be cut off.
fn provoke(address: SocketAddr, bytes: &[u8], random: &mut Rng) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.usize(1..=rest.len()));
        if stream.write_all(piece).is_err() {
            break;
        }
        rest = after;
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    let whole = stream.read_to_end(&mut answers).is_ok();
    (answers, whole)
}

#[test]
fn whatever_bytes_come_the_answers_are_correct() {
    const KNOWN: [u16; 11] = [100, 200, 400, 404, 405, 408, 413, 417, 431, 501, 505];
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    served(Limits { head: 1000, body: 1000, ..Limits::default() }, |address| {
        scope(|s| {
            for client in 0..4 {
                s.go(move || {
                    let mut random = Rng::with_seed(seed.wrapping_add(client));
                    for round in 0..400 {
                        let bytes = if random.u8(..10) == 0 { garbage(&mut random) } else { damaged(&mut random) };
                        let (received, whole) = provoke(address, &bytes, &mut random);
                        for answer in whole.then(|| answers(&received)).into_iter().flatten() {
                            let Answer { status, head, body } = answer;
                            assert!(KNOWN.contains(&status), "round {round}: {head}{body:?} to {bytes:?}");
                        }
                    }
                });
            }
        });
    });
}

#[test]
fn it_does_not_matter_in_which_pieces_bytes_come() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    served(Limits { head: 1000, body: 1000, ..Limits::default() }, |address| {
        for round in 0..400 {
            let bytes = damaged(&mut random);
            let mut statuses = || {
                let mut statuses = statuses(&provoke(address, &bytes, &mut random).0);
                // Who has sent the body already is not told to go on.
                statuses.retain(|&status| status != 100);
                statuses
            };
            assert_eq!(statuses(), statuses(), "round {round}: {bytes:?}");
        }
    });
}

#[test]
fn requests_that_come_one_byte_at_a_time_are_answered() {
    served(Limits::default(), |address| {
        for request in GOOD {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            for byte in request.bytes() {
                stream.write_all(&[byte]).unwrap();
            }
            let first = read_answer(&mut stream, true).unwrap();
            let answer = if first.status == 100 { read_answer(&mut stream, true).unwrap() } else { first };
            assert_eq!(answer.status, 200);
        }
    });
}

/// Clients that begin so, and then send one byte after the other: each comes in time, and all together do not.
fn slow_clients_are_told(limits: Limits, begin: &'static [u8]) {
    served(limits, |address| {
        scope(|s| {
            for _ in 0..25 {
                s.go(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(begin).unwrap();
                    while stream.write_all(b"a").is_ok() {
                        stream.set_read_timeout(Some(SHORT / 10)).unwrap();
                        match stream.peek(&mut [0]) {
                            Ok(_) => break,
                            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{error}"),
                        }
                    }
                    stream.set_read_timeout(None).unwrap();
                    assert_eq!(read_answer(&mut stream, true).unwrap().status, 408);
                });
            }
            for _ in 0..100 {
                assert_eq!(statuses(&ask(address, HEALTH)), [200]);
            }
        });
    });
}

#[test]
fn who_sends_slowly_is_told_so_and_holds_back_nobody() {
    let no_limit = Limits { head_time: Duration::MAX, body_time: Duration::MAX, ..Limits::default() };
    slow_clients_are_told(Limits { head_time: SHORT, ..no_limit.clone() }, b"G");
    let body = b"POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n";
    slow_clients_are_told(Limits { body_time: SHORT, ..no_limit }, body);
}

#[test]
fn a_flood_of_connections_is_served_a_few_at_a_time() {
    let start = Instant::now();
    served(Limits { connections: 8, ..Limits::default() }, |address| {
        scope(|s| {
            for _ in 0..300 {
                s.go(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(HEALTH).unwrap();
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).unwrap();
                    assert_eq!(statuses(&answer), [200]);
                });
            }
        });
    });
    // They see at once that their connections end, and the server sees at once that they have seen it.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn more_connections_than_allowed_wait() {
    served(Limits { connections: 1, ..Limits::default() }, |address| {
        let [mut first, mut second] = [0; 2].map(|_| TcpStream::connect(address).unwrap());
        first.write_all(b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        assert_eq!(read_answer(&mut first, true).unwrap().status, 200);
        second.write_all(HEALTH).unwrap();
        second.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(second.peek(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        drop(first);
        second.set_read_timeout(None).unwrap();
        assert_eq!(read_answer(&mut second, true).unwrap().status, 200);
    });
}

#[test]
fn connections_on_which_nothing_comes_make_room() {
    served(Limits { connections: 8, idle: SHORT, ..Limits::default() }, |address| {
        let silent: Vec<_> = (0..32).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert_eq!(statuses(&ask(address, HEALTH)), [200]);
        for mut stream in silent {
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        }
    });
}

#[test]
fn who_does_not_read_is_given_up() {
    served(Limits { connections: 1, write_time: SHORT, ..Limits::default() }, |address| {
        let mut deaf = TcpStream::connect(address).unwrap();
        deaf.write_all(b"GET /bytes/16777216 HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        // There is room for one: this one is served when that one is no more.
        assert_eq!(statuses(&ask(address, HEALTH)), [200]);
        drop(deaf);
    });
}

/// How much memory this process occupies, in bytes.
fn resident() -> usize {
    let sizes = std::fs::read_to_string("/proc/self/statm").unwrap();
    sizes.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * rustix::param::page_size()
}

#[test]
fn who_does_not_read_occupies_little() {
    const EACH: usize = 16 << 20;
    served(Limits::default(), |address| {
        let before = resident();
        let deaf: Vec<_> = (0..32).map(|_| TcpStream::connect(address).unwrap()).collect();
        for mut stream in &deaf {
            stream.write_all(format!("GET /bytes/{EACH} HTTP/1.1\r\nHost: here\r\n\r\n").as_bytes()).unwrap();
            // The answer has begun.
            stream.peek(&mut [0]).unwrap();
        }
        let more = resident().saturating_sub(before);
        assert!(more < deaf.len() * EACH / 2, "{more} bytes");
        deaf.iter().for_each(TcpStream::close);
    });
}

#[test]
fn who_reads_late_gets_all_of_the_last_answer() {
    const LENGTH: usize = 200_000;
    let no_limit = Limits { head_time: Duration::MAX, body_time: Duration::MAX, ..Limits::default() };
    served(Limits { connections: 1, ..no_limit }, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("GET /bytes/{LENGTH} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        // There is more behind it, which the server does not want to know.
        stream.write_all(&[request.as_bytes(), &[b'x'; 20_000]].concat()).unwrap();
        // There is room for one: when this one is served, that one is no more.
        assert_eq!(statuses(&ask(address, HEALTH)), [200]);
        assert_eq!(read_answer(&mut stream, true).unwrap().body.len(), LENGTH);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn who_goes_away_in_the_middle_leaves_nothing_behind() {
    served(Limits::default(), |address| {
        for request in GOOD {
            for length in 0..request.len() {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(&request.as_bytes()[..length]).unwrap();
                if length % 2 == 0 {
                    // Not ended, but broken off.
                    stream.set_linger(Some(Duration::ZERO)).unwrap();
                }
            }
        }
        sleep(Duration::ZERO);
    });
}
