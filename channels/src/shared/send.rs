//! Sending, in its four forms.

use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::{self, Claimed, Outcome, Reason, WakeToken};

use super::header::Sending;
use super::{Caller, Locked, Progress, RecvSlot, SendRoute, SendSlot, Shared, wait};
use crate::error::{SendError, SendTimeoutError, TrySendError};

impl<T> Shared<T> {
    #[inline(always)]
    pub(crate) fn send(&self, value: T, place: Caller) -> Result<(), SendError<T>> {
        park::point(|| self.to_send(place));
        if self.capacity() == 0 { self.send_or_block(value, place) } else { self.send_buffered(value, place) }
    }

    #[inline(never)]
    fn send_buffered(&self, value: T, place: Caller) -> Result<(), SendError<T>> {
        park::cooperate();
        self.send_or_block(value, place)
    }

    #[inline(always)]
    fn send_or_block(&self, value: T, place: Caller) -> Result<(), SendError<T>> {
        match self.send_now(value) {
            Progress::Done(sent) => sent,
            Progress::Waits((state, value)) => {
                block(state, value, self.to_send(place)).map_err(|error| SendError(error.into_inner()))
            }
        }
    }

    #[inline]
    pub(crate) fn try_send(&self, value: T, place: Caller) -> Result<(), TrySendError<T>> {
        park::cooperate();
        park::point(|| self.to_send(place));
        self.send_or(value, |_, value| Err(TrySendError::Full(value)))
    }

    /// Reads the clock only if it has to wait, and not under the lock.
    #[inline]
    pub(crate) fn send_timeout(&self, value: T, timeout: Duration, place: Caller) -> Result<(), SendTimeoutError<T>> {
        park::cooperate();
        park::point(|| self.to_send(place));
        self.send_or(value, |state, value| {
            drop(state);
            self.send_deadline(value, clock::deadline(timeout), place)
        })
    }

    #[inline]
    pub(crate) fn send_deadline(&self, value: T, deadline: Instant, place: Caller) -> Result<(), SendTimeoutError<T>> {
        park::cooperate();
        park::point(|| self.to_send(place));
        self.send_or(value, |state, value| block_until(state, value, deadline, self.to_send(place)))
    }

    #[inline(always)]
    fn to_send(&self, place: Caller) -> Reason<'_> {
        Reason::new::<Sending, _>(place, &self.header)
    }

    /// Sends the value if that needs no waiting; what happens otherwise is for `full` to say, which is handed the
    /// lock.
    #[inline(always)]
    fn send_or<E: From<SendError<T>>>(
        &self,
        value: T,
        full: impl FnOnce(Locked<'_, T>, T) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.send_now(value) {
            Progress::Done(sent) => sent.map_err(E::from),
            Progress::Waits((state, value)) => full(state, value),
        }
    }

    /// Sends the value if that needs no waiting.
    #[inline(always)]
    fn send_now(&self, value: T) -> Progress<Result<(), SendError<T>>, (Locked<'_, T>, T)> {
        let mut state = self.state.lock();
        match state.route_send(self.capacity()) {
            SendRoute::Receiver(receiver) => {
                drop(state);
                hand_over(receiver, value).hand_off();
                Progress::Done(Ok(()))
            }
            SendRoute::Task(token) => {
                state.hand(value);
                drop(state);
                token.hand_off();
                Progress::Done(Ok(()))
            }
            SendRoute::Buffer => {
                state.push(value);
                Progress::Done(Ok(()))
            }
            SendRoute::Full => Progress::Waits((state, value)),
            SendRoute::Disconnected => {
                drop(state);
                park::cooperate();
                Progress::Done(Err(SendError(value)))
            }
        }
    }
}

/// Gives the value to a receiver that was claimed.
#[inline]
pub(crate) fn hand_over<T>(receiver: Claimed<RecvSlot<T>>, value: T) -> WakeToken {
    receiver.payload().fill(value);
    receiver.finish()
}

/// Waits for somebody to take the value. Part of `send`, so that only one function returns after the switch.
#[inline(always)]
fn block<T>(state: Locked<'_, T>, value: T, reason: Reason<'_>) -> Result<(), SendTimeoutError<T>> {
    block_with(state, value, None, reason)
}

#[inline(never)]
fn block_until<T>(
    state: Locked<'_, T>,
    value: T,
    deadline: Instant,
    reason: Reason<'_>,
) -> Result<(), SendTimeoutError<T>> {
    block_with(state, value, Some(deadline), reason)
}

/// If the value is still there after the wait, it was not taken (C3).
#[inline(always)]
fn block_with<T>(
    state: Locked<'_, T>,
    value: T,
    deadline: Option<Instant>,
    reason: Reason<'_>,
) -> Result<(), SendTimeoutError<T>> {
    let slot = SendSlot::new(value);
    let outcome = wait::to_send(state, &slot, deadline, reason);
    match slot.try_take() {
        None => Ok(()),
        Some(value) if outcome == Outcome::TimedOut => Err(SendTimeoutError::Timeout(value)),
        Some(value) => Err(SendTimeoutError::Disconnected(value)),
    }
}
