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

use crate::io::Io;
use crate::socket::{Call, Socket};

/// Connects with one address, until the deadline or the end of the context.
#[track_caller]
pub(super) fn connect(
    address: SocketAddr,
    deadline: Option<Instant>,
    context: Option<&Context>,
) -> io::Result<Socket<net::TcpStream>> {
    let socket = Socket::new(Io::<net::TcpStream>::unconnected(&address)?);
    socket.run(&Call { direction: Direction::Write, deadline, context }, |io| io.connect(&address), |()| false)?;
    Ok(socket)
}
