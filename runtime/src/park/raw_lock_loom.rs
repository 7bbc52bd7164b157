//! The biased lock under loom's schedules: `RUSTFLAGS="--cfg loom" cargo test -p gocsp-runtime --release --lib loom`.
//!
//! What the lock guards is a loom cell, which notices two at once, and one who does not see what another has done. The one
//! who runs the model is the owner from the beginning. Every visit is noted: how many were before it, and how the lock was
//! taken. Since loom may skip schedules without saying so, each model compares that with all that has to be possible.

use std::collections::BTreeSet;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread::{self, JoinHandle};

use super::process_barrier::LEFT_OUT;
use super::*;
use crate::models::outcomes;

/// A visit: how many came before, and by what the lock was held.
type Visit = (u32, By);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Bias,
    Byte,
}
use By::{Bias, Byte};

struct Room {
    lock: RawLock,
    visits: UnsafeCell<u32>,
}

// SAFETY: the visits are guarded by the lock; loom checks that.
unsafe impl Sync for Room {}
// SAFETY: as above.
unsafe impl Send for Room {}

impl Room {
    /// A room whose lock is biased to the caller.
    fn owned() -> Arc<Self> {
        let room = Self { lock: RawLock::new(), visits: UnsafeCell::new(0) };
        room.hold(|_| room.lock.left.set(0));
        room.hold(|by| assert_eq!(by, Bias));
        Arc::new(room)
    }

    fn hold<R>(&self, act: impl FnOnce(By) -> R) -> R {
        self.lock.acquire();
        let by = if self.lock.seat.load(Ordering::Relaxed) == thread_id::current() { Bias } else { Byte };
        let result = act(by);
        // SAFETY: this thread took it above.
        unsafe { self.lock.release() };
        result
    }

    fn visit(&self) -> Visit {
        self.hold(|by| {
            // SAFETY: loom checks that nobody else accesses the count.
            let before = self.visits.with(|visits| unsafe { *visits });
            // SAFETY: as above.
            self.visits.with_mut(|visits| unsafe { *visits = before + 1 });
            (before, by)
        })
    }

    /// A visit by the byte, after which the next one of the same thread is a grant.
    fn visit_and_claim(&self) -> Visit {
        self.hold(|by| {
            if by == Byte {
                self.lock.left.set(0);
            }
        });
        self.visit()
    }

    fn stranger(self: &Arc<Self>) -> JoinHandle<Visit> {
        let room = Arc::clone(self);
        thread::spawn(move || room.visit())
    }
}

/// The owner comes twice, and one stranger.
fn one_stranger() -> BTreeSet<([Visit; 2], Visit)> {
    outcomes(4, || {
        let room = Room::owned();
        let stranger = room.stranger();
        let owner = [room.visit(), room.visit()];
        (owner, stranger.join().unwrap())
    })
}

#[test]
fn the_owner_and_a_stranger_exclude_each_other() {
    let possible = BTreeSet::from([
        ([(0, Bias), (1, Bias)], (2, Byte)),
        ([(0, Bias), (2, Byte)], (1, Byte)),
        ([(1, Byte), (2, Byte)], (0, Byte)),
    ]);
    assert_eq!(one_stranger(), possible);
}

#[test]
fn the_owner_and_two_strangers_exclude_each_other() {
    let seen = outcomes(2, || {
        let room = Room::owned();
        let strangers = [room.stranger(), room.stranger()];
        (room.visit(), strangers.map(|stranger| stranger.join().unwrap().0))
    });
    let possible = BTreeSet::from([
        ((0, Bias), [1, 2]),
        ((0, Bias), [2, 1]),
        ((1, Byte), [0, 2]),
        ((1, Byte), [2, 0]),
        ((2, Byte), [0, 1]),
        ((2, Byte), [1, 0]),
    ]);
    assert_eq!(seen, possible);
}

/// The owner loses the bias, gets it again, and loses it again.
#[test]
fn a_bias_that_has_come_back_is_one_again() {
    let seen = outcomes(3, || {
        let room = Room::owned();
        let stranger = thread::spawn({
            let room = Arc::clone(&room);
            move || [room.visit(), room.visit()]
        });
        let owner = room.visit_and_claim();
        (owner, stranger.join().unwrap().map(|(before, _)| before))
    });
    let possible = BTreeSet::from([
        ((0, Bias), [1, 2]),
        // By the byte: the stranger came between the claim and the visit.
        ((1, Bias), [0, 2]),
        ((1, Byte), [0, 2]),
        ((2, Bias), [0, 1]),
        ((2, Byte), [0, 1]),
    ]);
    assert_eq!(seen, possible);
}

/// The owner loses the bias to one who may become the owner as soon as the first has noticed.
#[test]
fn a_bias_passes_to_another_thread_only_when_the_owner_knows() {
    let seen = outcomes(3, || {
        let room = Room::owned();
        let stranger = thread::spawn({
            let room = Arc::clone(&room);
            move || (room.visit().0, room.visit_and_claim())
        });
        (room.visit(), stranger.join().unwrap())
    });
    let possible = BTreeSet::from([
        // The first owner is never seen to have noticed.
        ((0, Bias), (1, (2, Byte))),
        // It notices before the stranger's claim, and is gone then.
        ((1, Byte), (0, (2, Bias))),
        // It comes after the claim: as a stranger to the new claimant, if it has noticed before, or as the claimant.
        ((1, Byte), (0, (2, Byte))),
        ((1, Bias), (0, (2, Byte))),
        // It has noticed before the claim, and takes the bias away; or it notices at last.
        ((2, Byte), (0, (1, Bias))),
        ((2, Byte), (0, (1, Byte))),
    ]);
    assert_eq!(seen, possible);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn without_barriers_the_owner_and_a_stranger_meet() {
    LEFT_OUT.set(true);
    one_stranger();
}
