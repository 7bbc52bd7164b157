//! Runtimes: the global one, those that are built, and the one that `run` makes.

use std::fmt;
use std::io;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostics::{self, Deadlock, OnDeadlock, RuntimeMetrics};
use crate::goroutine::{self, Cancelled, JoinHandle, OnPanic, Run};
use crate::park::{Patience, process_barrier};
use crate::scheduler::{self, MAX_WORKERS, Options, Shared, StallLimit};
use crate::stack::{self, SizeClass, StackError};
use crate::std_sync::OnceLock;

/// How long the end of [`run`] waits for the next goroutine to end. Long enough for a thread to be scheduled on a machine
/// that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(1);

/// The variable that sets how many workers a runtime has when nothing else does.
const PROCS_VARIABLE: &str = "GOCSP_MAXPROCS";
/// The variable that sets how often every runtime prints what it does, in milliseconds.
const TRACE_VARIABLE: &str = "GOCSP_SCHEDTRACE";
/// The variable that says what becomes of panics when nothing else does.
const PANIC_VARIABLE: &str = "GOCSP_PANIC";

/// A set of workers, and the goroutines that they run.
///
/// Most programs need none of their own: [`run`] makes one for the main goroutine, and goroutines started from
/// ordinary threads run on a global one.
///
/// Dropping a runtime ends its goroutines: those that are parked are unwound, so that their destructors run, and those
/// that have not started are dropped; then its threads are joined. Every destructor runs once. A goroutine that computes
/// without ever calling the runtime is waited for. A goroutine of another runtime that drops this one waits as for any
/// other thing, while its neighbours go on. Dropped by one of its own goroutines, or in a [`blocking`](crate::blocking) call, it
/// ends in the background. In a program built with `panic = "abort"` nothing can be unwound, so a dropped runtime is left
/// running.
///
/// What its goroutines have shared with others outlives it: channels with what is buffered in them, locks, contexts, and
/// [`JoinHandle`]s, which give the result, or say [`Cancelled`](crate::Cancelled). Only its timers end with it.
///
/// While it ends, [`std::thread::panicking`] may be true in a goroutine that does not unwind: when another on its thread waits in a
/// destructor. A guard of a lock of the standard library that is dropped then poisons the lock. At all other times a
/// goroutine that unwinds keeps its thread to itself, and no other sees its panic.
///
/// ```
/// use gocsp_runtime::Runtime;
///
/// let runtime = Runtime::builder().procs(1).build()?;
/// let sum = runtime.run(|| gocsp_runtime::spawn(|| 1 + 1).join().unwrap());
/// assert_eq!(sum, 2);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runtime {
    shared: Arc<Shared>,
    /// The end of the program is near: goroutines that do not end are not waited for.
    impatient: bool,
}

impl Runtime {
    /// A runtime in the making.
    ///
    /// ```
    /// let runtime = gocsp_runtime::Runtime::builder().procs(1).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Runs `f` as a goroutine of this runtime, with a stack of 8 MiB, or more if all stacks are larger, and waits for its
    /// value. The other goroutines stay.
    ///
    /// # Panics
    /// With the panic of `f`, or when no stack can be had for it; or with the report of a [deadlock](Builder::on_deadlock), if the
    /// runtime ends by one.
    ///
    /// ```
    /// use gocsp_runtime::{Runtime, spawn};
    ///
    /// let runtime = Runtime::builder().build()?;
    /// let words = vec!["a", "b"]; // May be borrowed: this waits for the value.
    /// assert_eq!(runtime.run(|| words.len()), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        self.try_run(f).unwrap_or_else(|deadlock| panic!("{deadlock}"))
    }

    /// As [`run`](Self::run), for a runtime that [returns](OnDeadlock::Return) what it finds out about a deadlock.
    ///
    /// # Errors
    /// The report, if all goroutines were asleep and nothing was left that could have woken one. The runtime has ended then: its
    /// goroutines are unwound, and those that are spawned there are dropped.
    ///
    /// # Panics
    /// With the panic of `f`, or when no stack can be had for it.
    ///
    /// ```
    /// use gocsp_runtime::{OnDeadlock, Runtime};
    ///
    /// let runtime = Runtime::builder().on_deadlock(OnDeadlock::Return).build()?;
    /// match runtime.try_run(|| 1 + 1) {
    ///     Ok(sum) => assert_eq!(sum, 2),
    ///     Err(deadlock) => eprintln!("{deadlock}"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn try_run<F, T>(&self, f: F) -> Result<T, Deadlock>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        // SAFETY: the wait is masked, so this returns or unwinds only after the goroutine has ended.
        let main = unsafe { goroutine::spawn_scoped_main(self, f, Location::caller()) };
        self.finish(main, Location::caller())
    }

    /// The value of the main goroutine, or its panic.
    fn finish<T>(&self, main: JoinHandle<T>, place: &'static Location<'static>) -> Result<T, Deadlock> {
        let payload = match main.join_with::<Run>(Patience::MASKED, place) {
            Ok(value) => return Ok(value),
            Err(payload) => payload,
        };
        if payload.is::<Cancelled>()
            && let Some(deadlock) = self.shared.deadlock()
        {
            return Err(deadlock.clone());
        }
        match payload.downcast::<StackError>() {
            // Nobody has said so yet, as the panic hook does of a panic.
            Ok(error) => panic!("{error}"),
            Err(payload) => goroutine::resume_unwind(payload),
        }
    }

    /// What this runtime has done so far, and what it has, in numbers.
    ///
    /// ```
    /// use gocsp_runtime::{Runtime, spawn};
    ///
    /// let runtime = Runtime::builder().procs(1).build()?;
    /// runtime.run(|| (0..10).for_each(|_| spawn(|| ()).join().unwrap()));
    /// // These ten, and the main goroutine.
    /// assert_eq!(runtime.metrics().finished, 11);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        self.shared.metrics()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if cfg!(panic = "abort") {
            return;
        }
        if self.impatient {
            self.shared.shut_down_within(PATIENCE);
        } else {
            self.shared.shut_down();
        }
    }
}

// A panic ends its goroutine, and leaves nothing of the runtime half changed.
impl UnwindSafe for Runtime {}
impl RefUnwindSafe for Runtime {}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("procs", &self.shared.procs.limit())
            .field("goroutines", &self.shared.live())
            .finish_non_exhaustive()
    }
}

/// A [`Runtime`] in the making.
///
/// ```
/// use gocsp_runtime::Runtime;
///
/// let runtime = Runtime::builder().procs(2).stack_size(64 << 10).build()?;
/// runtime.run(|| println!("hello"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing starts before `build`"]
pub struct Builder {
    procs: Option<usize>,
    stack_size: Option<usize>,
    migrate: bool,
    on_deadlock: OnDeadlock,
    on_panic: Option<OnPanic>,
    stall_limit: StallLimit,
    #[cfg(feature = "testing")]
    directed: bool,
}

impl Builder {
    /// Has every step [chosen](crate::testing).
    #[cfg(feature = "testing")]
    pub(crate) fn directed(self) -> Self {
        Self {
            procs: Some(1),
            directed: true,
            on_deadlock: OnDeadlock::Ignore,
            on_panic: Some(OnPanic::Unwind),
            ..self
        }
    }

    /// How many workers run goroutines at the same time, from 1 to 1024. Without this it is the number in the variable
    /// `GOCSP_MAXPROCS`, or else [`num_cpus()`].
    ///
    /// ```
    /// use gocsp_runtime::{Runtime, max_procs};
    ///
    /// let runtime = Runtime::builder().procs(2).build()?;
    /// assert_eq!(runtime.run(max_procs), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn procs(mut self, procs: usize) -> Self {
        self.procs = Some(procs);
        self
    }

    /// The size of goroutines' stacks in bytes, from 32 KiB to 1 GiB; rounded up to a power of two. Without this it is
    /// 256 KiB. This is address space: memory is used page by page as a stack grows. One page of it is the guard.
    ///
    /// ```
    /// use gocsp_runtime::{Runtime, spawn};
    ///
    /// let runtime = Runtime::builder().stack_size(64 << 10).build()?;
    /// assert_eq!(runtime.run(|| spawn(|| "has 64 KiB").join().unwrap()), "has 64 KiB");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// What is done when all goroutines are asleep and nothing is left that could wake one. Without this the report is printed,
    /// and the process ends with status 2.
    ///
    /// ```
    /// use gocsp_runtime::{OnDeadlock, Runtime, spawn};
    ///
    /// let runtime = Runtime::builder().on_deadlock(OnDeadlock::Ignore).build()?;
    /// assert_eq!(runtime.run(|| spawn(|| 1).join().unwrap()), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_deadlock(mut self, what: OnDeadlock) -> Self {
        self.on_deadlock = what;
        self
    }

    /// What becomes of a panic that its goroutine does not catch. Without this it is what the variable `GOCSP_PANIC` says, `unwind`
    /// or `abort`, or else [`OnPanic::Unwind`]. The variable also reaches the runtimes that nobody builds: that of [`run`],
    /// and the one of goroutines that are started by ordinary threads.
    ///
    /// ```no_run
    /// use gocsp_runtime::{OnPanic, Runtime, spawn};
    ///
    /// let runtime = Runtime::builder().on_panic(OnPanic::Abort).build()?;
    /// runtime.run(|| {
    ///     // Ends the program, as it would in Go.
    ///     spawn(|| panic!("a bug")).join()
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.on_panic = Some(on_panic);
        self
    }

    /// Lets started goroutines be stolen by other workers, and so change threads at any call that may block. When goroutines that
    /// never call the runtime keep all workers from it, those who sleep or wait go on on spare threads, except for waits with
    /// a deadline for something else.
    ///
    /// # Safety
    /// No goroutine of this runtime keeps, across a call that may block or yield, anything that is bound to its thread:
    /// a value that is not `Send`, such as an `Rc`, a guard of a lock of the standard library, or `rand`'s thread
    /// generator; or a reference into a thread-local.
    ///
    /// ```
    /// use gocsp_runtime::{Runtime, spawn};
    ///
    /// // SAFETY: nothing that is bound to a thread is kept across a call that may block.
    /// let runtime = unsafe { Runtime::builder().migrate() }.build()?;
    /// assert_eq!(runtime.run(|| spawn(|| 42).join().unwrap()), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub unsafe fn migrate(mut self) -> Self {
        self.migrate = true;
        self
    }

    /// For how long a goroutine may keep its worker while others wait behind it, before that is reported: 100 ms without this.
    /// With `None` nothing is reported.
    ///
    /// A goroutine that has run for 10 ms is asked to yield, and does so at its next call of gocsp. If no such call comes, because
    /// it computes or blocks its thread, it is reported by a warning through the crate `log`, with the target `gocsp::stall`:
    /// once for each time that it does so, and at most once a second for all goroutines of a runtime. That no thread is left
    /// that could take over, under [`migrate`](Self::migrate), is reported in the same way. The logger is called on a thread of
    /// the runtime that also ends the time slices of others, so it must not wait for a goroutine.
    ///
    /// The runtime looks every 5 ms, and the time is counted from when it has asked, so up to 15 ms are not counted.
    ///
    /// ```
    /// use gocsp_runtime::Runtime;
    /// use std::time::Duration;
    ///
    /// let strict = Runtime::builder().stall_limit(Duration::from_millis(20)).build()?;
    /// let silent = Runtime::builder().stall_limit(None).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stall_limit(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.stall_limit = StallLimit(limit.into());
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    /// `InvalidInput` when a number lies outside its limits, or one of the variables `GOCSP_MAXPROCS`, `GOCSP_PANIC` and
    /// `GOCSP_SCHEDTRACE` is needed and makes no sense; what the system says when a thread cannot be started, and what to do then. The
    /// threads that could be are ended again.
    ///
    /// ```
    /// use gocsp_runtime::Runtime;
    ///
    /// assert!(Runtime::builder().procs(1).build().is_ok());
    /// let error = Runtime::builder().procs(0).build().unwrap_err();
    /// assert_eq!(error.to_string(), "the number of procs must be from 1 to 1024, not 0");
    /// ```
    pub fn build(self) -> io::Result<Runtime> {
        let procs = match self.procs {
            Some(procs) => check_procs(procs, "the number of procs")?,
            None => default_procs()?,
        };
        let on_panic = self.on_panic.map_or_else(default_on_panic, Ok)?;
        let stack = SizeClass::for_bytes(self.stack_size.unwrap_or(stack::DEFAULT_SIZE))?;
        stack::install_handler();
        goroutine::install_hook();
        process_barrier::provide_if_cheap();
        diagnostics::dump_on_quit();
        let (trace, processors) = (trace_interval()?, num_cpus());
        let Self { migrate, on_deadlock, stall_limit, .. } = self;
        let options = Options {
            stack,
            migrate,
            on_panic,
            processors,
            on_deadlock,
            stall_limit,
            trace,
            #[cfg(feature = "testing")]
            directed: self.directed,
        };
        let shared = Shared::start(procs, options)?;
        Ok(Runtime { shared, impatient: false })
    }
}

fn check_procs(procs: usize, what: &str) -> io::Result<usize> {
    if (1..=MAX_WORKERS).contains(&procs) {
        return Ok(procs);
    }
    let message = format!("{what} must be from 1 to {MAX_WORKERS}, not {procs}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

fn default_procs() -> io::Result<usize> {
    let Some(value) = std::env::var_os(PROCS_VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(num_cpus().clamp(1, MAX_WORKERS));
    };
    match value.to_str().and_then(|text| text.trim().parse().ok()) {
        Some(procs) => check_procs(procs, PROCS_VARIABLE),
        None => {
            let message = format!("{PROCS_VARIABLE} must be a number from 1 to {MAX_WORKERS}, not {value:?}");
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
    }
}

fn default_on_panic() -> io::Result<OnPanic> {
    let Some(value) = std::env::var_os(PANIC_VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(OnPanic::default());
    };
    value.to_str().and_then(|text| OnPanic::named(text.trim())).ok_or_else(|| {
        let message = format!("{PANIC_VARIABLE} must be unwind or abort, not {value:?}");
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

/// The time between two lines of the trace, if one is wanted.
fn trace_interval() -> io::Result<Option<Duration>> {
    let Some(value) = std::env::var_os(TRACE_VARIABLE).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.to_str().and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(millis) => Ok((millis > 0).then(|| Duration::from_millis(millis.into()))),
        None => {
            let message =
                format!("{TRACE_VARIABLE} must be a number of milliseconds, or 0 for no trace, not {value:?}");
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
    }
}

/// Runs `f` as the main goroutine of a runtime of its own, and returns its value.
///
/// When `f` returns, what is still parked is unwound, and what has not started is dropped. A goroutine that does neither
/// park nor end, because it computes or is in [`blocking`](crate::blocking), does not keep the program alive: when nothing
/// has ended for a second, it is left running, and this returns.
///
/// Called by a goroutine it makes one more runtime, with workers of its own, and ends that before it returns; the caller
/// waits, while its neighbours go on. To call `f` directly is nearly always what is meant.
///
/// # Panics
/// With the panic of `f`; or when the runtime cannot be started: see [`Builder::build`].
///
/// ```
/// let answer = gocsp_runtime::run(|| {
///     let six = gocsp_runtime::spawn(|| 6);
///     six.join().unwrap() * 7
/// });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn run<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    match Runtime::builder().build() {
        Ok(mut runtime) => {
            runtime.impatient = true;
            runtime.run(f)
        }
        Err(error) => panic!("the runtime cannot be started: {error}"),
    }
}

/// The runtime of goroutines that are started by ordinary threads. It is never dropped. If it cannot be started, who needs it
/// next tries again.
pub(crate) fn global() -> &'static Runtime {
    static GLOBAL: OnceLock<Runtime> = OnceLock::new();
    GLOBAL.get_or_init(|| match Runtime::builder().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the global runtime cannot be started: {error}"),
    })
}

/// Calls `f` with the runtime of the caller, or the global one.
pub(crate) fn with_current<R>(f: impl FnOnce(&Arc<Shared>) -> R) -> R {
    match scheduler::current_shared() {
        Some(shared) => f(&shared),
        None => f(global().shared()),
    }
}

/// How many processors the process may use, by its affinity and by the quota of its cgroup; a part of one counts as a whole.
/// Go's `NumCPU`. A runtime has so many procs when nothing else says how many.
///
/// The affinity is read at every call, unless there is a quota: then both are read once.
///
/// ```
/// assert!(gocsp_runtime::num_cpus() >= 1);
/// ```
pub fn num_cpus() -> usize {
    num_cpus::get()
}

/// How many workers run goroutines at the same time, in the caller's runtime.
///
/// # Panics
/// When the caller is an ordinary thread, and the global runtime has to be started and cannot be.
///
/// ```
/// assert!(gocsp_runtime::max_procs() >= 1);
/// ```
pub fn max_procs() -> usize {
    with_current(|shared| shared.procs.limit())
}

/// Changes how many workers run goroutines at the same time, in the caller's runtime; gives the old number. 0 changes
/// nothing. Go's `GOMAXPROCS`.
///
/// More workers are started at once. Fewer take effect within a time slice of 10 ms; goroutines that have started stay
/// on the worker where they are, and the workers take turns. Under [`migrate`](Builder::migrate) a goroutine that computes for
/// longer than two time slices without calling the runtime does not count any more if others wait. While the runtime shuts
/// down, nothing changes.
///
/// # Panics
/// When `n` is above 1024, or a thread cannot be started: then the number is as it was. And as [`max_procs`].
///
/// ```
/// gocsp_runtime::run(|| {
///     let old = gocsp_runtime::set_max_procs(3);
///     assert_eq!(gocsp_runtime::set_max_procs(0), 3);
///     gocsp_runtime::set_max_procs(old);
/// });
/// ```
pub fn set_max_procs(n: usize) -> usize {
    if n == 0 {
        return max_procs();
    }
    let result = check_procs(n, "the number of procs").and_then(|procs| with_current(|shared| shared.set_procs(procs)));
    result.unwrap_or_else(|error| panic!("set_max_procs({n}): {error}"))
}

/// How many goroutines there are in the caller's runtime: spawned, and not yet ended.
///
/// # Panics
/// As [`max_procs`].
///
/// ```
/// gocsp_runtime::run(|| assert_eq!(gocsp_runtime::num_goroutines(), 1));
/// ```
pub fn num_goroutines() -> usize {
    let live = with_current(|shared| shared.live());
    #[cfg(feature = "testing")]
    let live = if scheduler::is_directed() { live - scheduler::EXPLORERS } else { live };
    live as usize
}
