//! `GOCSP_SCHEDTRACE`: a line at regular intervals that tells what the scheduler does.
//!
//! The [monitor](super::monitor) prints it. If the standard error stream does not take it, no time slice ends until it does.

use std::fmt;
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::diagnostics::{RuntimeMetrics, write_report};

/// The lines that the [monitor](super::monitor) of a runtime prints.
#[derive(Debug)]
pub(super) struct Trace {
    every: Duration,
    began: Instant,
    next: Instant,
    /// What was counted when the line before was printed.
    last: [u64; COUNTED.len()],
}

/// What a line tells of the time since the one before.
const COUNTED: [&str; 6] = ["spawned", "finished", "parks", "wakeups", "handoffs", "steals"];

fn counted(metrics: &RuntimeMetrics) -> [u64; COUNTED.len()] {
    let &RuntimeMetrics { spawned, finished, parks, wake_ups, hand_offs, steals, .. } = metrics;
    [spawned, finished, parks, wake_ups, hand_offs, steals]
}

impl Trace {
    /// The lines of `shared`, which starts `now`, if there are to be any.
    pub(super) fn of(shared: &Shared, now: Instant) -> Option<Self> {
        let every = shared.options.trace?;
        Some(Self { every, began: now, next: now + every, last: Default::default() })
    }

    /// How long it is until the next line.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// Prints a line if it is time.
    pub(super) fn print_if_due(&mut self, shared: &Shared, now: Instant) {
        if now < self.next {
            return;
        }
        // Lines that came too late to be printed are left out.
        while self.next <= now {
            self.next += self.every;
        }
        let metrics = shared.metrics();
        let line = Line { runtime: shared.number, after: now - self.began, last: self.last, now: &metrics };
        let mut text = line.to_string();
        for (number, worker) in shared.each_worker().enumerate() {
            text += if number == 0 { " [" } else { " " };
            text += &worker.fresh.len().to_string();
        }
        // At once, so that the lines of several runtimes do not mix. If nobody reads them, nobody misses them.
        write_report(&(text + "]\n"));
        self.last = counted(&metrics);
    }
}

/// A line, but for its end.
struct Line<'a> {
    runtime: u64,
    after: Duration,
    last: [u64; COUNTED.len()],
    now: &'a RuntimeMetrics,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runtime, after, last, now } = self;
        write!(f, "SCHED {}ms: runtime={runtime} procs={} workers={}", after.as_millis(), now.procs, now.workers)?;
        write!(f, " idle={} threads={}", now.workers - now.running_workers, now.threads)?;
        write!(f, " blocking={} goroutines={} timers={}", now.blocking_threads, now.goroutines, now.timers)?;
        for ((what, now), last) in COUNTED.iter().zip(counted(now)).zip(last) {
            // Some may go back a little.
            write!(f, " {what}=+{}", now.saturating_sub(*last))?;
        }
        write!(f, " runqueue={}", now.queued)
    }
}
