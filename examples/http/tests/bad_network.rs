//! The server on a network that is slow, and breaks connections off; under chosen schedules, by a clock of their own.
#![cfg(target_os = "linux")]

#[path = "common/answers.rs"]
mod answers;

use std::io::{self, Write};
use std::time::Duration;

use answers::{Answer, read_answer};
use gocsp::context::Context;
use gocsp::net::{TcpListener, TcpStream};
use gocsp::testing::Config;
use gocsp::testing::network::{self, Conditions, partition};
use gocsp::time::now;
use gocsp::{go, scope, sleep};
use httpd::{Limits, serve};

const ADDRESS: &str = "127.0.0.2:80";
const SECOND: Duration = Duration::from_secs(1);

/// Runs a server while `clients` runs, and stops it, which takes it no longer than its limits say. Nobody is left
/// behind.
fn served(schedules: u32, conditions: Conditions, clients: impl Fn() + Send + Sync + 'static) {
    Config::default().schedules(schedules).check(move || {
        network::set(conditions);
        let listener = TcpListener::bind(ADDRESS).unwrap();
        let (context, cancel) = Context::background().with_cancel();
        let server = go!(move || serve(&context, &listener, &Limits::default()));
        clients();
        let stops = now();
        cancel.cancel();
        server.join().unwrap();
        assert!(now() - stops <= Limits::default().grace);
    });
}

/// The answer to a request on a connection of its own.
fn ask(request: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(ADDRESS)?;
    stream.write_all(request)?;
    read_answer(&mut stream, true)
}

fn echo(text: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

#[test]
fn answers_are_right_or_do_not_come() {
    let conditions = Conditions::default().resets(2).stalls(2, 20 * SECOND);
    served(300, conditions, || {
        scope(|s| {
            for text in ["one", "another"] {
                s.go(move || match ask(echo(text).as_bytes()) {
                    Ok(answer) if answer.status == 200 => assert_eq!(answer.body, text.as_bytes()),
                    // It has taken too long.
                    Ok(answer) => assert_eq!(answer.status, 408, "{answer:?}"),
                    Err(_) => {}
                });
            }
        });
    });
}

#[test]
fn who_does_not_end_a_request_is_told_so_in_time() {
    let limits = Limits::default();
    served(200, Conditions::default(), move || {
        let whole = echo("text");
        let requests = [("GET / HTTP/1.1\r\nHo", limits.head_time), (&whole[..whole.len() - 1], limits.body_time)];
        for (request, time) in requests {
            let start = now();
            let mut stream = TcpStream::connect(ADDRESS).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            assert_eq!(read_answer(&mut stream, true).unwrap().status, 408, "{request:?}");
            let took = now() - start;
            assert!((time..time + SECOND).contains(&took), "{request:?}: {took:?}");
        }
    });
}

#[test]
fn who_is_cut_off_for_a_while_gets_what_it_has_asked_for() {
    served(200, Conditions::default(), || {
        let cutter = go!(|| {
            sleep(SECOND / 1_000);
            let cut = partition(&["127.0.0.1".parse().unwrap()], &["127.0.0.2".parse().unwrap()]);
            sleep(5 * SECOND);
            drop(cut);
        });
        let answer = ask(echo("text").as_bytes()).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"text"[..]));
        assert!(answer.head.contains("Connection: keep-alive"), "{}", answer.head);
        cutter.join().unwrap();
    });
}
