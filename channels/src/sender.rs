//! The sending direction of a channel.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::Reason;

use crate::error::{CloseError, SendError, SendTimeoutError, TrySendError};
use crate::future::SendFuture;
use crate::handle;
use crate::shared::{Caller, SendingToNil, Shared, wait};

/// The sending side of a channel: Go's `chan<- T`. Clones send to the same channel, which closes when the last
/// one is dropped.
///
/// ```
/// use gocsp_channels::channel;
///
/// let (tx, rx) = channel(0);
/// for n in 0..4 {
///     let tx = tx.clone();
///     gocsp_runtime::spawn(move || tx.send(n));
/// }
/// drop(tx);
/// assert_eq!(rx.iter().sum::<i32>(), 6);
/// ```
pub struct Sender<T> {
    /// `None` is nil.
    shared: Option<Arc<Shared<T>>>,
}

impl<T> Sender<T> {
    /// A handle that `shared` counts already.
    pub(crate) fn of(shared: Arc<Shared<T>>) -> Self {
        Self { shared: Some(shared) }
    }

    #[inline]
    pub(crate) fn shared(&self) -> Option<&Shared<T>> {
        self.shared.as_deref()
    }

    /// The sender of a nil channel: it blocks for ever, and in a select it is never chosen.
    ///
    /// ```
    /// use gocsp_channels::{Sender, TrySendError};
    ///
    /// let tx = Sender::nil();
    /// assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    /// ```
    #[must_use]
    pub const fn nil() -> Self {
        Self { shared: None }
    }

    /// Sends a value: blocks until a receiver has taken it or the buffer has room for it.
    ///
    /// # Errors
    /// Gives the value back if the channel is closed or no receiver is left, also if that happens while it
    /// blocks.
    ///
    /// ```
    /// use gocsp_channels::{SendError, channel};
    ///
    /// let (tx, rx) = channel(1);
    /// assert_eq!(tx.send(1), Ok(()));
    /// tx.close()?;
    /// assert_eq!(tx.send(2), Err(SendError(2)));
    /// assert_eq!(rx.recv(), Ok(1));
    /// # Ok::<(), gocsp_channels::CloseError>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        match &self.shared {
            Some(shared) => shared.send(value, Location::caller()),
            None => {
                wait::on_nil(None, nil_reason(Location::caller()));
                Err(SendError(value))
            }
        }
    }

    /// Sends a value if that needs no waiting.
    ///
    /// # Errors
    /// Gives the value back if the buffer is full, or there is none and no receiver waits, or the channel is
    /// closed or no receiver is left.
    ///
    /// ```
    /// use gocsp_channels::{TrySendError, channel};
    ///
    /// let (tx, _rx) = channel(1);
    /// assert_eq!(tx.try_send(1), Ok(()));
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match &self.shared {
            Some(shared) => shared.try_send(value, Location::caller()),
            None => Err(TrySendError::Full(value)),
        }
    }

    /// As [`send`](Self::send), but blocks for `timeout` at most.
    ///
    /// # Errors
    /// Gives the value back if the time is over, or the channel is closed or no receiver is left.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_channels::{SendTimeoutError, channel};
    ///
    /// let (tx, _rx) = channel(1);
    /// assert_eq!(tx.send_timeout(1, Duration::from_millis(1)), Ok(()));
    /// assert_eq!(tx.send_timeout(2, Duration::from_millis(1)), Err(SendTimeoutError::Timeout(2)));
    /// ```
    #[inline]
    #[track_caller]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        match &self.shared {
            Some(shared) => shared.send_timeout(value, timeout, Location::caller()),
            None => on_nil(value, clock::deadline(timeout), Location::caller()),
        }
    }

    /// As [`send`](Self::send), but blocks until `deadline` at most.
    ///
    /// # Errors
    /// Gives the value back if the deadline has passed, or the channel is closed or no receiver is left.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_channels::{SendTimeoutError, channel};
    ///
    /// let (tx, _rx) = channel(0);
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(tx.send_deadline(1, soon), Err(SendTimeoutError::Timeout(1)));
    /// ```
    #[inline]
    #[track_caller]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        match &self.shared {
            Some(shared) => shared.send_deadline(value, deadline, Location::caller()),
            None => on_nil(value, deadline, Location::caller()),
        }
    }

    /// Sends a value, as a task of any asynchronous executor: the future is ready when a receiver has taken it or the
    /// buffer has had room for it.
    ///
    /// The task waits among the goroutines and threads that send here, and is served when its turn comes. A future that
    /// is dropped before that has not sent, and its value is dropped with it. One that is dropped after that has sent,
    /// also if it was not polled since. It allocates nothing.
    ///
    /// # Errors
    /// Gives the value back if the channel is closed or no receiver is left, also if that happens while it waits.
    ///
    /// # Panics
    /// If the future is polled after it was ready.
    ///
    /// ```
    /// use gocsp_channels::{SendError, channel};
    /// use gocsp_runtime::{block_on, go};
    ///
    /// let (tx, rx) = channel(0);
    /// let received = go!(move || rx.recv());
    /// let sent = block_on(async { (tx.send_async(1).await, tx.send_async(2).await) });
    /// assert_eq!(sent, (Ok(()), Err(SendError(2))));
    /// assert_eq!(received.join().unwrap(), Ok(1));
    /// ```
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        SendFuture::new(self, value)
    }

    /// Closes the channel. What is buffered can still be received; after that every receive fails. All who are
    /// blocked wake up, and senders among them get their values back. Takes time for each of them.
    ///
    /// # Errors
    /// If the channel was closed before, or is nil.
    ///
    /// ```
    /// use gocsp_channels::{CloseError, RecvError, channel};
    ///
    /// let (tx, rx) = channel::<i32>(0);
    /// let waiting = gocsp_runtime::spawn(move || rx.recv());
    /// assert_eq!(tx.close(), Ok(()));
    /// assert_eq!(tx.close(), Err(CloseError));
    /// assert_eq!(waiting.join().unwrap(), Err(RecvError));
    /// ```
    #[track_caller]
    pub fn close(&self) -> Result<(), CloseError> {
        match &self.shared {
            Some(shared) if shared.close_at(Location::caller()) => Ok(()),
            _ => Err(CloseError),
        }
    }

    /// Whether the channel is closed or no receiver is left, so that every send fails. Never so for a nil channel.
    ///
    /// ```
    /// let (tx, rx) = gocsp_channels::channel::<i32>(0);
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        handle::is_closed(self.shared())
    }

    /// How many values are buffered at this moment. 0 for a nil channel.
    ///
    /// ```
    /// let (tx, _rx) = gocsp_channels::channel(2);
    /// tx.send(1)?;
    /// assert_eq!(tx.len(), 1);
    /// # Ok::<(), gocsp_channels::SendError<i32>>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn len(&self) -> usize {
        handle::len(self.shared())
    }

    /// Whether no value is buffered at this moment.
    ///
    /// ```
    /// let (tx, _rx) = gocsp_channels::channel::<i32>(2);
    /// assert!(tx.is_empty());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        handle::is_empty(self.shared())
    }

    /// Whether as many values are buffered at this moment as the channel can hold: always so for capacity 0.
    ///
    /// ```
    /// let (tx, _rx) = gocsp_channels::channel(1);
    /// assert!(!tx.is_full());
    /// tx.send(1)?;
    /// assert!(tx.is_full());
    /// # Ok::<(), gocsp_channels::SendError<i32>>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_full(&self) -> bool {
        handle::is_full(self.shared())
    }

    /// How many values the channel can hold. 0 for a nil channel.
    ///
    /// ```
    /// let (tx, _rx) = gocsp_channels::channel::<i32>(3);
    /// assert_eq!(tx.capacity(), 3);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        handle::capacity(self.shared())
    }

    /// Whether both send to the same channel. Nil channels are all the same.
    ///
    /// ```
    /// let (tx, _rx) = gocsp_channels::channel::<i32>(0);
    /// let (other, _rx) = gocsp_channels::channel::<i32>(0);
    /// assert!(tx.same_channel(&tx.clone()));
    /// assert!(!tx.same_channel(&other));
    /// ```
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        handle::are_same(self.shared(), other.shared())
    }
}

fn nil_reason(place: Caller) -> Reason<'static> {
    Reason::new::<SendingToNil, _>(place, &())
}

#[cold]
fn on_nil<T>(value: T, deadline: Instant, place: Caller) -> Result<(), SendTimeoutError<T>> {
    let timed_out = wait::on_nil(Some(deadline), nil_reason(place));
    Err(if timed_out { SendTimeoutError::Timeout(value) } else { SendTimeoutError::Disconnected(value) })
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        if let Some(shared) = &shared {
            shared.retain_sender();
        }
        Self { shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.release_sender();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        handle::debug(self.shared(), "Sender", f)
    }
}

// No panic can leave a channel half changed: values are dropped outside its lock.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
