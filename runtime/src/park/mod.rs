//! Parking: how goroutines and OS threads wait, and how they are woken. The only seam between the scheduler and
//! the crates above it.
//!
//! # Vocabulary
//! - A *waiter* is the goroutine or thread that blocks, and stands in a [`WaitList`] through a node on its own stack. A
//!   select stands in several lists at once, with one node each. A *task* of an asynchronous executor stands in one
//!   through a node in its future, and does not block: see [`TaskPlace`].
//! - To *claim* a waiter is to become the one who completes its operation and wakes it. [`Claimed`] is the
//!   evidence; it can be had once per wait.
//! - A [`WakeToken`] is the right, and the duty, to wake the waiter. It is moved out of the claim, carried out of
//!   the lock, and spent.
//!
//! # Protocol
//! 1. The waiter takes the [`Lock`], finds that it has to block, and links its node into a list.
//! 2. It parks. A goroutine leaves its stack *still holding the lock*; the scheduler then runs the commit step,
//!    which releases it. So nobody can meet a half-parked goroutine, and no parking state machine is paid for.
//!    A thread releases the lock and then blocks on a flag of its own, which makes the order irrelevant.
//! 3. A waker takes the lock, pops a node and thereby claims its waiter: a single wait by unlinking the node, a
//!    select by moving its [`Waiter`] from open to the number of the case. A node whose select was already
//!    claimed elsewhere is dropped from the list and the next one tried.
//! 4. Under the lock or after it, the claimer reads or writes the waiter's payload; then it turns the claim into
//!    a token, releases the lock, and spends the token.
//! 5. The waiter returns. Had its deadline passed, or is its runtime shutting down, it comes back early: it takes
//!    the lock and unlinks its node. If the node is gone, somebody has claimed it, and a token is on its way:
//!    the waiter waits for it (this is short) and reports success. So an operation is never half done, and a
//!    token never outlives the wait it belongs to.
//!
//! # Invariants
//! - **P1** A node stays where it is, and its waiter does not return, from linking until it is unlinked by the
//!   waiter or its token is spent. The node of a task need not stay for longer than it is linked.
//! - **P2** A payload is touched only by the claimer between claim and token, and by the waiter otherwise.
//! - **P3** No token is spent, and no user code runs, while a [`Lock`] is held.
//!
//! # Unwinding
//! A panicking thread's panic count is thread-local, so a goroutine that must block while it unwinds (a destructor
//! that sends, say) may not leave its thread to another goroutine: it blocks the OS thread in place, as a thread
//! would. When its runtime is shutting down the wait is cancelled; if it is masked, the goroutine leaves its stack
//! after all, and the scheduler keeps the counts apart.
//!
//! # An example
//! A gate that everybody waits at until it is opened:
//! ```
//! use std::panic::Location;
//! use gocsp_runtime::park::{
//!     Description, Lock, Outcome, Partner, Patience, Reason, Subject, WaitList, Way, wait,
//! };
//! use gocsp_runtime::{go, run};
//!
//! struct Gate {
//!     state: Lock<State>,
//! }
//!
//! struct State {
//!     open: bool,
//!     waiting: WaitList<()>,
//! }
//!
//! /// The way of waiting, for reports.
//! struct Pass;
//!
//! impl Way<Gate> for Pass {
//!     const STATE: &'static str = "gate";
//!
//!     fn describe(gate: &Gate, to: &mut Description) {
//!         let address = &raw const *gate as usize;
//!         to.subjects.push(Subject { what: "gate", address, made_at: None, partner: Partner::Others });
//!     }
//! }
//!
//! impl Gate {
//!     #[track_caller]
//!     fn pass(&self) {
//!         let state = self.state.lock();
//!         if !state.open {
//!             let reason = Reason::new::<Pass, _>(Location::caller(), self);
//!             // SAFETY: the list is the one of the guarded state, each time.
//!             let outcome = unsafe { wait(state, |state| &mut state.waiting, &(), Patience::FOREVER, reason) };
//!             assert_eq!(outcome, Outcome::Woken);
//!         }
//!     }
//!
//!     fn open(&self) {
//!         let mut state = self.state.lock();
//!         state.open = true;
//!         let waiting = state.waiting.take_all();
//!         drop(state); // Before anybody is woken (P3).
//!         waiting.wake_all();
//!     }
//! }
//!
//! static GATE: Gate = Gate { state: Lock::new(State { open: false, waiting: WaitList::new() }) };
//!
//! run(|| {
//!     let waiter = go!(|| GATE.pass());
//!     GATE.open();
//!     waiter.join().unwrap();
//! });
//! ```
//!
//! # Another, which hands something over
//! A counter at which people queue for numbers. Who waits has a cell on its own stack, and whoever serves it fills that:
//! ```
//! use std::cell::Cell;
//! use std::panic::Location;
//! use gocsp_runtime::park::{Description, Lock, Outcome, Patience, Reason, WaitList, Way, wait};
//! use gocsp_runtime::{go, run, yield_now};
//! # use gocsp_runtime::park::{Partner, Subject};
//!
//! struct Counter {
//!     queue: Lock<WaitList<Cell<u32>>>,
//! }
//!
//! struct Queue;
//!
//! impl Way<Counter> for Queue {
//!     const STATE: &'static str = "queue";
//! #
//! #     fn describe(counter: &Counter, to: &mut Description) {
//! #         let address = &raw const *counter as usize;
//! #         to.subjects.push(Subject { what: "counter", address, made_at: None, partner: Partner::Others });
//! #     }
//!     // ... as above
//! }
//!
//! impl Counter {
//!     #[track_caller]
//!     fn take_a_number(&self) -> u32 {
//!         let number = Cell::new(0);
//!         let reason = Reason::new::<Queue, _>(Location::caller(), self);
//!         // SAFETY: the list is the guarded state itself, each time.
//!         let outcome = unsafe { wait(self.queue.lock(), |queue| queue, &number, Patience::FOREVER, reason) };
//!         assert_eq!(outcome, Outcome::Woken);
//!         number.get()
//!     }
//!
//!     /// Whether anybody was there.
//!     fn serve(&self, number: u32) -> bool {
//!         let first = self.queue.lock().pop(); // The lock is released at the end of the line.
//!         let Some(claimed) = first else { return false };
//!         claimed.payload().set(number); // Nobody else touches it now (P2).
//!         claimed.finish().wake();
//!         true
//!     }
//! }
//!
//! static COUNTER: Counter = Counter { queue: Lock::new(WaitList::new()) };
//!
//! run(|| {
//!     let customer = go!(|| COUNTER.take_a_number());
//!     while !COUNTER.serve(7) {
//!         yield_now();
//!     }
//!     assert_eq!(customer.join().unwrap(), 7);
//! });
//! ```
//!
//! [`Waiter`] has one of a wait in several lists, [`TaskPlace`] one of a future.

pub(crate) mod blocked;
mod lock;
pub(crate) mod process_barrier;
mod raw_lock;
mod reason;
mod task;
mod thread_id;
mod wait_list;
mod waiter;

pub use lock::{Lock, LockGuard};
pub use raw_lock::RawLock;
pub use reason::{Description, Partner, Reason, Subject, Way};
pub use task::TaskPlace;
pub use wait_list::{Batch, Claimed, Node, Outcome, Popped, WaitList, wait, wait_and_drop};
pub use waiter::{Patience, Unparked, Waiter, WakeToken};

use std::mem::MaybeUninit;
use std::panic::Location;

pub use crate::scheduler::{cooperate, is_unwinding, unwind_if_shutting_down, yield_if_due};
pub(crate) use lock::held;
pub(crate) use reason::{Kind, RawReason};

/// Where an operation begins that others may notice, or be kept waiting by: in a test under chosen schedules it may be decided that
/// somebody else goes on first. Holds no lock, and tells what the operation is, as a wait would. Without the feature `testing`
/// this is nothing.
///
/// ```
/// use std::panic::Location;
/// use gocsp_runtime::park::{self, Description, Partner, Reason, Subject, Way};
///
/// struct Switch;
///
/// impl Way<u32> for Switch {
///     const STATE: &'static str = "switch";
///
///     fn describe(number: &u32, to: &mut Description) {
///         let address = &raw const *number as usize;
///         to.subjects.push(Subject { what: "switch", address, made_at: None, partner: Partner::Others });
///     }
/// }
///
/// park::point(|| Reason::new::<Switch, _>(Location::caller(), &7));
/// ```
#[inline(always)]
pub fn point<'a>(operation: impl FnOnce() -> Reason<'a>) {
    #[cfg(feature = "testing")]
    crate::scheduler::point(operation);
    #[cfg(not(feature = "testing"))]
    let _ = operation;
}

/// As [`point`], within an operation: what it was for has just been taken, and is kept from others until the caller gives it back. So
/// those are seen whom it is refused to meanwhile, also if the caller does nothing with it that begins with a point.
///
/// ```
/// use std::panic::Location;
///
/// gocsp_runtime::park::point_holding(Location::caller());
/// ```
#[inline(always)]
pub fn point_holding(place: &'static Location<'static>) {
    #[cfg(feature = "testing")]
    crate::scheduler::point_holding(place);
    #[cfg(not(feature = "testing"))]
    let _ = place;
}

/// As [`point`], of an operation that nobody ever waits in, and that is told of by its name.
///
/// ```
/// use std::panic::Location;
///
/// gocsp_runtime::park::point_of("switch.Turn", Location::caller());
/// ```
#[inline(always)]
pub fn point_of(name: &'static str, place: &'static Location<'static>) {
    #[cfg(feature = "testing")]
    crate::scheduler::point_of(name, place);
    #[cfg(not(feature = "testing"))]
    let _ = (name, place);
}

/// Where the caller runs: for a goroutine the number of its worker, which counts from 0 in each runtime, for an ordinary thread
/// any number that is the same each time.
///
/// A hint, for what is split so that threads do not get in each other's way. It may be another at the next call, and two who run
/// at the same time may be told the same.
///
/// ```
/// let here = gocsp_runtime::park::place();
/// assert_eq!(here, gocsp_runtime::park::place());
/// ```
#[inline]
pub fn place() -> usize {
    crate::scheduler::current_number().unwrap_or_else(|| thread_id::current() / THREAD_ALIGNMENT)
}

/// Numbers of threads are addresses, of structures in mappings of their own: pages and guards, of sizes that are not all the same.
const THREAD_ALIGNMENT: usize = 4096;

/// An address on the stack of the caller: it tells on whose.
///
/// ```
/// use gocsp_runtime::park::stack_address;
/// use std::thread;
///
/// let (mine, another) = (stack_address(), thread::spawn(stack_address).join().unwrap());
/// assert_ne!(mine, another);
/// ```
#[inline(always)]
pub fn stack_address() -> usize {
    let here = MaybeUninit::<u8>::uninit();
    (&raw const here).addr()
}
