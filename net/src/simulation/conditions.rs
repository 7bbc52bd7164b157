//! How good or bad the network is.

use std::time::Duration;

use gocsp_runtime::testing::choose;

/// How good or bad the network of a schedule is: what [`set`](super::set) is told.
///
/// # Examples
/// ```
/// use gocsp_net::simulation::{self, Conditions};
/// use gocsp_runtime::testing::check;
/// use std::time::Duration;
///
/// check(|| {
///     let bad = Conditions::default().delay(Duration::from_millis(50)).resets(2).lost(3).duplicated(3);
///     simulation::set(bad.stalls(1, Duration::from_secs(10)).buffer(1_000));
///     // Here are the client and the server.
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    delay: Duration,
    in_pieces: bool,
    buffer: usize,
    resets: u32,
    stalls: u32,
    stall: Duration,
    lost: u32,
    duplicated: u32,
}

impl Default for Conditions {
    /// Delays of up to a millisecond, streams in pieces, and buffers of 64 KiB. Nothing is lost, duplicated or reset.
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(1),
            in_pieces: true,
            buffer: 64 << 10,
            resets: 0,
            stalls: 0,
            stall: Duration::ZERO,
            lost: 0,
            duplicated: 0,
        }
    }
}

impl Conditions {
    /// How long something is under way, at most: each time it takes none of that, a third, two thirds, or all. Between
    /// sockets of the Unix domain it takes no time.
    ///
    /// # Examples
    /// See [`Conditions`].
    #[must_use]
    pub const fn delay(mut self, most: Duration) -> Self {
        self.delay = most;
        self
    }

    /// Whether a read of a stream may give less than has arrived, and a write may take less than there is room for:
    /// down to a single byte.
    ///
    /// # Examples
    /// ```
    /// use gocsp_net::UnixStream;
    /// use gocsp_net::simulation::{self, Conditions};
    /// use gocsp_runtime::testing::check;
    /// use std::io::{Read, Write};
    ///
    /// check(|| {
    ///     simulation::set(Conditions::default().in_pieces(false));
    ///     let (mut here, mut there) = UnixStream::pair().unwrap();
    ///     assert_eq!(here.write(b"whole").unwrap(), 5);
    ///     assert_eq!(there.read(&mut [0; 10]).unwrap(), 5);
    /// });
    /// ```
    #[must_use]
    pub const fn in_pieces(mut self, may_be: bool) -> Self {
        self.in_pieces = may_be;
        self
    }

    /// How many bytes can be under way in each direction of a connection, or wait to be read there: who writes more
    /// waits. As many wait at a socket for datagrams, and further ones are lost. It is one at least.
    ///
    /// # Examples
    /// See [`Conditions`].
    #[must_use]
    pub const fn buffer(mut self, bytes: usize) -> Self {
        self.buffer = if bytes == 0 { 1 } else { bytes };
        self
    }

    /// How many connections the network breaks off, at most, in a schedule: each when something is sent by it, which
    /// then arrives first, or is lost.
    ///
    /// # Examples
    /// See [`Conditions`].
    #[must_use]
    pub const fn resets(mut self, most: u32) -> Self {
        self.resets = most;
        self
    }

    /// How often, at most, in a schedule what is sent by a connection is held up, and for how long: as when it has to
    /// be sent again. To connect may be held up as well.
    ///
    /// # Examples
    /// See [`Conditions`].
    #[must_use]
    pub const fn stalls(mut self, most: u32, duration: Duration) -> Self {
        self.stalls = most;
        self.stall = duration;
        self
    }

    /// How many datagrams are lost, at most, in a schedule.
    ///
    /// # Examples
    /// See [`Conditions`].
    #[must_use]
    pub const fn lost(mut self, most: u32) -> Self {
        self.lost = most;
        self
    }

    /// How many datagrams arrive twice, at most, in a schedule.
    ///
    /// # Examples
    /// See [`Conditions`].
    #[must_use]
    pub const fn duplicated(mut self, most: u32) -> Self {
        self.duplicated = most;
        self
    }
}

/// The conditions, and how many of the misfortunes that they allow are still to come.
///
/// What it decides are decisions of the schedule. The first of the possibilities is always that nothing happens.
#[derive(Debug, Default)]
pub(super) struct Weather {
    left: Conditions,
}

/// What is sent goes wrong once in so many times.
const RARELY: usize = 8;

/// Whether one of the misfortunes that are left happens now.
fn happens(left: &mut u32) -> bool {
    let happens = *left > 0 && choose(RARELY) == RARELY - 1;
    *left -= u32::from(happens);
    happens
}

impl Weather {
    pub(super) fn new(conditions: Conditions) -> Self {
        Self { left: conditions }
    }

    pub(super) fn delay(&self) -> Duration {
        let most = self.left.delay;
        if most.is_zero() {
            return most;
        }
        match choose(4) {
            3 => most,
            thirds => most / 3 * thirds as u32,
        }
    }

    pub(super) fn buffer(&self) -> usize {
        self.left.buffer
    }

    /// How many of so many bytes are read or written at a time.
    pub(super) fn piece(&self, bytes: usize) -> usize {
        if !self.left.in_pieces || bytes <= 1 {
            return bytes;
        }
        match choose(4) {
            1 => 1,
            2 => bytes / 2,
            3 => bytes - 1,
            _ => bytes,
        }
    }

    pub(super) fn resets(&mut self) -> bool {
        happens(&mut self.left.resets)
    }

    /// For how long something is held up.
    pub(super) fn stall(&mut self) -> Option<Duration> {
        happens(&mut self.left.stalls).then_some(self.left.stall)
    }

    pub(super) fn loses(&mut self) -> bool {
        happens(&mut self.left.lost)
    }

    pub(super) fn duplicates(&mut self) -> bool {
        happens(&mut self.left.duplicated)
    }
}
