//! Arithmetic and measurements that contenders share. `go/work.go` is the same.

use std::time::Duration;

/// Keeps the processor busy with arithmetic, and gives what came out.
///
/// Each step is six operations that need what the one before gave: a processor cannot overlap them, nor a compiler shorten
/// them, so the time is the same whoever compiled it. (Of additions and multiplications compilers can merge steps.)
pub fn compute(seed: u64, steps: u64) -> u64 {
    // Zero would stay zero.
    let mut state = seed | 1;
    for _ in 0..steps {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    state
}

/// Whom number `i` of `count` comes to if they are shuffled: a fixed permutation, far from any order.
///
/// # Panics
/// If `count` is divisible by the multiplier.
pub fn shuffled(i: u64, count: u64) -> u64 {
    const MULTIPLIER: u64 = 1_000_003;
    assert!(!count.is_multiple_of(MULTIPLIER));
    i * MULTIPLIER % count
}

/// The middle one, or of two the later.
///
/// # Panics
/// If there is none.
pub fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

/// The memory that the process occupies, with the page tables that describe it, in bytes.
///
/// # Panics
/// If the system is not Linux, or does not tell.
pub fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells the state of a process");
    let kib = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).expect("a line for each kind of memory");
        line[name.len()..].trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    };
    (kib("VmRSS:") + kib("VmPTE:")) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computing_is_what_it_says() {
        // 1 becomes 0x2001, 0x2041, and 0x2041 + 0x4082_0000.
        assert_eq!(compute(1, 1), 0x4082_2041);
        assert_eq!(compute(0, 10), compute(1, 10));
    }

    #[test]
    fn shuffling_leaves_nobody_out() {
        let mut seen = vec![false; 1000];
        (0..1000).for_each(|i| seen[shuffled(i, 1000) as usize] = true);
        assert!(seen.into_iter().all(|seen| seen));
    }

    #[test]
    fn the_process_occupies_memory() {
        assert!(memory() > 1 << 19);
    }
}
