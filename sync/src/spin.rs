//! A short wait on the processor, for what another thread is about to do.
//!
//! Spinning helps only if the one who is waited for runs on another thread at this moment. Nothing tells whether it
//! does: it may be a goroutine of the same worker, which cannot go on before we stop. So every primitive keeps an
//! account of whether its last spins were worth it: each success lets the next spin be longer than this one needed,
//! each failure makes it shorter, down to one glance. A lock that is held by parked goroutines soon costs nothing
//! but that glance.

#![forbid(unsafe_code)]

use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{SPINS, const_unless_modelled, spin_loop};

/// How long to spin next time. Every access is relaxed: it is a hint, and guards nothing.
pub(crate) struct Spin {
    /// Rounds; round `n` takes `2^n` pauses.
    rounds: AtomicU8,
}

impl Spin {
    const FEWEST: u8 = 1;
    const FIRST: u8 = 3;
    /// Sixty-three pauses in all: about as long as waking a thread takes.
    const MOST: u8 = 6;

    const_unless_modelled! {
        pub(crate) fn new() -> Self {
            Self { rounds: AtomicU8::new(Self::FIRST) }
        }
    }

    /// Calls `attempt` until it gives true or the account is used up; says whether it did.
    #[inline]
    pub(crate) fn until(&self, mut attempt: impl FnMut() -> bool) -> bool {
        if attempt() {
            return true;
        }
        if !SPINS {
            return false;
        }
        let rounds = self.rounds.load(Ordering::Relaxed);
        for round in 0..rounds {
            for _ in 0..1_u32 << round {
                spin_loop();
            }
            if attempt() {
                self.set(rounds, round + 2);
                return true;
            }
        }
        self.set(rounds, rounds - 1);
        false
    }

    fn set(&self, old: u8, new: u8) {
        let new = new.clamp(Self::FEWEST, Self::MOST);
        if new != old {
            self.rounds.store(new, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// How often `attempt` is called when it succeeds on call number `success`.
    fn attempts(spin: &Spin, success: u32) -> u32 {
        let mut calls = 0;
        let won = spin.until(|| {
            calls += 1;
            calls == success
        });
        assert_eq!(won, calls == success);
        calls
    }

    #[test]
    fn a_success_at_once_is_no_spin() {
        let spin = Spin::new();
        assert_eq!(attempts(&spin, 1), 1);
        assert_eq!(spin.rounds.load(Ordering::Relaxed), Spin::FIRST);
    }

    #[test]
    fn failures_shorten_the_spin_to_one_glance() {
        let spin = Spin::new();
        for _ in 0..10 {
            attempts(&spin, u32::MAX);
        }
        assert_eq!(attempts(&spin, u32::MAX), 1 + u32::from(Spin::FEWEST));
    }

    #[test]
    fn successes_lengthen_it_up_to_the_limit() {
        let spin = Spin::new();
        for success in [2, 3, 4, 5, 6, 7, 7, 7] {
            assert_eq!(attempts(&spin, success), success);
        }
        assert_eq!(attempts(&spin, u32::MAX), 1 + u32::from(Spin::MOST));
    }
}
