//! How keys are hashed.
//!
//! Every table draws a seed of its own: so whoever chooses the keys cannot know which of them collide, and a table that is
//! filled in the order of another does not fill up unevenly.

#![forbid(unsafe_code)]

use std::hash::{BuildHasher, Hash};

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use gocsp_runtime::random;
use gocsp_runtime::std_sync::OnceLock;

/// The hash function of one table.
pub(crate) struct Hashing(SeedableRandomState);

impl Hashing {
    #[cold]
    pub(crate) fn draw() -> Self {
        static SHARED: OnceLock<SharedSeed> = OnceLock::new();
        let shared = match random::is_repeatable() {
            true => SharedSeed::global_fixed(),
            false => SHARED.get_or_init(|| SharedSeed::from_u64(random::next_u64())),
        };
        Self(SeedableRandomState::with_seed(random::next_u64(), shared))
    }

    /// The hash of `key`. Calls the key's own `Hash`.
    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.0.hash_one(key)
    }
}
