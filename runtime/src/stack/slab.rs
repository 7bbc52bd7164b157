//! The system calls under the stacks. All memory that gocsp maps is mapped here.
//!
//! Stacks never take the last that the system has to give: whoever has no stack can wait, but an allocator that is given no
//! memory ends the process, and so does the standard library when a thread that it has just started can map no signal stack. So
//! [`ROOM`] is left of a limited address space, and one in [`SPARED`] mappings where guards take some.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::std_sync::OnceLock;

/// How much address space stacks leave to the rest of the process, in bytes.
const ROOM: usize = 16 << 20;
/// One mapping in so many is left to it.
const SPARED: usize = 16;
/// How many mappings a guard costs that is made of one: it, and the stack above it.
const MAPPINGS_EACH: usize = 2;

/// How many ranges the system is given at once. It takes up to 1024, and lets no other thread map memory meanwhile.
const BATCH: usize = 128;

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
    /// How many of its guards are mappings.
    mapped_guards: usize,
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
        let slab =
            Self { base: NonNull::new(base.cast()).expect("mmap gave the null address"), bytes, mapped_guards: 0 };
        // A huge page would make the first touch of a stack cost 2 MiB. Kernels without huge pages refuse: as well.
        // SAFETY: the range is ours, and the advice does not change its contents.
        unsafe { libc::madvise(base, bytes, libc::MADV_NOHUGEPAGE) };
        Ok(slab)
    }

    /// As [`reserve`](Self::reserve), for stacks: only if there is [`ROOM`] left then.
    pub(super) fn reserve_leaving_room(bytes: usize) -> io::Result<Self> {
        let slab = Self::reserve(bytes)?;
        look_for_room(ROOM)?;
        Ok(slab)
    }

    /// Makes the page that begins `offset` bytes into the slab raise `SIGSEGV` when touched.
    ///
    /// # Errors
    /// When a mapping is needed for it, and none is to be had.
    ///
    /// # Safety
    /// Nothing refers to the contents of the page.
    pub(super) unsafe fn install_guard(&mut self, offset: usize) -> io::Result<()> {
        let (page, bytes) = (self.at(offset).as_ptr().cast(), page_size());
        // SAFETY: the slab owns the page.
        if unsafe { libc::madvise(page, bytes, MADV_GUARD_INSTALL) } == 0 {
            return Ok(());
        }
        // Relaxed: a count, and nothing else.
        if MAPPED_GUARDS.fetch_add(1, Ordering::Relaxed) >= most_mapped_guards() {
            MAPPED_GUARDS.fetch_sub(1, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, "stacks have all the mappings that they may take"));
        }
        // SAFETY: as above.
        if unsafe { libc::mprotect(page, bytes, libc::PROT_NONE) } != 0 {
            let error = io::Error::last_os_error();
            MAPPED_GUARDS.fetch_sub(1, Ordering::Relaxed);
            return Err(error);
        }
        self.mapped_guards += 1;
        Ok(())
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
        MAPPED_GUARDS.fetch_sub(self.mapped_guards, Ordering::Relaxed);
    }
}

/// How many guards are mappings, of all stacks of the process.
static MAPPED_GUARDS: AtomicUsize = AtomicUsize::new(0);

/// How many guards may be mappings.
fn most_mapped_guards() -> usize {
    /// What Linux allows a process if nobody has changed it.
    const USUAL: usize = 65_530;
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        if !cfg!(target_os = "linux") {
            return usize::MAX;
        }
        let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
        let mappings = limit.and_then(|limit| limit.trim().parse().ok()).unwrap_or(USUAL);
        (mappings - mappings / SPARED) / MAPPINGS_EACH
    })
}

/// Whether so many bytes of address space could be mapped.
///
/// # Errors
/// What the system says if not.
pub(crate) fn look_for_room(bytes: usize) -> io::Result<()> {
    Slab::reserve(bytes).map(drop)
}

/// A range of addresses, as the system wants it: start and length.
pub(super) fn range(start: NonNull<u8>, bytes: usize) -> libc::iovec {
    libc::iovec { iov_base: start.as_ptr().cast(), iov_len: bytes }
}

/// Gives the memory of these ranges back to the system; it reads as zero afterwards.
///
/// # Safety
/// Each range belongs to a slab, starts and ends at a page, and nothing refers to its contents.
pub(super) unsafe fn discard(mut ranges: &[libc::iovec]) {
    while let Some(first) = ranges.first() {
        let batch = &ranges[..ranges.len().min(BATCH)];
        // SAFETY: the caller owns the ranges.
        let mut discarded = unsafe { discard_batch(batch) };
        if discarded == 0 {
            // SAFETY: the caller owns the range. If a part of it is gone already, that changes nothing.
            let result = unsafe { libc::madvise(first.iov_base, first.iov_len, libc::MADV_DONTNEED) };
            debug_assert_eq!(result, 0);
            discarded = 1;
        }
        ranges = &ranges[discarded..];
    }
}

/// Whether the kernel has refused to discard a batch: it is older, or a filter of system calls lies before it. It is not asked
/// again.
static REFUSES_BATCHES: AtomicBool = AtomicBool::new(false);

/// Discards ranges of a batch from its beginning, in one call, and says how many.
///
/// What costs most is that every processor that runs this process has to forget the addresses: Linux 6.16 has that done once
/// for the batch. From 6.15 on it has no need of a file descriptor that stands for this process.
///
/// # Safety
/// As for [`discard`].
unsafe fn discard_batch(batch: &[libc::iovec]) -> usize {
    /// `PIDFD_SELF_THREAD`: the calling thread, whose memory is meant, in place of a file descriptor. The number that stands
    /// for the process would do as well, but was another one before 6.17.
    const THIS_THREAD: libc::c_int = -10000;
    // Relaxed: nothing else depends on it.
    if REFUSES_BATCHES.load(Ordering::Relaxed) {
        return 0;
    }
    // SAFETY: the caller owns the ranges.
    let advised = unsafe {
        libc::syscall(libc::SYS_process_madvise, THIS_THREAD, batch.as_ptr(), batch.len(), libc::MADV_DONTNEED, 0)
    };
    let Ok(advised) = usize::try_from(advised) else {
        REFUSES_BATCHES.store(true, Ordering::Relaxed);
        return 0;
    };
    // In bytes. It is less than asked for if a range failed, which was the last to be tried, or if all together are more than one
    // call takes, which is somewhat less than 2 GiB.
    let ends = batch.iter().scan(0, |end, range| {
        *end += range.iov_len;
        Some(*end)
    });
    ends.take_while(|&end| end <= advised).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Discards every other page of a slab, more of them than fit into one batch, and looks at all.
    fn discard_every_other_page() {
        const PAGES: usize = 5 * BATCH;
        let slab = Slab::reserve(PAGES * page_size()).unwrap();
        let page = |number: usize| slab.at(number * page_size());
        for number in 0..PAGES {
            // SAFETY: the page is this test's own.
            unsafe { page(number).write(1) };
        }
        let ranges: Vec<_> = (0..PAGES).step_by(2).map(|number| range(page(number), page_size())).collect();
        // SAFETY: nothing refers to the pages.
        unsafe { discard(&ranges) };
        for number in 0..PAGES {
            // SAFETY: the page is this test's own.
            let byte = unsafe { page(number).read() };
            assert_eq!(usize::from(byte), number % 2, "page {number}");
        }
    }

    #[test]
    fn what_is_discarded_reads_as_zero_whether_the_kernel_takes_batches_or_not() {
        discard_every_other_page();
        REFUSES_BATCHES.store(true, Ordering::Relaxed);
        discard_every_other_page();
    }
}
