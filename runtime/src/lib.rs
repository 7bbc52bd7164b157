//! The runtime of gocsp: goroutines, their stacks, the scheduler, timers, and the seam through which everything else
//! waits.
//!
//! Programs use the facade crate `gocsp`, which re-exports what is meant for them. The crates above this one (channels,
//! select, locks) use [`park`], [`poll`], [`timer`], [`clock`] and [`random`], and nothing else but what [`std_sync`] has of std.
//!
//! ```text
//!   goroutine   what a goroutine is: control block, handles, scopes, panics
//!   stack       memory to run on
//!   scheduler   workers, and who runs where and when
//!   timer       what happens at a given time
//!   park        how everybody waits
//!   poll        waiting for descriptors
//!   blocking    threads for calls that block
//!   block_on    futures of others
//!   runtime     all of it, built and dropped
//!   diagnostics what it tells of itself
//!   testing     schedules that are chosen, and can be run again
//! ```

mod block_on;
mod blocking;
pub mod clock;
mod diagnostics;
mod goroutine;
#[cfg(any(loom, shuttle))]
#[doc(hidden)]
pub mod models;
pub mod park;
pub mod poll;
mod prefetch;
pub mod random;
mod runtime;
mod scheduler;
mod stack;
#[doc(hidden)]
pub mod std_sync;
mod stock;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timer;

/// Starts a goroutine, on the runtime of the caller, and gives a [`JoinHandle`] for it. Dropping that detaches it.
///
/// There are three forms:
/// - `go!(move || work(x))`: the goroutine runs the closure.
/// - `go!(work(a(), b))`, `go!(thing.work(b))`: as in Go, the function and its arguments (and the thing) are evaluated
///   now, by the caller; the goroutine makes the call.
/// - `go! { ... }`, or any other expression: the goroutine runs the block, which what it uses is moved into.
///
/// What the goroutine takes along and gives back must be `Send + 'static`; see [`scope`] for one that borrows.
///
/// # Panics
/// As [`spawn`].
///
/// ```
/// use gocsp_runtime::go;
///
/// fn double(x: u32) -> u32 {
///     2 * x
/// }
///
/// let words = vec!["a", "b"];
/// let closure = go!(move || words.len());
/// let call = go!(double(10 + 11));
/// let block = go! {
///     let x = double(1);
///     x + 1
/// };
/// assert_eq!((closure.join().unwrap(), call.join().unwrap(), block.join().unwrap()), (2, 42, 3));
/// ```
#[macro_export]
macro_rules! go {
    ($($what:tt)*) => { $crate::__private::go_statement!($crate $($what)*) };
}

/// Declares values of which every goroutine has its own, as `std::thread_local!` does for threads: see [`LocalKey`].
///
/// ```
/// use std::cell::RefCell;
/// use gocsp_runtime::{go, goroutine_local};
///
/// goroutine_local! {
///     /// What this goroutine has done.
///     pub static LOG: RefCell<Vec<String>> = RefCell::new(Vec::new());
///     static COUNT: RefCell<u32> = RefCell::default();
/// }
///
/// LOG.with(|log| log.borrow_mut().push("started".to_owned()));
/// go!(|| LOG.with(|log| assert!(log.borrow().is_empty()))).join().unwrap();
/// ```
#[macro_export]
macro_rules! goroutine_local {
    ($($(#[$meta:meta])* $vis:vis static $name:ident: $type:ty = $init:expr);* $(;)?) => {$(
        $(#[$meta])* $vis static $name: $crate::LocalKey<$type> = $crate::LocalKey::new(|| $init);
    )*};
}

/// What macros expand to.
#[doc(hidden)]
pub mod __private {
    pub use gocsp_macros::go_statement;
}

pub use block_on::block_on;
pub use blocking::blocking;
pub use diagnostics::{
    Activity, BacktraceFrame, Deadlock, Dump, GoroutineDump, Leak, OnDeadlock, RuntimeMetrics, ThreadDump, Wait,
    WorkerDump, WorkerState, assert_no_leaks, dump, leaks, metrics,
};
pub use goroutine::{
    Cancelled, Go, GoroutineId, JoinHandle, LocalAccessError, LocalKey, OnPanic, OsThreadLock, Scope, ScopedJoinHandle,
    exit_goroutine, lock_os_thread, scope, spawn, spawn_detached,
};
pub use runtime::{Builder, Runtime, max_procs, num_cpus, num_goroutines, run, set_max_procs};
pub use scheduler::yield_now;
pub use stack::StackError;
pub use timer::{sleep, sleep_until};
