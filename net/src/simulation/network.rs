//! The state of the network: one for each schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Instant;

use gocsp_runtime::std_sync::Mutex;
use gocsp_runtime::{clock, testing};
use rustix::io::Errno;

use super::conditions::Weather;
use super::connecting::Listener;
use super::datagrams::Datagrams;
use super::pipe::Segment;
use super::place::{Place, Reach};
use super::stream::{Phase, Stream};
use crate::socket::Interrupt;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Network {
    state: Mutex<State>,
}

/// Who waits at a socket: nobody, while it is not there yet, or not any more.
pub(super) type Waiters = Weak<dyn Interrupt>;

/// One that is nobody's.
pub(super) fn nobody() -> Waiters {
    /// There is none.
    enum Nobody {}

    impl Interrupt for Nobody {
        fn interrupt(&self) {
            match *self {}
        }

        fn unbind(&self, _number: u64) -> Option<gocsp_context::Context> {
            match *self {}
        }

        fn interrupt_at(&self, _time: Instant) {
            match *self {}
        }
    }

    let weak: Weak<Nobody> = Weak::new();
    weak
}

pub(super) struct State {
    pub(super) weather: Weather,
    /// What the ends of the network are known by is counted, and they are kept in that order: so whatever is done with
    /// all of them is done in the same order each time.
    pub(super) streams: BTreeMap<u64, Stream>,
    pub(super) listeners: BTreeMap<u64, Listener>,
    pub(super) datagrams: BTreeMap<u64, Datagrams>,
    pub(super) hosts: BTreeMap<String, Vec<IpAddr>>,
    pub(super) partitions: BTreeMap<u64, [Vec<IpAddr>; 2]>,
    /// Where somebody has listened.
    pub(super) paths: BTreeSet<Place>,
    next: u64,
    port: u16,
    /// Who is to be interrupted, and when.
    wakes: Vec<(Waiters, Instant)>,
}

/// The first of the ports that are given to who does not ask for one.
const FIRST_PORT: u16 = 49_152;

impl Default for State {
    fn default() -> Self {
        Self {
            weather: Weather::default(),
            streams: BTreeMap::new(),
            listeners: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            hosts: BTreeMap::from([("localhost".to_owned(), vec![Ipv4Addr::LOCALHOST.into()])]),
            partitions: BTreeMap::new(),
            paths: BTreeSet::new(),
            next: 0,
            port: FIRST_PORT,
            wakes: Vec::new(),
        }
    }
}

impl Network {
    /// That of the schedule that the caller belongs to, if it belongs to one.
    pub(crate) fn here() -> Option<Arc<Self>> {
        testing::schedule_local()
    }

    /// Calls `f` with the state, and interrupts those who are concerned by what it does.
    ///
    /// # Errors
    /// Those of `f`, and if the caller does not belong to the schedule of this network.
    pub(super) fn with<R>(self: &Arc<Self>, f: impl FnOnce(&mut State, Instant) -> io::Result<R>) -> io::Result<R> {
        if !Self::here().is_some_and(|here| Arc::ptr_eq(&here, self)) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a simulated socket has outlived its test"));
        }
        let now = clock::now();
        let mut state = self.state.lock().expect("no panic happens under this lock");
        let result = f(&mut state, now);
        let wakes = mem::take(&mut state.wakes);
        // Whoever is interrupted, or was the last to know of a socket, may use the network.
        drop(state);
        for (waiters, time) in wakes {
            match waiters.upgrade() {
                Some(socket) if time <= now => socket.interrupt(),
                Some(socket) => socket.interrupt_at(time),
                None => {}
            }
        }
        result
    }
}

impl State {
    /// A number that nothing else is known by.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Interrupts who waits there, at that time.
    pub(super) fn wake(&mut self, waiters: &Waiters, at: Instant) {
        if waiters.strong_count() > 0 {
            self.wakes.push((Weak::clone(waiters), at));
        }
    }

    /// A port that nobody has, where `is_free` says so.
    pub(super) fn free_port(&mut self, is_free: impl Fn(&Self, u16) -> bool) -> io::Result<u16> {
        for _ in FIRST_PORT..=u16::MAX {
            let port = self.port;
            self.port = port.checked_add(1).unwrap_or(FIRST_PORT);
            if is_free(self, port) {
                return Ok(port);
            }
        }
        Err(Errno::ADDRINUSE.into())
    }

    /// The first of the addresses that can be bound, with a port of its own, and by which addresses that is reached.
    /// `is_taken` says which are not free.
    pub(super) fn bind_first(
        &mut self,
        addresses: &[SocketAddr],
        is_taken: impl Fn(&Self, Reach, u16) -> bool,
    ) -> io::Result<(SocketAddr, Reach)> {
        let mut last = crate::addr::no_addresses();
        for &address in addresses {
            let reach = Reach::of(address.ip());
            match address.port() {
                0 => {
                    let port = self.free_port(|state, port| !is_taken(state, reach, port))?;
                    return Ok((SocketAddr::new(address.ip(), port), reach));
                }
                port if is_taken(self, reach, port) => last = Errno::ADDRINUSE.into(),
                _ => return Ok((address, reach)),
            }
        }
        Err(last)
    }

    /// Sends a segment to this end of a connection, to begin at `at`.
    pub(super) fn push(&mut self, to: u64, segment: Segment, at: Instant) {
        let Some(stream) = self.streams.get_mut(&to).filter(|stream| !stream.incoming.has_ended()) else { return };
        let at = if stream.hosts.is_some() { clock::saturating_add(at, self.weather.delay()) } else { at };
        if let Some(arrival) = stream.incoming.push(segment, at) {
            let waiters = Weak::clone(&stream.waiters);
            self.wake(&waiters, arrival);
        }
    }

    /// Whether nothing gets from one host to the other.
    pub(super) fn is_cut(&self, one: IpAddr, other: IpAddr) -> bool {
        self.partitions.values().any(|[some, others]| {
            (some.contains(&one) && others.contains(&other)) || (some.contains(&other) && others.contains(&one))
        })
    }

    pub(super) fn part(&mut self, sides: [Vec<IpAddr>; 2], now: Instant) -> u64 {
        let number = self.number();
        self.partitions.insert(number, sides);
        let cut: Vec<_> = self.streams.iter().filter(|(_, stream)| self.is_apart(stream)).map(|(id, _)| *id).collect();
        for id in cut {
            self.streams.get_mut(&id).expect("it was just there").incoming.hold(now);
        }
        let mut datagrams = mem::take(&mut self.datagrams);
        datagrams.values_mut().for_each(|socket| socket.queue.retain(|datagram| !datagram.is_lost_by(self, now)));
        self.datagrams = datagrams;
        number
    }

    /// Ends a partition.
    pub(super) fn heal(&mut self, number: u64, now: Instant) {
        self.partitions.remove(&number);
        let whole = self
            .streams
            .iter()
            .filter(|(_, stream)| (stream.incoming.is_held() || stream.is_waiting()) && !self.is_apart(stream));
        // Who connects hears from the other end after that has heard of it.
        let (opening, others): (Vec<_>, Vec<_>) = whole.partition(|(_, stream)| stream.phase == Phase::Opening);
        let whole: Vec<_> = others.into_iter().chain(opening).map(|(id, _)| *id).collect();
        for id in whole {
            if self.begins_to_connect(id, now) {
                continue;
            }
            let at = clock::saturating_add(self.answered_from(id, now), self.weather.delay());
            let stream = self.streams.get_mut(&id).expect("nothing is removed meanwhile");
            if stream.incoming.release(at) {
                let waiters = Weak::clone(&stream.waiters);
                self.wake(&waiters, at);
                self.wake_listener_of(id, at);
            }
        }
    }

    /// When, from `now` on, what this end hears can have been sent: if it connects, not before the other end is there.
    fn answered_from(&self, id: u64, now: Instant) -> Instant {
        let stream = &self.streams[&id];
        let far_end =
            stream.other.filter(|_| stream.phase == Phase::Opening).and_then(|other| self.streams.get(&other));
        far_end.and_then(|far_end| far_end.incoming.last_arrival()).map_or(now, |arrival| arrival.max(now))
    }

    fn is_apart(&self, stream: &Stream) -> bool {
        stream.hosts.is_some_and(|(here, there)| self.is_cut(here, there))
    }

    /// Has everybody look again.
    pub(super) fn wake_all(&mut self, now: Instant) {
        let streams = self.streams.values().map(|stream| &stream.waiters);
        let sockets = self.datagrams.values().map(|socket| &socket.waiters);
        let waiters: Vec<_> = streams.chain(sockets).cloned().collect();
        waiters.iter().for_each(|waiters| self.wake(waiters, now));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gocsp_runtime::testing::check;
    use gocsp_runtime::{go, sleep};

    use super::super::partition;
    use crate::{TcpListener, TcpStream};

    #[test]
    fn who_was_connecting_when_hosts_were_parted_is_there_to_be_accepted_afterwards() {
        check(|| {
            let [here, there] = ["127.0.0.1", "10.0.0.1"].map(|host| host.parse().unwrap());
            let listener = TcpListener::bind((there, 80)).unwrap();
            let parts = go!(move || {
                sleep(Duration::from_micros(100));
                let cut = partition(&[here], &[there]);
                sleep(Duration::from_millis(5));
                drop(cut);
            });
            let _client = TcpStream::connect((there, 80)).unwrap();
            listener.set_deadline(Some(super::clock::now() + Duration::from_nanos(1)));
            listener.accept().unwrap();
            parts.join().unwrap();
        });
    }
}
