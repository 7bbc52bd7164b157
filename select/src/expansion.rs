//! What the code that `select!` expands to calls, and nobody else but parts of gocsp that are built upon select.

use std::mem::ManuallyDrop;
use std::panic::Location;

use gocsp_channels::case::{AsReceiver, AsSender};
use gocsp_channels::{Receiver, SendError, Sender};
use gocsp_runtime::park::Reason;

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

/// A borrowed variable of exactly the type `T`. A `&&T` or a `&Arc<T>` is coerced to `&T` where one is expected, which
/// would read the value out of somebody else's place; this type is not coerced to anything.
#[derive(Debug)]
pub struct Variable<'a, T>(&'a T);

/// Borrows `variable`. What `T` is follows from it alone, as long as nothing is expected of the result.
#[inline]
pub fn variable<T>(variable: &T) -> Variable<'_, T> {
    Variable(variable)
}

/// Never called, only compiled: to the borrow checker `_value` leaves its variable while `_operands` are in use.
#[inline]
pub fn leaves<T, O>(_value: T, _operands: O) -> ! {
    unreachable!("the branch of a condition that is false")
}

/// The case that sends the `value` in a variable to `tx`.
///
/// # Safety
/// Once the case was sent, the variable is forgotten, and nothing that is done before may unwind or touch it. The value
/// owns nothing that is used before.
#[inline]
pub unsafe fn send_case<'a, T>(tx: &'a Sender<T>, value: Variable<'a, T>) -> SendCase<'a, T> {
    // SAFETY: the borrow keeps the variable in place while the case lives; then the caller forgets it if it was sent.
    unsafe { SendCase::borrowed(tx, value.0) }
}

/// Gives `value` the type of what `_tx` sends, with the coercions that an argument of `send` would have.
#[inline]
pub fn coerced<T>(_tx: &Sender<T>, value: T) -> T {
    value
}

/// Completes one of `cases`, of which there are `N`, and returns its number; `None` if the wait is over before.
#[inline]
#[track_caller]
pub fn run<const N: usize>(mut cases: impl Cases, wait: Wait) -> Option<usize> {
    let mut places = [const { Place::empty() }; N];
    run::select(&mut cases, &mut places, wait, Location::caller())
}

/// As `run`, for a part of gocsp. In the eyes of the user it waits for this `reason`.
#[inline]
pub fn run_for<const N: usize>(mut cases: impl Cases, wait: Wait, reason: Reason<'_>) -> Option<usize> {
    let mut places = [const { Place::empty() }; N];
    run::select(&mut cases, &mut places, wait, reason)
}

/// The result of a sending case that completed: leaves alone the value that `sent` says is gone, or gives it back.
#[inline]
pub fn settle<T>(sent: bool, value: ManuallyDrop<T>) -> Result<(), SendError<T>> {
    if sent { Ok(()) } else { Err(SendError(ManuallyDrop::into_inner(value))) }
}

/// Drops `_operand`, without the compiler's remarks on what needs no dropping.
#[inline]
pub fn discard<T>(_operand: T) {}
