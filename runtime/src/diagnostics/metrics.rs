//! The runtime in numbers.

use crate::runtime::with_current;

/// What a runtime has done so far, and what it has, in numbers: see [`metrics`].
///
/// The counts are always kept, and cost next to nothing: most of them the scheduler needs itself, and the others follow from
/// those. To read them takes a few loads for each worker, and stops nobody. So they are not of one instant, and some are as old as is
/// said below; 61 turns take some microseconds, unless a goroutine computes. When nothing runs, all are exact.
///
/// | field                                              | how exact                                                         |
/// |----------------------------------------------------|-------------------------------------------------------------------|
/// | `spawned`, `finished`, `goroutines`                | `goroutines` is never too low                                     |
/// | `parks`, `wake_ups`, `hand_offs`, `timers`         | as of when each worker last looked around: at most 61 turns ago   |
/// | all others                                         | up to date                                                        |
///
/// ```
/// use gocsp_runtime::{RuntimeMetrics, metrics, run, spawn};
///
/// /// How many of the wake-ups came from other threads.
/// fn crossings(metrics: &RuntimeMetrics) -> f64 {
///     metrics.remote_wake_ups as f64 / metrics.wake_ups.max(1) as f64
/// }
///
/// run(|| {
///     spawn(|| ()).join().unwrap();
///     println!("{:.0} % of the wake-ups cross", 100.0 * crossings(&metrics()));
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeMetrics {
    /// How many workers run goroutines at the same time: [`max_procs`](crate::max_procs).
    pub procs: usize,
    /// How many workers there are: threads that run goroutines. Never fewer than there were.
    pub workers: usize,
    /// How many of them are not idle.
    pub running_workers: usize,
    /// How many threads the runtime has: the workers, and one that watches over them.
    pub threads: usize,
    /// How many threads there are for [`blocking`](crate::blocking()) calls. They are the process's, and not a runtime's.
    pub blocking_threads: usize,
    /// How many goroutines there are: spawned, and not yet finished.
    pub goroutines: u64,
    /// How many wait for a worker that starts them; under [`migrate`](crate::Builder::migrate), also those that could go on and
    /// wait for a worker that takes them.
    pub queued: u64,
    /// How many goroutines were spawned.
    pub spawned: u64,
    /// How many have finished: returned, panicked, or been ended by a shutdown.
    pub finished: u64,
    /// How often a goroutine has parked, which is to wait and let others run.
    pub parks: u64,
    /// How often a goroutine that had parked was woken and went on. Until a goroutine that yields has had its next turn, it is
    /// one too low.
    pub wake_ups: u64,
    /// How many goroutines were woken by another thread than their own: by a goroutine of another worker, or an ordinary thread.
    pub remote_wake_ups: u64,
    /// How many were woken by the clock: a sleep was over, or the deadline of a wait had passed.
    pub timed_wake_ups: u64,
    /// How often a goroutine that was woken went on as soon as the one that had woken it parked, before all others. These
    /// wake-ups are the cheapest.
    pub hand_offs: u64,
    /// How often a goroutine has yielded, by itself or because its time slice was over.
    pub yields: u64,
    /// How often a worker has taken goroutines from another.
    pub steals: u64,
    /// How many it has taken then, in all.
    pub stolen: u64,
    /// How many timers are armed, those included that were stopped and not swept out yet.
    pub timers: u64,
    /// How much address space is reserved for stacks, in bytes. No more of it uses memory than what follows.
    pub stacks_reserved: usize,
    /// How much of that is in use, in bytes: the sizes of the stacks of all goroutines that have started. They use memory page by
    /// page, as deep as each has ever been.
    pub stacks_in_use: usize,
    /// How much of that are stacks in stock, in bytes, which keep the memory that they have used until nobody has needed them
    /// for a second.
    pub stacks_in_stock: usize,
}

/// What the caller's runtime has done so far, and what it has, in numbers. On an ordinary thread, the global runtime.
///
/// With the variable `GOCSP_SCHEDTRACE` set to a number of milliseconds, every runtime of the process prints the most important
/// of these to the standard error stream at such intervals: of what is counted, as `spawned=+5`, how much has come since the line
/// before.
///
/// ```
/// use gocsp_runtime::{metrics, run, spawn};
///
/// run(|| {
///     let before = metrics();
///     spawn(|| ()).join().unwrap();
///     let after = metrics();
///     assert_eq!((after.spawned - before.spawned, after.finished - before.finished), (1, 1));
///     assert_eq!(after.goroutines, 1);
/// });
/// ```
///
/// # Panics
/// On an ordinary thread, when the global runtime has to be started and cannot be.
pub fn metrics() -> RuntimeMetrics {
    with_current(|shared| shared.metrics())
}
