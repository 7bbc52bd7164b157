//! Sockets, those of TCP and those within the machine alike, and in how many ways one can read and write.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gocsp::context::Context;
use gocsp::net::{CancelGuard, TcpListener, TcpStream, UnixListener, UnixStream, context_error};

use crate::random::Random;
use crate::trial::Trial;

pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(UnixAddr),
}

pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Does the same with a TCP socket and with one of the Unix domain.
macro_rules! either {
    ($kind:ident::$socket:ident = $of:expr => $what:expr) => {
        match $of {
            $kind::Tcp($socket) => $what,
            $kind::Unix($socket) => $what,
        }
    };
}

impl Listener {
    pub(super) fn bind(random: &mut Random) -> io::Result<(Self, Address)> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        if random.one_in(2) {
            // Any of the machine's own. The ports of one are used up when enough connections have ended there of late.
            let [high, middle, low] = [(); 3].map(|()| 1 + random.below(254) as u8);
            let listener = TcpListener::bind((Ipv4Addr::new(127, high, middle, low), 0))?;
            let address = Address::Tcp(listener.local_addr()?);
            return Ok((Self::Tcp(listener), address));
        }
        let name = format!("gocsp soak {} {}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let address = UnixAddr::from_abstract_name(name)?;
        Ok((Self::Unix(UnixListener::bind_addr(&address)?), Address::Unix(address)))
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(listener) => Self::Tcp(listener.try_clone()?),
            Self::Unix(listener) => Self::Unix(listener.try_clone()?),
        })
    }

    pub(super) fn accept(&self, context: &Context) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(listener) => Stream::Tcp(listener.accept_context(context)?.0),
            Self::Unix(listener) => Stream::Unix(listener.accept_context(context)?.0),
        })
    }

    pub(super) fn close(&self) {
        either!(Self::listener = self => listener.close());
    }
}

impl Address {
    pub(super) fn connect(&self, context: &Context) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(address) => Stream::Tcp(TcpStream::connect_context(context, address)?),
            Self::Unix(address) => Stream::Unix(UnixStream::connect_addr_context(context, address)?),
        })
    }
}

impl Stream {
    pub(super) fn close(&self) {
        either!(Self::stream = self => stream.close());
    }

    pub(super) fn end_writing(&self) -> io::Result<()> {
        either!(Self::stream = self => stream.shutdown(Shutdown::Write))
    }

    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        either!(Self::stream = self => stream.set_deadline(deadline));
    }

    pub(super) fn cancel_on(&self, context: &Context) -> CancelGuard {
        either!(Self::stream = self => stream.cancel_on(context))
    }

    /// Reads in one way or another, until there is something.
    pub(super) fn read_somehow(&self, trial: &Trial, buffer: &mut [u8], random: &mut Random) -> io::Result<usize> {
        loop {
            let limit = random.micros(100) + Duration::from_nanos(1);
            let due = Instant::now() + limit;
            let result = match random.below(6) {
                0 => {
                    either!(Self::stream = self => stream.set_read_timeout(Some(limit)))?;
                    let result = self.read(buffer);
                    either!(Self::stream = self => stream.set_read_timeout(None))?;
                    result
                }
                1 => {
                    either!(Self::stream = self => stream.set_read_deadline(Some(due)));
                    let result = self.read(buffer);
                    either!(Self::stream = self => stream.set_read_deadline(None));
                    result
                }
                2 => {
                    let (context, _cancel) = Context::background().with_deadline(due);
                    let _bound = self.cancel_on(&context);
                    self.read(buffer)
                }
                3 => {
                    let (first, second) = buffer.split_at_mut(buffer.len() / 2);
                    let mut pieces = [IoSliceMut::new(first), IoSliceMut::new(second)];
                    return either!(Self::stream = self => Read::read_vectored(&mut &*stream, &mut pieces));
                }
                4 => {
                    let seen = either!(Self::stream = self => stream.peek(buffer))?;
                    let expected = buffer[..seen].to_vec();
                    self.read(&mut buffer[..seen]).inspect(|&read| {
                        trial.check(buffer[..read] == expected[..read], "a peek has seen something else")
                    })
                }
                _ => return self.read(buffer),
            };
            match result {
                Err(error) if error.kind() == ErrorKind::TimedOut => trial.not_before(due, "a read with a limit"),
                result => return result,
            }
        }
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(Self::stream = self => Read::read(&mut &*stream, buffer))
    }

    /// Writes in one way or another, until there is room.
    pub(super) fn write_somehow(&self, trial: &Trial, bytes: &[u8], random: &mut Random) -> io::Result<usize> {
        loop {
            let limit = random.micros(100) + Duration::from_nanos(1);
            let due = Instant::now() + limit;
            let result = match random.below(4) {
                0 => {
                    either!(Self::stream = self => stream.set_write_timeout(Some(limit)))?;
                    let result = self.write(bytes);
                    either!(Self::stream = self => stream.set_write_timeout(None))?;
                    result
                }
                1 => {
                    either!(Self::stream = self => stream.set_write_deadline(Some(due)));
                    let result = self.write(bytes);
                    either!(Self::stream = self => stream.set_write_deadline(None));
                    result
                }
                2 => {
                    let (first, second) = bytes.split_at(bytes.len() / 2);
                    let pieces = [IoSlice::new(first), IoSlice::new(second)];
                    return either!(Self::stream = self => Write::write_vectored(&mut &*stream, &pieces));
                }
                _ => return self.write(bytes),
            };
            match result {
                Err(error) if error.kind() == ErrorKind::TimedOut && context_error(&error).is_none() => {
                    trial.not_before(due, "a write with a limit");
                }
                result => return result,
            }
        }
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(Self::stream = self => Write::write(&mut &*stream, bytes))
    }
}
