//! The locks and counters of gocsp, with Go's behaviour and std's shapes.
//!
//! All of them work from goroutines and from ordinary OS threads, in any mixture. A goroutine that has to wait is
//! parked, and its thread runs others meanwhile; a thread that has to wait is blocked.
//!
//! - [`WaitGroup`]: wait until a number of goroutines is done.
//! - [`Mutex`]: one at a time.
//! - [`RwLock`]: many readers, or one writer.
//!
//! No guard is poisoned by a panic: it unlocks, and the next one carries on.
//!
//! A guard may be held while its goroutine waits for something else. That is what distinguishes these locks from std's
//! in a goroutine: a std lock blocks the whole worker thread, and with it, maybe, the goroutine that would unlock it.
//!
//! # Layers
//! ```text
//! WaitGroup   Mutex    RwLock          a type each: the interface, the value, the guards
//!     |         |        |
//!     |     raw_mutex <- raw_rwlock    the protocols, without values and without unsafe code
//!     |         |        |
//!     +-------- queue ---+             waiting; the only call of the runtime's park seam
//! ```

#![deny(unsafe_code)]

mod mutex;
mod queue;
mod raw_mutex;
mod raw_rwlock;
mod rwlock;
mod spin;
mod sync;
mod wait_group;

pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use wait_group::WaitGroup;
