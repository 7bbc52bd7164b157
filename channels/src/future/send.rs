//! Sending by tasks.

use std::cell::Cell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use gocsp_runtime::park::TaskPlace;

use crate::shared::{Locked, SendSlot};
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
    place: TaskPlace<SendSlot<T>>,
    /// It has joined the list, and not come to know yet that it was called.
    has_joined: Cell<bool>,
}

impl<'a, T> SendFuture<'a, T> {
    pub(crate) fn new(sender: &'a Sender<T>, value: T) -> Self {
        Self { sender, place: TaskPlace::new(SendSlot::new(value)), has_joined: Cell::new(false) }
    }

    fn poll_pinned(self: Pin<&Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let Some(channel) = self.sender.shared() else { return Poll::Pending };
        let mut waker = None;
        loop {
            let mut state = channel.state().lock();
            // SAFETY: the lock is held.
            let slot = unsafe { self.place.payload() };
            // SAFETY: as above.
            if unsafe { self.place.is_waiting() } {
                // SAFETY: as above.
                if unsafe { self.place.is_woken_by(context.waker()) } {
                    return Poll::Pending;
                }
            } else if self.has_joined.take() {
                return Poll::Ready(outcome(slot));
            } else {
                assert!(!slot.is_taken(), "a future is not polled again when it was ready");
                if let Some(token) = state.try_send_from(slot, channel.capacity()) {
                    let sent = outcome(slot);
                    drop(state);
                    if let Some(token) = token {
                        token.wake();
                    }
                    return Poll::Ready(sent);
                }
            }
            match waker.take() {
                // Once more, for this is not done under the lock.
                None => {
                    drop(state);
                    waker = Some(context.waker().clone());
                }
                Some(waker) => {
                    self.wait(state, waker);
                    return Poll::Pending;
                }
            }
        }
    }

    fn wait(self: Pin<&Self>, mut state: Locked<'_, T>, waker: Waker) {
        self.has_joined.set(true);
        // SAFETY: the place is pinned with the future.
        let place = unsafe { self.map_unchecked(|future| &future.place) };
        // SAFETY: a handle is of one channel, whose lock is held. The routes of `shared` finish the claims of tasks
        // under it, and the destructor below leaves the list.
        let before = unsafe { place.wait(state.senders(), waker) };
        drop(state);
        drop(before);
    }
}

/// What became of a send that is not to be waited for any more.
fn outcome<T>(slot: &SendSlot<T>) -> Result<(), SendError<T>> {
    slot.try_take().map_or(Ok(()), |value| Err(SendError(value)))
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.as_ref().poll_pinned(context)
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        let Some(channel) = self.sender.shared() else { return };
        if self.has_joined.get() {
            let mut state = channel.state().lock();
            // SAFETY: as in `wait`.
            let waker = unsafe { self.place.leave(state.senders()) };
            drop(state);
            drop(waker);
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
