//! What requests get, the good and the bad.
#![cfg(target_os = "linux")]

#[path = "common/answers.rs"]
mod answers;
#[path = "common/served.rs"]
mod served;

use std::io::{Read, Write};

use answers::read_answer;
use gocsp::net::TcpStream;
use httpd::Limits;
use served::{answers, ask, served, statuses};

/// Each of these requests, alone on a connection, gets an answer of this status.
fn assert_statuses(limits: &Limits, requests: &[(&str, u16)]) {
    served(limits.clone(), |address| {
        for (request, status) in requests {
            assert_eq!(statuses(&ask(address, request.as_bytes())), [*status], "{request:?}");
        }
    });
}

#[test]
fn good_requests_are_answered() {
    assert_statuses(
        &Limits::default(),
        &[
            ("GET / HTTP/1.1\r\nHost: here\r\n\r\n", 200),
            ("GET /health?verbose HTTP/1.1\r\nHost: here\r\n\r\n", 200),
            ("\r\n\r\nGET /health HTTP/1.1\r\nhost:here\r\n\r\n", 200),
            ("GET http://here/health HTTP/1.1\r\nHost: here\r\n\r\n", 200),
            ("GET HTTPS://here:1/health HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
            ("GET http://here?a=/nothing HTTP/1.1\r\nHost: here\r\n\r\n", 200),
            ("GET /health?http://there/nothing HTTP/1.1\r\nHost:\r\n\r\n", 200),
            // There is nothing to wait for, or it has come.
            ("GET /health HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\n\r\n", 200),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", 200),
            ("GET /health HTTP/1.0\r\n\r\n", 200),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n", 200),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 200),
        ],
    );
}

#[test]
fn what_there_is_not_is_said() {
    assert_statuses(
        &Limits::default(),
        &[
            ("GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n", 404),
            ("GET /bytes/many HTTP/1.1\r\nHost: here\r\n\r\n", 404),
            ("GET /bytes/99999999 HTTP/1.1\r\nHost: here\r\n\r\n", 404),
            ("GET /bytes/+1 HTTP/1.1\r\nHost: here\r\n\r\n", 404),
            ("GET /echo HTTP/1.1\r\nHost: here\r\n\r\n", 405),
            ("POST /health HTTP/1.1\r\nHost: here\r\n\r\n", 405),
            ("BREW /health HTTP/1.1\r\nHost: here\r\n\r\n", 501),
            ("GET / HTTP/2.0\r\nHost: here\r\n\r\n", 505),
            ("GET / HTTP/0.9\r\nHost: here\r\n\r\n", 505),
            ("GET / HTTP/1.2\r\nHost: here\r\n\r\n", 505),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nExpect: miracles\r\n\r\n", 417),
        ],
    );
}

#[test]
fn who_uses_a_wrong_method_learns_the_right_ones() {
    served(Limits::default(), |address| {
        for (request, allowed) in [("POST /health", "GET, HEAD"), ("GET /echo", "POST")] {
            let [answer] = &answers(&ask(address, format!("{request} HTTP/1.1\r\nHost: here\r\n\r\n").as_bytes()))[..]
            else {
                panic!("there is one answer")
            };
            assert!(answer.head.contains(&format!("\r\nAllow: {allowed}\r\n")), "{request}: {}", answer.head);
        }
    });
}

#[test]
fn malformed_requests_are_refused() {
    assert_statuses(
        &Limits::default(),
        &[
            ("nonsense\r\n\r\n", 400),
            ("GET / FTP/1.1\r\nHost: here\r\n\r\n", 400),
            ("GET /in two HTTP/1.1\r\nHost: here\r\n\r\n", 400),
            ("GET health HTTP/1.1\r\nHost: here\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\nHost: here\r\nHost: there\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\nHost: he re\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\nHost: here/there\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\nHost : here\r\n\r\n", 400),
            ("GET http:///health HTTP/1.1\r\nHost: here\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\nHost: here\r\n folded\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\nHost: he\0re\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\nHost: here\r\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: +1\r\n\r\na", 400),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nabcd", 400),
            // That version did not know how to wait.
            ("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
            (
                "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400,
            ),
            ("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ],
    );
}

#[test]
fn malformed_chunks_are_refused() {
    served(Limits::default(), |address| {
        for chunks in [
            "xyz\r\n",
            "0x2\r\nab\r\n0\r\n\r\n",
            "+2\r\nab\r\n0\r\n\r\n",
            "2\r\nabc\r\n0\r\n\r\n",
            "2\r\nab\n0\r\n\r\n",
            // The last chunk has a size as well.
            "\r\n\r\n",
            ";why=not\r\n\r\n",
            "\t\r\n\r\n",
            // What others might take for the end of a line.
            "2\nab\r\n0\r\n\r\n",
            "2;\nab\r\n0\r\n\r\n",
            "2;\rx\r\nab\r\n0\r\n\r\n",
            "2;\0\r\nab\r\n0\r\n\r\n",
            // Trailers are headers.
            "0\r\nGET / HTTP/1.1\r\n\r\n",
            "0\r\nA: \0\r\n\r\n",
            "0\r\nA: b\r\n folded\r\n\r\n",
            // No matter how it comes.
            &format!("2;{}\r\nab\r\n0\r\n\r\n", "x".repeat(1000)),
        ] {
            let head = "POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n";
            let behind = "GET /health HTTP/1.1\r\nHost: here\r\n\r\n";
            assert_eq!(statuses(&ask(address, format!("{head}{chunks}{behind}").as_bytes())), [400], "{chunks:?}");
        }
    });
}

#[test]
fn what_is_too_large_is_refused() {
    let limits = Limits { head: 200, body: 10, ..Limits::default() };
    let (long, many) = ("x".repeat(1000), "A: b\r\n".repeat(65));
    let head_of = |length: usize| format!("GET / HTTP/1.1\r\nHost: here\r\nLong: {:x<1$}\r\n\r\n", "", length - 38);
    let chunked = "POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_statuses(
        &limits,
        &[
            (&head_of(200), 200),
            (&head_of(201), 431),
            (&format!("GET /{long} HTTP/1.1\r\nHost: here\r\n\r\n"), 431),
            (&format!("GET / HTTP/1.1\r\nHost: here\r\nLong: {long}"), 431),
            (&format!("{chunked}0\r\nLong: {long}\r\n\r\n"), 431),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n0123456789", 200),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 11\r\n\r\n0123456789a", 413),
            ("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            (&format!("{chunked}a\r\n0123456789\r\n0\r\n\r\n"), 200),
            (&format!("{chunked}a\r\n0123456789\r\n1\r\na\r\n0\r\n\r\n"), 413),
            (&format!("{chunked}ffffffffffffffff\r\n"), 413),
        ],
    );
    assert_statuses(&Limits::default(), &[(&format!("GET / HTTP/1.1\r\nHost: here\r\n{many}\r\n"), 431)]);
}

#[test]
fn what_does_not_end_is_refused_while_it_comes() {
    served(Limits { head: 1000, ..Limits::default() }, |address| {
        let chunked = "POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (line, trailer) = (format!("{chunked}1;"), format!("{chunked}0\r\nA: "));
        for (begin, status) in [("GET /", 431), ("GET / HTTP/1.1\r\nA: ", 431), (&line, 400), (&trailer, 431)] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(format!("{begin}{}", "x".repeat(1000)).as_bytes()).unwrap();
            assert_eq!(read_answer(&mut stream, true).unwrap().status, status, "{begin}");
        }
    });
}

#[test]
fn who_sends_too_much_learns_why() {
    // More than the system takes without anybody reading: the client is still sending when it is refused.
    let body = vec![b'x'; 3 << 20];
    served(Limits::default(), |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        assert_eq!(read_answer(&mut stream, true).unwrap().status, 413);
    });
}

#[test]
fn a_connection_serves_many_requests_in_order_also_when_they_come_at_once() {
    served(Limits::default(), |address| {
        let requests: String = (0..100)
            .map(|number: u32| {
                let body = number.to_string();
                format!("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            })
            .collect();
        let answers = answers(&ask(address, requests.as_bytes()));
        let bodies: Vec<_> = answers.iter().map(|answer| String::from_utf8_lossy(&answer.body)).collect();
        assert_eq!(bodies, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(answers.iter().all(|answer| answer.head.contains("Connection: keep-alive")));
    });
}

#[test]
fn after_a_request_that_was_refused_nothing_is_answered() {
    served(Limits::default(), |address| {
        let two = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(statuses(&ask(address, two)), [400]);
    });
}

#[test]
fn the_client_says_whether_the_connection_stays() {
    let again = |first: &str| format!("{first}GET /health HTTP/1.1\r\nHost: here\r\n\r\n");
    served(Limits::default(), |address| {
        for (first, expected) in [
            ("GET / HTTP/1.1\r\nHost: here\r\n\r\n", &[200, 200][..]),
            ("GET / HTTP/1.1\r\nHost: here\r\nConnection: x, CLOSE\r\n\r\n", &[200]),
            ("GET / HTTP/1.0\r\n\r\n", &[200]),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &[200, 200]),
        ] {
            assert_eq!(statuses(&ask(address, again(first).as_bytes())), expected, "{first}");
        }
    });
}

#[test]
fn head_gets_what_get_would_without_the_body() {
    served(Limits::default(), |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"HEAD /bytes/1000 HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
        let answer = read_answer(&mut stream, false).unwrap();
        assert!(answer.status == 200 && answer.head.contains("\r\nContent-Length: 1000\r\n"));
        assert!(answer.head.contains("\r\nDate: "));
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn bodies_in_chunks_are_put_together_and_trailers_ignored() {
    served(Limits::default(), |address| {
        let request = "POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: Chunked\r\n\r\n\
            5;why=not\r\nhello\r\n1 \r\n \r\n00000000000000000006\r\nworld!\r\n0\r\nTrailer: x\r\nOther: y\n\r\n\
            GET /health HTTP/1.1\r\nHost: here\r\n\r\n";
        let answers = answers(&ask(address, request.as_bytes()));
        assert_eq!(answers[0].body, b"hello world!");
        assert_eq!((answers.len(), answers[1].status), (2, 200));
    });
}

#[test]
fn who_waits_for_a_word_before_the_body_gets_it() {
    served(Limits { body: 5, ..Limits::default() }, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = |length| {
            format!("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n")
        };
        stream.write_all(head(5).as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream, true).unwrap().status, 100);
        stream.write_all(b"hello").unwrap();
        assert_eq!(read_answer(&mut stream, true).unwrap().body, b"hello");
        stream.write_all(head(6).as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream, true).unwrap().status, 413);
    });
}

#[test]
fn what_has_no_limit_may_take_any_time() {
    let ever = std::time::Duration::MAX;
    let limits =
        Limits { idle: ever, head_time: ever, body_time: ever, write_time: ever, grace: ever, ..Limits::default() };
    assert_statuses(&limits, &[("GET /health HTTP/1.1\r\nHost: here\r\n\r\n", 200)]);
}
