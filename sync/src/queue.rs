//! The queues in which goroutines and threads wait for the primitives of this crate: the one place that calls
//! the runtime's park seam.
//!
//! # Vocabulary
//! - A [`Queue`] is one lock around a few *lanes*, numbered from 0; each lane is first in, first out. A primitive
//!   names its lanes by constants.
//! - A [`Chain`] is all the waiters of a lane, claimed at one instant and counted.
//!
//! # Why no wake-up and no hand-off is lost
//! [`wait`] ends in exactly one of two ways, decided under the queue's lock. Either somebody has claimed the
//! waiter: then it reports [`Outcome::Woken`], even if its deadline passed or its runtime shuts down at the same
//! time, and what the claimer gave with the wake-up has arrived. Or the waiter has taken itself out of its lane
//! unclaimed: then nobody has given it anything, nor can any more. A primitive therefore has to do two things only:
//! to accept what a woken waiter was given whatever the time is, and to bear a queue that turns out to be empty
//! although somebody once announced that he would stand in it.
//!
//! A wait that is neither woken nor timed out was cancelled by the shutdown of the runtime. Mostly it then unwinds
//! out of [`wait`], so what has to be undone is undone by destructors. If the goroutine unwinds already,
//! [`wait`] returns [`Outcome::Cancelled`]; nothing in this crate can fail in such a place, so everything here tries
//! again with [`Patience::masked`] set.
//!
//! Rejected: one table of queues for the whole process, keyed by address. It makes a mutex one byte, but a
//! contended one pays for a hash and for neighbours in its bucket, and two locks can no longer be told apart by
//! whoever explains a deadlock.

#![expect(unsafe_code, reason = "the call of the park seam, whose contract is kept by the types here")]

use std::cell::Cell;

use gocsp_runtime::park::{self, Claimed, Lock, LockGuard, Outcome, Patience, Reason, WaitList, WakeToken};

/// The waiters of one primitive, each with a payload `P`, in `LANES` lanes.
pub(crate) type Queue<P, const LANES: usize, S = ()> = Lock<Lanes<P, LANES, S>>;

/// What a [`Queue`] guards: the lanes, and what else the primitive has to know about those who stand there.
#[derive(Debug)]
pub(crate) struct Lanes<P, const LANES: usize, S = ()> {
    lanes: [WaitList<P>; LANES],
    pub(crate) state: S,
}

impl<P, const LANES: usize> Lanes<P, LANES> {
    pub(crate) const fn new() -> Self {
        Self::with(())
    }
}

impl<P, const LANES: usize, S> Lanes<P, LANES, S> {
    pub(crate) const fn with(state: S) -> Self {
        Self { lanes: [const { WaitList::new() }; LANES], state }
    }

    #[inline]
    pub(crate) fn lane<const LANE: usize>(&mut self) -> &mut WaitList<P> {
        const { assert!(LANE < LANES) };
        &mut self.lanes[LANE]
    }

    /// Claims the first of the first lane in which somebody stands.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Claimed<P>> {
        self.lanes.iter_mut().find_map(WaitList::pop)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.iter().all(WaitList::is_empty)
    }
}

/// Waits as the last of lane `LANE`. The queue is unlocked once the caller can be woken, and on return.
#[inline]
pub(crate) fn wait<const LANE: usize, P, const LANES: usize, S>(
    queue: LockGuard<'_, Lanes<P, LANES, S>>,
    payload: &P,
    patience: Patience,
    reason: Reason<'_>,
) -> Outcome {
    // SAFETY: `lane` gives one and the same list of the guarded lanes each time.
    unsafe { park::wait(queue, Lanes::lane::<LANE>, payload, patience, reason) }
}

/// As [`wait`], and wakes others once the queue is unlocked.
pub(crate) fn wait_and_wake<const LANE: usize, P, const LANES: usize, S>(
    queue: LockGuard<'_, Lanes<P, LANES, S>>,
    payload: &P,
    patience: Patience,
    reason: Reason<'_>,
    others: Wakes,
) -> Outcome {
    // SAFETY: `lane` gives one and the same list of the guarded lanes each time.
    unsafe { park::wait_and_drop(queue, Lanes::lane::<LANE>, payload, patience, reason, others) }
}

/// Those whom the release of a lock wakes, once this is dropped: not under another lock.
#[derive(Default)]
#[must_use = "whom it wakes may not be woken under a lock"]
pub(crate) struct Wakes {
    pub(crate) readers: Option<Chain>,
    pub(crate) next: Option<WakeToken>,
}

impl Drop for Wakes {
    fn drop(&mut self) {
        if let Some(readers) = self.readers.take() {
            readers.wake_all();
        }
        if let Some(next) = self.next.take() {
            next.wake();
        }
    }
}

/// The payload of waiters who may be claimed as a [`Chain`].
#[derive(Default)]
pub(crate) struct Link(Cell<Option<Claimed<Link>>>);

/// All the waiters of a lane, claimed together, through links in their own payloads.
#[must_use = "those who were claimed have to be woken"]
pub(crate) struct Chain {
    /// The one who came last; its link leads to the one before it.
    last: Option<Claimed<Link>>,
    len: usize,
}

impl Chain {
    /// Claims everyone in `lane`.
    pub(crate) fn claim_all(lane: &mut WaitList<Link>) -> Self {
        let mut chain = Self { last: None, len: 0 };
        while let Some(claimed) = lane.pop() {
            claimed.payload().0.set(chain.last.take());
            chain.last = Some(claimed);
            chain.len += 1;
        }
        chain
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Wakes them, first come, first woken. Not to be called under a lock.
    pub(crate) fn wake_all(self) {
        let mut rest = self.last;
        let mut first = None;
        while let Some(claimed) = rest {
            rest = claimed.payload().0.replace(first);
            first = Some(claimed);
        }
        while let Some(claimed) = first {
            first = claimed.payload().0.take();
            claimed.finish().wake_in_turn();
        }
    }
}
