//! What sending and receiving have in common: how a task waits.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use gocsp_runtime::park::{TaskPlace, WaitList, WakeToken};

use crate::shared::{Locked, Shared, State};

/// One of a channel's two lists.
pub(super) type List<T, P> = fn(&mut State<T>) -> &mut WaitList<P>;

/// An operation that has come to its end: what it gives, and who is to be woken when the lock was released.
pub(super) type Done<O> = (O, Option<WakeToken>);

/// A task on one side of a channel.
pub(super) struct Task<P> {
    place: TaskPlace<P>,
    /// It has joined the list, and not come to know yet that it was called.
    has_joined: Cell<bool>,
}

impl<P> Task<P> {
    /// A task with this slot, which does not wait yet.
    pub(super) fn new(slot: P) -> Self {
        Self { place: TaskPlace::new(slot), has_joined: Cell::new(false) }
    }

    /// Does what `attempt` does, under the lock, with the slot; or waits in the list until it is worth another attempt.
    /// The attempt is told whether the task was called since the last one.
    ///
    /// # Safety
    /// The channel and the list are the same at all calls, here and of [`leave`](Self::leave), which comes before the task
    /// is dropped.
    pub(super) unsafe fn poll<T, O>(
        self: Pin<&Self>,
        channel: &Shared<T>,
        list: List<T, P>,
        context: &Context<'_>,
        attempt: impl Fn(&mut State<T>, &P, bool) -> Option<Done<O>>,
    ) -> Poll<O> {
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
                // SAFETY: as above.
                let slot = unsafe { self.place.payload() };
                if let Some((output, token)) = attempt(&mut state, slot, self.has_joined.take()) {
                    drop(state);
                    if let Some(token) = token {
                        token.wake();
                    }
                    return Poll::Ready(output);
                }
            }
            match waker.take() {
                // Once more, for this is not done under the lock.
                None => {
                    drop(state);
                    waker = Some(context.waker().clone());
                }
                Some(waker) => {
                    self.has_joined.set(true);
                    // SAFETY: the place is pinned with the task.
                    let place = unsafe { self.map_unchecked(|task| &task.place) };
                    // SAFETY: the caller vouches for the list, whose lock is held, and that the task leaves it. The routes
                    // of `shared` finish the claims of tasks under the lock.
                    let before = unsafe { place.wait(list(&mut state), waker) };
                    drop(state);
                    drop(before);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Leaves the list. If the task was called, and has made no attempt since, this gives the lock, under which that was
    /// found out.
    pub(super) fn leave<'c, T>(&self, channel: &'c Shared<T>, list: List<T, P>) -> Option<Locked<'c, T>> {
        if !self.has_joined.get() {
            return None;
        }
        let mut state = channel.state().lock();
        // SAFETY: who has polled the task vouches for the list, whose lock is held.
        let waker = unsafe { self.place.leave(list(&mut state)) };
        if waker.is_none() {
            return Some(state);
        }
        drop(state);
        drop(waker);
        None
    }
}
