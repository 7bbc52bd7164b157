//! Receiving in loops, by tasks.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::recv::RecvTask;
use crate::Receiver;

/// What [`Receiver::stream`] gives: yields what is received, ends when the channel is closed and drained.
///
/// Between two values it may be dropped, or left alone for as long as one likes; no value is lost by that.
///
/// ```
/// use futures_core::Stream;
/// use gocsp_channels::{RecvStream, channel};
/// use std::future::poll_fn;
/// use std::pin::pin;
///
/// let (tx, rx) = channel(2);
/// tx.send(1)?;
/// tx.send(2)?;
/// drop(tx);
/// let mut stream = pin!(rx.stream());
/// let mut next = || gocsp_runtime::block_on(poll_fn(|context| stream.as_mut().poll_next(context)));
/// assert_eq!((next(), next(), next()), (Some(1), Some(2), None));
/// # Ok::<(), gocsp_channels::SendError<i32>>(())
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct RecvStream<T>(RecvTask<T, Receiver<T>>);

impl<T> RecvStream<T> {
    pub(crate) fn new(receiver: Receiver<T>) -> Self {
        Self(RecvTask::new(receiver))
    }
}

impl<T> Stream for RecvStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        // SAFETY: the task is pinned as the stream is, which gives nobody else access to it.
        let task = unsafe { self.as_ref().map_unchecked(|stream| &stream.0) };
        task.poll(context).map(Result::ok)
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream").finish_non_exhaustive()
    }
}
