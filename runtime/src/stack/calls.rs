//! By which calls a goroutine came to where it waits.
//!
//! In code that keeps frame pointers each function pushes the frame pointer of its caller, and then points its own to that. Above
//! it lies the address to which it returns:
//!
//! ```text
//!   | locals | frame pointer of the caller | return address | locals of the caller | frame pointer of his caller | ...
//!              ^ frame pointer                                                        ^
//! ```
//!
//! A goroutine that begins to wait notes where it is and its frame pointer; who is certain that it does not go on follows the
//! frame pointers from there, up the stack. x86-64 and aarch64 agree on this order, for all systems but Windows.
//!
//! # Why whatever stands there can be followed
//! Code that keeps no frame pointers uses the register for anything else. So nothing is taken for granted:
//! - **L1** Only what lies within the goroutine's own stack is read, above the guard and below the frame of the runtime: memory
//!   that stays mapped (S1), and is read as plain numbers, whatever it was written as.
//! - **L2** Each frame pointer is greater than the one before, and no more than [`MOST`] are followed: so it ends.
//!
//! The outermost frame of a stack leads to that of its worker, on another stack, and so ends the list.
//!
//! # What was rejected
//! Unwinding by the tables that panics use needs no frame pointers. But it runs for each function a program that was made
//! for it, from a state of the registers that only the coroutine library knows, which does not tell; and trusts what it reads.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Stack;

/// So many calls are told.
const MOST: usize = 64;

const WORD: usize = size_of::<usize>();

/// Where a goroutine is when it begins to wait. Relaxed, as all of the [record](super::record).
pub(super) struct LastCall {
    /// An address in the code.
    place: AtomicUsize,
    frame_pointer: AtomicUsize,
}

impl LastCall {
    /// The goroutine is about to wait in the function that calls this.
    #[inline(always)]
    pub(super) fn note(&self) {
        let (place, frame_pointer) = machine::registers();
        self.place.store(place, Ordering::Relaxed);
        self.frame_pointer.store(frame_pointer, Ordering::Relaxed);
    }
}

impl Stack {
    /// By which calls the goroutine that is parked here came to where it is, the last one first: addresses just behind the calls.
    /// For its home only, or who keeps it from going on.
    pub(crate) fn calls(self) -> Vec<usize> {
        let last = self.frame().record().last_call();
        let mut calls = vec![last.place.load(Ordering::Relaxed)];
        calls.extend(Followed { next: last.frame_pointer.load(Ordering::Relaxed), within: self.memory() }.take(MOST));
        calls
    }
}

/// The return addresses at a frame pointer and at those above it.
struct Followed {
    next: usize,
    /// What is left of the memory of a stack.
    within: Range<usize>,
}

impl Iterator for Followed {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let frame_pointer = self.next;
        let behind = frame_pointer.checked_add(2 * WORD)?;
        if !frame_pointer.is_multiple_of(WORD) || frame_pointer < self.within.start || behind > self.within.end {
            return None;
        }
        // L2
        self.within.start = behind;
        // SAFETY: the two words lie within the memory of a stack (L1).
        self.next = unsafe { machine::read(frame_pointer) };
        // SAFETY: as above.
        let return_address = unsafe { machine::read(frame_pointer + WORD) };
        (return_address != 0).then_some(return_address)
    }
}

#[cfg(all(target_arch = "x86_64", not(windows)))]
mod machine {
    use std::arch::asm;

    /// An address in the function that calls, and what stands in its register for the frame pointer.
    #[inline(always)]
    pub(super) fn registers() -> (usize, usize) {
        let (place, frame);
        // SAFETY: two registers are written, and nothing else.
        unsafe {
            asm!("lea {}, [rip]", "mov {}, rbp", out(reg) place, out(reg) frame, options(nomem, nostack, preserves_flags));
        }
        (place, frame)
    }

    /// Reads a word of which nothing is known but that it is there: neither by the rules of the language, nor by those of
    /// sanitizers.
    ///
    /// # Safety
    /// The word at `address` is mapped, and nobody writes to it.
    pub(super) unsafe fn read(address: usize) -> usize {
        let word;
        // SAFETY: the caller says that it may be read.
        unsafe { asm!("mov {}, [{}]", out(reg) word, in(reg) address, options(readonly, nostack, preserves_flags)) };
        word
    }
}

/// As the other.
#[cfg(all(target_arch = "aarch64", not(windows)))]
mod machine {
    use std::arch::asm;

    #[inline(always)]
    pub(super) fn registers() -> (usize, usize) {
        let (place, frame);
        // SAFETY: two registers are written, and nothing else.
        unsafe {
            asm!("adr {}, .", "mov {}, x29", out(reg) place, out(reg) frame, options(nomem, nostack, preserves_flags));
        }
        (place, frame)
    }

    pub(super) unsafe fn read(address: usize) -> usize {
        let word;
        // SAFETY: the caller says that it may be read.
        unsafe { asm!("ldr {}, [{}]", out(reg) word, in(reg) address, options(readonly, nostack, preserves_flags)) };
        word
    }
}

/// Elsewhere nobody knows his frame pointer, and nothing is read.
#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows))))]
mod machine {
    pub(super) fn registers() -> (usize, usize) {
        (0, 0)
    }

    pub(super) unsafe fn read(_: usize) -> usize {
        0
    }
}
