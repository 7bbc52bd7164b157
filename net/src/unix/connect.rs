//! How connections within the machine are made without blocking a thread.
//!
//! They are made at once, or not at all: because nobody listens, or because those whom the listener has not accepted
//! yet are too many. In that case a thread would wait for its turn; in non-blocking mode the system says that it would
//! have to, and gives no sign when it is time to try again, by epoll neither. So it is tried again after pauses, which
//! become longer. (In Go to connect fails then.)
//!
//! Rejected: a thread of the blocking pool, which would wait in the system. It could not be called back when a context
//! ends, and as many would be needed as connect.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Duration;

use gocsp_context::Context;
use rustix::net::SocketAddrUnix;

use crate::error;
use crate::io::Io;
use crate::socket::Socket;

const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// The address, as the system has it.
///
/// # Errors
/// If it has no name.
pub(super) fn address(address: &SocketAddr) -> io::Result<SocketAddrUnix> {
    match (address.as_pathname(), address.as_abstract_name()) {
        (Some(path), _) => at_path(path),
        (None, Some(name)) => Ok(SocketAddrUnix::new_abstract_name(name)?),
        (None, None) => Err(io::Error::new(io::ErrorKind::InvalidInput, "nobody listens at an address without a name")),
    }
}

pub(super) fn at_path(path: &Path) -> io::Result<SocketAddrUnix> {
    Ok(SocketAddrUnix::new(path)?)
}

/// Connects with who listens there, for as long as the context lasts.
#[track_caller]
pub(super) fn connect(address: &SocketAddrUnix, context: &Context) -> io::Result<Socket<net::UnixStream>> {
    error::check(context)?;
    let stream = Io::<net::UnixStream>::unconnected()?;
    let mut pause = SHORTEST_PAUSE;
    loop {
        match stream.connect(address) {
            Ok(()) => return Ok(Socket::new(stream)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // It ends early with the context.
                let _ = context.done().recv_timeout(pause);
                error::check(context)?;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Err(error) => return Err(error),
        }
    }
}
