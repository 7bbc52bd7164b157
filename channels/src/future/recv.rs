//! Receiving by tasks.

use std::borrow::Borrow;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use gocsp_runtime::park::Popped;

use super::task::Task;
use crate::shared::{Locked, RecvSlot, State, hand_over};
use crate::{Receiver, RecvError};

/// What [`Receiver::recv_async`] gives: receives a value when it is awaited.
///
/// A future that is dropped before it is ready loses no value: see there.
///
/// ```
/// use gocsp_channels::{RecvFuture, channel};
///
/// let (tx, rx) = channel(1);
/// let future: RecvFuture<'_, i32> = rx.recv_async();
/// tx.send(1)?;
/// assert_eq!(gocsp_runtime::block_on(future), Ok(1));
/// # Ok::<(), gocsp_channels::SendError<i32>>(())
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct RecvFuture<'a, T>(RecvTask<T, &'a Receiver<T>>);

impl<'a, T> RecvFuture<'a, T> {
    pub(crate) fn new(receiver: &'a Receiver<T>) -> Self {
        Self(RecvTask::new(receiver))
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the task is pinned as the future is, which gives nobody else access to it.
        unsafe { self.as_ref().map_unchecked(|future| &future.0) }.poll(context)
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFuture").finish_non_exhaustive()
    }
}

/// A task that receives, by a handle of its own or a borrowed one: once, or again and again.
pub(super) struct RecvTask<T, R: Borrow<Receiver<T>>> {
    receiver: R,
    task: Task<RecvSlot<T>>,
}

impl<T, R: Borrow<Receiver<T>>> RecvTask<T, R> {
    pub(super) fn new(receiver: R) -> Self {
        Self { receiver, task: Task::new(RecvSlot::new()) }
    }

    pub(super) fn poll(self: Pin<&Self>, context: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        let Some(channel) = self.get_ref().receiver.borrow().shared() else { return Poll::Pending };
        // SAFETY: what is in this is pinned with it.
        let task = unsafe { self.map_unchecked(|this| &this.task) };
        let attempt = |state: &mut State<T>, slot: &RecvSlot<T>, was_called| {
            if was_called && let Some(value) = state.take_handed() {
                return Some((Ok(value), None));
            }
            let token = state.try_recv_into(slot, channel.capacity())?;
            let received = slot.take().map(|value| state.exchange_handed(value));
            Some((received.ok_or(RecvError), token))
        };
        // SAFETY: a handle is of one channel, and the destructor below has the task leave its list.
        unsafe { task.poll(channel, State::receivers, context, attempt) }
    }
}

impl<T, R: Borrow<Receiver<T>>> Drop for RecvTask<T, R> {
    fn drop(&mut self) {
        let Some(channel) = self.receiver.borrow().shared() else { return };
        if let Some(state) = self.task.leave(channel, State::receivers) {
            pass_on(state);
        }
    }
}

/// Finds another receiver for one of the values that were handed, since one of the tasks which were called for them has
/// gone.
fn pass_on<T>(mut state: Locked<'_, T>) {
    let Some(value) = state.give_up_handed() else { return };
    match state.receivers().pop_any() {
        Some(Popped::Blocked(receiver)) => {
            drop(state);
            hand_over(receiver, value).wake();
        }
        Some(Popped::Task(receiver)) => {
            let token = receiver.finish();
            state.hand(value);
            drop(state);
            token.wake();
        }
        None => state.push_first(value),
    }
}

// As for the handles: no panic can leave a channel half changed.
impl<T, R: Borrow<Receiver<T>>> UnwindSafe for RecvTask<T, R> {}
impl<T, R: Borrow<Receiver<T>>> RefUnwindSafe for RecvTask<T, R> {}
