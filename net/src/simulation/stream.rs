//! Connections, once they are there.
//!
//! Each end of a connection is a [`Stream`]. What is sent to it is in its `incoming` pipe, and moves from there into
//! `received` when somebody looks and it has arrived. An end stays as long as the other one does, for what still comes
//! to one that nobody has any more is answered by a reset.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::Weak;
use std::time::{Duration, Instant};

use gocsp_runtime::{clock, testing};
use rustix::io::Errno;

use super::network::{State, Waiters, nobody};
use super::pipe::{Pipe, Segment};
use super::place::Place;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    /// Nothing can be sent to that address now.
    Waiting(SocketAddr),
    Opening,
    Open,
}

/// One end of a connection.
pub(super) struct Stream {
    pub(super) local: Place,
    pub(super) remote: Place,
    /// This one's, and the other one's. `None` within a machine.
    pub(super) hosts: Option<(IpAddr, IpAddr)>,
    pub(super) incoming: Pipe,
    pub(super) waiters: Waiters,
    /// Its own number.
    id: u64,
    /// That of the other end, if there is one.
    pub(super) other: Option<u64>,
    received: VecDeque<u8>,
    pub(super) phase: Phase,
    /// The other side has ended writing.
    fin: bool,
    reset: bool,
    ended_reading: bool,
    ended_writing: bool,
    /// Of the next call.
    pub(super) error: Option<Errno>,
    /// Nobody has it any more.
    closed: bool,
    /// When it is closed, the other side is told by a reset.
    pub(super) abortive: bool,
}

impl Stream {
    pub(super) fn new(id: u64, local: Place, remote: Place, hosts: Option<(IpAddr, IpAddr)>, phase: Phase) -> Self {
        Self {
            id,
            local,
            remote,
            hosts,
            incoming: Pipe::default(),
            waiters: nobody(),
            other: None,
            received: VecDeque::new(),
            phase,
            fin: false,
            reset: false,
            ended_reading: false,
            ended_writing: false,
            error: None,
            closed: false,
            abortive: false,
        }
    }

    /// How many bytes there are that the owner has not read.
    fn unread(&self) -> usize {
        self.received.len() + self.incoming.bytes()
    }

    /// When the last of the data arrives that is on its way, if there is any.
    fn data_under_way(&self) -> Option<Instant> {
        self.incoming.last_arrival().filter(|_| self.incoming.bytes() > 0 && !self.is_within())
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting(_))
    }

    fn is_within(&self) -> bool {
        self.hosts.is_none()
    }

    /// Whether data that comes is answered by a reset, for nobody will read it.
    fn rejects(&self) -> bool {
        self.closed || (self.ended_reading && self.ended_writing)
    }

    /// # Errors
    /// If it is not connected, or not any more.
    fn check_connected(&self) -> io::Result<()> {
        let is_over = self.reset || (self.fin && self.ended_writing);
        if self.phase != Phase::Open || (is_over && !self.is_within()) { Err(Errno::NOTCONN.into()) } else { Ok(()) }
    }

    /// This end and the other one, with a word between them, as the timeline tells of it.
    pub(super) fn ends(&self, word: &str) -> String {
        let name = |place: &Place, id| match place {
            Place::Unnamed => format!("socket {id}"),
            place => place.to_string(),
        };
        format!("{} {word} {}", name(&self.local, self.id), name(&self.remote, self.other.unwrap_or(0)))
    }

    /// Puts into the timeline what a call found here.
    fn note(&self, what: &str) {
        testing::note(|| format!("{what}: {}", self.ends("from")));
    }
}

impl State {
    pub(super) fn stream(&mut self, id: u64) -> &mut Stream {
        self.streams.get_mut(&id).expect("it is there as long as its owner")
    }

    pub(super) fn remote_of(&mut self, id: u64, now: Instant) -> io::Result<Place> {
        self.pump(id, now);
        let stream = self.stream(id);
        stream.check_connected()?;
        Ok(stream.remote.clone())
    }

    pub(super) fn take_error_of_stream(&mut self, id: u64, now: Instant) -> Option<io::Error> {
        self.pump(id, now);
        self.stream(id).error.take().map(io::Error::from)
    }

    pub(super) fn add_unconnected(&mut self) -> u64 {
        let id = self.number();
        self.streams.insert(id, Stream::new(id, Place::Unnamed, Place::Unnamed, None, Phase::Idle));
        id
    }

    pub(super) fn add_pair(&mut self) -> (u64, u64) {
        let (here, there) = (self.add_unconnected(), self.add_unconnected());
        for (id, other) in [(here, there), (there, here)] {
            let stream = self.stream(id);
            stream.phase = Phase::Open;
            stream.other = Some(other);
        }
        (here, there)
    }

    /// Takes what has arrived.
    pub(super) fn pump(&mut self, id: u64, now: Instant) {
        let stream = self.stream(id);
        while let Some(segment) = stream.incoming.take_arrived(now) {
            match segment {
                Segment::Open => stream.phase = Phase::Open,
                Segment::Data(bytes) => stream.received.extend(bytes),
                Segment::Fin => stream.fin = true,
                Segment::Reset => {
                    stream.reset = true;
                    stream.error = match stream.phase {
                        // It is nothing to who has read the end, and has ended writing as well.
                        Phase::Open if stream.fin && !stream.is_within() => {
                            Some(Errno::PIPE).filter(|_| !stream.ended_writing)
                        }
                        Phase::Open => Some(Errno::CONNRESET),
                        _ => Some(Errno::CONNREFUSED),
                    };
                }
            }
        }
    }

    pub(super) fn read(
        &mut self,
        id: u64,
        buffers: &mut [IoSliceMut<'_>],
        peeks: bool,
        now: Instant,
    ) -> io::Result<usize> {
        self.pump(id, now);
        let whole = self.weather.buffer();
        let room: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let stream = self.stream(id);
        if stream.phase != Phase::Open {
            return Err(Errno::NOTCONN.into());
        }
        let most = room.min(stream.received.len());
        if most == 0 {
            // To peek without room is to wait until there is something.
            if room == 0 && (!peeks || !stream.received.is_empty()) {
                return Ok(0);
            }
            // Who has read the end of a connection between hosts learns of a reset when he writes.
            let hears = !stream.fin || stream.is_within();
            let (found, result) = match if hears { stream.error.take() } else { None } {
                Some(error) => ("finds the connection reset", Err(error.into())),
                None if stream.reset || stream.fin || stream.ended_reading => ("finds the end", Ok(0)),
                None => ("finds nothing to read", Err(Errno::AGAIN.into())),
            };
            stream.note(found);
            return result;
        }
        let was_full = stream.unread() >= whole;
        let piece = self.weather.piece(most);
        let stream = self.stream(id);
        let mut bytes = stream.received.iter().copied();
        buffers.iter_mut().flat_map(|buffer| buffer.iter_mut()).take(piece).for_each(|place| {
            *place = bytes.next().expect("there are as many");
        });
        if !peeks {
            stream.received.drain(..piece);
            testing::note(|| format!("reads {}: {}", bytes_of(piece), stream.ends("from")));
            let other = stream.other;
            if was_full && let Some(other) = other.and_then(|other| self.streams.get(&other)) {
                let waiters = Weak::clone(&other.waiters);
                self.wake(&waiters, now);
            }
        }
        Ok(piece)
    }

    pub(super) fn write(&mut self, id: u64, pieces: &[IoSlice<'_>], now: Instant) -> io::Result<usize> {
        self.pump(id, now);
        let whole = self.weather.buffer();
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let stream = self.stream(id);
        let is_within = stream.is_within();
        if stream.phase != Phase::Open {
            return Err(Errno::NOTCONN.into());
        }
        // Within a machine only who reads is told.
        if !is_within && let Some(error) = stream.error.take() {
            stream.note("finds the connection reset");
            return Err(error.into());
        }
        if stream.reset || stream.ended_writing {
            stream.note("cannot write any more");
            return Err(Errno::PIPE.into());
        }
        let room = match stream.other.and_then(|other| self.streams.get(&other)) {
            Some(other) if is_within && other.ended_reading => return Err(Errno::PIPE.into()),
            Some(other) if !other.closed => whole.saturating_sub(other.unread()),
            _ if is_within => return Err(Errno::PIPE.into()),
            _ => len,
        };
        if len == 0 {
            return Ok(0);
        }
        if room == 0 {
            let ends = self.streams[&id].ends("to");
            testing::note(|| format!("finds no room to write: {ends}"));
            return Err(Errno::AGAIN.into());
        }
        let piece = self.weather.piece(len.min(room));
        let bytes = pieces.iter().flat_map(|piece| piece.iter()).copied().take(piece).collect();
        self.transmit(id, bytes, now);
        Ok(piece)
    }

    /// What is written is on its way.
    fn transmit(&mut self, id: u64, bytes: Vec<u8>, now: Instant) {
        let stream = &self.streams[&id];
        let (name, len) = (stream.ends("to"), bytes_of(bytes.len()));
        let Some(other) = stream.other else { return };
        if self.streams.get(&other).is_none_or(Stream::rejects) {
            testing::note(|| format!("sends {len}: {name}, where nobody reads any more"));
            let arrival = clock::saturating_add(now, self.weather.delay());
            self.push(id, Segment::Reset, arrival);
            self.break_off_rejecting(other, now);
        } else if stream.hosts.is_none() {
            testing::note(|| format!("sends {len}: {name}"));
            self.push(other, Segment::Data(bytes), now);
        } else if self.weather.resets() {
            let arrives = testing::choose(2) == 0;
            let when = if arrives { "after that" } else { "before that arrives" };
            testing::note(|| format!("sends {len}: {name}; the network resets the connection {when}"));
            if arrives {
                self.push(other, Segment::Data(bytes), now);
            }
            self.push(other, Segment::Reset, now);
            self.push(id, Segment::Reset, now);
        } else {
            let stall = self.weather.stall();
            self.push(other, Segment::Data(bytes), clock::saturating_add(now, stall.unwrap_or(Duration::ZERO)));
            let arrival = self.streams[&other].incoming.last_arrival().unwrap_or(now).saturating_duration_since(now);
            let held = self.streams[&other].incoming.is_held();
            testing::note(|| match () {
                () if held => format!("sends {len}: {name}, held up by the partition"),
                () if arrival.is_zero() => format!("sends {len}: {name}"),
                () => format!("sends {len}: {name}, which takes {arrival:?}"),
            });
        }
    }

    /// What is sent at `at` to an end that rejects it breaks the connection off for that end as well, if somebody has
    /// it.
    fn break_off_rejecting(&mut self, id: u64, at: Instant) {
        if self.streams.get(&id).is_some_and(|stream| !stream.closed) {
            self.push(id, Segment::Reset, at);
        }
    }

    pub(super) fn shut_down(&mut self, id: u64, how: Shutdown, now: Instant) -> io::Result<()> {
        self.pump(id, now);
        let stream = self.stream(id);
        stream.check_connected()?;
        testing::note(|| format!("ends {}: {}", of(how), stream.ends("to")));
        stream.ended_reading |= how != Shutdown::Write;
        let ends_writing = how != Shutdown::Read && !stream.ended_writing;
        stream.ended_writing |= ends_writing;
        let (waiters, other, rejects) = (Weak::clone(&stream.waiters), stream.other, stream.rejects());
        let rejected = stream.data_under_way().filter(|_| rejects);
        self.wake(&waiters, now);
        if let Some(other) = other.filter(|other| self.streams.get(other).is_some_and(|other| !other.closed)) {
            if ends_writing {
                self.push(other, Segment::Fin, now);
            }
            if let Some(arrival) = rejected {
                self.push(other, Segment::Reset, arrival.max(now));
                self.stream(id).incoming.clear();
                self.break_off_rejecting(id, arrival.max(now));
            }
            if self.stream(id).is_within() {
                // Who waits for room need not any more.
                let waiters = Weak::clone(&self.stream(other).waiters);
                self.wake(&waiters, now);
            }
        }
        Ok(())
    }

    /// Nobody has this end any more.
    pub(super) fn close_stream(&mut self, id: u64, abortive: bool, now: Instant) {
        self.pump(id, now);
        let stream = self.stream(id);
        stream.closed = true;
        let (phase, name) = (stream.phase, stream.ends("to"));
        let breaks_off = stream.abortive || abortive || !stream.received.is_empty() || phase == Phase::Opening;
        let (sends_fin, is_reset) = (!stream.ended_writing, stream.reset);
        let under_way = stream.data_under_way();
        stream.received.clear();
        stream.incoming.clear();
        let other = stream.other.filter(|other| self.streams.get(other).is_some_and(|other| !other.closed));
        let Some(other) = other else {
            let other = self.streams.remove(&id).and_then(|stream| stream.other);
            other.map(|other| self.streams.remove(&other));
            return;
        };
        if is_reset {
            return;
        }
        testing::note(|| format!("{}: {name}", if breaks_off { "breaks off" } else { "closes" }));
        if breaks_off {
            self.push(other, Segment::Reset, now);
            return;
        }
        if sends_fin {
            self.push(other, Segment::Fin, now);
        }
        if let Some(under_way) = under_way {
            // Which is answered when it arrives.
            self.push(other, Segment::Reset, under_way.max(now));
        }
    }
}

/// In words.
pub(super) fn bytes_of(number: usize) -> String {
    if number == 1 { "1 byte".to_owned() } else { format!("{number} bytes") }
}

fn of(how: Shutdown) -> &'static str {
    match how {
        Shutdown::Read => "reading",
        Shutdown::Write => "writing",
        Shutdown::Both => "reading and writing",
    }
}
