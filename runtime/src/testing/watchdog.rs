//! Somebody who looks whether what is tested goes on, and says so if it does not: nothing else could, for it has the only worker.

use std::io::{self, Write};
use std::panic::Location;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// For so long nothing has to happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Counts what happens. Relaxed: nothing but the numbers is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    schedules: AtomicU64,
    steps: AtomicU64,
}

impl Pulse {
    /// A schedule begins.
    pub(super) fn begins(&self) {
        self.0.schedules.fetch_add(1, Ordering::Relaxed);
    }

    /// One of its goroutines takes a step. Nobody else writes.
    #[inline]
    pub(super) fn beats(&self) {
        let steps = &self.0.steps;
        steps.store(steps.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn counts(&self) -> (u64, u64) {
        (self.0.schedules.load(Ordering::Relaxed), self.0.steps.load(Ordering::Relaxed))
    }
}

/// A thread that looks at a [`Pulse`], until this is dropped.
pub(super) struct Watchdog {
    pulse: Pulse,
    /// Dropped first, which ends the thread.
    leash: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// One that looks after the test at this place. If it cannot be started nobody looks.
    pub(super) fn start(place: &'static Location<'static>) -> Self {
        let say = move |schedule| {
            // Not by a macro: the harness of the test would keep it until the test ends. A closed stderr is no reason to panic.
            let _ = writeln!(
                io::stderr(),
                "the test at {place} has taken no step for {PATIENCE:?}, in the {schedule}. schedule that it runs: one of its \
                 goroutines computes, or waits for something that is not gocsp's, such as a lock of the standard library \
                 whose holder was interrupted. The signal SIGQUIT has the process (kill -QUIT {}) tell what they do.",
                process::id()
            );
        };
        Self::look(PATIENCE, say)
    }

    /// Says once of each standstill in which schedule it is.
    fn look(patience: Duration, say: impl Fn(u64) + Send + 'static) -> Self {
        let (pulse, (leash, held)) = (Pulse::default(), mpsc::channel::<()>());
        let looked_at = pulse.clone();
        let look = move || {
            let (mut last, mut said) = (looked_at.counts(), false);
            while held.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                let counts = looked_at.counts();
                let stands = counts == last;
                if stands && !said {
                    say(counts.0);
                }
                (last, said) = (counts, stands);
            }
        };
        let thread = thread::Builder::new().name("gocsp-watchdog".into()).spawn(look).ok();
        Self { pulse, leash: Some(leash), thread }
    }

    pub(super) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.leash.take());
        // It does not panic.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_is_told_of_once() {
        let (tx, told) = mpsc::channel();
        let watchdog = Watchdog::look(Duration::from_millis(1), move |schedule| tx.send(schedule).unwrap());
        let pulse = watchdog.pulse();
        pulse.begins();
        assert!(told.recv().unwrap() <= 1);
        pulse.begins();
        pulse.beats();
        while told.recv().unwrap() != 2 {}
        thread::sleep(Duration::from_millis(20));
        assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(watchdog);
        assert_eq!(told.recv(), Err(mpsc::RecvError));
    }
}
