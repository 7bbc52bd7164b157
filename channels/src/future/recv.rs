//! Receiving by tasks.

use std::borrow::Borrow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use gocsp_runtime::park::{Popped, TaskPlace};

use crate::shared::{Locked, RecvSlot, hand_over};
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
    place: TaskPlace<RecvSlot<T>>,
    /// It has joined the list, and not come to know yet that it was called.
    has_joined: Cell<bool>,
    values: PhantomData<T>,
}

impl<T, R: Borrow<Receiver<T>>> RecvTask<T, R> {
    pub(super) fn new(receiver: R) -> Self {
        let place = TaskPlace::new(RecvSlot::new());
        Self { receiver, place, has_joined: Cell::new(false), values: PhantomData }
    }

    pub(super) fn poll(self: Pin<&Self>, context: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        let Some(channel) = self.receiver.borrow().shared() else { return Poll::Pending };
        let mut waker = None;
        loop {
            let mut state = channel.state().lock();
            // SAFETY: the lock is held.
            if unsafe { self.place.is_waiting() } {
                // SAFETY: as above.
                if unsafe { self.place.is_woken_by(context.waker()) } {
                    return Poll::Pending;
                }
            } else {
                if self.has_joined.take()
                    && let Some(value) = state.take_handed()
                {
                    return Poll::Ready(Ok(value));
                }
                // SAFETY: as above.
                let slot = unsafe { self.place.payload() };
                if let Some(token) = state.try_recv_into(slot, channel.capacity()) {
                    let received = slot.take().map(|value| state.exchange_handed(value));
                    drop(state);
                    if let Some(token) = token {
                        token.wake();
                    }
                    return Poll::Ready(received.ok_or(RecvError));
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
        // SAFETY: the place is pinned with the task.
        let place = unsafe { self.map_unchecked(|task| &task.place) };
        // SAFETY: a handle is of one channel, whose lock is held. The routes of `shared` finish the claims of tasks
        // under it, and the destructor below leaves the list.
        let before = unsafe { place.wait(state.receivers(), waker) };
        drop(state);
        drop(before);
    }
}

impl<T, R: Borrow<Receiver<T>>> Drop for RecvTask<T, R> {
    fn drop(&mut self) {
        let Some(channel) = self.receiver.borrow().shared() else { return };
        if !self.has_joined.get() {
            return;
        }
        let mut state = channel.state().lock();
        // SAFETY: as in `wait`.
        let waker = unsafe { self.place.leave(state.receivers()) };
        match waker {
            Some(waker) => {
                drop(state);
                drop(waker);
            }
            None => pass_on(state),
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
