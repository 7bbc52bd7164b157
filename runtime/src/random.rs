//! Where chance comes from: every random choice in gocsp goes through here. See [`below`] for an example.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// The next random number of this thread: xorshift64*, seeded by the system on first use. Not for secrets.
///
/// Source: S. Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" (2016).
///
/// ```
/// use gocsp_runtime::random::next_u64;
///
/// assert_ne!(next_u64(), next_u64());
/// ```
// Never inlined: a goroutine may not keep a thread-local's address across a switch.
#[inline(never)]
pub fn next_u64() -> u64 {
    let mut x = STATE.get();
    if x == 0 {
        x = seed();
    }
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    STATE.set(x);
    x.wrapping_mul(0x2545_F491_4F6C_DD1D)
}

/// A random number below `bound`, which must not be 0, uniform to within `bound / 2^32`.
///
/// ```
/// let dice = 1 + gocsp_runtime::random::below(6);
/// assert!((1..=6).contains(&dice));
/// ```
#[inline]
pub fn below(bound: u32) -> u32 {
    debug_assert_ne!(bound, 0);
    let high = next_u64() >> 32;
    ((high * u64::from(bound)) >> 32) as u32
}

/// Whether the random numbers of the caller have to be the same each time that it runs: in a test under chosen schedules. Who draws a
/// number for the whole process does without it then.
///
/// ```
/// assert!(!gocsp_runtime::random::is_repeatable());
/// ```
#[inline]
pub fn is_repeatable() -> bool {
    #[cfg(feature = "testing")]
    return crate::scheduler::is_directed();
    #[cfg(not(feature = "testing"))]
    false
}

/// Lets the random numbers of this thread be the same as at another time.
#[cfg(feature = "testing")]
pub(crate) fn seed_with(seed: u64) {
    STATE.set(seed | 1);
}

#[cold]
fn seed() -> u64 {
    RandomState::new().hash_one(0_u8) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let mut seen = [false; 7];
        for _ in 0..1_000 {
            seen[below(7) as usize] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
