//! Channels, as in Go: typed conduits that join goroutines, and threads, by handing values from one to another.
//!
//! ```
//! use gocsp_channels::channel;
//!
//! let (tx, rx) = channel(0);
//! gocsp_runtime::spawn(move || {
//!     for n in 1..=3 {
//!         tx.send(n * n)?;
//!     }
//!     Ok::<(), gocsp_channels::SendError<i32>>(())
//! });
//! // The loop ends when the last sender is gone.
//! assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 4, 9]);
//! ```
//!
//! - [`channel`] makes a channel with its two directions, [`Sender`] and [`Receiver`]; a [`Chan`] is both.
//! - Capacity 0 makes a *rendezvous*: a send completes only together with a receive. Otherwise that many values
//!   wait in a buffer. Values come out in the order in which they went in, and who waits is served in the order
//!   in which it came.
//! - A channel is closed by [`Sender::close`] or by dropping the last sender. What is buffered can still be
//!   received; then every receive fails with [`RecvError`], and that is how loops over a channel end. All who are
//!   blocked wake up.
//! - Nothing is lost: a value that could not be sent comes back in the error. A value is dropped exactly once,
//!   and never under a lock.
//! - A nil channel ([`Sender::nil`], [`Receiver::nil`], [`Chan::nil`]) blocks for ever, and in a select is never
//!   chosen.
//! - [`after`] and [`tick`] make channels that receive the time, [`Timer`] and [`Ticker`] such as can be stopped and set
//!   again.
//!
//! Every operation works from goroutines and from ordinary threads alike. None allocates memory after the channel was
//! made. With [`Sender::send_async`] and [`Receiver::recv_async`], the tasks of any asynchronous executor take part as
//! well.
//!
//! # What happens before what
//! A send happens before the matching receive completes, a close before the receive that reports it, and the
//! k-th receive on a channel of capacity C before the (k + C)-th send completes.
#![deny(unsafe_code)]

#[doc(hidden)]
#[expect(unsafe_code, reason = "locks are held across calls, and nodes stand in the frame of the select")]
pub mod case;
mod chan;
mod error;
#[expect(unsafe_code, reason = "the place of a task is pinned with its future")]
mod future;
mod handle;
mod iter;
mod receiver;
mod sender;
mod shared;
#[doc(hidden)]
pub mod signal;
mod timers;

pub use chan::Chan;
pub use error::{CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
#[cfg(feature = "futures-core")]
pub use future::RecvStream;
pub use future::{RecvFuture, SendFuture};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use sender::Sender;
pub use timers::{Ticker, Timer, after, tick};

use std::panic::Location;
use std::sync::Arc;

use shared::Shared;

/// Makes a channel that buffers up to `capacity` values, or none if that is 0.
///
/// Takes one allocation for the channel, and one for the buffer if it takes any memory.
///
/// # Panics
/// If there is no memory for `capacity` values.
///
/// ```
/// let (tx, rx) = gocsp_channels::channel(2);
/// tx.send("a")?;
/// tx.send("b")?;
/// assert_eq!(rx.recv(), Ok("a"));
/// assert_eq!(rx.recv(), Ok("b"));
/// # Ok::<(), gocsp_channels::SendError<&str>>(())
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(capacity, 1, 1, Location::caller()));
    (Sender::of(Arc::clone(&shared)), Receiver::of(shared))
}
