//! The monitor: a thread that ends time slices, trims stacks, and frees blocks.
//!
//! A worker does not look at the clock while it runs goroutines. The monitor does, every 5 ms: whose time slice is still
//! the same as at the last look, and so has lasted for 5 to 10 ms, is asked to yield, by a flag that the runtime's calls
//! read. So is everybody as long as a worker waits for its permit to run. Who still runs at the next look *hogs* the worker;
//! what happens then is told in [`hogged`](super::hogged), and when it is reported in [`stall`](super::stall). When no worker
//! has run anything for two looks, the monitor sleeps until one does, or until it is to print a line of the
//! [trace](super::trace).
//!
//! Stacks that came back and that nobody has needed for [`KEEP`] give their memory back to the system, and the
//! blocks of goroutines are freed: some at each look, so that the others do not notice. As long as there are such, the
//! monitor does not sleep.
//!
//! It also looks into the [pollers](super::polling) of workers that do not come round to it, because they are hogged or blocked.
//!
//! Before it sleeps, and ever more rarely while it does, it looks whether there is a [deadlock](crate::diagnostics).
//!
//! The monitor also makes the call of the kernel that biased [locks](crate::park::Lock) need, if that was not done before
//! there were threads: it is the only one who has time to wait.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use super::shared::Shared;
use super::stall::Stalls;
use super::thread::start_thread;
use super::trace::Trace;
use super::worker::Signals;
use crate::clock;
use crate::diagnostics::{self, OwnThread};
use crate::park::process_barrier;
use crate::poll::Events;
use crate::std_sync::OnceLock;
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
    let mut stalls = Stalls::new(shared.options.stall_limit);
    let mut trace = Trace::of(shared, clock::now());
    let mut marked = clock::now();
    let (mut quiet, mut events) = (0, Events::default());
    while !shared.is_shutting_down() {
        thread::park_timeout(PERIOD);
        clock::set_coarse();
        process_barrier::provide_if_wanted();
        if let Some(trace) = &mut trace {
            trace.print_if_due(shared, clock::now());
        }
        if clock::now().saturating_duration_since(marked) >= KEEP {
            shared.stacks.mark_unused();
            shared.blocks.mark_unused();
            marked = clock::now();
        }
        let trims = shared.stacks.trim_some() | shared.blocks.free_some();
        shared.poll_for_the_absent(&mut events);
        let busy = shared.running.load(Ordering::SeqCst) > 0 || shared.has_unattended_poller();
        quiet = if trims || busy { 0 } else { quiet + 1 };
        if quiet >= 2 {
            sleep(shared, trace.as_ref());
            quiet = 0;
            continue;
        }
        end_slices(shared, &mut slices, &mut stalls);
    }
    // A worker that is asked from now on sees that the runtime shuts down.
    shared.each_worker().for_each(|worker| _ = worker.signals.preempt.raise());
}

/// Sleeps until a worker runs, until stacks or blocks may have become unused, or until a line is to be printed.
fn sleep(shared: &Shared, trace: Option<&Trace>) {
    let monitor = &shared.monitor;
    let mut deadlock = diagnostics::Watch::new();
    monitor.asleep.store(true, Ordering::SeqCst);
    while monitor.asleep.load(Ordering::SeqCst)
        && shared.running.load(Ordering::SeqCst) == 0
        && !shared.shutting_down.load(Ordering::SeqCst)
        && !shared.has_unattended_poller()
    {
        let pause = deadlock.look(shared);
        let keeps = (shared.stacks.has_warm() || shared.blocks.has_any()).then_some(KEEP);
        let chore = [keeps, trace.map(|trace| trace.pause(clock::now()))].into_iter().flatten().min();
        if let Some(chore) = chore {
            thread::park_timeout(pause.map_or(chore, |pause| pause.min(chore)));
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
fn end_slices(shared: &Arc<Shared>, slices: &mut Vec<u64>, stalls: &mut Stalls) {
    slices.resize(shared.worker_count(), u64::MAX);
    let (now, mut no_spare) = (clock::now(), None);
    for (worker, last) in shared.each_worker().zip(slices) {
        let slice = worker.signals.slice.load(Ordering::Relaxed);
        let Signals { preempt, hogged, asleep, awaits_permit, slice_since, .. } = &*worker.signals;
        // Who sleeps runs nobody who could yield.
        let asleep = asleep.load(Ordering::Relaxed);
        // Slices end by themselves whenever nobody was woken, but permits change hands only here. Who seems to be hogged, and
        // is not, is to see it.
        let mut is_kept = false;
        if !asleep && (slice == *last || shared.procs.is_contended() || hogged.load(Ordering::Relaxed)) {
            let asked_before = preempt.raise();
            is_kept = asked_before && slice == *last && !awaits_permit.load(Ordering::Relaxed);
        }
        if is_kept {
            no_spare = shared.relieve(worker).err().or(no_spare);
            stalls.goes_on(shared, worker, now);
        } else {
            stalls.ends(worker.id);
        }
        if slice != *last {
            slice_since.store(clock::coarse(), Ordering::Relaxed);
        }
        *last = slice;
    }
    stalls.note_spares(no_spare, now);
}
