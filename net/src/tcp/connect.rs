//! How connections are made without blocking a thread.
//!
//! A socket in non-blocking mode is told to connect, which begins it. When it can be written to, that has succeeded or
//! failed; to tell it to connect again says which. So the same call is tried until it says something else than that it
//! is not done.

use std::io;
use std::net::{self, SocketAddr};
use std::time::Instant;

use gocsp_context::Context;
use gocsp_runtime::poll::Direction;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect as begin_or_ask, socket_with};

use crate::socket::{Call, Socket};

/// Connects with one address, until the deadline or the end of the context.
#[track_caller]
pub(super) fn connect(
    address: SocketAddr,
    deadline: Option<Instant>,
    context: Option<&Context>,
) -> io::Result<Socket<net::TcpStream>> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let descriptor = socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    let socket = Socket::new(net::TcpStream::from(descriptor));
    let connected = |io: &net::TcpStream| match begin_or_ask(io, &address) {
        Ok(()) | Err(Errno::ISCONN) => Ok(()),
        Err(Errno::INPROGRESS | Errno::ALREADY) => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error.into()),
    };
    socket.run(Call { direction: Direction::Write, deadline, context }, connected, |()| false)?;
    Ok(socket)
}
