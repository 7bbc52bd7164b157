//! What goes through a stream, in pieces of any size, arrives as it was.
#![cfg(target_os = "linux")]

#[path = "common/pairs.rs"]
mod pairs;
#[path = "common/procs.rs"]
mod procs;

use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use fastrand::Rng;
use gocsp_net::UnixStream;
use gocsp_runtime::{scope, yield_now};
use pairs::tcp_pair;
use procs::everywhere;

/// More than the buffers between the two ends take, so that writers wait as well.
const LENGTH: usize = 6 << 20;

/// The byte that goes through at this place.
fn byte_at(place: usize) -> u8 {
    (place.wrapping_mul(0x9E37_79B9) >> 16) as u8
}

/// A length: short ones are as frequent as long ones.
fn length(random: &mut Rng) -> usize {
    1 << random.u32(0..18) | random.usize(0..64)
}

fn write(mut stream: impl Write, mut random: Rng) {
    let mut written = 0;
    while written < LENGTH {
        let mut piece = || -> Vec<u8> {
            let end = LENGTH.min(written + length(&mut random));
            (written..end).map(byte_at).collect()
        };
        let first = piece();
        let (head, tail) = first.split_at(random.usize(0..=first.len()));
        written += match random.u32(0..3) {
            0 => stream.write_vectored(&[IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)]).unwrap(),
            _ => stream.write(&first).unwrap(),
        };
        if random.u32(0..10) == 0 {
            yield_now();
        }
    }
}

/// Reads until the end. A call may give up before something comes.
fn read(mut stream: impl Read, mut random: Rng) {
    let (mut here, mut there, mut read) = (vec![0; 1 << 19], vec![0; 1 << 19], 0);
    loop {
        let (head, tail) = (&mut here[..length(&mut random)], &mut there[..length(&mut random)]);
        let result = match random.u32(0..3) {
            0 => stream.read_vectored(&mut [IoSliceMut::new(head), IoSliceMut::new(tail)]),
            _ => stream.read(head),
        };
        let length = match result {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                continue;
            }
        };
        let bytes = head.iter().chain(&*tail).take(length);
        assert!(bytes.copied().eq((read..read + length).map(byte_at)), "between {read} and {}", read + length);
        read += length;
    }
    assert_eq!(read, LENGTH);
}

/// Says with which seed a test failed.
struct Blame(u64);

impl Drop for Blame {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with the seed {}", self.0);
        }
    }
}

/// With the seed of the variable `GOCSP_TEST_SEED`, if there is one.
fn random() -> (Rng, Blame) {
    let given = std::env::var("GOCSP_TEST_SEED").ok().map(|seed| seed.parse().expect("a seed is a number"));
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0));
    (Rng::with_seed(seed), Blame(seed))
}

#[test]
fn random_pieces_go_through_tcp() {
    everywhere(|| {
        let (mut random, _blame) = random();
        let (client, server) = tcp_pair();
        server.set_read_timeout(Some(Duration::from_micros(random.u64(1..1000)))).unwrap();
        scope(|s| {
            let (theirs, ours) = (random.fork(), random.fork());
            s.go(|| {
                write(&client, theirs);
                client.shutdown(Shutdown::Write).unwrap();
            });
            read(&server, ours);
        });
    });
}

#[test]
fn random_pieces_go_both_ways_in_the_machine() {
    everywhere(|| {
        let (mut random, _blame) = random();
        let (here, there) = UnixStream::pair().unwrap();
        scope(|s| {
            for (one, other) in [(&here, &there), (&there, &here)] {
                let (theirs, ours) = (random.fork(), random.fork());
                s.go(move || {
                    write(one, theirs);
                    one.shutdown(Shutdown::Write).unwrap();
                });
                s.go(move || read(other, ours));
            }
        });
    });
}
