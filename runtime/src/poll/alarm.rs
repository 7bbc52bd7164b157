//! Waking a thread that waits in an epoll instance: an eventfd in it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// A descriptor that becomes readable when the alarm is raised. Who listens to it is told of that once for each time.
#[derive(Debug)]
pub(super) struct Alarm(File);

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: the call takes no pointers.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just opened, and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }.into()))
    }

    /// Makes it readable, once more if it is already: to those who wait for changes, each time is one. So it is never
    /// read.
    pub(super) fn raise(&self) {
        // It fails only if it was raised 2^64 times.
        let _ = (&self.0).write(&1_u64.to_ne_bytes());
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
