//! The allocator: the system's, and a count of what is in use. The system knows how many pages a process has, which tells
//! little about small leaks: pages are shared by what leaks and what does not.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static HEAP: Heap = Heap { in_use: AtomicUsize::new(0) };

struct Heap {
    in_use: AtomicUsize,
}

/// How many bytes are allocated.
pub(crate) fn in_use() -> usize {
    HEAP.in_use.load(Ordering::Relaxed)
}

/// Gives what the allocator keeps for later back to the system, where it can be told to.
pub(crate) fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time.
    unsafe {
        libc::malloc_trim(0)
    };
}

// SAFETY: everything is passed on to the system's allocator, which keeps the promises.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.in_use.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.in_use.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.in_use.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.in_use.fetch_add(size, Ordering::Relaxed);
        self.in_use.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_counts_until_it_is_freed() {
        const LARGE: usize = 64 << 20; // More than the other tests use.
        let before = in_use();
        let mut block = Vec::<u8>::with_capacity(LARGE);
        assert!(in_use() >= before + LARGE / 2);
        block.reserve_exact(2 * LARGE);
        assert!(in_use() >= before + LARGE + LARGE / 2);
        drop(block);
        assert!(in_use() < before + LARGE / 2);
    }
}
