//! The smallest select there is, over the seam that the real one uses, and two that meet.

use std::panic::Location;
use std::ptr;
use std::time::Instant;

use gocsp_channels::Chan;
use gocsp_channels::case::{AsReceiver, AsSender, Case, RecvCase, SendCase};
use gocsp_runtime::park::{Description, Patience, RawLock, Reason, Unparked, Waiter, Way};

/// To wait for one of several cases.
enum Choosing {}

impl Way<()> for Choosing {
    const STATE: &'static str = "choose";

    fn describe((): &(), _to: &mut Description) {}
}

pub(crate) fn reason() -> Reason<'static> {
    Reason::new::<Choosing, _>(Location::caller(), &())
}

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
    let unparked = unsafe { waiter.park(patience, reason(), || unlock(cases)) };
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

/// Offers values to whoever is at the other end of `mine`, and takes theirs, whichever comes first, until `values` have
/// been exchanged; how many were sent and received. The other party does the same, the other way round.
pub(crate) fn swap(mine: &Chan<usize>, theirs: &Chan<usize>, values: usize) -> (usize, usize) {
    let (mut sent, mut received) = (0, 0);
    while sent + received < values {
        let mut send = SendCase::new(mine.as_sender(), sent);
        let mut recv = RecvCase::new(theirs.as_receiver());
        match choose(&mut [&mut send, &mut recv], None) {
            Some(0) => {
                assert_eq!(send.finish(), Ok(()));
                sent += 1;
            }
            _ => {
                assert_eq!(recv.finish(), Ok(received));
                assert_eq!(send.into_value(), sent);
                received += 1;
            }
        }
    }
    (sent, received)
}

/// The locks of the channels, each once.
fn distinct<'a>(cases: &'a [&mut dyn Case]) -> Vec<&'a RawLock> {
    let mut distinct: Vec<&RawLock> = cases.iter().filter_map(|case| case.lock()).collect();
    distinct.sort_by_key(|&lock| ptr::from_ref(lock));
    distinct.dedup_by_key(|lock| ptr::from_ref(*lock));
    distinct
}

fn lock(cases: &[&mut dyn Case]) {
    for lock in distinct(cases) {
        lock.acquire();
    }
}

fn unlock(cases: &[&mut dyn Case]) {
    for lock in distinct(cases) {
        // SAFETY: `lock` has taken it.
        unsafe { lock.release() };
    }
}
