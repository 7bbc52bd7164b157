//! Who listens, and how connections are made.
//!
//! 1. Who connects makes both ends, and puts the other one into the queue of the listener. `Open` travels to it, and
//!    back.
//! 2. It can be accepted when the first has arrived; who connects has success with the second. If nobody listens, what
//!    comes back is a reset, which means that the connection is refused.
//! 3. As long as there is a partition between the hosts, all this has not begun.

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::Weak;
use std::time::{Duration, Instant};

use gocsp_runtime::{clock, testing};
use rustix::io::Errno;

use super::network::{State, Waiters, nobody};
use super::pipe::Segment;
use super::place::{Place, Reach, destination, seen_by, source_for};
use super::stream::{Phase, Stream};

/// Who listens.
pub(super) struct Listener {
    pub(super) place: Place,
    /// `None` within a machine.
    reach: Option<Reach>,
    pub(super) waiters: Waiters,
    /// The far ends of connections that nobody has accepted.
    queue: Vec<u64>,
    closed: bool,
}

impl Listener {
    fn has_port(&self, port: u16) -> bool {
        matches!(self.place, Place::Ip(address) if address.port() == port)
    }

    /// Whether it can be connected with at that place within the machine.
    fn is_at(&self, place: &Place) -> bool {
        !self.closed && self.place == *place
    }
}

impl State {
    pub(super) fn listener(&mut self, id: u64) -> &mut Listener {
        self.listeners.get_mut(&id).expect("it is there as long as its owner")
    }

    pub(super) fn listen(&mut self, addresses: &[SocketAddr]) -> io::Result<(u64, SocketAddr)> {
        let (address, reach) = self.bind_first(addresses, Self::is_listened_at)?;
        Ok((self.add_listener(Place::Ip(address), Some(reach)), address))
    }

    fn is_listened_at(&self, reach: Reach, port: u16) -> bool {
        self.listeners.values().any(|listener| {
            let overlaps = listener.reach.is_some_and(|other| other.overlaps(reach));
            !listener.closed && overlaps && listener.has_port(port)
        })
    }

    pub(super) fn listen_within(&mut self, place: Place) -> io::Result<u64> {
        if place == Place::Unnamed {
            return Err(Errno::INVAL.into());
        }
        if self.listeners.values().any(|listener| listener.is_at(&place)) {
            return Err(Errno::ADDRINUSE.into());
        }
        self.paths.insert(place.clone());
        Ok(self.add_listener(place, None))
    }

    fn add_listener(&mut self, place: Place, reach: Option<Reach>) -> u64 {
        let id = self.number();
        testing::note(|| format!("listens at {place}"));
        let listener = Listener { place, reach, waiters: nobody(), queue: Vec::new(), closed: false };
        self.listeners.insert(id, listener);
        id
    }

    /// Begins to connect, or says how that has ended.
    pub(super) fn connect(&mut self, id: u64, place: &Place, now: Instant) -> io::Result<()> {
        if self.stream(id).phase == Phase::Idle {
            match place {
                Place::Ip(address) => self.connect_with_host(id, *address, now)?,
                place => self.connect_within(id, place, now)?,
            }
        }
        self.pump(id, now);
        let stream = self.stream(id);
        match stream.error.take() {
            Some(error) => Err(error.into()),
            None if stream.phase == Phase::Open => Ok(()),
            None => Err(Errno::AGAIN.into()),
        }
    }

    fn connect_with_host(&mut self, id: u64, address: SocketAddr, now: Instant) -> io::Result<()> {
        let to = destination(address);
        let source = source_for(to.ip());
        let port = self.free_port(|state, port| {
            let local = Place::Ip(SocketAddr::new(source, port));
            !state.is_listened_at(Reach::One(source), port) && state.streams.values().all(|other| other.local != local)
        })?;
        let stream = self.stream(id);
        stream.local = Place::Ip(seen_by(address, SocketAddr::new(source, port)));
        stream.remote = Place::Ip(seen_by(address, to));
        stream.hosts = Some((source, to.ip()));
        stream.phase = Phase::Waiting(to);
        testing::note(|| format!("connects {}", stream.ends("with")));
        if self.is_cut(source, to.ip()) {
            return Ok(());
        }
        self.begins_to_connect(id, now);
        Ok(())
    }

    /// Step 1, for a stream that waits for it. Whether it does.
    pub(super) fn begins_to_connect(&mut self, id: u64, now: Instant) -> bool {
        let stream = self.stream(id);
        let (Phase::Waiting(to), Some((source, _))) = (stream.phase, stream.hosts) else { return false };
        stream.phase = Phase::Opening;
        let Place::Ip(local) = stream.local else { return false };
        let now = clock::saturating_add(now, self.weather.stall().unwrap_or(Duration::ZERO));
        let serves = |listener: &Listener| {
            let reaches = listener.reach.is_some_and(|reach| reach.includes(to.ip()));
            !listener.closed && reaches && listener.has_port(to.port())
        };
        let listener = self.listeners.iter().find(|(_, listener)| serves(listener));
        let Some((&listener, Place::Ip(own))) = listener.map(|(id, listener)| (id, &listener.place)) else {
            let refused = clock::saturating_add(now, self.weather.delay());
            self.push(id, Segment::Reset, refused);
            return true;
        };
        let (here, there) = (Place::Ip(seen_by(*own, to)), Place::Ip(seen_by(*own, destination(local))));
        let other = self.add_far_end(id, listener, here, there, Some((to.ip(), source)));
        self.push(other, Segment::Open, now);
        let arrival = self.stream(other).incoming.last_arrival().unwrap_or(now);
        self.push(id, Segment::Open, arrival);
        self.wake_listener_of(other, arrival);
        true
    }

    fn connect_within(&mut self, id: u64, place: &Place, now: Instant) -> io::Result<()> {
        let listener = self.listeners.iter().find(|(_, listener)| listener.is_at(place)).map(|(id, _)| *id);
        let Some(listener) = listener else {
            let nothing = matches!(place, Place::Path(_)) && !self.paths.contains(place);
            return Err(if nothing { Errno::NOENT } else { Errno::CONNREFUSED }.into());
        };
        testing::note(|| format!("connects with {place}"));
        let other = self.add_far_end(id, listener, place.clone(), Place::Unnamed, None);
        let stream = self.stream(id);
        stream.remote = place.clone();
        stream.phase = Phase::Open;
        self.push(other, Segment::Open, now);
        self.wake_listener_of(other, now);
        Ok(())
    }

    /// The other end of a connection, which waits to be accepted.
    fn add_far_end(
        &mut self,
        id: u64,
        listener: u64,
        local: Place,
        remote: Place,
        hosts: Option<(IpAddr, IpAddr)>,
    ) -> u64 {
        let other = self.number();
        let mut end = Stream::new(other, local, remote, hosts, Phase::Open);
        end.other = Some(id);
        self.streams.insert(other, end);
        self.stream(id).other = Some(other);
        self.listeners.get_mut(&listener).expect("it was just found").queue.push(other);
        other
    }

    /// Interrupts who listens, if that end of a connection waits to be accepted.
    pub(super) fn wake_listener_of(&mut self, id: u64, at: Instant) {
        let listener = self.listeners.values().find(|listener| listener.queue.contains(&id));
        if let Some(waiters) = listener.map(|listener| Weak::clone(&listener.waiters)) {
            self.wake(&waiters, at);
        }
    }

    /// The connection that has been there for longest.
    pub(super) fn accept(&mut self, id: u64, now: Instant) -> io::Result<(u64, Place)> {
        let listener = &self.listeners[&id];
        if listener.closed {
            return Err(Errno::INVAL.into());
        }
        let arrived = |id: &u64| self.streams[id].incoming.next_arrival().filter(|&arrival| arrival <= now);
        let there = listener.queue.iter().enumerate();
        let there = there.filter_map(|(place, id)| Some((arrived(id)?, place))).min();
        let Some((_, place)) = there else {
            testing::note(|| format!("finds nobody to accept at {}", listener.place));
            return Err(Errno::AGAIN.into());
        };
        let accepted = self.listeners.get_mut(&id).expect("it was just there").queue.remove(place);
        let stream = self.stream(accepted);
        testing::note(|| format!("accepts a connection: {}", stream.ends("from")));
        let remote = stream.remote.clone();
        Ok((accepted, remote))
    }

    /// Nobody listens there any more. Who waits to be accepted is turned away.
    pub(super) fn close_listener(&mut self, id: u64, now: Instant) {
        let Some(listener) = self.listeners.get_mut(&id).filter(|listener| !listener.closed) else { return };
        listener.closed = true;
        testing::note(|| format!("listens at {} no more", listener.place));
        let (waiters, queue) = (Weak::clone(&listener.waiters), mem::take(&mut listener.queue));
        self.wake(&waiters, now);
        for far_end in queue {
            let is_there = self.streams[&far_end].incoming.next_arrival().is_some_and(|arrival| arrival <= now);
            if let Some(client) = self.streams[&far_end].other.filter(|_| !is_there)
                && let Some(client) = self.streams.get_mut(&client)
            {
                client.incoming.clear();
            }
            self.close_stream(far_end, true, now);
        }
    }
}
