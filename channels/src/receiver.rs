//! The receiving direction of a channel.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::Reason;

use crate::error::{RecvError, RecvTimeoutError, TryRecvError};
use crate::future::RecvFuture;
#[cfg(feature = "futures-core")]
use crate::future::RecvStream;
use crate::handle;
use crate::iter::{IntoIter, Iter, TryIter};
use crate::shared::{Caller, ReceivingFromNil, Shared, wait};

/// The receiving side of a channel: Go's `<-chan T`. Clones receive from the same channel, each value going to
/// one of them. When the last one is dropped, so is what is buffered, and sending fails.
///
/// ```
/// use gocsp_channels::channel;
///
/// let (tx, rx) = channel(3);
/// for n in 1..=3 {
///     tx.send(n)?;
/// }
/// drop(tx);
/// let other = rx.clone();
/// assert_eq!(rx.recv(), Ok(1));
/// assert_eq!(other.recv(), Ok(2));
/// assert_eq!(rx.recv(), Ok(3));
/// # Ok::<(), gocsp_channels::SendError<i32>>(())
/// ```
pub struct Receiver<T> {
    /// `None` is nil.
    shared: Option<Arc<Shared<T>>>,
}

impl<T> Receiver<T> {
    /// A handle that `shared` counts already.
    pub(crate) fn of(shared: Arc<Shared<T>>) -> Self {
        Self { shared: Some(shared) }
    }

    #[inline]
    pub(crate) fn shared(&self) -> Option<&Shared<T>> {
        self.shared.as_deref()
    }

    /// The channel, to be referred to otherwise than by a handle.
    pub(crate) fn shared_arc(&self) -> Option<&Arc<Shared<T>>> {
        self.shared.as_ref()
    }

    /// The receiver of a nil channel: it blocks for ever, and in a select it is never chosen.
    ///
    /// ```
    /// use gocsp_channels::{Receiver, TryRecvError};
    ///
    /// let rx = Receiver::<i32>::nil();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// ```
    #[must_use]
    pub const fn nil() -> Self {
        Self { shared: None }
    }

    /// Receives a value: blocks until there is one.
    ///
    /// # Errors
    /// If the channel is closed and drained, also if that happens while it blocks.
    ///
    /// ```
    /// use gocsp_channels::{RecvError, channel};
    ///
    /// let (tx, rx) = channel(0);
    /// gocsp_runtime::spawn(move || tx.send(1));
    /// assert_eq!(rx.recv(), Ok(1));
    /// assert_eq!(rx.recv(), Err(RecvError));
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_at(Location::caller())
    }

    /// As [`recv`](Self::recv), for who was called at `place`.
    #[inline(always)]
    pub(crate) fn recv_at(&self, place: Caller) -> Result<T, RecvError> {
        match &self.shared {
            Some(shared) => shared.recv(place),
            None => {
                wait::on_nil(None, nil_reason(place));
                Err(RecvError)
            }
        }
    }

    /// Receives a value if that needs no waiting.
    ///
    /// # Errors
    /// If nothing is buffered and no sender waits, or the channel is closed and drained.
    ///
    /// ```
    /// use gocsp_channels::{TryRecvError, channel};
    ///
    /// let (tx, rx) = channel(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1)?;
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// # Ok::<(), gocsp_channels::SendError<i32>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match &self.shared {
            Some(shared) => shared.try_recv(Location::caller()),
            None => Err(TryRecvError::Empty),
        }
    }

    /// As [`recv`](Self::recv), but blocks for `timeout` at most.
    ///
    /// # Errors
    /// If the time is over, or the channel is closed and drained.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_channels::{RecvTimeoutError, channel};
    ///
    /// let (_tx, rx) = channel::<i32>(0);
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// ```
    #[inline]
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match &self.shared {
            Some(shared) => shared.recv_timeout(timeout, Location::caller()),
            None => on_nil(clock::deadline(timeout), Location::caller()),
        }
    }

    /// As [`recv`](Self::recv), but blocks until `deadline` at most.
    ///
    /// # Errors
    /// If the deadline has passed, or the channel is closed and drained.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_channels::{RecvTimeoutError, channel};
    ///
    /// let (_tx, rx) = channel::<i32>(0);
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(rx.recv_deadline(soon), Err(RecvTimeoutError::Timeout));
    /// ```
    #[inline]
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        match &self.shared {
            Some(shared) => shared.recv_deadline(deadline, Location::caller()),
            None => on_nil(deadline, Location::caller()),
        }
    }

    /// Receives a value, as a task of any asynchronous executor: the future is ready when there is one.
    ///
    /// The task waits among the goroutines and threads that receive here, and is served when its turn comes. The future
    /// may be dropped before it is ready, for which no value is lost. If one was sent to it meanwhile, the send is
    /// complete, and the value goes to who waits next; if nobody does, it is the first to be received next, and may for
    /// that time be one more in the buffer than the capacity. If the channel was closed meanwhile, others may have
    /// found it drained before that. (A future that is forgotten, by [`std::mem::forget`], and not dropped, keeps its
    /// turn for ever.)
    ///
    /// It allocates nothing but for tasks that were sent a value and are still to be polled: room for the most that
    /// there have been of them at one time.
    ///
    /// # Errors
    /// If the channel is closed and drained, also if that happens while it waits.
    ///
    /// ```
    /// use gocsp_channels::{RecvError, channel};
    /// use gocsp_runtime::{block_on, go};
    ///
    /// let (tx, rx) = channel(0);
    /// go!(move || tx.send(1));
    /// let received = block_on(async { (rx.recv_async().await, rx.recv_async().await) });
    /// assert_eq!(received, (Ok(1), Err(RecvError)));
    /// ```
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture::new(self)
    }

    /// Receives values, as a task of any asynchronous executor, until the channel is closed and drained. Takes a clone
    /// of the handle.
    ///
    /// ```
    /// let (_tx, rx) = gocsp_channels::channel::<i32>(0);
    /// let stream = rx.stream();
    /// // As one that is owned, it may be given away.
    /// gocsp_runtime::go!(move || drop(stream)).join().unwrap();
    /// ```
    #[cfg(feature = "futures-core")]
    pub fn stream(&self) -> RecvStream<T> {
        RecvStream::new(self.clone())
    }

    /// Receives values, blocking for each, until the channel is closed and drained.
    ///
    /// ```
    /// let (tx, rx) = gocsp_channels::channel(0);
    /// gocsp_runtime::spawn(move || (1..=3).try_for_each(|n| tx.send(n)));
    /// assert_eq!(rx.iter().sum::<i32>(), 6);
    /// ```
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self, Location::caller())
    }

    /// Receives values until one would have to be waited for.
    ///
    /// ```
    /// let (tx, rx) = gocsp_channels::channel(2);
    /// tx.send(1)?;
    /// tx.send(2)?;
    /// assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1, 2]);
    /// # Ok::<(), gocsp_channels::SendError<i32>>(())
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }

    /// Whether the channel is closed. What is buffered can still be received then. Never so for a nil channel.
    ///
    /// ```
    /// let (tx, rx) = gocsp_channels::channel::<i32>(0);
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        handle::is_closed(self.shared())
    }

    /// How many values are buffered at this moment. 0 for a nil channel. It may be more than the capacity when tasks
    /// gave up what they had been sent: see [`recv_async`](Self::recv_async).
    ///
    /// ```
    /// let (tx, rx) = gocsp_channels::channel(2);
    /// tx.send(1)?;
    /// assert_eq!(rx.len(), 1);
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
    /// let (_tx, rx) = gocsp_channels::channel::<i32>(2);
    /// assert!(rx.is_empty());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        handle::is_empty(self.shared())
    }

    /// Whether as many values are buffered at this moment as the channel can hold: always so for capacity 0.
    ///
    /// ```
    /// let (tx, rx) = gocsp_channels::channel(1);
    /// assert!(!rx.is_full());
    /// tx.send(1)?;
    /// assert!(rx.is_full());
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
    /// let (_tx, rx) = gocsp_channels::channel::<i32>(3);
    /// assert_eq!(rx.capacity(), 3);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        handle::capacity(self.shared())
    }

    /// Whether both receive from the same channel. Nil channels are all the same.
    ///
    /// ```
    /// let (_tx, rx) = gocsp_channels::channel::<i32>(0);
    /// let (_tx, other) = gocsp_channels::channel::<i32>(0);
    /// assert!(rx.same_channel(&rx.clone()));
    /// assert!(!rx.same_channel(&other));
    /// ```
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        handle::are_same(self.shared(), other.shared())
    }
}

fn nil_reason(place: Caller) -> Reason<'static> {
    Reason::new::<ReceivingFromNil, _>(place, &())
}

#[cold]
fn on_nil<T>(deadline: Instant, place: Caller) -> Result<T, RecvTimeoutError> {
    let timed_out = wait::on_nil(Some(deadline), nil_reason(place));
    Err(if timed_out { RecvTimeoutError::Timeout } else { RecvTimeoutError::Disconnected })
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        if let Some(shared) = &shared {
            shared.retain_receiver();
        }
        Self { shared }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.release_receiver();
        }
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    #[track_caller]
    fn into_iter(self) -> IntoIter<T> {
        IntoIter::new(self, Location::caller())
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    #[track_caller]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        handle::debug(self.shared(), "Receiver", f)
    }
}

// No panic can leave a channel half changed: values are dropped outside its lock.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}
