//! Stacks: where they come from, how they are guarded, and what happens when one overflows.
//!
//! A stack is a power of two in size and cut from a large reservation of address space (a *slab*). Pages are
//! touched, and thereby paid for, only as the stack grows into them. Its lowest page is the guard.
//!
//! ```text
//!   limit                                                                            top
//!   | guard page | ... never touched ... | frames of the goroutine | Frame | stagger |
//!                                        ^ grows down
//! ```
//!
//! The [`Frame`] at the top is the runtime's own record of who runs there. It shares its page with the first
//! frames of the goroutine, so a parked goroutine costs one page. The stagger, which is different from stack to
//! stack, keeps them from competing for the same sets of the cache.
//!
//! # Invariants
//! - **S1** A stack's memory stays mapped until its [`StackPool`] is dropped, and that is dropped after every worker
//!   and everything that points into a stack. A trimmed stack reads as zeroes.
//! - **S2** A [`Stack`] is owned by one at a time: a pool, or the goroutine that runs on it.
//!
//! # Why a guard needs no mapping of its own
//! `mprotect` splits a mapping in three, and a process may have 65,530 of them: thirty thousand goroutines, and
//! no more; the next wait until one has ended. `MADV_GUARD_INSTALL` (Linux 6.13) marks the page instead. The older way is the
//! fallback.

#[cfg(feature = "backtrace")]
mod calls;
mod frame;
mod overflow;
mod pool;
mod record;
mod slab;

pub(crate) use frame::{Frame, Stack, StackSlot};
pub(crate) use overflow::{SignalStack, install_handler};
pub(crate) use pool::{LocalPool, StackPool};
pub(crate) use record::Glimpse;
pub(crate) use slab::look_for_room;

use std::error::Error;
use std::{fmt, io};

/// What joining a goroutine gives as the error, in place of a panic's payload, when it could not be started: no stack could
/// be mapped for it, and none was in use that might have become free. It says what to do. If nobody joins the goroutine, it is
/// written to stderr.
///
/// ```
/// use gocsp_runtime::{StackError, spawn};
///
/// match spawn(|| 42).join() {
///     Ok(value) => assert_eq!(value, 42),
///     Err(payload) => match payload.downcast_ref::<StackError>() {
///         Some(error) => eprintln!("{error}"),
///         None => eprintln!("it panicked"),
///     },
/// }
/// ```
#[derive(Clone, Debug)]
pub struct StackError {
    message: String,
}

impl StackError {
    pub(crate) fn new(message: String) -> Self {
        Self { message }
    }
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StackError {}

/// The smallest stack that can be asked for, in bytes: a panic that prints a backtrace needs more than half of it.
pub(crate) const MIN_SIZE: usize = 32 << 10;
/// The largest stack that can be asked for, in bytes.
pub(crate) const MAX_SIZE: usize = 1 << 30;
/// The size of a stack when nobody asks for another, in bytes.
pub(crate) const DEFAULT_SIZE: usize = 256 << 10;
/// The size of the main goroutine's stack, in bytes, unless all are larger.
pub(crate) const MAIN_SIZE: usize = 8 << 20;

/// A size of stack that is kept in stock: a power of two from [`MIN_SIZE`] to [`MAX_SIZE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SizeClass(u8);

impl SizeClass {
    pub(crate) const COUNT: usize = (MAX_SIZE.trailing_zeros() - MIN_SIZE.trailing_zeros()) as usize + 1;

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(|index| Self(index as u8))
    }

    /// The smallest class of at least `bytes`.
    ///
    /// # Errors
    /// `InvalidInput` when `bytes` lies outside the limits.
    pub(crate) fn for_bytes(bytes: usize) -> io::Result<Self> {
        if !(MIN_SIZE..=MAX_SIZE).contains(&bytes) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a stack size must be from {MIN_SIZE} to {MAX_SIZE} bytes, not {bytes}"),
            ));
        }
        Ok(Self::round_up(bytes))
    }

    /// The smallest class of at least `bytes`, which lie within the limits.
    pub(crate) const fn round_up(bytes: usize) -> Self {
        Self((bytes.next_power_of_two().trailing_zeros() - MIN_SIZE.trailing_zeros()) as u8)
    }

    pub(crate) const fn bytes(self) -> usize {
        MIN_SIZE << self.0
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_round_up() {
        assert_eq!(SizeClass::for_bytes(MIN_SIZE).unwrap().bytes(), MIN_SIZE);
        assert_eq!(SizeClass::for_bytes(MIN_SIZE + 1).unwrap().bytes(), 2 * MIN_SIZE);
        assert_eq!(SizeClass::for_bytes(DEFAULT_SIZE).unwrap().bytes(), DEFAULT_SIZE);
        assert_eq!(SizeClass::for_bytes(MAX_SIZE).unwrap().index(), SizeClass::COUNT - 1);
    }

    #[test]
    fn sizes_outside_the_limits_are_refused() {
        for bytes in [0, MIN_SIZE - 1, MAX_SIZE + 1, usize::MAX] {
            let error = SizeClass::for_bytes(bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&bytes.to_string()));
        }
    }
}
