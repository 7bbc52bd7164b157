//! In how many ways one can send and receive.

use std::time::Instant;

use gocsp::{
    Chan, Receiver, RecvTimeoutError, Select, SendTimeoutError, Sender, TryRecvError, TrySendError, select, yield_now,
};

use crate::random::Random;
use crate::trial::Trial;

/// The longest limit of a wait, in microseconds.
const MOMENT: usize = 60;

/// Sends in one way or another until somebody takes the value; gives it back if the channel is closed.
pub(super) fn send<T>(trial: &Trial, tx: &Sender<T>, mut value: T, random: &mut Random) -> Result<(), T> {
    trial.step();
    loop {
        let limit = random.micros(MOMENT);
        let due = Instant::now() + limit;
        value = match random.below(8) {
            0 | 1 => return tx.send(value).map_err(|error| error.0),
            2 => match tx.try_send(value) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(value)) => return Err(value),
                Err(TrySendError::Full(value)) => value,
            },
            3 => match tx.send_timeout(value, limit) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(value)) => return Err(value),
                Err(SendTimeoutError::Timeout(value)) => {
                    trial.not_before(due, "a send with a limit");
                    value
                }
            },
            4 => match tx.send_deadline(value, due) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(value)) => return Err(value),
                Err(SendTimeoutError::Timeout(value)) => {
                    trial.not_before(due, "a send with a deadline");
                    value
                }
            },
            5 => {
                select! {
                    send(tx, value) -> sent => return sent.map_err(|error| error.0),
                    default(limit) => trial.not_before(due, "a select with a limit"),
                }
                value
            }
            6 => {
                select! {
                    send(tx, value) -> sent => return sent.map_err(|error| error.0),
                    recv(Receiver::<()>::nil()) => trial.fail("a nil channel was received from"),
                }
            }
            _ => {
                let mut select = Select::new();
                let index = select.send(tx, value);
                if let Ok(selected) = select.select_timeout(limit) {
                    return selected.send(tx).map_err(|error| error.0);
                }
                trial.not_before(due, "a dynamic select with a limit");
                select.take_back(index, tx)
            }
        };
        yield_now();
    }
}

/// Receives in one way or another until there is a value; `None` if the channel is closed and drained.
pub(super) fn recv<T>(trial: &Trial, rx: &Receiver<T>, random: &mut Random) -> Option<T> {
    trial.step();
    loop {
        let limit = random.micros(MOMENT);
        let due = Instant::now() + limit;
        match random.below(8) {
            0 | 1 => return rx.recv().ok(),
            2 => match rx.try_recv() {
                Ok(value) => return Some(value),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            },
            3 => match rx.recv_timeout(limit) {
                Ok(value) => return Some(value),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => trial.not_before(due, "a receive with a limit"),
            },
            4 => match rx.recv_deadline(due) {
                Ok(value) => return Some(value),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => trial.not_before(due, "a receive with a deadline"),
            },
            5 => select! {
                recv(rx) -> value => return value.ok(),
                default(limit) => trial.not_before(due, "a select with a limit"),
            },
            6 => {
                // The same channel in two cases, beside one that never comes.
                return select! {
                    recv(rx) -> value => value.ok(),
                    recv(Chan::<()>::nil()) => trial.fail("a nil channel was received from"),
                    recv(rx) -> value => value.ok(),
                };
            }
            _ => {
                let mut select = Select::new();
                select.recv(rx);
                if let Ok(selected) = select.select_timeout(limit) {
                    return selected.recv(rx).ok();
                }
                trial.not_before(due, "a dynamic select with a limit");
            }
        }
        yield_now();
    }
}
