//! Functions that run at a given time, in a goroutine of their own.
//!
//! # Who owns the function
//! - The *handle*, for as long as it exists, so that it can be set to run again.
//! - While it is set to run, the *timer*, which then also owns itself: for the stores hold no references that keep anything
//!   alive, and the handle may be gone.
//! - The goroutine that runs it.
//!
//! To fire, to stop and to be abandoned by a runtime that has ended take both the function and itself out of the timer, and
//! drop them after its lock was released. So the function's destructor, which is user code, runs in its goroutine, or where
//! the handle is dropped or used, or at the end of the runtime; never under a lock, nor in a store.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Expire, Expiry, Schedule};
use crate::clock;
use crate::goroutine::spawn_due;
use crate::park::{self, Lock};

/// Runs `f` in a goroutine of its own, `delay` from now. Go's `time.AfterFunc`.
///
/// Dropping what it gives changes nothing: `f` will run, unless it is [stopped](AfterFunc::stop) first, or the runtime ends.
/// That is the runtime of the caller, or the global one when the caller is an ordinary thread; when it ends, `f` is dropped.
/// A delay beyond what the clock can represent (thirty years at least) is shortened to that.
///
/// It costs two allocations, and one more goroutine for each time that it runs, not before its time has come.
///
/// # Panics
/// When the global runtime has to be started and cannot be.
///
/// ```
/// use std::sync::mpsc::channel;
/// use std::time::{Duration, Instant};
/// use gocsp_runtime::timer::after_func;
///
/// let (tx, rx) = channel();
/// let start = Instant::now();
/// after_func(Duration::from_millis(2), move || tx.send(Instant::now()).unwrap());
/// assert!(rx.recv().unwrap() >= start + Duration::from_millis(2));
/// ```
#[track_caller]
pub fn after_func<F>(delay: Duration, f: F) -> AfterFunc
where
    F: Fn() + Send + Sync + 'static,
{
    let state = Lock::new(State { schedule: Schedule::new(), running: None });
    let timer = Arc::new(FuncTimer { state, made_at: Location::caller() });
    let handle = AfterFunc { timer, f: Arc::new(f) };
    handle.reset(delay);
    handle
}

/// A function that will run, or has run, at a given time: what [`after_func`] gives.
///
/// ```
/// use std::time::Duration;
/// use gocsp_runtime::timer::after_func;
///
/// let alarm = after_func(Duration::from_secs(60), || println!("a minute is over"));
/// assert!(alarm.stop());
/// ```
pub struct AfterFunc {
    timer: Arc<FuncTimer>,
    f: Function,
}

type Function = Arc<dyn Fn() + Send + Sync>;

impl AfterFunc {
    /// Keeps the function from running. True if that succeeded; false if it has been started already, or was stopped before.
    ///
    /// It does not wait for a function that has been started to end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_runtime::timer::after_func;
    ///
    /// let alarm = after_func(Duration::from_secs(60), || unreachable!("it is stopped"));
    /// assert!(alarm.stop());
    /// assert!(!alarm.stop());
    /// ```
    #[track_caller]
    pub fn stop(&self) -> bool {
        park::point_of("time.AfterFunc.Stop", Location::caller());
        let mut state = self.timer.state.lock();
        let was_set = state.schedule.clear();
        let running = state.running.take();
        drop(state);
        drop(running);
        was_set
    }

    /// Has the function run `delay` from now, and not when it was to run before. True if it was still to run; false if it has
    /// been started, or was stopped.
    ///
    /// If it has been started, it runs once more, in another goroutine, perhaps while the first still does.
    ///
    /// # Panics
    /// As [`after_func`].
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use std::time::Duration;
    /// use gocsp_runtime::timer::after_func;
    ///
    /// let (tx, rx) = channel();
    /// let alarm = after_func(Duration::from_secs(60), move || tx.send(()).unwrap());
    /// assert!(alarm.reset(Duration::from_millis(1)));
    /// rx.recv().unwrap();
    /// assert!(!alarm.reset(Duration::ZERO));
    /// rx.recv().unwrap();
    /// ```
    #[track_caller]
    pub fn reset(&self, delay: Duration) -> bool {
        park::point_of("time.AfterFunc.Reset", Location::caller());
        let due = clock::deadline(delay);
        let mut state = self.timer.state.lock();
        let was_set = state.schedule.is_set();
        if state.running.is_none() {
            state.running = Some(Running { f: Arc::clone(&self.f), timer: Arc::clone(&self.timer) });
        }
        let arming = state.schedule.set(due, || {
            let timer: Weak<FuncTimer> = Arc::downgrade(&self.timer);
            timer
        });
        drop(state);
        if let Some(arming) = arming {
            arming.carry_out();
        }
        was_set
    }
}

impl fmt::Debug for AfterFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_set = self.timer.state.lock().schedule.is_set();
        f.debug_struct("AfterFunc").field("is_set", &is_set).finish_non_exhaustive()
    }
}

// The function is called in goroutines of its own, and shows nothing to those who use the handle.
impl UnwindSafe for AfterFunc {}
impl RefUnwindSafe for AfterFunc {}

/// See the [module](self).
struct FuncTimer {
    state: Lock<State>,
    made_at: &'static Location<'static>,
}

struct State {
    schedule: Schedule,
    /// There as long as the schedule is set.
    running: Option<Running>,
}

/// What a timer owns while its function is to run.
struct Running {
    f: Function,
    /// The timer itself.
    timer: Arc<FuncTimer>,
}

impl Expire for FuncTimer {
    fn expire(&self, entry: Instant) -> Option<Instant> {
        let now = clock::now();
        let mut state = self.state.lock();
        match state.schedule.expire(entry, now) {
            Expiry::Stale => None,
            Expiry::Early(due) => Some(due),
            Expiry::Due(_) => {
                let running = state.running.take();
                drop(state);
                if let Some(Running { f, timer }) = running {
                    // The timer first: whoever calls this has another reference to it.
                    drop(timer);
                    spawn_due(move || f(), self.made_at);
                }
                None
            }
        }
    }

    fn is_awaited(&self) -> bool {
        self.state.lock().schedule.is_set()
    }

    fn abandon(&self, entry: Instant) {
        let mut state = self.state.lock();
        let running = if state.schedule.abandon(entry) { state.running.take() } else { None };
        drop(state);
        drop(running);
    }
}
