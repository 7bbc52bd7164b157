//! What the code that `select!` expands to calls, and nobody else.

use std::mem;

use gocsp_channels::case::{AsReceiver, AsSender};
use gocsp_channels::{Receiver, SendError, Sender};

pub use gocsp_channels::case::{RecvCase, SendCase};
pub use gocsp_macros::select_cases;

use crate::cases::Cases;
use crate::order::Place;
use crate::run;

pub use crate::cases::{End, Pair};
pub use crate::run::{Wait, block_forever};

/// Leaves `channel` as it is: it has to be one that can be received from.
#[inline]
pub fn receiving<T, C: AsReceiver<T>>(channel: C) -> C {
    channel
}

/// Leaves `channel` as it is: it has to be one that can be sent to.
#[inline]
pub fn sending<T, C: AsSender<T>>(channel: C) -> C {
    channel
}

/// The receiving side of `channel`.
#[inline]
pub fn receiver<T>(channel: &(impl AsReceiver<T> + ?Sized)) -> &Receiver<T> {
    channel.as_receiver()
}

/// The sending side of `channel`.
#[inline]
pub fn sender<T>(channel: &(impl AsSender<T> + ?Sized)) -> &Sender<T> {
    channel.as_sender()
}

/// The case that sends the `value` in a variable to `tx`.
///
/// # Safety
/// Once the case was sent, the variable is forgotten, and nothing that is done before may unwind or touch it.
#[inline]
pub unsafe fn send_case<'a, T>(tx: &'a Sender<T>, value: &'a T) -> SendCase<'a, T> {
    // SAFETY: the borrow keeps the variable in place while the case lives; then the caller forgets it if it was sent.
    unsafe { SendCase::borrowed(tx, value) }
}

/// Gives `value` the type of what `_tx` sends, with the coercions that an argument of `send` would have.
#[inline]
pub fn coerced<T>(_tx: &Sender<T>, value: T) -> T {
    value
}

/// Completes one of `cases`, of which there are `N`, and returns its number; `None` if the wait is over before.
#[inline]
pub fn run<const N: usize>(mut cases: impl Cases, wait: Wait) -> Option<usize> {
    let mut places = [const { Place::empty() }; N];
    run::select(&mut cases, &mut places, wait)
}

/// The result of a sending case that completed: forgets the value that `sent` says is gone, or gives it back.
#[inline]
pub fn settle<T>(sent: bool, value: T) -> Result<(), SendError<T>> {
    if !sent {
        return Err(SendError(value));
    }
    mem::forget(value);
    Ok(())
}

/// Drops `_operand`, without the compiler's remarks on what needs no dropping.
#[inline]
pub fn discard<T>(_operand: T) {}
