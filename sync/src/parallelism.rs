//! Into how many parts what everybody uses is split.

#![forbid(unsafe_code)]

#[cfg(not(any(loom, shuttle)))]
use gocsp_runtime::random;
#[cfg(not(any(loom, shuttle)))]
use gocsp_runtime::std_sync::OnceLock;

/// The number of processors that the process may use, rounded up to a power of two. Read once.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn parallelism() -> usize {
    static READ: OnceLock<usize> = OnceLock::new();
    match random::is_repeatable() {
        // The order of what is split would be another on another machine.
        true => FEW,
        false => *READ.get_or_init(|| gocsp_runtime::num_cpus().next_power_of_two()),
    }
}

/// In models: few, so that they meet.
#[cfg(any(loom, shuttle))]
pub(crate) fn parallelism() -> usize {
    FEW
}

const FEW: usize = 2;
