//! Connections on which a message goes back and forth.
//!
//! One thread for all of them: it waits with epoll, and sends the next message on a connection as soon as the one before
//! has come back whole. So there is always one under way on each, and how fast they go depends on the server.

use std::io::{ErrorKind, Read, Write};
use std::net::{self, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// In bytes.
const MESSAGE: usize = 64;

type Message = [u8; MESSAGE];

pub(crate) struct Client {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    /// How many messages have been sent.
    sent: u64,
    /// When the last of them was.
    at: Instant,
    /// How much of it has come back, and what.
    received: usize,
    buffer: Message,
}

impl Client {
    /// Connects one after the other, each with a first message, so that none waits in a queue of the system that may be full.
    pub(crate) fn connect(server: SocketAddr, connections: usize) -> Self {
        let poll = Poll::new().expect("there is epoll");
        let connect = |number| {
            let mut connection = Connection::open(server, number as u64);
            let (token, interest) = (Token(number), Interest::READABLE);
            poll.registry().register(&mut connection.stream, token, interest).expect("a socket can be waited for");
            connection
        };
        let connections: Vec<_> = (0..connections).map(connect).collect();
        Self { events: Events::with_capacity(connections.len()), connections, poll }
    }

    /// Begins: a message on each connection.
    pub(crate) fn send_on_all(&mut self) {
        for number in 0..self.connections.len() {
            self.connections[number].send(number as u64, Instant::now());
        }
    }

    /// Goes on for so long. Gives what each message took that came back within, and the time itself.
    pub(crate) fn exchange(&mut self, time: Duration) -> (Vec<Duration>, Duration) {
        let start = Instant::now();
        let mut latencies = Vec::new();
        while start.elapsed() < time {
            self.receive(|connection, number| {
                let now = Instant::now();
                latencies.push(now - connection.at);
                connection.send(number, now);
            });
        }
        (latencies, start.elapsed())
    }

    /// Receives what is still under way. Gives the number of connections, all of which have received all of what they sent.
    pub(crate) fn finish(mut self) -> u64 {
        let mut left = self.connections.len();
        while left > 0 {
            self.receive(|_, _| left -= 1);
        }
        self.connections.len() as u64
    }

    /// Waits until something comes, and hands out the connections on which a message has come back.
    fn receive(&mut self, mut received: impl FnMut(&mut Connection, u64)) {
        if let Err(error) = self.poll.poll(&mut self.events, None) {
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
            return;
        }
        for event in &self.events {
            let Token(number) = event.token();
            let connection = &mut self.connections[number];
            if connection.receive(number as u64) {
                received(connection, number as u64);
            }
        }
    }
}

impl Connection {
    fn open(server: SocketAddr, number: u64) -> Self {
        let mut stream = net::TcpStream::connect(server).expect("the server accepts connections");
        stream.set_nodelay(true).expect("it is TCP");
        let first = message(number, 0);
        stream.write_all(&first).expect("the server is there");
        let mut buffer = [0; MESSAGE];
        stream.read_exact(&mut buffer).expect("the server sends back what comes");
        assert_eq!(buffer, first, "it came back changed");
        stream.set_nonblocking(true).expect("sockets can");
        Self { stream: TcpStream::from_std(stream), sent: 1, at: Instant::now(), received: 0, buffer }
    }

    /// Sends the next message. There is always room for one.
    fn send(&mut self, number: u64, now: Instant) {
        let length = self.stream.write(&message(number, self.sent)).expect("the server is there");
        assert_eq!(length, MESSAGE, "it was sent in pieces");
        (self.sent, self.at, self.received) = (self.sent + 1, now, 0);
    }

    /// Reads what has come: whether a message is whole now. There is an event for each piece that comes after a read.
    fn receive(&mut self, number: u64) -> bool {
        if self.received == MESSAGE {
            return false;
        }
        match self.stream.read(&mut self.buffer[self.received..]) {
            Ok(0) => panic!("the server has closed a connection"),
            Ok(length) => self.received += length,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                return false;
            }
        }
        if self.received < MESSAGE {
            return false;
        }
        assert_eq!(self.buffer, message(number, self.sent - 1), "it came back changed");
        true
    }
}

/// What is sent on connection `number` as its `count`th message: no two are alike.
fn message(number: u64, count: u64) -> Message {
    let mut message = [0; MESSAGE];
    for (place, word) in message.chunks_exact_mut(8).enumerate() {
        let mixed = (number << 40 ^ count).wrapping_add(place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word.copy_from_slice(&mixed.to_le_bytes());
    }
    message
}
