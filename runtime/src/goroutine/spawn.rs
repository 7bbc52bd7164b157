//! Starting goroutines.

use std::io;
use std::num::NonZeroU64;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;

use super::cell::{self, DETACHED};
use super::control::{Goroutine, GoroutineId};
use super::join::JoinHandle;
use super::scope::{Scope, ScopeState, ScopedJoinHandle};
use crate::park;
use crate::runtime::Runtime;
use crate::scheduler::{self, Placement, Shared, Worker};
use crate::stack::{self, SizeClass};

/// What only some goroutines have.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) name: Option<String>,
    pub(crate) stack: Option<SizeClass>,
    pub(crate) scope: Option<Arc<ScopeState>>,
    /// What it refers to may be gone as soon as it has ended, or counts as ended.
    pub(crate) borrows: bool,
}

impl Attributes {
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        let has_any = self.name.is_some() || self.stack.is_some() || self.scope.is_some() || self.borrows;
        has_any.then(|| Box::new(self))
    }
}

/// Starts a goroutine that runs `f`: on the runtime of the caller, or on the global one when the caller is an ordinary
/// thread. The function behind `go!`.
///
/// The goroutine is queued, and gets a stack when it first runs. This costs one allocation, at most.
///
/// # Panics
/// When the global runtime has to be started and cannot be: no thread can be had, or `GOCSP_MAXPROCS` is not a number.
///
/// ```
/// use gocsp_runtime::spawn;
///
/// let word = String::from("hello");
/// let length = spawn(move || word.len());
/// assert_eq!(length.join().unwrap(), 5);
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: what is 'static outlives everything, and both types are Send.
    unsafe { spawn_on(None, f, None, Placement::Dealt, Location::caller()) }
}

/// Starts a goroutine as [`spawn`] does, but without a handle, which saves an atomic operation.
///
/// # Panics
/// As [`spawn`].
///
/// ```
/// use std::sync::mpsc::channel;
/// use gocsp_runtime::spawn_detached;
///
/// let (tx, rx) = channel();
/// spawn_detached(move || tx.send("hello").unwrap());
/// assert_eq!(rx.recv().unwrap(), "hello");
/// ```
#[track_caller]
pub fn spawn_detached<F>(f: F)
where
    F: FnOnce() + Send + 'static,
{
    about_to_spawn(Location::caller());
    spawn_due(f, Location::caller());
}

/// A goroutine in the making, for when it should have a name, a stack of another size, or a place of its own.
///
/// ```
/// use gocsp_runtime::Go;
///
/// let deep = Go::new().name("deep").stack_size(1 << 20).spawn(|| "done")?;
/// assert_eq!(deep.name(), Some("deep"));
/// assert_eq!(deep.join().unwrap(), "done");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing starts before `spawn`"]
pub struct Go {
    name: Option<String>,
    stack_size: Option<usize>,
    placement: Placement,
}

impl Go {
    /// A goroutine without a name, with a stack of the runtime's usual size.
    ///
    /// ```
    /// assert_eq!(gocsp_runtime::Go::new().spawn(|| 42)?.join().unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the goroutine. The name appears in the messages about it: panics and stack overflows.
    ///
    /// ```
    /// let till = gocsp_runtime::Go::new().name("till").spawn(|| ())?;
    /// assert_eq!(till.name(), Some("till"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The size of its stack in bytes, from 32 KiB to 1 GiB; rounded up to a power of two. This is address space: memory
    /// is used page by page as the stack grows. One page of it is the guard.
    ///
    /// ```
    /// fn depth(n: u32) -> u32 {
    ///     if n == 0 { 0 } else { 1 + depth(n - 1) }
    /// }
    ///
    /// let deep = gocsp_runtime::Go::new().stack_size(16 << 20).spawn(|| depth(20_000))?;
    /// assert_eq!(deep.join().unwrap(), 20_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Places it on the worker whose turn it is, whoever spawns it: for long-lived goroutines that compute.
    ///
    /// ```
    /// let computes = gocsp_runtime::Go::new().spread().spawn(|| (0..1000_u64).sum::<u64>())?;
    /// assert_eq!(computes.join().unwrap(), 499_500);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spread(mut self) -> Self {
        self.placement = Placement::Spread;
        self
    }

    /// Places it on the worker of the goroutine that spawns it: for goroutines that mostly talk to it. It may still be
    /// started by another worker that is idle while this one is busy.
    ///
    /// ```
    /// let helper = gocsp_runtime::Go::new().local().spawn(|| "done")?;
    /// assert_eq!(helper.join().unwrap(), "done");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local(mut self) -> Self {
        self.placement = Placement::Local;
        self
    }

    /// Starts the goroutine, as [`spawn`] does.
    ///
    /// # Errors
    /// `InvalidInput` when the stack size lies outside the limits.
    ///
    /// # Panics
    /// As [`spawn`].
    ///
    /// ```
    /// use gocsp_runtime::Go;
    ///
    /// assert_eq!(Go::new().spawn(|| 42)?.join().unwrap(), 42);
    /// assert!(Go::new().stack_size(1).spawn(|| ()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let attributes =
            Attributes { name: self.name, stack: stack_class(self.stack_size)?, scope: None, borrows: false };
        // SAFETY: what is 'static outlives everything, and both types are Send.
        Ok(unsafe { spawn_on(None, f, attributes.boxed(), self.placement, Location::caller()) })
    }

    /// Starts the goroutine in a scope, as [`Scope::go`] does.
    ///
    /// # Errors
    /// `InvalidInput` when the stack size lies outside the limits.
    ///
    /// # Panics
    /// As [`spawn`].
    ///
    /// ```
    /// use gocsp_runtime::{Go, scope};
    ///
    /// let text = String::from("deep");
    /// scope(|s| {
    ///     let length = Go::new().stack_size(1 << 20).spawn_scoped(s, || text.len())?;
    ///     assert_eq!(length.join().unwrap(), 4);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let attributes = Attributes { name: self.name, stack: stack_class(self.stack_size)?, ..Attributes::default() };
        Ok(scope.spawn(f, attributes, self.placement, Location::caller()))
    }
}

fn stack_class(bytes: Option<usize>) -> io::Result<Option<SizeClass>> {
    bytes.map(SizeClass::for_bytes).transpose()
}

/// The stack of a goroutine in the place of `fn main`.
const MAIN_STACK: SizeClass = SizeClass::round_up(stack::MAIN_SIZE);

/// Starts the function that a schedule is for, with the stack of a main goroutine.
#[cfg(feature = "testing")]
pub(crate) fn spawn_body(f: impl FnOnce() + Send + 'static, spawned_at: &'static Location<'static>) -> JoinHandle<()> {
    let attributes = Attributes { name: Some("body".into()), stack: Some(MAIN_STACK), ..Attributes::default() };
    // SAFETY: what is 'static outlives everything, and the closure is Send.
    unsafe { spawn_on(None, f, attributes.boxed(), Placement::Local, spawned_at) }
}

/// Starts the goroutine that [`Runtime::run`] waits for.
///
/// # Safety
/// The caller waits for the goroutine to end before what `f` and its result borrow is gone.
pub(crate) unsafe fn spawn_scoped_main<F, T>(
    runtime: &Runtime,
    f: F,
    spawned_at: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let stack = MAIN_STACK.max(runtime.shared().stack_class());
    let attributes = Attributes { name: Some("main".into()), stack: Some(stack), scope: None, borrows: true };
    // SAFETY: passed on.
    unsafe { spawn_on(Some(runtime.shared()), f, attributes.boxed(), Placement::Spread, spawned_at) }
}

/// Starts a goroutine on `runtime`, or else on that of the caller.
///
/// # Safety
/// What `f` and its result borrow outlives the goroutine, and both may be sent to another thread.
pub(super) unsafe fn spawn_on<F, T>(
    runtime: Option<&Arc<Shared>>,
    f: F,
    attributes: Option<Box<Attributes>>,
    placement: Placement,
    spawned_at: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    about_to_spawn(spawned_at);
    // SAFETY: passed on.
    let goroutine = unsafe { queue_on(runtime, f, 0, attributes, placement, spawned_at) };
    // SAFETY: the cell was just made for `T`, and has no other handle.
    unsafe { JoinHandle::new(goroutine) }
}

#[inline(always)]
fn about_to_spawn(place: &'static Location<'static>) {
    scheduler::cooperate_to_spawn();
    park::point_of("go", place);
}

/// Starts a goroutine for a timer that is due: not by a goroutine, as a rule, and so without yielding. The line that made the
/// timer is where it was spawned.
pub(crate) fn spawn_due(f: impl FnOnce() + Send + 'static, spawned_at: &'static Location<'static>) {
    // SAFETY: what is 'static outlives everything, and the closure is Send.
    unsafe { queue_on(None, f, DETACHED, None, Placement::Dealt, spawned_at) };
}

/// Makes a goroutine whose handle is as `join` says, and queues it on `runtime`, or else on that of the caller. With no handle
/// it may be gone already. A goroutine that spawns lets others run first if [it is time](scheduler::cooperate_to_spawn).
///
/// # Safety
/// As [`spawn_on`].
unsafe fn queue_on<F, T>(
    runtime: Option<&Arc<Shared>>,
    f: F,
    join: u32,
    attributes: Option<Box<Attributes>>,
    placement: Placement,
    spawned_at: &'static Location<'static>,
) -> NonNull<Goroutine>
where
    F: FnOnce() -> T,
{
    let make = |id: NonZeroU64, worker: Option<&Worker>| -> NonNull<Goroutine> {
        // SAFETY: passed on.
        unsafe { cell::new(f, join, GoroutineId(id), spawned_at, attributes, worker) }
    };
    scheduler::spawn(runtime, make, placement)
}
