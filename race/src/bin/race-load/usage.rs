//! What a process has used of the system.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The sum over all threads that live.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// The time on processors, also within the system.
    pub(crate) computed: Duration,
    /// How often a thread has gone to sleep: a switch to another that it wanted itself.
    pub(crate) waits: u64,
}

impl Usage {
    /// Of the process with that number, until now.
    ///
    /// # Panics
    /// If there is none, or the system is not Linux.
    pub(crate) fn of(process: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{process}/task")).expect("Linux tells the threads of a process");
        threads.map(|thread| Self::of_thread(&thread.expect("the process lives").path())).fold(Self::default(), add)
    }

    /// Of a thread, or nothing if it has ended.
    fn of_thread(folder: &Path) -> Self {
        let read = |name| fs::read_to_string(folder.join(name));
        let (Ok(schedule), Ok(status)) = (read("schedstat"), read("status")) else { return Self::default() };
        // Nanoseconds on processors, nanoseconds ready to run, and how often it was given a processor.
        let nanos = schedule.split_whitespace().next().and_then(|number| number.parse().ok());
        let waits = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        Self {
            computed: Duration::from_nanos(nanos.expect("a number of nanoseconds")),
            waits: waits.and_then(|number| number.trim().parse().ok()).expect("a number of switches"),
        }
    }

    /// What has been used from `earlier` to this. Threads that have ended meanwhile do not count, nor does it become negative by that.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            computed: self.computed.saturating_sub(earlier.computed),
            waits: self.waits.saturating_sub(earlier.waits),
        }
    }
}

fn add(left: Usage, right: Usage) -> Usage {
    Usage { computed: left.computed + right.computed, waits: left.waits + right.waits }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;
    use std::{process, thread};

    use super::*;

    #[test]
    fn who_computes_has_used_time_and_who_sleeps_has_waited() {
        let before = Usage::of(process::id());
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(30) {}
        let used = || Usage::of(process::id()).since(before);
        assert!(used().computed > Duration::ZERO, "{:?}", used());
        // Not every sleep is a wait: the time may be over before the thread has gone to sleep, if the processor is taken meanwhile.
        let sleeps = |_| thread::sleep(Duration::from_micros(100));
        assert!((0..1_000).map(sleeps).any(|()| used().waits >= 1), "{:?}", used());
    }
}
