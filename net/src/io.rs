//! What a socket talks to: the system; or, in a test under chosen schedules, a network that is simulated.
//!
//! All calls that move data, or that set up connections, are methods of [`Io`], and nowhere else. Each first asks
//! whether the socket is simulated. Without the feature `testing` none is, and an `Io` is nothing but a socket of std.
//!
//! What is simulated has a descriptor of its own all the same, which is never bound nor connected: options can be set
//! on it, and are read back from it.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net as unix;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, acceptfrom_with, connect, listen,
    socket_with, sockopt,
};

#[cfg(feature = "testing")]
use crate::simulation::{self, End, Place};

/// What all descriptors are made with.
const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// See the [module](self).
pub(crate) struct Io<T> {
    system: T,
    /// If it is simulated, which end of a connection this is, or which other place of the network.
    #[cfg(feature = "testing")]
    end: Option<End>,
}

/// Has the simulation do what follows, if `$io` is simulated.
macro_rules! if_simulated {
    ($io:ident, $end:ident => $call:expr) => {
        #[cfg(feature = "testing")]
        if let Some($end) = &$io.end {
            return $call;
        }
    };
}

impl<T> Io<T> {
    /// A socket of the system's, in non-blocking mode.
    pub(crate) fn of(system: T) -> Self {
        Self {
            system,
            #[cfg(feature = "testing")]
            end: None,
        }
    }

    /// One that is simulated, with a descriptor for its options.
    #[cfg(feature = "testing")]
    fn simulated(system: T, end: End) -> Self {
        Self { system, end: Some(end) }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The system's socket, for options.
    pub(crate) fn system(&self) -> &T {
        &self.system
    }

    /// Gives the system's socket back.
    ///
    /// # Errors
    /// If there is none that could be used.
    pub(crate) fn into_system(self) -> io::Result<T> {
        #[cfg(feature = "testing")]
        if self.end.is_some() {
            let problem = "a socket made in a test under chosen schedules is simulated, and none that std could use";
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
        Ok(self.system)
    }
}

impl<T: AsFd> Io<T> {
    /// Receives from a stream, or from whom the socket is connected with.
    pub(crate) fn recv(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        if_simulated!(self, end => end.recv(&mut [IoSliceMut::new(buffer)], flags.contains(RecvFlags::PEEK)));
        Ok(rustix::net::recv(&self.system, buffer, flags)?.0)
    }

    pub(crate) fn recv_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if_simulated!(self, end => end.recv(buffers, false));
        Ok(rustix::io::readv(&self.system, buffers)?)
    }

    /// Sends by a stream, or to whom the socket is connected with. If nobody receives any more, that is an error and no
    /// signal.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        if_simulated!(self, end => end.send(&[IoSlice::new(bytes)]));
        Ok(rustix::net::send(&self.system, bytes, SendFlags::NOSIGNAL)?)
    }

    pub(crate) fn send_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if_simulated!(self, end => end.send(pieces));
        Ok(rustix::net::sendmsg(&self.system, pieces, &mut Default::default(), SendFlags::NOSIGNAL)?)
    }

    #[track_caller]
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if_simulated!(self, end => end.shutdown(how));
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        Ok(rustix::net::shutdown(&self.system, how)?)
    }

    /// The error that is pending, which is then pending no more.
    #[track_caller]
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        if_simulated!(self, end => end.take_error());
        Ok(sockopt::socket_error(&self.system)?.err().map(io::Error::from))
    }

    pub(crate) fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        sockopt::set_socket_linger(&self.system, linger)?;
        if_simulated!(self, end => end.set_abortive(linger == Some(Duration::ZERO)));
        Ok(())
    }
}

/// A descriptor of the family of that address.
fn socket_for(address: &SocketAddr, of: SocketType) -> io::Result<rustix::fd::OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    Ok(socket_with(family, of, FLAGS, None)?)
}

/// What sockets of the internet tell of their addresses.
macro_rules! addresses {
    ($($type:ty: $($address:ident),+;)*) => {$(
        impl Io<$type> {$(
            pub(crate) fn $address(&self) -> io::Result<SocketAddr> {
                if_simulated!(self, end => end.$address());
                self.system.$address()
            }
        )+}
    )*};
}

addresses! {
    net::TcpStream: local_addr, peer_addr;
    net::TcpListener: local_addr;
    net::UdpSocket: local_addr, peer_addr;
}

impl Io<net::TcpStream> {
    /// To be [connected](Self::connect) with that address.
    pub(crate) fn unconnected(address: &SocketAddr) -> io::Result<Self> {
        let system = net::TcpStream::from(socket_for(address, SocketType::STREAM)?);
        #[cfg(feature = "testing")]
        if let Some(end) = simulation::unconnected()? {
            return Ok(Self::simulated(system, end));
        }
        Ok(Self::of(system))
    }

    /// Begins to connect. When the socket can be written to, that has succeeded or failed, and to call it again says
    /// which.
    ///
    /// # Errors
    /// Of the kind `WouldBlock` while it is not known.
    pub(crate) fn connect(&self, address: &SocketAddr) -> io::Result<()> {
        if_simulated!(self, end => end.connect(&Place::Ip(*address)));
        match connect(&self.system, address) {
            Ok(()) | Err(Errno::ISCONN) => Ok(()),
            Err(Errno::INPROGRESS | Errno::ALREADY) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Io<net::TcpListener> {
    /// At the first of the addresses where there can be one.
    #[track_caller]
    pub(crate) fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        #[cfg(feature = "testing")]
        if let Some((end, address)) = simulation::listen(addresses)? {
            return Ok(Self::simulated(socket_for(&address, SocketType::STREAM)?.into(), end));
        }
        let listener = net::TcpListener::bind(addresses)?;
        // Again, which only changes the length of the queue. The system takes what it allows.
        listen(&listener, i32::MAX)?;
        listener.set_nonblocking(true)?;
        Ok(Self::of(listener))
    }

    pub(crate) fn accept(&self) -> io::Result<(Io<net::TcpStream>, SocketAddr)> {
        if_simulated!(self, end => {
            let (end, address) = end.accept()?;
            let system = net::TcpStream::from(socket_for(&end.local_addr()?, SocketType::STREAM)?);
            system.set_ttl(self.system.ttl()?)?;
            Ok((Io::simulated(system, end), address.ip()?))
        });
        let (descriptor, address) = loop {
            match acceptfrom_with(&self.system, FLAGS) {
                Err(Errno::CONNABORTED) => {}
                accepted => break accepted?,
            }
        };
        let stream = net::TcpStream::from(descriptor);
        let address = match address {
            Some(address) => address.try_into()?,
            None => stream.peer_addr()?,
        };
        Ok((Io::of(stream), address))
    }
}

impl Io<net::UdpSocket> {
    /// At the first of the addresses where there can be one.
    #[track_caller]
    pub(crate) fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        #[cfg(feature = "testing")]
        if let Some((end, address)) = simulation::bind_datagrams(addresses)? {
            return Ok(Self::simulated(socket_for(&address, SocketType::DGRAM)?.into(), end));
        }
        let socket = net::UdpSocket::bind(addresses)?;
        socket.set_nonblocking(true)?;
        Ok(Self::of(socket))
    }

    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        if_simulated!(self, end => end.connect(&Place::Ip(address)));
        self.system.connect(address)
    }

    #[inline]
    pub(crate) fn send_to(&self, datagram: &[u8], address: SocketAddr) -> io::Result<usize> {
        if_simulated!(self, end => end.send_to(datagram, address));
        self.system.send_to(datagram, address)
    }

    pub(crate) fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        if_simulated!(self, end => end.recv_from(buffer, false));
        self.system.recv_from(buffer)
    }

    pub(crate) fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        if_simulated!(self, end => end.recv_from(buffer, true));
        self.system.peek_from(buffer)
    }
}

impl Io<unix::UnixListener> {
    #[track_caller]
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        #[cfg(feature = "testing")]
        if let Some(end) = simulation::listen_within(&unix::SocketAddr::from_pathname(path)?)? {
            return Ok(Self::simulated(socket_within()?.into(), end));
        }
        Self::of_blocking(unix::UnixListener::bind(path)?)
    }

    #[track_caller]
    pub(crate) fn bind_addr(address: &unix::SocketAddr) -> io::Result<Self> {
        #[cfg(feature = "testing")]
        if let Some(end) = simulation::listen_within(address)? {
            return Ok(Self::simulated(socket_within()?.into(), end));
        }
        Self::of_blocking(unix::UnixListener::bind_addr(address)?)
    }

    fn of_blocking(listener: unix::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::of(listener))
    }

    pub(crate) fn accept(&self) -> io::Result<(Io<unix::UnixStream>, unix::SocketAddr)> {
        if_simulated!(self, end => {
            let (end, _) = end.accept()?;
            let stream = Io::simulated(unix::UnixStream::from(socket_within()?), end);
            // Who connects has no name, and neither has the descriptor.
            let unnamed = stream.system.local_addr()?;
            Ok((stream, unnamed))
        });
        let (stream, address) = self.system.accept()?;
        Ok((Io::<unix::UnixStream>::of_blocking(stream)?, address))
    }

    pub(crate) fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        if_simulated!(self, end => end.local()?.unix_or(|| self.system.local_addr()));
        self.system.local_addr()
    }
}

/// A descriptor for connections within the machine.
fn socket_within() -> io::Result<rustix::fd::OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None)?)
}

impl Io<unix::UnixStream> {
    /// To be [connected](Self::connect).
    pub(crate) fn unconnected() -> io::Result<Self> {
        let system = unix::UnixStream::from(socket_within()?);
        #[cfg(feature = "testing")]
        if let Some(end) = simulation::unconnected()? {
            return Ok(Self::simulated(system, end));
        }
        Ok(Self::of(system))
    }

    #[track_caller]
    pub(crate) fn connect(&self, address: &SocketAddrUnix) -> io::Result<()> {
        if_simulated!(self, end => end.connect(&Place::of_unix(address)));
        Ok(connect(&self.system, address)?)
    }

    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        #[cfg(feature = "testing")]
        if let Some((here, there)) = simulation::pair()? {
            let simulated = |end| io::Result::Ok(Self::simulated(socket_within()?.into(), end));
            return Ok((simulated(here)?, simulated(there)?));
        }
        let (here, there) = unix::UnixStream::pair()?;
        Ok((Self::of_blocking(here)?, Self::of_blocking(there)?))
    }

    fn of_blocking(stream: unix::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::of(stream))
    }

    pub(crate) fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        if_simulated!(self, end => end.local()?.unix_or(|| self.system.local_addr()));
        self.system.local_addr()
    }

    pub(crate) fn peer_addr(&self) -> io::Result<unix::SocketAddr> {
        if_simulated!(self, end => end.peer()?.unix_or(|| self.system.local_addr()));
        self.system.peer_addr()
    }
}

impl<T: AsFd> AsFd for Io<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.system.as_fd()
    }
}

impl<T: fmt::Debug> fmt::Debug for Io<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if_simulated!(self, end => fmt::Debug::fmt(end, f));
        fmt::Debug::fmt(&self.system, f)
    }
}

#[cfg(all(test, not(feature = "testing")))]
mod tests {
    use super::*;

    #[test]
    fn it_is_nothing_but_a_socket() {
        assert_eq!(size_of::<Io<net::TcpStream>>(), size_of::<net::TcpStream>());
    }
}
