//! The monitor: a thread that ends time slices, trims stacks, and frees blocks.
//!
//! A worker does not look at the clock while it runs goroutines. The monitor does, every 5 ms: whose time slice is still
//! the same as at the last look, and so has lasted for 5 to 10 ms, is asked to yield, by a flag that the runtime's calls
//! read. So is everybody as long as a worker waits for its permit to run. Who still runs at the next look *hogs* the worker;
//! what happens then is told in [`hogged`](super::hogged). When no worker has run anything for two looks, the monitor sleeps
//! until one does.
//!
//! Stacks that came back and that nobody has needed for [`KEEP`] give their memory back to the system, and the
//! blocks of goroutines are freed: some at each look, so that the others do not notice. As long as there are such, the
//! monitor does not sleep.
//!
//! Before it sleeps it looks whether there is a [deadlock](crate::diagnostics).
//!
//! The monitor also makes the call of the kernel that biased [locks](crate::park::Lock) need, if that was not done before
//! there were threads: it is the only one who has time to wait.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use super::shared::Shared;
use super::thread::start_thread;
use super::worker::Signals;
use crate::clock;
use crate::diagnostics::{self, OwnThread};
use crate::park::process_barrier;
use crate::stock::KEEP;

/// The time between two looks: half of what a goroutine may run before it is asked to yield.
const PERIOD: Duration = Duration::from_millis(5);

/// The monitor of a runtime, as seen by the others. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Monitor {
    thread: OnceLock<Thread>,
    asleep: AtomicBool,
}

impl Monitor {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
        start_thread("gocsp-monitor".into(), move || watch_slices(&shared))
    }

    /// Makes sure that the monitor is awake, now that a worker runs.
    ///
    /// SeqCst: the worker has counted itself before, and the monitor looks at the count after it has said it sleeps.
    #[inline]
    pub(super) fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst) {
            self.stop();
        }
    }

    /// Wakes the monitor, whatever it does.
    pub(super) fn stop(&self) {
        self.asleep.store(false, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

fn watch_slices(shared: &Arc<Shared>) {
    let _own = OwnThread::begin();
    let monitor = &shared.monitor;
    // Before it can be asleep, so that whoever wants to wake it can.
    monitor.thread.get_or_init(thread::current);
    clock::set_coarse();
    let mut slices: Vec<u64> = Vec::new();
    let mut marked = clock::now();
    let mut quiet = 0;
    while !shared.is_shutting_down() {
        thread::park_timeout(PERIOD);
        clock::set_coarse();
        process_barrier::provide_if_wanted();
        if clock::now().saturating_duration_since(marked) >= KEEP {
            shared.stacks.mark_unused();
            shared.blocks.mark_unused();
            marked = clock::now();
        }
        let trims = shared.stacks.trim_some() | shared.blocks.free_some();
        quiet = if trims || shared.running.load(Ordering::SeqCst) > 0 { 0 } else { quiet + 1 };
        if quiet >= 2 {
            sleep(shared);
            quiet = 0;
            continue;
        }
        end_slices(shared, &mut slices);
    }
    // A worker that is asked from now on sees that the runtime shuts down.
    shared.each_worker().for_each(|worker| _ = worker.signals.preempt.raise());
}

/// Sleeps until a worker runs, or until stacks or blocks may have become unused.
fn sleep(shared: &Shared) {
    let monitor = &shared.monitor;
    let mut deadlock = diagnostics::Watch::new();
    monitor.asleep.store(true, Ordering::SeqCst);
    while monitor.asleep.load(Ordering::SeqCst)
        && shared.running.load(Ordering::SeqCst) == 0
        && !shared.shutting_down.load(Ordering::SeqCst)
    {
        let pause = deadlock.look(shared);
        if shared.stacks.has_warm() || shared.blocks.has_any() {
            thread::park_timeout(pause.map_or(KEEP, |pause| pause.min(KEEP)));
            break;
        }
        match pause {
            Some(pause) => thread::park_timeout(pause),
            None => thread::park(),
        }
    }
    monitor.asleep.store(false, Ordering::SeqCst);
}

/// Asks those to yield whose time slice is over.
fn end_slices(shared: &Arc<Shared>, slices: &mut Vec<u64>) {
    slices.resize(shared.worker_count(), u64::MAX);
    for (worker, last) in shared.each_worker().zip(slices) {
        let slice = worker.signals.slice.load(Ordering::Relaxed);
        let Signals { preempt, hogged, asleep, awaits_permit, .. } = &*worker.signals;
        // Who sleeps runs nobody who could yield.
        let asleep = asleep.load(Ordering::Relaxed);
        // Slices end by themselves whenever nobody was woken, but permits change hands only here. Who seems to be hogged, and
        // is not, is to see it.
        if !asleep && (slice == *last || shared.procs.is_contended() || hogged.load(Ordering::Relaxed)) {
            let asked_before = preempt.raise();
            if asked_before && slice == *last && !awaits_permit.load(Ordering::Relaxed) {
                shared.relieve(worker);
            }
        }
        *last = slice;
    }
}
