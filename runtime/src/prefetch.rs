//! Asking for memory before it is needed.

/// Brings the `size` bytes from `address` on into the cache, as far as that helps. Any address will do.
#[inline]
pub(crate) fn prefetch(address: *const u8, size: usize) {
    const LINE: usize = 64;
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size).step_by(LINE) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch is allowed for any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.wrapping_add(offset).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (address, size, LINE);
}
