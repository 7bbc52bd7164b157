//! A short wait on the processor, for what another thread is about to do.
//!
//! Spinning helps only if the one who is waited for runs on another thread at this moment. Nothing tells whether it
//! does: it may be a goroutine of the same worker, which cannot go on before we stop. So every primitive keeps an
//! account of whether its last spins were worth it: each success lets the next spin be longer than this one needed,
//! each failure makes it shorter, down to one glance. A lock that is held by parked goroutines soon costs nothing
//! but that glance.
//!
//! Each look takes the cache line from whoever works with it. So between two looks there is time for dozens of short
//! critical sections.

#![forbid(unsafe_code)]

use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{SPINS, const_unless_modelled, spin_loop};

/// How long to spin next time. Every access is relaxed: it is a hint, and guards nothing.
pub(crate) struct Spin {
    /// How many [`pauses`] are made at most, each with a look after it.
    looks: AtomicU8,
}

impl Spin {
    const FEWEST: u8 = 1;
    const FIRST: u8 = 2;
    /// About as many pauses in all as waking a thread takes.
    const MOST: u8 = 4;

    const_unless_modelled! {
        pub(crate) fn new() -> Self {
            Self { looks: AtomicU8::new(Self::FIRST) }
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
        let looks = self.looks.load(Ordering::Relaxed);
        for look in 0..looks {
            for _ in 0..pauses(look) {
                spin_loop();
            }
            if attempt() {
                self.set(looks, look + 2);
                return true;
            }
        }
        self.set(looks, looks - 1);
        false
    }

    fn set(&self, old: u8, new: u8) {
        let new = new.clamp(Self::FEWEST, Self::MOST);
        if new != old {
            self.looks.store(new, Ordering::Relaxed);
        }
    }
}

/// How many pauses of the processor, each of some 10 ns, come before look number `look`.
fn pauses(look: u8) -> u32 {
    match look.checked_sub(1) {
        None => 1,
        Some(doublings) => 64 << doublings,
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
        assert_eq!(spin.looks.load(Ordering::Relaxed), Spin::FIRST);
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
        for success in [2, 3, 4, 5, 5, 5] {
            assert_eq!(attempts(&spin, success), success);
        }
        assert_eq!(attempts(&spin, u32::MAX), 1 + u32::from(Spin::MOST));
    }
}
