//! The smallest select there is, over the seam that the real one uses.

use std::time::Instant;

use gocsp_channels::case::Case;
use gocsp_runtime::park::{Patience, Unparked, Waiter};

/// Carries out the first of `cases` that can be, waiting until the deadline if there is one; which one it was.
pub(crate) fn choose(cases: &mut [&mut dyn Case], deadline: Option<Instant>) -> Option<usize> {
    lock(cases);
    for index in 0..cases.len() {
        // SAFETY: all locks are held, and none has completed.
        if let Some(wake) = unsafe { cases[index].try_now() } {
            unlock(cases);
            if let Some(token) = wake {
                token.wake();
            }
            return Some(index);
        }
    }
    let waiter = Waiter::current();
    for (index, case) in (0..).zip(&mut *cases) {
        // SAFETY: all locks are held; nothing moves before the case is dequeued below.
        unsafe { case.enqueue(&waiter, index) };
    }
    let patience = deadline.map_or(Patience::FOREVER, Patience::until);
    // SAFETY: the waiter was made by this thread.
    let unparked = unsafe { waiter.park(patience, || unlock(cases)) };
    lock(cases);
    for case in &mut *cases {
        // SAFETY: all locks are held.
        unsafe { case.dequeue() };
    }
    unlock(cases);
    let winner = waiter.winner()?;
    if unparked != Unparked::Woken {
        // SAFETY: the waiter was made by this thread, which came back early.
        unsafe { waiter.park_claimed() };
    }
    Some(winner as usize)
}

/// The case that stands for each channel: the first one, so that none is locked twice.
fn distinct<'a>(cases: &'a [&mut dyn Case]) -> Vec<&'a dyn Case> {
    let mut distinct: Vec<&dyn Case> = cases.iter().map(|case| &**case).filter(|case| case.address() != 0).collect();
    distinct.sort_by_key(|case| case.address());
    distinct.dedup_by_key(|case| case.address());
    distinct
}

fn lock(cases: &[&mut dyn Case]) {
    for case in distinct(cases) {
        case.lock();
    }
}

fn unlock(cases: &[&mut dyn Case]) {
    for case in distinct(cases) {
        // SAFETY: `lock` has taken it.
        unsafe { case.unlock() };
    }
}
