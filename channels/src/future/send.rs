//! Sending by tasks.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::task::Task;
use crate::shared::{SendSlot, State};
use crate::{SendError, Sender};

/// What [`Sender::send_async`] gives: sends its value when it is awaited.
///
/// A future that is dropped before it is ready has not sent its value, which is dropped as well, unless somebody has
/// received that meanwhile.
///
/// ```
/// use gocsp_channels::{SendFuture, channel};
///
/// let (tx, rx) = channel(1);
/// let future: SendFuture<'_, i32> = tx.send_async(1);
/// assert_eq!(gocsp_runtime::block_on(future), Ok(()));
/// assert_eq!(rx.recv(), Ok(1));
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct SendFuture<'a, T> {
    sender: &'a Sender<T>,
    task: Task<SendSlot<T>>,
}

impl<'a, T> SendFuture<'a, T> {
    pub(crate) fn new(sender: &'a Sender<T>, value: T) -> Self {
        Self { sender, task: Task::new(SendSlot::new(value)) }
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(channel) = self.sender.shared() else { return Poll::Pending };
        // SAFETY: the task is pinned as the future is, which gives nobody else access to it.
        let task = unsafe { self.as_ref().map_unchecked(|future| &future.task) };
        let attempt = |state: &mut State<T>, slot: &SendSlot<T>, was_called| {
            if was_called {
                return Some((outcome(slot), None));
            }
            assert!(!slot.is_taken(), "a future is not polled again when it was ready");
            let token = state.try_send_from(slot, channel.capacity())?;
            Some((outcome(slot), token))
        };
        // SAFETY: a handle is of one channel, and the destructor below has the task leave its list.
        unsafe { task.poll(channel, State::senders, context, attempt) }
    }
}

/// What became of a send that is not to be waited for any more.
fn outcome<T>(slot: &SendSlot<T>) -> Result<(), SendError<T>> {
    slot.try_take().map_or(Ok(()), |value| Err(SendError(value)))
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(channel) = self.sender.shared() {
            drop(self.task.leave(channel, State::senders));
        }
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").finish_non_exhaustive()
    }
}

// As for the handles, no panic can leave a channel half changed. The value is in the future.
impl<T: UnwindSafe> UnwindSafe for SendFuture<'_, T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for SendFuture<'_, T> {}
