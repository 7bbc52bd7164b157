//! Connections, by TCP and within the machine: of any length, with limits of time, contexts, ends of one side, and with
//! somebody who cuts them off. What arrives is what was sent, or its beginning; and who was cut off by his own side
//! learns how.

use std::io::{self, ErrorKind};
use std::time::Instant;

use gocsp::context::Context;
use gocsp::net::{context_error, is_closed};
use gocsp::sync::WaitGroup;
use gocsp::{scope, sleep};

use super::sockets::{Address, Listener, Stream};
use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let (listener, address) = trial.expect(Listener::bind(random));
    let (clients, closed_early) = (random.amount(12), random.one_in(5));
    let calling = WaitGroup::new();
    calling.add(clients as isize);
    let mut crew = Crew::new();
    for _ in 0..random.amount(4) {
        let (listener, random) = (trial.expect(listener.try_clone()), random.fork());
        crew.add(move || serve(trial, &listener, random));
    }
    for _ in 0..clients {
        let (address, calling, times, mut random) = (&address, &calling, random.amount(10), random.fork());
        crew.add(move || {
            for _ in 0..times {
                let ended = Client::draw(&mut random).call(trial, address, &mut random);
                // Who was not accepted yet is cut off when the listener goes.
                trial.check(ended.is_ok() || closed_early, format_args!("a call has failed: {ended:?}"));
                trial.step();
            }
            calling.done();
        });
    }
    let (calling, moment) = (&calling, random.micros(3000));
    crew.add(move || {
        if closed_early {
            sleep(moment);
        } else {
            calling.wait();
        }
        listener.close();
    });
    crew.work(trial, random);
}

/// What a client sends first: how it will behave, and what it is going to send.
struct Greeting {
    manner: u8,
    seed: u32,
    length: u32,
}

/// The server gets all of it, and answers.
const WHOLE: u8 = 0;
/// The client may be cut off.
const CUT_OFF: u8 = 1;
/// The server hangs up in the middle.
const HUNG_UP: u8 = 2;

impl Greeting {
    const LENGTH: usize = 9;

    fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [self.manner; Self::LENGTH];
        bytes[1..5].copy_from_slice(&self.seed.to_le_bytes());
        bytes[5..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    fn of_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        let [manner, seed @ .., e, f, g, h] = bytes;
        Self { manner, seed: u32::from_le_bytes(seed), length: u32::from_le_bytes([e, f, g, h]) }
    }

    /// What comes at a place of what the client sends.
    fn byte(&self, place: u32) -> u8 {
        (self.seed.wrapping_add(place).wrapping_mul(0x9E37_79B1) >> 24) as u8
    }

    fn bytes(&self) -> Vec<u8> {
        (0..self.length).map(|place| self.byte(place)).collect()
    }
}

/// Of all bytes, in their order.
fn sum(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()))
}

/// Accepts until the listener is closed.
fn serve(trial: &Trial, listener: &Listener, mut random: Random) {
    scope(|s| {
        loop {
            let due = Instant::now() + random.micros(3000);
            let context =
                if random.one_in(2) { Context::background() } else { Context::background().with_deadline(due).0 };
            match listener.accept(&context) {
                Ok(stream) if random.one_in(2) => answer(trial, &stream, &mut random),
                Ok(stream) => {
                    let mut random = random.fork();
                    trial.goroutines_start(1);
                    s.go(move || answer(trial, &stream, &mut random));
                }
                Err(error) if is_closed(&error) => return,
                Err(error) if context_error(&error).is_some() => trial.not_before(due, "accepting within a context"),
                Err(error) => trial.fail(format_args!("a listener fails: {error}")),
            }
        }
    });
}

/// Receives all that a client sends, checks it, and answers with its sum.
fn answer(trial: &Trial, stream: &Stream, random: &mut Random) {
    let mut greeting = [0; Greeting::LENGTH];
    let mut greeted = 0;
    while greeted < greeting.len() {
        match stream.read_somehow(trial, &mut greeting[greeted..], random) {
            Ok(read @ 1..) => greeted += read,
            // It was cut off before it could say that it might be.
            _ => return,
        }
    }
    let greeting = Greeting::of_bytes(greeting);
    let (mut received, mut of_all, mut buffer) = (0, 0, vec![0; 2 + random.amount(20_000)]);
    let ended = loop {
        match stream.read_somehow(trial, &mut buffer, random) {
            Ok(0) => break Ok(()),
            Ok(read) => {
                let is_right = |(place, byte): (u32, &u8)| *byte == greeting.byte(place);
                trial.check((received..).zip(&buffer[..read]).all(is_right), "something else has arrived");
                received += read as u32;
                of_all = sum(of_all, &buffer[..read]);
            }
            Err(error) => break Err(error),
        }
        if greeting.manner == HUNG_UP && received > greeting.length / 2 {
            return;
        }
    };
    let answered = ended.and_then(|()| stream.write_somehow(trial, &of_all.to_le_bytes(), random));
    if greeting.manner == WHOLE {
        trial.check(received == greeting.length, format_args!("{received} of {} bytes have arrived", greeting.length));
        trial.check(
            answered.as_ref().is_ok_and(|written| *written == 8),
            format_args!("the answer failed: {answered:?}"),
        );
    }
    trial.check(received <= greeting.length, "more has arrived than was sent");
}

/// How a client behaves.
enum Client {
    /// Sends everything, and wants an answer.
    Patient,
    /// Goes in the middle.
    Leaving,
    /// Is closed by somebody else.
    Closed,
    /// Is given a deadline by somebody else.
    Hurried,
    /// Is bound to a context that ends.
    Bound,
    /// The server hangs up.
    HungUp,
}

impl Client {
    fn draw(random: &mut Random) -> Self {
        match random.below(10) {
            0 => Self::Leaving,
            1 => Self::Closed,
            2 => Self::Hurried,
            3 => Self::Bound,
            4 => Self::HungUp,
            _ => Self::Patient,
        }
    }

    /// Connects, sends, and checks the answer.
    ///
    /// # Errors
    /// If it was not cut off in the way that it is meant to be.
    fn call(&self, trial: &Trial, address: &Address, random: &mut Random) -> io::Result<()> {
        let moment = random.micros(1000);
        let context = match self {
            Self::Bound => Context::background().with_timeout(moment).0,
            _ => Context::background(),
        };
        let called = address.connect(&context).and_then(|stream| match self {
            Self::Closed | Self::Hurried => scope(|s| {
                s.go(|| {
                    sleep(moment);
                    match self {
                        Self::Hurried => stream.set_deadline(Some(Instant::now())),
                        _ => stream.close(),
                    }
                });
                self.talk(trial, &stream, random)
            }),
            Self::Bound => {
                let _bound = stream.cancel_on(&context);
                self.talk(trial, &stream, random)
            }
            Self::Patient | Self::Leaving | Self::HungUp => self.talk(trial, &stream, random),
        });
        let is_meant = |error: &io::Error| match self {
            Self::Patient | Self::Leaving => false,
            Self::Closed => is_closed(error),
            Self::Hurried => error.kind() == ErrorKind::TimedOut && context_error(error).is_none(),
            Self::Bound => context_error(error).is_some(),
            Self::HungUp => {
                use ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof};
                matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected | UnexpectedEof)
            }
        };
        match called {
            Err(error) if is_meant(&error) => Ok(()),
            called => called,
        }
    }

    fn talk(&self, trial: &Trial, stream: &Stream, random: &mut Random) -> io::Result<()> {
        let manner = match self {
            Self::Patient => WHOLE,
            Self::HungUp => HUNG_UP,
            Self::Leaving | Self::Closed | Self::Hurried | Self::Bound => CUT_OFF,
        };
        let greeting = Greeting { manner, seed: random.below(1 << 31) as u32, length: random.amount(300_000) as u32 };
        let bytes = greeting.bytes();
        let whole = [&greeting.to_bytes()[..], &bytes].concat();
        let length = if matches!(self, Self::Leaving) { random.below(whole.len()) } else { whole.len() };
        let mut rest = &whole[..length];
        while !rest.is_empty() {
            let piece = &rest[..random.amount(rest.len())];
            let written = match self {
                // It has a deadline of its own, which the ways to write would move.
                Self::Hurried => stream.write(piece),
                _ => stream.write_somehow(trial, piece, random),
            }?;
            rest = &rest[written..];
        }
        match self {
            Self::Patient | Self::HungUp => stream.end_writing()?,
            Self::Leaving => return Ok(()),
            Self::Closed | Self::Hurried | Self::Bound => {
                // The server waits for more.
                return match stream.read(&mut [0])? {
                    0 => Err(ErrorKind::UnexpectedEof.into()),
                    _ => trial.fail("something has come that nobody has sent"),
                };
            }
        }
        let (mut answer, mut length) = ([0; 9], 0);
        while let read @ 1.. = stream.read(&mut answer[length..])? {
            length += read;
        }
        let answer = answer[..length].try_into().map_err(|_| ErrorKind::UnexpectedEof)?;
        trial.check(u64::from_le_bytes(answer) == sum(0, &bytes), "the sum of what has arrived is another");
        Ok(())
    }
}
