//! Receiving, in its four forms.

use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::{self, Claimed, Outcome, Reason, WakeToken};

use super::header::Receiving;
use super::{Caller, Locked, Progress, RecvRoute, RecvSlot, SendSlot, Shared, wait};
use crate::error::{RecvError, RecvTimeoutError, TryRecvError};

impl<T> Shared<T> {
    #[inline(always)]
    pub(crate) fn recv(&self, place: Caller) -> Result<T, RecvError> {
        park::point(|| self.to_receive(place));
        if self.capacity() == 0 { self.recv_or_block(place) } else { self.recv_buffered(place) }
    }

    #[inline(never)]
    fn recv_buffered(&self, place: Caller) -> Result<T, RecvError> {
        park::cooperate();
        self.recv_or_block(place)
    }

    #[inline(always)]
    fn recv_or_block(&self, place: Caller) -> Result<T, RecvError> {
        match self.recv_now() {
            Progress::Done(received) => received,
            Progress::Waits(state) => block(state, self.to_receive(place)).map_err(|_| RecvError),
        }
    }

    #[inline]
    pub(crate) fn try_recv(&self, place: Caller) -> Result<T, TryRecvError> {
        park::cooperate();
        park::point(|| self.to_receive(place));
        self.recv_or(|_| Err(TryRecvError::Empty))
    }

    /// Reads the clock only if it has to wait, and not under the lock.
    #[inline]
    pub(crate) fn recv_timeout(&self, timeout: Duration, place: Caller) -> Result<T, RecvTimeoutError> {
        park::cooperate();
        park::point(|| self.to_receive(place));
        self.recv_or(|state| {
            drop(state);
            self.recv_deadline(clock::deadline(timeout), place)
        })
    }

    #[inline]
    pub(crate) fn recv_deadline(&self, deadline: Instant, place: Caller) -> Result<T, RecvTimeoutError> {
        park::cooperate();
        park::point(|| self.to_receive(place));
        self.recv_or(|state| block_until(state, deadline, self.to_receive(place)))
    }

    #[inline(always)]
    fn to_receive(&self, place: Caller) -> Reason<'_> {
        Reason::new::<Receiving, _>(place, &self.header)
    }

    /// Receives a value if that needs no waiting; what happens otherwise is for `empty` to say, which is handed
    /// the lock.
    #[inline(always)]
    fn recv_or<E: From<RecvError>>(&self, empty: impl FnOnce(Locked<'_, T>) -> Result<T, E>) -> Result<T, E> {
        match self.recv_now() {
            Progress::Done(received) => received.map_err(E::from),
            Progress::Waits(state) => empty(state),
        }
    }

    /// Receives a value if that needs no waiting.
    #[inline(always)]
    fn recv_now(&self) -> Progress<Result<T, RecvError>, Locked<'_, T>> {
        let mut state = self.state.lock();
        match state.route_recv() {
            RecvRoute::Sender(sender) => {
                drop(state);
                let (value, token) = take_over(sender);
                token.hand_off();
                Progress::Done(Ok(value))
            }
            RecvRoute::Task(sender) => {
                let (value, token) = take_over_task(state, sender);
                token.hand_off();
                Progress::Done(Ok(value))
            }
            RecvRoute::Buffer => {
                let value = state.pop();
                let refilled = state.refill(self.capacity());
                drop(state);
                if let Some(token) = refilled {
                    token.wake();
                }
                Progress::Done(Ok(value))
            }
            RecvRoute::Empty => Progress::Waits(state),
            RecvRoute::Disconnected => {
                drop(state);
                park::cooperate();
                Progress::Done(Err(RecvError))
            }
        }
    }
}

/// Takes the value of a sender that was claimed.
#[inline]
pub(crate) fn take_over<T>(sender: Claimed<SendSlot<T>>) -> (T, WakeToken) {
    let value = sender.payload().take();
    (value, sender.finish())
}

/// As [`take_over`], and releases the lock.
#[cold]
#[inline(never)]
fn take_over_task<T>(_state: Locked<'_, T>, sender: Claimed<SendSlot<T>>) -> (T, WakeToken) {
    take_over(sender)
}

/// Waits for somebody to give a value. Part of `recv`, so that only one function returns after the switch.
#[inline(always)]
fn block<T>(state: Locked<'_, T>, reason: Reason<'_>) -> Result<T, RecvTimeoutError> {
    block_with(state, None, reason)
}

#[inline(never)]
fn block_until<T>(state: Locked<'_, T>, deadline: Instant, reason: Reason<'_>) -> Result<T, RecvTimeoutError> {
    block_with(state, Some(deadline), reason)
}

/// If no value is there after the wait, none was given (C3).
#[inline(always)]
fn block_with<T>(state: Locked<'_, T>, deadline: Option<Instant>, reason: Reason<'_>) -> Result<T, RecvTimeoutError> {
    let slot = RecvSlot::new();
    let outcome = wait::to_recv(state, &slot, deadline, reason);
    match slot.take() {
        Some(value) => Ok(value),
        None if outcome == Outcome::TimedOut => Err(RecvTimeoutError::Timeout),
        None => Err(RecvTimeoutError::Disconnected),
    }
}
