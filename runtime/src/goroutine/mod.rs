//! Goroutines: their control block, their life, and the handles to them.
//!
//! # Life
//! ```text
//!   spawn ──► unstarted ──► running ◄──► ready        unstarted: a closure in a queue, no stack; any worker may take it
//!                 │            │  ▲        ▲          running:   on its stack, on its home worker
//!                 │            ▼  └────────┤          ready:     in a queue of its home
//!                 │          parked ───────┘          parked:    in no queue; a wake token is or will be on its way
//!                 ▼            │
//!             cancelled      ended                    cancelled: dropped unrun, its runtime shut down
//! ```
//! A goroutine that has started stays with its worker, its *home*, for life. Everything that makes it ready happens
//! there: wake-ups from other threads come through the home's inbox, and its timers are the home's. So who wins
//! when a wake-up, a deadline and a shutdown meet is decided by plain memory accesses of one thread. Under `migrate` it may
//! change homes when only one thing can make it ready; see `scheduler/hogged.rs`.
//!
//! # One allocation
//! The control block, the closure and later its result share one allocation, the [cell](cell). It is owned by two:
//! the scheduler until the goroutine has ended, and the [`JoinHandle`] until dropped. The last one frees it. Its memory comes
//! from, and goes back to, the stock of [blocks] of the worker on which that happens.

mod blocks;
mod cell;
mod control;
mod join;
mod local;
mod on_panic;
mod panics;
mod pin;
mod scope;
mod spawn;

pub(crate) use blocks::{BlockPool, LocalBlocks, Shape};
#[cfg(all(test, not(any(loom, shuttle))))]
pub(crate) use cell::unstarted_for_ever;
pub(crate) use cell::{call_quietly, cancel, fail_unstarted, run};
pub(crate) use control::{Goroutine, StackSize, Status, Unwinding, title};
pub(crate) use join::Run;
pub(crate) use local::{Locals, leak as leak_locals};
#[cfg(feature = "testing")]
pub(crate) use on_panic::text_of;
pub(crate) use panics::{BegunUnwinding, install_hook, resume_unwind, unwind_cancelled};
#[cfg(feature = "testing")]
pub(crate) use spawn::spawn_body;
pub(crate) use spawn::{spawn_due, spawn_scoped_main};

pub use control::GoroutineId;
pub use join::JoinHandle;
pub use local::{LocalAccessError, LocalKey};
pub use on_panic::OnPanic;
pub use panics::{Cancelled, exit_goroutine};
pub use pin::{OsThreadLock, lock_os_thread};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use spawn::{Go, spawn, spawn_detached};
