//! A channel with both directions in one handle.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::{CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use crate::future::{RecvFuture, SendFuture};
use crate::iter::{Iter, TryIter};
use crate::{Receiver, Sender, channel, handle};

/// Both sides of a channel: Go's `chan T`. It is a [`Sender`] and a [`Receiver`] in one, counts as both, and
/// turns into either.
///
/// Since it counts as a sender, the channel does not close by itself as long as there is one: call
/// [`close`](Self::close), or hand out the directions and drop it.
///
/// ```
/// use gocsp_channels::{Chan, Receiver, Sender};
///
/// let chan = Chan::new(1);
/// chan.send(1)?;
/// assert_eq!(chan.recv(), Ok(1));
///
/// let tx = Sender::from(&chan);
/// let rx = Receiver::from(chan);
/// tx.send(2)?;
/// drop(tx);
/// assert_eq!(rx.iter().collect::<Vec<_>>(), [2]);
/// # Ok::<(), gocsp_channels::SendError<i32>>(())
/// ```
pub struct Chan<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
}

impl<T> Chan<T> {
    /// Makes a channel that buffers up to `capacity` values, or none if that is 0. See [`channel`].
    ///
    /// # Panics
    /// If there is no memory for `capacity` values.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::<i32>::new(3);
    /// assert_eq!(chan.capacity(), 3);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        let (sender, receiver) = channel(capacity);
        Self { sender, receiver }
    }

    /// A nil channel: it blocks for ever, and in a select it is never chosen.
    ///
    /// ```
    /// let nil = gocsp_channels::Chan::<i32>::nil();
    /// assert_eq!((nil.len(), nil.capacity()), (0, 0));
    /// assert!(nil.try_recv().is_err());
    /// ```
    #[must_use]
    pub const fn nil() -> Self {
        Self { sender: Sender::nil(), receiver: Receiver::nil() }
    }

    /// Sends a value: see [`Sender::send`].
    ///
    /// # Errors
    /// Gives the value back if the channel is closed.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(1);
    /// assert_eq!(chan.send(1), Ok(()));
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.sender.send(value)
    }

    /// Sends a value if that needs no waiting: see [`Sender::try_send`].
    ///
    /// # Errors
    /// Gives the value back if it would have to wait, or the channel is closed.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(1);
    /// assert!(chan.try_send(1).is_ok());
    /// assert!(chan.try_send(2).is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.sender.try_send(value)
    }

    /// Sends a value within `timeout`: see [`Sender::send_timeout`].
    ///
    /// # Errors
    /// Gives the value back if the time is over, or the channel is closed.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(0);
    /// assert!(chan.send_timeout(1, std::time::Duration::from_millis(1)).is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.sender.send_timeout(value, timeout)
    }

    /// Sends a value until `deadline`: see [`Sender::send_deadline`].
    ///
    /// # Errors
    /// Gives the value back if the deadline has passed, or the channel is closed.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(0);
    /// assert!(chan.send_deadline(1, std::time::Instant::now()).is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.sender.send_deadline(value, deadline)
    }

    /// Sends a value, as an asynchronous task: see [`Sender::send_async`].
    ///
    /// # Errors
    /// Gives the value back if the channel is closed.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(1);
    /// assert_eq!(gocsp_runtime::block_on(chan.send_async(1)), Ok(()));
    /// ```
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        self.sender.send_async(value)
    }

    /// Receives a value: see [`Receiver::recv`].
    ///
    /// # Errors
    /// If the channel is closed and drained.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(1);
    /// chan.send(1)?;
    /// assert_eq!(chan.recv(), Ok(1));
    /// # Ok::<(), gocsp_channels::SendError<i32>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.receiver.recv()
    }

    /// Receives a value, as an asynchronous task: see [`Receiver::recv_async`].
    ///
    /// # Errors
    /// If the channel is closed and drained.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(1);
    /// chan.send(1)?;
    /// assert_eq!(gocsp_runtime::block_on(chan.recv_async()), Ok(1));
    /// # Ok::<(), gocsp_channels::SendError<i32>>(())
    /// ```
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        self.receiver.recv_async()
    }

    /// Receives a value if that needs no waiting: see [`Receiver::try_recv`].
    ///
    /// # Errors
    /// If it would have to wait, or the channel is closed and drained.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::<i32>::new(1);
    /// assert!(chan.try_recv().is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.receiver.try_recv()
    }

    /// Receives a value within `timeout`: see [`Receiver::recv_timeout`].
    ///
    /// # Errors
    /// If the time is over, or the channel is closed and drained.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::<i32>::new(1);
    /// assert!(chan.recv_timeout(std::time::Duration::from_millis(1)).is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.receiver.recv_timeout(timeout)
    }

    /// Receives a value until `deadline`: see [`Receiver::recv_deadline`].
    ///
    /// # Errors
    /// If the deadline has passed, or the channel is closed and drained.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::<i32>::new(1);
    /// assert!(chan.recv_deadline(std::time::Instant::now()).is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.receiver.recv_deadline(deadline)
    }

    /// Receives values, blocking for each, until the channel is closed and drained.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(2);
    /// chan.send(1)?;
    /// chan.send(2)?;
    /// chan.close()?;
    /// assert_eq!(chan.iter().sum::<i32>(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, T> {
        self.receiver.iter()
    }

    /// Receives values until one would have to be waited for.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::new(2);
    /// chan.send(1)?;
    /// assert_eq!(chan.try_iter().sum::<i32>(), 1);
    /// # Ok::<(), gocsp_channels::SendError<i32>>(())
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        self.receiver.try_iter()
    }

    /// Closes the channel: see [`Sender::close`].
    ///
    /// # Errors
    /// If the channel was closed before, or is nil.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::<i32>::new(0);
    /// assert!(chan.close().is_ok());
    /// assert!(chan.close().is_err());
    /// ```
    #[track_caller]
    pub fn close(&self) -> Result<(), CloseError> {
        self.sender.close()
    }

    /// Whether the channel is closed. Never so for a nil channel.
    ///
    /// ```
    /// let chan = gocsp_channels::Chan::<i32>::new(0);
    /// assert!(!chan.is_closed());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// How many values are buffered at this moment. 0 for a nil channel.
    ///
    /// ```
    /// assert_eq!(gocsp_channels::Chan::<i32>::new(1).len(), 0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn len(&self) -> usize {
        self.sender.len()
    }

    /// Whether no value is buffered at this moment.
    ///
    /// ```
    /// assert!(gocsp_channels::Chan::<i32>::new(1).is_empty());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.sender.is_empty()
    }

    /// Whether as many values are buffered at this moment as the channel can hold: always so for capacity 0.
    ///
    /// ```
    /// assert!(gocsp_channels::Chan::<i32>::new(0).is_full());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_full(&self) -> bool {
        self.sender.is_full()
    }

    /// How many values the channel can hold. 0 for a nil channel.
    ///
    /// ```
    /// assert_eq!(gocsp_channels::Chan::<i32>::new(1).capacity(), 1);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.sender.capacity()
    }

    /// Whether both are the same channel. Nil channels are all the same.
    ///
    /// ```
    /// use gocsp_channels::Chan;
    ///
    /// let chan = Chan::<i32>::new(1);
    /// assert!(chan.same_channel(&chan.clone()));
    /// assert!(!chan.same_channel(&Chan::nil()));
    /// ```
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        self.sender.same_channel(&other.sender)
    }
}

impl<T> Clone for Chan<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), receiver: self.receiver.clone() }
    }
}

impl<T> From<Chan<T>> for Sender<T> {
    fn from(chan: Chan<T>) -> Self {
        chan.sender
    }
}

impl<T> From<&Chan<T>> for Sender<T> {
    fn from(chan: &Chan<T>) -> Self {
        chan.sender.clone()
    }
}

impl<T> From<Chan<T>> for Receiver<T> {
    fn from(chan: Chan<T>) -> Self {
        chan.receiver
    }
}

impl<T> From<&Chan<T>> for Receiver<T> {
    fn from(chan: &Chan<T>) -> Self {
        chan.receiver.clone()
    }
}

impl<T> AsRef<Sender<T>> for Chan<T> {
    #[inline]
    fn as_ref(&self) -> &Sender<T> {
        &self.sender
    }
}

impl<T> AsRef<Receiver<T>> for Chan<T> {
    #[inline]
    fn as_ref(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<'a, T> IntoIterator for &'a Chan<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    #[track_caller]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        handle::debug(self.sender.shared(), "Chan", f)
    }
}
