//! The machine under a virtual machine.

use std::hint;

/// What a goroutine that waits, with its stack, occupies at most among the contenders, in bytes, rounded up.
const BYTES_PARKED: u64 = 5000;

/// Has the host find the memory for so many goroutines that wait, and gives it back to the system, which has it at hand for
/// the contender that runs next.
///
/// A host may take from a virtual machine what that does not use, and then takes some microseconds to find each page again.
/// Without this who occupies much memory would pay for it, unless it runs after somebody who has occupied as much.
pub(crate) fn find_memory(parked: u64) {
    let bytes = usize::try_from(parked * BYTES_PARKED).expect("the memory has addresses");
    hint::black_box(vec![1_u8; bytes]);
}
