//! Where channel operations block: the calls of the park seam.

use std::time::Instant;

use gocsp_runtime::park::{self, Lock, LockGuard, Outcome, Patience, Reason, WaitList};

use super::{RecvSlot, SendSlot, State};

/// Blocks a sender whose value is in `slot` until it is claimed or the deadline passes.
#[inline(always)]
pub(super) fn to_send<T>(
    state: LockGuard<'_, State<T>>,
    slot: &SendSlot<T>,
    deadline: Option<Instant>,
    reason: Reason<'_>,
) -> Outcome {
    // SAFETY: `senders` is a list inside the guarded state.
    unsafe { park::wait(state, State::senders, slot, patience(deadline), reason) }
}

/// Blocks a receiver that wants a value in `slot` until it is claimed or the deadline passes.
#[inline(always)]
pub(super) fn to_recv<T>(
    state: LockGuard<'_, State<T>>,
    slot: &RecvSlot<T>,
    deadline: Option<Instant>,
    reason: Reason<'_>,
) -> Outcome {
    // SAFETY: `receivers` is a list inside the guarded state.
    unsafe { park::wait(state, State::receivers, slot, patience(deadline), reason) }
}

/// Blocks on a nil channel: until the deadline passes, or for ever. True if the deadline has passed, false if the
/// wait was cancelled.
#[cold]
pub(crate) fn on_nil(deadline: Option<Instant>, reason: Reason<'_>) -> bool {
    fn whole(list: &mut WaitList<()>) -> &mut WaitList<()> {
        list
    }
    let nobody_else = Lock::new(WaitList::new());
    // SAFETY: the list is the guarded state itself.
    let outcome = unsafe { park::wait(nobody_else.lock(), whole, &(), patience(deadline), reason) };
    outcome == Outcome::TimedOut
}

#[inline(always)]
fn patience(deadline: Option<Instant>) -> Patience {
    match deadline {
        None => Patience::FOREVER,
        Some(deadline) => Patience::until(deadline),
    }
}
