//! How connections within the machine are made without blocking a thread.
//!
//! They are made at once, or not at all: because nobody listens, or because those whom the listener has not accepted
//! yet are too many. In that case a thread would wait for its turn; in non-blocking mode the system says that it would
//! have to, and gives no sign when it is time to try again. So it is tried again after pauses, which become longer.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Duration;

use gocsp_runtime::sleep;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as try_once, socket_with};

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

#[track_caller]
pub(super) fn connect(address: &SocketAddrUnix) -> io::Result<Socket<net::UnixStream>> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let descriptor = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let mut pause = SHORTEST_PAUSE;
    loop {
        match try_once(&descriptor, address) {
            Ok(()) => return Ok(Socket::new(descriptor.into())),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                sleep(pause);
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
