//! The locks and counters of gocsp, with Go's behaviour and std's shapes.
//!
//! All of them work from goroutines and from ordinary OS threads, in any mixture. A goroutine that has to wait is
//! parked, and its thread runs others meanwhile; a thread that has to wait is blocked.
//!
//! - [`WaitGroup`]: wait until a number of goroutines is done.
//! - [`Mutex`]: one at a time.
//! - [`RwLock`]: many readers, or one writer.
//! - [`Cond`]: wait until something that a lock guards has changed.
//! - [`Once`], [`OnceCell`], [`OnceValue`], [`OnceFunc`]: done once, set once, made once, called once.
//! - [`Semaphore`]: so many at a time, some of whom count for several.
//! - [`errgroup::Group`]: goroutines that work on one task and may fail.
//! - [`Barrier`]: a number of goroutines wait for one another.
//! - [`Map`]: a hash table that everybody uses at the same time.
//! - [`Pool`]: things that are used again.
//! - [`singleflight::Group`]: one call for all who ask for the same thing at the same time.
//!
//! No guard is poisoned by a panic: it unlocks, and the next one carries on.
//!
//! A guard may be held while its goroutine waits for something else. That is what distinguishes these locks from std's
//! in a goroutine: a std lock blocks the whole worker thread, and with it, maybe, the goroutine that would unlock it.
//!
//! # Layers
//! ```text
//! singleflight, Map  Once, OnceCell, OnceValue   tables, and flags, behind a Mutex
//!             |      |
//! WaitGroup, Cond, Mutex    RwLock               a type each: the interface, the value, the guards
//! Barrier           |         |
//!     |         raw_mutex <- raw_rwlock          the protocols, without values and without unsafe code
//!     |             |         |
//!     +----------- queue -----+                  waiting; the only call of the runtime's park seam
//! ```
//! Beside them stands `report`: what dumps tell of each.

#![deny(unsafe_code)]

mod barrier;
mod cond;
pub mod errgroup;
mod flights;
mod hashing;
#[cfg(all(feature = "lock_api", not(any(loom, shuttle))))]
pub mod lock_api;
mod map;
mod mutex;
mod once;
mod once_cell;
mod once_value;
mod parallelism;
mod pool;
mod queue;
mod raw_mutex;
mod raw_rwlock;
mod report;
mod rwlock;
mod rwlock_guards;
mod semaphore;
mod shared_panic;
mod spin;
mod sync;
mod wait_group;

pub use barrier::{Barrier, BarrierWaitResult};
pub use cond::{Cond, CondGuard};
pub use map::{Map, MapIter};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use once::Once;
pub use once_cell::OnceCell;
pub use once_value::{OnceFunc, OnceValue};
pub use pool::{Pool, PoolGuard};
pub use rwlock::RwLock;
pub use rwlock_guards::{MappedRwLockReadGuard, MappedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{Semaphore, SemaphorePermit};
pub use wait_group::WaitGroup;

/// Calls that are made once, for all who ask for the same thing at the same time. After Go's package of that name.
///
/// # Examples
/// ```
/// use gocsp_sync::singleflight::Group;
///
/// let group = Group::new();
/// let page = group.do_call("front page", || "<html>".to_owned());
/// assert_eq!(page.value, "<html>");
/// ```
pub mod singleflight {
    pub use crate::flights::{Answer, Group};
}
