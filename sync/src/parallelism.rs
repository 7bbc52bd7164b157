//! Into how many parts what everybody uses is split.

#![forbid(unsafe_code)]

#[cfg(not(any(loom, shuttle)))]
use gocsp_runtime::std_sync::OnceLock;

/// The number of processors that the process may use, rounded up to a power of two. Read once.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn parallelism() -> usize {
    static READ: OnceLock<usize> = OnceLock::new();
    *READ.get_or_init(|| gocsp_runtime::num_cpus().next_power_of_two())
}

/// In models: few, so that they meet.
#[cfg(any(loom, shuttle))]
pub(crate) fn parallelism() -> usize {
    2
}
