//! What the runtime tells of itself: who waits for what, and why nobody goes on.
//!
//! ```text
//!   dump       what every goroutine, worker and waiting thread does, as data
//!   text       the same, to be read
//!   backtrace  by which calls a goroutine came to where it waits
//!   relations  who could end a wait, and who waits for each other
//!   leaks      goroutines that are left behind
//!   deadlock   all goroutines are asleep: how that is found out, and what is done then
//!   signal     SIGQUIT
//!   metrics    the runtime in numbers
//!   registry   the runtimes of the process
//!   os         its threads
//! ```
//!
//! How a runtime is asked is told in `scheduler/census.rs`, and what a waiter leaves for that in `park/reason.rs`.

mod backtrace;
mod deadlock;
mod dump;
mod leaks;
mod metrics;
mod os;
mod registry;
mod relations;
mod signal;
mod text;

pub use backtrace::BacktraceFrame;
pub(crate) use backtrace::Calls;
pub(crate) use deadlock::Watch;
pub use deadlock::{Deadlock, OnDeadlock};
pub use dump::{Activity, Dump, GoroutineDump, ThreadDump, Wait, WorkerDump, WorkerState};
pub use leaks::{Leak, assert_no_leaks, leaks};
pub use metrics::{RuntimeMetrics, metrics};
pub(crate) use os::{OwnThread, thread_number, thread_stack, write_report};
pub(crate) use registry::{number_runtime, register};
pub(crate) use signal::dump_on_quit;

use crate::blocking::blocking;
#[cfg(feature = "testing")]
use crate::goroutine::GoroutineId;
use crate::park::blocked;

/// What every goroutine and every worker of the process does, and every thread that waits for a goroutine.
///
/// The workers are asked, and answer as soon as they come round; of the goroutines of one that does not within a tenth of a
/// second, because a goroutine there computes or blocks the thread, less is known. Nobody is stopped for longer than it takes
/// to list his own: so a goroutine that another worker takes over meanwhile may be missing. Costs some 100 µs, and
/// up to a microsecond for each goroutine.
///
/// With the feature `backtrace`, and in a program that is built with `RUSTFLAGS=-Cforce-frame-pointers=yes`, it tells as well by
/// which calls each goroutine came to where it waits: see [`GoroutineDump::backtrace`].
///
/// ```
/// use gocsp_runtime::{dump, run, sleep, spawn, yield_now};
/// use std::time::Duration;
///
/// run(|| {
///     spawn(|| sleep(Duration::from_secs(60)));
///     yield_now();
///     let dump = dump();
///     assert_eq!(dump.goroutines.len(), 2);
///     eprintln!("{dump}");
/// });
/// ```
#[track_caller]
pub fn dump() -> Dump {
    // Not on a worker, which could not answer meanwhile.
    blocking(take)
}

/// What these goroutines wait for, who are not woken any more, and who of them for each other. They are called by their places
/// in the list, counted from 1.
#[cfg(feature = "testing")]
pub(crate) fn report_on(members: &[GoroutineId]) -> String {
    let mut dump = dump();
    dump.keep(members);
    std::fmt::from_fn(|f| dump.fmt_parties(f, &relations::Relations::new(&dump, true))).to_string()
}

/// As [`dump`], on a thread that is no worker.
fn take() -> Dump {
    let mut dump = Dump::default();
    for runtime in registry::runtimes() {
        let findings = runtime.take_census();
        dump.goroutines.extend(findings.goroutines);
        dump.workers.extend(findings.workers);
        dump.stacks.extend(runtime.stack_areas());
    }
    dump.goroutines.sort_by_key(|goroutine| goroutine.id);
    dump.threads = blocked::threads().iter().map(ThreadDump::of).collect();
    dump
}
