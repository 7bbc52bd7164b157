//! What the system knows of the process's threads.

/// The number of the calling thread in the system; 0 if it has none.
pub(crate) fn thread_number() -> u64 {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the call has no preconditions.
        let number = unsafe { libc::gettid() };
        number.unsigned_abs().into()
    }
    #[cfg(not(target_os = "linux"))]
    0
}
