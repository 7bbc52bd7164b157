//! What a socket has of the network.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::net as unix;
use std::panic::Location;
use std::sync::{Arc, Weak};

use gocsp_runtime::park;
use gocsp_runtime::std_sync::OnceLock;
use rustix::io::Errno;

use super::network::{Network, Waiters};
use super::place::Place;

/// One end of a connection, or another socket: as long as it is there, so is what it stands for.
pub(crate) struct End {
    network: Arc<Network>,
    what: What,
    /// Where the socket was made.
    made_at: OnceLock<&'static Location<'static>>,
}

/// Each with its number.
#[derive(Clone, Copy)]
enum What {
    Stream(u64),
    Listener(u64),
    Datagrams(u64),
}

/// A stream that is to be connected; if the caller belongs to a schedule.
pub(crate) fn unconnected() -> io::Result<Option<End>> {
    let Some(network) = Network::here() else { return Ok(None) };
    let id = network.with(|state, _| Ok(state.add_unconnected()))?;
    Ok(Some(End::new(network, What::Stream(id))))
}

/// Two streams that are connected with each other within a machine.
pub(crate) fn pair() -> io::Result<Option<(End, End)>> {
    let Some(network) = Network::here() else { return Ok(None) };
    let (here, there) = network.with(|state, _| Ok(state.add_pair()))?;
    let end = |id| End::new(Arc::clone(&network), What::Stream(id));
    Ok(Some((end(here), end(there))))
}

/// A listener at the first of the addresses where there can be one, and which that is.
#[track_caller]
pub(crate) fn listen(addresses: &[SocketAddr]) -> io::Result<Option<(End, SocketAddr)>> {
    let Some(network) = Network::here() else { return Ok(None) };
    park::point_of("IO listen", Location::caller());
    let (id, address) = network.with(|state, _| state.listen(addresses))?;
    Ok(Some((End::new(network, What::Listener(id)), address)))
}

/// As [`listen`], within a machine.
#[track_caller]
pub(crate) fn listen_within(address: &unix::SocketAddr) -> io::Result<Option<End>> {
    let Some(network) = Network::here() else { return Ok(None) };
    park::point_of("IO listen", Location::caller());
    let id = network.with(|state, _| state.listen_within(Place::of_std(address)))?;
    Ok(Some(End::new(network, What::Listener(id))))
}

/// A socket for datagrams at the first of the addresses where there can be one, and which that is.
#[track_caller]
pub(crate) fn bind_datagrams(addresses: &[SocketAddr]) -> io::Result<Option<(End, SocketAddr)>> {
    let Some(network) = Network::here() else { return Ok(None) };
    park::point_of("IO bind", Location::caller());
    let (id, address) = network.with(|state, _| state.bind_datagrams(addresses))?;
    Ok(Some((End::new(network, What::Datagrams(id)), address)))
}

/// What a call gives that is for sockets of another kind.
fn not_for_this() -> io::Error {
    Errno::OPNOTSUPP.into()
}

impl End {
    fn new(network: Arc<Network>, what: What) -> Self {
        Self { network, what, made_at: OnceLock::new() }
    }

    /// Those who wait for it, from now on: the socket that the caller makes.
    #[track_caller]
    pub(crate) fn attach(&self, waiters: Waiters) {
        let _first = self.made_at.set(Location::caller());
        // It fails if there is nothing to wait for any more.
        let _ = self.network.with(|state, _| {
            match self.what {
                What::Stream(id) => {
                    state.stream(id).waiters = Weak::clone(&waiters);
                    let arrivals: Vec<_> = state.stream(id).incoming.arrivals().collect();
                    arrivals.into_iter().for_each(|arrival| state.wake(&waiters, arrival));
                }
                What::Listener(id) => state.listener(id).waiters = waiters,
                What::Datagrams(id) => state.socket(id).waiters = waiters,
            }
            Ok(())
        });
    }

    #[track_caller]
    pub(crate) fn connect(&self, place: &Place) -> io::Result<()> {
        if !matches!(place, Place::Ip(_)) {
            // Who connects with a host passes a point before it tries.
            park::point_of("IO connect", Location::caller());
        }
        self.network.with(|state, now| match self.what {
            What::Stream(id) => state.connect(id, place, now),
            What::Datagrams(id) => state.set_peer(id, place.ip()?),
            What::Listener(_) => Err(not_for_this()),
        })
    }

    pub(crate) fn accept(&self) -> io::Result<(Self, Place)> {
        let What::Listener(id) = self.what else { return Err(not_for_this()) };
        let (stream, remote) = self.network.with(|state, now| state.accept(id, now))?;
        Ok((Self::new(Arc::clone(&self.network), What::Stream(stream)), remote))
    }

    pub(crate) fn recv(&self, buffers: &mut [IoSliceMut<'_>], peeks: bool) -> io::Result<usize> {
        self.network.with(|state, now| match self.what {
            What::Stream(id) => state.read(id, buffers, peeks, now),
            What::Datagrams(id) => Ok(state.receive(id, buffers, peeks, now)?.0),
            What::Listener(_) => Err(not_for_this()),
        })
    }

    pub(crate) fn recv_from(&self, buffer: &mut [u8], peeks: bool) -> io::Result<(usize, SocketAddr)> {
        let What::Datagrams(id) = self.what else { return Err(not_for_this()) };
        self.network.with(|state, now| state.receive(id, &mut [IoSliceMut::new(buffer)], peeks, now))
    }

    pub(crate) fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.network.with(|state, now| match self.what {
            What::Stream(id) => state.write(id, pieces, now),
            What::Datagrams(id) => {
                let bytes = pieces.iter().flat_map(|piece| piece.iter()).copied().collect();
                state.send_datagram(id, bytes, None, now)
            }
            What::Listener(_) => Err(not_for_this()),
        })
    }

    pub(crate) fn send_to(&self, datagram: &[u8], address: SocketAddr) -> io::Result<usize> {
        let What::Datagrams(id) = self.what else { return Err(not_for_this()) };
        self.network.with(|state, now| state.send_datagram(id, datagram.to_vec(), Some(address), now))
    }

    #[track_caller]
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        park::point_of("IO shutdown", Location::caller());
        self.network.with(|state, now| match self.what {
            What::Stream(id) => state.shut_down(id, how, now),
            What::Listener(id) => {
                state.close_listener(id, now);
                Ok(())
            }
            What::Datagrams(id) => state.socket(id).peer().map(|_| ()),
        })
    }

    #[track_caller]
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        park::point_of("IO take_error", Location::caller());
        self.network.with(|state, now| {
            Ok(match self.what {
                What::Stream(id) => state.take_error_of_stream(id, now),
                What::Datagrams(id) => state.take_error_of_datagrams(id),
                What::Listener(_) => None,
            })
        })
    }

    pub(crate) fn set_abortive(&self, abortive: bool) -> io::Result<()> {
        let What::Stream(id) = self.what else { return Err(not_for_this()) };
        self.network.with(|state, _| {
            state.stream(id).abortive = abortive;
            Ok(())
        })
    }

    pub(crate) fn local(&self) -> io::Result<Place> {
        self.network.with(|state, _| {
            Ok(match self.what {
                What::Stream(id) => state.stream(id).local.clone(),
                What::Listener(id) => state.listener(id).place.clone(),
                What::Datagrams(id) => Place::Ip(state.socket(id).local),
            })
        })
    }

    pub(crate) fn peer(&self) -> io::Result<Place> {
        self.network.with(|state, now| match self.what {
            What::Stream(id) => state.remote_of(id, now),
            What::Listener(_) => Err(Errno::NOTCONN.into()),
            What::Datagrams(id) => state.socket(id).peer().map(Place::Ip),
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local()?.ip()
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer()?.ip()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // A destructor has no caller: told with where the socket was made.
        if let Some(made_at) = self.made_at.get() {
            park::point_of("IO close", made_at);
        }
        // It fails when the schedule is over, and the network with it.
        let _ = self.network.with(|state, now| {
            match self.what {
                What::Stream(id) => state.close_stream(id, false, now),
                What::Listener(id) => {
                    state.close_listener(id, now);
                    state.listeners.remove(&id);
                }
                What::Datagrams(id) => _ = state.datagrams.remove(&id),
            }
            Ok(())
        });
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.what {
            What::Stream(_) => "SimulatedStream",
            What::Listener(_) => "SimulatedListener",
            What::Datagrams(_) => "SimulatedUdpSocket",
        };
        let mut debug = f.debug_struct(kind);
        if let Ok(local) = self.local() {
            debug.field("addr", &format_args!("{local}"));
        }
        if let Ok(peer) = self.peer() {
            debug.field("peer", &format_args!("{peer}"));
        }
        debug.finish()
    }
}
