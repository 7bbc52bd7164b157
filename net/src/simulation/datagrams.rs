//! Sockets for datagrams.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Weak;
use std::time::Instant;

use gocsp_runtime::{clock, testing};
use rustix::io::Errno;

use super::network::{State, Waiters, nobody};
use super::place::{Reach, destination, seen_by, source_for};
use super::stream::bytes_of;

/// A socket for datagrams.
pub(super) struct Datagrams {
    pub(super) local: SocketAddr,
    pub(super) waiters: Waiters,
    /// What was sent to it, in that order.
    pub(super) queue: Vec<Datagram>,
    reach: Reach,
    peer: Option<SocketAddr>,
    /// Of the next call.
    error: Option<Errno>,
}

/// What is on its way, or there.
#[derive(Clone)]
pub(super) struct Datagram {
    from: SocketAddr,
    to: IpAddr,
    bytes: Vec<u8>,
    arrival: Instant,
}

/// No datagram is longer, by IPv4.
const LONGEST: usize = 65_507;

impl Datagram {
    /// Whether it does not arrive any more, for it is on its way between hosts that are parted.
    pub(super) fn is_lost_by(&self, state: &State, now: Instant) -> bool {
        self.arrival > now && state.is_cut(self.from.ip().to_canonical(), self.to)
    }
}

impl Datagrams {
    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        Ok(self.peer.ok_or(Errno::NOTCONN)?)
    }

    /// What it is sent from that goes to that address.
    fn source(&self, to: SocketAddr) -> SocketAddr {
        let own = self.local.ip().to_canonical();
        let ip = match self.reach {
            Reach::One(host) if own.is_unspecified() => host,
            _ if own.is_unspecified() => source_for(to.ip()),
            _ => own,
        };
        SocketAddr::new(ip, self.local.port())
    }
}

impl State {
    pub(super) fn socket(&mut self, id: u64) -> &mut Datagrams {
        self.datagrams.get_mut(&id).expect("it is there as long as its owner")
    }

    pub(super) fn bind_datagrams(&mut self, addresses: &[SocketAddr]) -> io::Result<(u64, SocketAddr)> {
        let is_taken = |state: &Self, reach: Reach, port| {
            state.datagrams.values().any(|socket| socket.local.port() == port && socket.reach.overlaps(reach))
        };
        let (local, reach) = self.bind_first(addresses, is_taken)?;
        let id = self.number();
        testing::note(|| format!("has a socket for datagrams at {local}"));
        let socket = Datagrams { local, reach, peer: None, error: None, queue: Vec::new(), waiters: nobody() };
        self.datagrams.insert(id, socket);
        Ok((id, local))
    }

    pub(super) fn set_peer(&mut self, id: u64, address: SocketAddr) -> io::Result<()> {
        let socket = self.socket(id);
        check_family(socket.local, address)?;
        let to = destination(address);
        let source = socket.source(to);
        socket.peer = Some(seen_by(address, to));
        if socket.local.ip().is_unspecified() {
            socket.local = seen_by(socket.local, source);
            socket.reach = Reach::One(source.ip());
        }
        Ok(())
    }

    pub(super) fn send_datagram(
        &mut self,
        id: u64,
        bytes: Vec<u8>,
        address: Option<SocketAddr>,
        now: Instant,
    ) -> io::Result<usize> {
        let socket = self.socket(id);
        if let Some(error) = socket.error.take() {
            return Err(error.into());
        }
        let address = address.or(socket.peer).ok_or(Errno::DESTADDRREQ)?;
        check_family(socket.local, address)?;
        let len = bytes.len();
        match len {
            _ if address.port() == 0 => return Err(Errno::INVAL.into()),
            len if len > LONGEST => return Err(Errno::MSGSIZE.into()),
            _ => {}
        }
        let to = destination(address);
        let from = socket.source(to);
        let fate = self.deliver(id, Datagram { from, to: to.ip(), bytes, arrival: now }, to, now);
        testing::note(|| format!("sends a datagram of {}: {from} to {to}{fate}", bytes_of(len)));
        Ok(len)
    }

    /// What becomes of a datagram, in words for the timeline.
    fn deliver(&mut self, sender: u64, datagram: Datagram, to: SocketAddr, now: Instant) -> String {
        if self.is_cut(datagram.from.ip(), to.ip()) {
            return ", which is lost by the partition".to_owned();
        }
        let receives = |socket: &Datagrams| {
            let at_address = socket.local.port() == to.port() && socket.reach.includes(to.ip());
            at_address && socket.peer.is_none_or(|peer| destination(peer) == datagram.from)
        };
        let receiver = self.datagrams.iter().find(|(_, socket)| receives(socket)).map(|(id, _)| *id);
        let Some(receiver) = receiver else {
            let sender = self.socket(sender);
            // Who has no peer is not told.
            if sender.peer.is_some_and(|peer| destination(peer) == to) {
                sender.error = Some(Errno::CONNREFUSED);
                let waiters = Weak::clone(&sender.waiters);
                self.wake(&waiters, now);
            }
            return ", where nobody is".to_owned();
        };
        if self.weather.loses() {
            return ", which the network loses".to_owned();
        }
        let doubles = self.weather.duplicates();
        let mut takes = Vec::new();
        for _ in 0..=usize::from(doubles) {
            let arrival = clock::saturating_add(now, self.weather.delay());
            let whole = self.weather.buffer();
            let socket = self.socket(receiver);
            if socket.queue.iter().map(|datagram| datagram.bytes.len()).sum::<usize>() >= whole {
                return ", for which there is no room".to_owned();
            }
            socket.queue.push(Datagram { arrival, ..datagram.clone() });
            let waiters = Weak::clone(&socket.waiters);
            self.wake(&waiters, arrival);
            takes.push(arrival.saturating_duration_since(now));
        }
        match takes[..] {
            [first, second] if first.max(second).is_zero() => ", which arrives twice".to_owned(),
            [first, second] => format!(", which arrives twice, after {first:?} and after {second:?}"),
            [first] if !first.is_zero() => format!(", which takes {first:?}"),
            _ => String::new(),
        }
    }

    /// The datagram that has been there for longest.
    pub(super) fn receive(
        &mut self,
        id: u64,
        buffers: &mut [IoSliceMut<'_>],
        peeks: bool,
        now: Instant,
    ) -> io::Result<(usize, SocketAddr)> {
        let socket = self.socket(id);
        if let Some(error) = socket.error.take() {
            return Err(error.into());
        }
        let there = socket.queue.iter().enumerate().filter(|(_, datagram)| datagram.arrival <= now);
        let Some((place, datagram)) = there.min_by_key(|(_, datagram)| datagram.arrival) else {
            testing::note(|| format!("finds no datagram at {}", socket.local));
            return Err(Errno::AGAIN.into());
        };
        let from = seen_by(socket.local, datagram.from);
        let places = buffers.iter_mut().flat_map(|buffer| buffer.iter_mut());
        let filled = places.zip(&datagram.bytes).map(|(place, &byte)| *place = byte).count();
        if !peeks {
            let local = socket.local;
            socket.queue.remove(place);
            testing::note(|| format!("receives a datagram, {} of it: {local} from {from}", bytes_of(filled)));
        }
        Ok((filled, from))
    }

    pub(super) fn take_error_of_datagrams(&mut self, id: u64) -> Option<io::Error> {
        self.socket(id).error.take().map(io::Error::from)
    }
}

/// # Errors
/// If a socket of the older version of the protocol is to talk to an address of the newer.
fn check_family(local: SocketAddr, address: SocketAddr) -> io::Result<()> {
    if local.is_ipv4() && address.is_ipv6() { Err(Errno::AFNOSUPPORT.into()) } else { Ok(()) }
}
