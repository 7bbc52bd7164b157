//! The system calls under the stacks. All memory that gocsp maps is mapped here.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// `MADV_GUARD_INSTALL`, Linux 6.13: touching the page raises `SIGSEGV`; no mapping is split.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// The size of a page, in bytes.
pub(crate) fn page_size() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: sysconf has no preconditions.
        let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(bytes).unwrap_or(4096)
    })
}

/// A reservation of address space, returned to the system when dropped.
#[derive(Debug)]
pub(super) struct Slab {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a slab is a range of addresses; what is done with them is its users' affair.
unsafe impl Send for Slab {}

impl Slab {
    /// Reserves `bytes`, which are zero, readable, writable, and cost nothing until touched.
    pub(super) fn reserve(bytes: usize) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no existing memory.
        let base = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let slab = Self { base: NonNull::new(base.cast()).expect("mmap gave the null address"), bytes };
        // A huge page would make the first touch of a stack cost 2 MiB. Kernels without huge pages refuse: as well.
        // SAFETY: the range is ours, and the advice does not change its contents.
        unsafe { libc::madvise(base, bytes, libc::MADV_NOHUGEPAGE) };
        Ok(slab)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The address `offset` bytes into the slab, at most one past its end.
    pub(super) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset <= self.bytes);
        // SAFETY: the offset lies within the mapping, as just checked.
        unsafe { self.base.add(offset) }
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and S1 says that nothing points into it any more.
        let result = unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
        debug_assert_eq!(result, 0);
    }
}

/// Makes the page at `page` raise `SIGSEGV` when touched.
///
/// # Safety
/// The page belongs to a slab, and nothing refers to its contents.
pub(super) unsafe fn install_guard(page: NonNull<u8>) -> io::Result<()> {
    let (page, bytes) = (page.as_ptr().cast(), page_size());
    // SAFETY: the caller owns the page.
    if unsafe { libc::madvise(page, bytes, MADV_GUARD_INSTALL) } == 0 {
        return Ok(());
    }
    // SAFETY: as above.
    if unsafe { libc::mprotect(page, bytes, libc::PROT_NONE) } == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Gives the memory of `bytes` from `start` back to the system; it reads as zero afterwards.
///
/// # Safety
/// The range belongs to a slab, starts at a page, and nothing refers to its contents.
pub(super) unsafe fn discard(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller owns the range.
    let result = unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTNEED) };
    debug_assert_eq!(result, 0);
}
