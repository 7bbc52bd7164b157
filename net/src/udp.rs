//! [`UdpSocket`].

use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use gocsp_context::Context;
use gocsp_runtime::poll::Direction;
use rustix::net::RecvFlags;

use crate::context::CancelGuard;
use crate::io::Io;
use crate::methods::{handle, ip, limits};
use crate::socket::{Call, Socket};
use crate::{ToSocketAddrs, addr};

/// A socket for datagrams: std's, but for goroutines.
///
/// Any number of goroutines and threads may use it at a time; each datagram goes to one of them.
///
/// # Examples
/// ```
/// use gocsp_net::UdpSocket;
///
/// let (here, there) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// here.send_to(b"hello", there.local_addr()?)?;
/// let mut buffer = [0; 100];
/// let (length, from) = there.recv_from(&mut buffer)?;
/// assert_eq!((&buffer[..length], from), (&b"hello"[..], here.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    socket: Socket<net::UdpSocket>,
}

handle! {
    UdpSocket of net::UdpSocket, "let socket = gocsp_net::UdpSocket::bind(\"127.0.0.1:0\")?;"
}

limits! {
    UdpSocket, "let socket = gocsp_net::UdpSocket::bind(\"127.0.0.1:0\")?;"
}

ip! {
    UdpSocket, "let socket = gocsp_net::UdpSocket::bind(\"127.0.0.1:0\")?;"
}

impl UdpSocket {
    /// A socket at the first of the addresses where there can be one. Port 0 lets the system choose.
    ///
    /// # Errors
    /// As [`std::net::UdpSocket::bind`], of the last address.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        let addresses = addr::list(address)?;
        Ok(Self::of(Socket::new(Io::<net::UdpSocket>::bind(&addresses)?)))
    }

    /// Lets the socket send to the first of the addresses with which that can be done, and receive from nobody else:
    /// for [`send`](Self::send) and [`recv`](Self::recv).
    ///
    /// # Errors
    /// Why that cannot be done with the last of them.
    ///
    /// # Examples
    /// ```
    /// use gocsp_net::UdpSocket;
    ///
    /// let (here, there) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// here.connect(there.local_addr()?)?;
    /// assert_eq!(here.peer_addr()?, there.local_addr()?);
    /// there.connect(here.local_addr()?)?;
    /// here.send(b"hello")?;
    /// let mut buffer = [0; 5];
    /// assert_eq!((there.peek(&mut buffer)?, there.recv(&mut buffer)?), (5, 5));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(&self, address: A) -> io::Result<()> {
        let mut connected = Err(addr::no_addresses());
        for address in address.to_socket_addrs()? {
            connected = self.socket.io().connect(address);
            if connected.is_ok() {
                break;
            }
        }
        connected
    }

    /// Its address.
    ///
    /// # Errors
    /// What the system says if it cannot tell.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    /// The address with which it is [connected](Self::connect).
    ///
    /// # Errors
    /// If it is not.
    ///
    /// # Examples
    /// See [`connect`](Self::connect).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    /// Sends a datagram to the first of the addresses; waits while there is no room for it. Gives its length.
    ///
    /// # Errors
    /// When time is over, the socket is closed, or a context to which it is bound has ended; and what the system says.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    #[track_caller]
    pub fn send_to<A: ToSocketAddrs>(&self, datagram: &[u8], address: A) -> io::Result<usize> {
        let address = address.to_socket_addrs()?.next().ok_or_else(addr::no_addresses)?;
        self.socket.run(&Call::WRITE, |io| io.send_to(datagram, address), |_| false)
    }

    /// Sends a datagram to whom it is [connected](Self::connect) with.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to), and if it is not connected.
    ///
    /// # Examples
    /// See [`connect`](Self::connect).
    #[track_caller]
    pub fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.socket.send(datagram)
    }

    /// Waits for a datagram. Gives its length, and who has sent it. What does not fit into the buffer is lost.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).
    ///
    /// # Examples
    /// See [`UdpSocket`].
    #[track_caller]
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.run(&Call::READ, |io| io.recv_from(buffer), |_| false)
    }

    /// As [`recv_from`](Self::recv_from), and leaves the datagram there.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).
    ///
    /// # Examples
    /// ```
    /// use gocsp_net::UdpSocket;
    ///
    /// let (here, there) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// here.send_to(b"hello", there.local_addr()?)?;
    /// let mut buffer = [0; 5];
    /// assert_eq!(there.peek_from(&mut buffer)?, there.recv_from(&mut buffer)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.run(&Call::READ, |io| io.peek_from(buffer), |_| false)
    }

    /// As [`recv_from`](Self::recv_from), for who is [connected](Self::connect).
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to). On Linux also that nobody is at the address to which something was sent before.
    ///
    /// # Examples
    /// See [`connect`](Self::connect).
    #[track_caller]
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(buffer, RecvFlags::empty(), false)
    }

    /// As [`recv`](Self::recv), and leaves the datagram there.
    ///
    /// # Errors
    /// As `recv`.
    ///
    /// # Examples
    /// See [`connect`](Self::connect).
    #[track_caller]
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(buffer, RecvFlags::PEEK, false)
    }

    /// Whether it may send to broadcast addresses.
    ///
    /// # Errors
    /// What the system says when it does not like that.
    ///
    /// # Examples
    /// ```
    /// let socket = gocsp_net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_broadcast(true)?;
    /// assert!(socket.broadcast()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_broadcast(&self, allowed: bool) -> io::Result<()> {
        self.socket.system().set_broadcast(allowed)
    }

    /// What [`set_broadcast`](Self::set_broadcast) has set.
    ///
    /// # Errors
    /// What the system says if it cannot tell.
    ///
    /// # Examples
    /// See [`set_broadcast`](Self::set_broadcast).
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.system().broadcast()
    }
}
