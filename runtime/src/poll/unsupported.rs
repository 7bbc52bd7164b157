//! The system's part of a poller where there is none yet.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use super::polled::Direction;

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "waiting for a descriptor needs epoll, which Linux has")
}

/// There is none.
#[derive(Debug)]
pub(super) enum Alarm {}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        Err(unsupported())
    }

    pub(super) fn raise(&self) {
        match *self {}
    }
}

/// There is none.
#[derive(Debug)]
pub(super) enum System {}

impl System {
    pub(super) fn new(alarm: Arc<Alarm>) -> io::Result<Self> {
        match *alarm {}
    }

    pub(super) fn alarm(&self) -> &Arc<Alarm> {
        match *self {}
    }

    pub(super) fn add(&self, _descriptor: RawFd, _slot: u32, _directions: &[Direction]) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn remove(&self, _descriptor: RawFd) {
        match *self {}
    }

    pub(super) fn wait(&self, _events: &mut Events, _timeout: Option<Duration>) {
        match *self {}
    }
}

/// There is none.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {}

impl Event {
    pub(super) fn slot(self) -> u32 {
        match self {}
    }

    pub(super) fn is_readable(self) -> bool {
        match self {}
    }

    pub(super) fn is_writable(self) -> bool {
        match self {}
    }

    pub(super) fn ends_reading(self) -> bool {
        match self {}
    }

    pub(super) fn ends_writing(self) -> bool {
        match self {}
    }
}

/// There are none.
#[derive(Default)]
pub(crate) struct Events([Event; 0]);

impl Events {
    pub(super) fn is_full(&self) -> bool {
        false
    }

    pub(super) fn has_alarm(&self) -> bool {
        false
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Event> {
        self.0.into_iter()
    }
}
