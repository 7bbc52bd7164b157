//! How keys are hashed.
//!
//! Every table has a seed of its own, which is drawn when it is first used: so tables can stand in statics, whoever chooses the
//! keys cannot know which of them collide, and no table is filled in the order of another.

#![forbid(unsafe_code)]

use std::hash::{BuildHasher, Hash};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use gocsp_runtime::random;

/// The hash function of one table.
pub(crate) struct Hashing(OnceLock<SeedableRandomState>);

impl Hashing {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The hash of `key`. Calls the key's own `Hash`.
    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.0.get_or_init(draw).hash_one(key)
    }
}

#[cold]
fn draw() -> SeedableRandomState {
    static SHARED: OnceLock<SharedSeed> = OnceLock::new();
    let shared = SHARED.get_or_init(|| SharedSeed::from_u64(random::next_u64()));
    SeedableRandomState::with_seed(random::next_u64(), shared)
}
