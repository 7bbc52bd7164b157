//! A simulated network, for tests under chosen schedules. With the feature `testing`; in `gocsp` it is
//! `testing::network`.
//!
//! Whoever makes a socket while a schedule of [`testing::check`] is being run gets one that is simulated: a goroutine
//! that binds, connects, or makes a pair. A client and a server can so be tested against each other, as they are, under
//! conditions that are rare in a test on a real network, and could never be had again:
//! - What is sent is under way for a while, by the clock of the schedule, so that connections overtake each other.
//! - Reads give less than has arrived, and writes take less than they were given.
//! - Connections are reset, held up, and parted from each other; datagrams are lost, doubled, and overtake each other.
//!
//! Each of these is a decision of the schedule, as it is who runs next: it can be done again, and when a failing
//! schedule is made simpler, what the failure does not need is left out. In the first schedule nothing of the kind
//! happens.
//!
//! A client that sends its request once more when the connection breaks off, to a server that does as it is told as
//! often as it is told:
//! ```
//! use gocsp_net::simulation::{self, Conditions};
//! use gocsp_net::{TcpListener, TcpStream};
//! use gocsp_runtime::go;
//! use gocsp_runtime::testing::Config;
//! use std::io::{self, Read, Write};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! /// Asks for one more, and waits until that is done.
//! fn ask() -> io::Result<()> {
//!     let mut stream = TcpStream::connect("server:80")?;
//!     stream.write_all(b"+")?;
//!     stream.read_exact(&mut [0])
//! }
//!
//! fn serve(mut stream: TcpStream, count: &AtomicU32) -> io::Result<()> {
//!     stream.read_exact(&mut [0])?;
//!     count.fetch_add(1, Ordering::Relaxed);
//!     stream.write_all(b".")
//! }
//!
//! let body = || {
//!     simulation::add_host("server", "10.0.0.1".parse().unwrap());
//!     simulation::set(Conditions::default().resets(1));
//!     let listener = TcpListener::bind("10.0.0.1:80").unwrap();
//!     let (listens, count) = (listener.try_clone().unwrap(), Arc::new(AtomicU32::new(0)));
//!     let counts = Arc::clone(&count);
//!     let server = go!(move || listens.incoming().flatten().for_each(|stream| _ = serve(stream, &counts)));
//!     while ask().is_err() {}
//!     listener.close();
//!     server.join().unwrap();
//!     assert_eq!(count.load(Ordering::Relaxed), 1);
//! };
//! let failure = Config::default().explore(body).unwrap_err();
//! assert!(failure.to_string().contains("the network resets the connection"));
//! ```
//!
//! # The model
//! - A connection is two pipes, one for each direction. What is sent arrives in its order, each piece after a delay of
//!   its own. So many bytes can be under way, or wait to be read, as [`Conditions::buffer`] says; who writes more
//!   waits.
//! - To connect takes one way and the way back. The connection can be accepted when the first has arrived.
//! - When the last handle of a stream is dropped, the other side finds the end of what was sent; or a reset, if there
//!   was something that had not been read, and once it sends what nobody will read. After a reset what has arrived can
//!   still be read, then one call fails with `ConnectionReset`, and then there is the end.
//! - Sockets of the Unix domain are within a machine: there is no delay, and nothing happens to them but short reads
//!   and writes.
//! - Hosts are addresses. Every address and every port may be bound to, and `127.0.0.2` is another host than
//!   `127.0.0.1`. See [`on_host`] for where one is, and [`partition`] for what parts them.
//! - Of names `localhost` is known, and those that [`add_host`] has been told of.
//! - It ends with the schedule, and the next one has another. As soon as the function that is tested has returned time
//!   stands still, so what is under way then does not arrive: a server has to be joined.
//!
//! The sockets are those of this crate in everything else: how they wait, their deadlines and timeouts, contexts, what
//! happens when they are closed; by the clock of the schedule, so a deadline has to be counted from
//! [`clock::now`](gocsp_runtime::clock::now) (in `gocsp`, `time::now`) and not from `Instant::now`. A socket's options
//! are kept, and change nothing, but for `set_linger` with zero.
//!
//! # What differs from Linux
//! - As many connections as come can wait to be accepted, and a socket within a machine can always be connected with
//!   who listens.
//! - Whether there is somebody who listens, or has a socket for datagrams, is decided when something is sent there, and
//!   not when it arrives.
//! - A listener at a path makes no file, and leaves none behind: the path can be bound again when the listener is gone.
//! - There is no broadcast or multicast, and no urgent data.
//! - Where a name has several addresses, they are those that were added, in that order.
//! - Connections are meant to be few: what they cost grows with their number, and each of their sockets has a descriptor.
//!
//! # What is refused
//! What the world outside has a part in, with errors of the kind [`Unsupported`](std::io::ErrorKind::Unsupported): to
//! wait for a socket that was made elsewhere and brought in by `from_std`; to make a socket of std's of one that is
//! simulated, by `into_std`; and to use a simulated one when its schedule is over. An ordinary thread always gets the
//! system's sockets.
//!
//! # How it is made
//! ```text
//!  end                     what a socket has of it
//!   |
//!  network                 the state, and who is told of a change; partitions
//!   |          \
//!  connecting   datagrams  who listens, and how connections are made; sockets for datagrams
//!   |             |
//!  stream         |        connections; each direction is a pipe
//!   |             |
//!  conditions, place, names   what goes wrong; addresses and hosts
//! ```
//! Calls look at the state as it is at their time, under its lock, and say whom to interrupt then, or when something
//! arrives. There are no goroutines of the network's own.

mod conditions;
mod connecting;
mod datagrams;
mod end;
mod names;
mod network;
mod pipe;
mod place;
mod stream;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use gocsp_runtime::testing;

pub use conditions::Conditions;
use conditions::Weather;
pub(crate) use end::{End, bind_datagrams, listen, listen_within, pair, unconnected};
pub(crate) use names::look_up;
use network::Network;
pub(crate) use place::Place;
pub use place::on_host;

/// The network of the schedule.
#[track_caller]
fn here(function: &str) -> Arc<Network> {
    let Some(network) = Network::here() else { panic!("network::{function}() is for what testing::check runs") };
    network
}

/// Says how good or bad the network is from now on, in this schedule. What may happen so many times may happen as often
/// again.
///
/// # Panics
/// When called outside [`check`](gocsp_runtime::testing::check).
///
/// # Examples
/// See [`Conditions`].
#[track_caller]
pub fn set(conditions: Conditions) {
    let set = here("set").with(|state, now| {
        state.weather = Weather::new(conditions);
        // There may be more room for those who write.
        state.wake_all(now);
        Ok(())
    });
    set.expect("the network is that of the schedule");
}

/// Lets a name stand for this address as well, in this schedule.
///
/// # Panics
/// When called outside [`check`](gocsp_runtime::testing::check).
///
/// # Examples
/// ```
/// use gocsp_net::{lookup_host, simulation};
/// use gocsp_runtime::testing::check;
/// use std::io::ErrorKind;
///
/// check(|| {
///     let address = "10.0.0.1".parse().unwrap();
///     simulation::add_host("database", address);
///     assert_eq!(lookup_host("database").unwrap(), [address]);
///     assert_eq!(lookup_host("elsewhere").unwrap_err().kind(), ErrorKind::NotFound);
/// });
/// ```
#[track_caller]
pub fn add_host(name: &str, address: IpAddr) {
    let added = here("add_host").with(|state, _| {
        state.hosts.entry(name.to_owned()).or_default().push(address);
        Ok(())
    });
    added.expect("the network is that of the schedule");
}

/// Parts these hosts from those, until what it gives is dropped: nothing arrives from the ones at the others. What is
/// sent by connections arrives afterwards, and to connect takes until then; datagrams are lost. Between the hosts of
/// one side nothing changes.
///
/// # Panics
/// When called outside [`check`](gocsp_runtime::testing::check).
///
/// # Examples
/// ```
/// use gocsp_net::{TcpListener, TcpStream};
/// use gocsp_net::simulation::{on_host, partition};
/// use gocsp_runtime::testing::check;
/// use std::net::IpAddr;
/// use std::time::Duration;
///
/// check(|| {
///     let [here, there] = ["127.0.0.1", "127.0.0.2"].map(|address| address.parse::<IpAddr>().unwrap());
///     let listener = TcpListener::bind((there, 80)).unwrap();
///     let address = listener.local_addr().unwrap();
///     let cut = partition(&[here], &[there]);
///     assert!(TcpStream::connect_timeout(&address, Duration::from_secs(60)).is_err());
///     drop(cut);
///     assert!(TcpStream::connect_timeout(&address, Duration::from_secs(60)).is_ok());
/// });
/// ```
#[must_use = "when it is dropped, the hosts are together again"]
#[track_caller]
pub fn partition(some: &[IpAddr], others: &[IpAddr]) -> Partition {
    let network = here("partition");
    let sides = [some, others].map(|side| side.iter().map(IpAddr::to_canonical).collect());
    testing::note(|| format!("parts {some:?} from {others:?}"));
    let parted = network.with(|state, now| Ok(state.part(sides, now)));
    let number = parted.expect("the network is that of the schedule");
    Partition { network, number }
}

/// As long as it lives, hosts are parted from each other: see [`partition`].
///
/// # Examples
/// See [`partition`].
pub struct Partition {
    network: Arc<Network>,
    number: u64,
}

impl Drop for Partition {
    fn drop(&mut self) {
        testing::note(|| "ends the partition".to_owned());
        // It fails when the schedule is over.
        let _ = self.network.with(|state, now| {
            state.heal(self.number, now);
            Ok(())
        });
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").field("number", &self.number).finish_non_exhaustive()
    }
}
