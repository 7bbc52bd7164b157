//! [`Once`]: something that is done once.
//!
//! A flag says that it is done; until it is set, a mutex lets one try at a time. So whoever comes while it is being done
//! waits, and finds the flag when it is its turn.
//!
//! Rejected: to try again after a panic, as the standard library can be made to. Go does not, and what has been done by half
//! is seldom fit to be done again.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use gocsp_runtime::park::{self, Description, Way};

use crate::Mutex;
use crate::raw_mutex::RawMutex;
use crate::report::Caller;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::const_unless_modelled;

/// Something that is done once, however many ask for it.
///
/// # Cost
/// Once it is done: a load. No allocation.
///
/// # Examples
/// ```
/// use gocsp_sync::{Once, WaitGroup};
///
/// static START: Once = Once::new();
///
/// let group = WaitGroup::new();
/// for _ in 0..10 {
///     group.go(|| START.call_once(|| println!("printed once")));
/// }
/// group.wait();
/// assert!(START.is_completed());
/// ```
pub struct Once {
    done: AtomicBool,
    doing: Mutex<()>,
}

// It holds nothing that a panic could leave half done.
impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

impl Once {
    const_unless_modelled! {
        /// Something that has not been done yet.
        ///
        /// # Examples
        /// ```
        /// assert!(!gocsp_sync::Once::new().is_completed());
        /// ```
        #[track_caller]
        pub fn new() -> Self {
            Self { done: AtomicBool::new(false), doing: Mutex::new(()) }
        }
    }

    /// Calls `f`, unless something has been called before. When it returns it is done, whoever did it, and what happened
    /// before it was done is visible.
    ///
    /// If `f` panics, that counts as done. To call it from within `f` is to wait for ever; and so is to call it in a circle
    /// with others, each from within the one before.
    ///
    /// # Panics
    /// With the panic of `f`.
    ///
    /// # Examples
    /// ```
    /// use gocsp_sync::Once;
    ///
    /// let (once, mut count) = (Once::new(), 0);
    /// once.call_once(|| count += 1);
    /// once.call_once(|| count -= 1);
    /// assert_eq!(count, 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once(&self, f: impl FnOnce()) {
        if !self.is_done() {
            self.call(f, Location::caller());
        }
    }

    #[cold]
    fn call(&self, f: impl FnOnce(), place: Caller) {
        let _doing = self.doing.lock_as::<Calling>(place);
        if !self.is_done() {
            // Set before the mutex is unlocked, also if `f` panics.
            let _done = SetOnDrop(&self.done);
            f();
        }
    }

    /// Whether it is done.
    ///
    /// # Examples
    /// ```
    /// let once = gocsp_sync::Once::new();
    /// once.call_once(|| ());
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_completed(&self) -> bool {
        park::point_of("sync.Once.is_completed", Location::caller());
        self.is_done()
    }

    /// Acquire: pairs with the Release of who has done it.
    #[inline]
    fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }
}

impl Default for Once {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("done", &self.is_done()).finish_non_exhaustive()
    }
}

/// To wait for who is doing it.
enum Calling {}

impl Way<RawMutex> for Calling {
    const STATE: &'static str = "sync.Once.Do";

    fn describe(doing: &RawMutex, to: &mut Description) {
        doing.describe("once", to);
    }
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `is_done`.
        self.0.store(true, Ordering::Release);
    }
}
