//! Goroutines that may borrow: all of them have ended when the scope returns.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::thread::Result as ThreadResult;

use super::control::GoroutineId;
use super::join::JoinHandle;
use super::panics::resume_unwind;
use super::spawn::{Attributes, spawn_on};
use crate::park::{Description, Lock, Outcome, Partner, Patience, Reason, Subject, WaitList, Way, wait};
use crate::scheduler::Placement;

/// Calls `f` with a scope in which it may start goroutines that borrow from the caller, and returns when it and all of
/// them have ended. As [`std::thread::scope`], for goroutines.
///
/// The wait outlasts everything, even the shutdown of the runtime: the children hold references into the caller.
///
/// # Panics
/// With the panic of `f`; otherwise, when a child panicked and was not joined.
///
/// ```
/// use gocsp_runtime::scope;
///
/// let numbers = vec![1, 2, 3, 4];
/// let (left, right) = numbers.split_at(2);
/// let sum: i32 = scope(|s| {
///     let left = s.go(|| left.iter().sum::<i32>());
///     let right = s.go(|| right.iter().sum::<i32>());
///     left.join().unwrap() + right.join().unwrap()
/// });
/// assert_eq!(sum, 10);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope { state: Arc::default(), scope: PhantomData, env: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.state.wait(Location::caller());
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if scope.state.lock.lock().panicked => panic!("a scoped goroutine panicked"),
        Ok(value) => value,
    }
}

/// A scope in which goroutines may borrow; see [`scope`].
///
/// ```
/// use gocsp_runtime::{Scope, scope};
///
/// /// Starts a goroutine for each.
/// fn start<'scope>(s: &'scope Scope<'scope, '_>, words: &'scope [&str]) {
///     for word in words {
///         s.go(move || println!("{word}"));
///     }
/// }
///
/// let words = ["a", "b"];
/// scope(|s| start(s, &words));
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    state: Arc<ScopeState>,
    /// Invariant in both lifetimes, so that neither can be shrunk or grown to let a borrow escape.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a goroutine that may borrow whatever outlives the scope. For one with a name or a stack of another size there is
    /// [`Go::spawn_scoped`](super::Go::spawn_scoped).
    ///
    /// # Panics
    /// As [`spawn`](super::spawn).
    ///
    /// ```
    /// use gocsp_runtime::scope;
    ///
    /// let mut total = 0;
    /// scope(|s| {
    ///     s.go(|| total += 42);
    /// });
    /// assert_eq!(total, 42);
    /// ```
    #[track_caller]
    pub fn go<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn(f, Attributes::default(), Placement::Dealt, Location::caller())
    }

    pub(super) fn spawn<F, T>(
        &'scope self,
        f: F,
        attributes: Attributes,
        placement: Placement,
        spawned_at: &'static Location<'static>,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let starting = Starting::new(&self.state);
        let attributes = Attributes { scope: Some(Arc::clone(&self.state)), borrows: true, ..attributes };
        // SAFETY: `scope` waits for the goroutine before anything that outlives 'scope ends; the types are Send.
        let handle = unsafe { spawn_on(None, f, attributes.boxed(), placement, spawned_at) };
        std::mem::forget(starting);
        ScopedJoinHandle { handle, scope: PhantomData }
    }
}

/// Counts a child before it exists, and no more if it never will: starting it may panic.
struct Starting<'a>(&'a ScopeState);

impl<'a> Starting<'a> {
    fn new(state: &'a ScopeState) -> Self {
        state.lock.lock().running += 1;
        Self(state)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.child_ended();
    }
}

// No panic leaves a wrong count: a goroutine that could not be started is taken out again, see `Starting`.
impl UnwindSafe for Scope<'_, '_> {}
impl RefUnwindSafe for Scope<'_, '_> {}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("running", &self.state.lock.lock().running).finish_non_exhaustive()
    }
}

/// The right to wait for a goroutine of a [`Scope`] and to have its result.
///
/// ```
/// use gocsp_runtime::{ScopedJoinHandle, scope};
///
/// let words = ["a", "bc"];
/// let sum: usize = scope(|s| {
///     let lengths: Vec<ScopedJoinHandle<'_, usize>> = words.iter().map(|word| s.go(|| word.len())).collect();
///     lengths.into_iter().map(|length| length.join().unwrap()).sum()
/// });
/// assert_eq!(sum, 3);
/// ```
#[derive(Debug)]
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<T>,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits until the goroutine has ended, and gives its result.
    ///
    /// # Errors
    /// As [`JoinHandle::join`].
    ///
    /// ```
    /// use gocsp_runtime::scope;
    ///
    /// let word = String::from("hello");
    /// assert_eq!(scope(|s| s.go(|| word.len()).join().unwrap()), 5);
    /// ```
    pub fn join(self) -> ThreadResult<T> {
        self.handle.join()
    }

    /// Whether the goroutine has ended. Does not wait.
    ///
    /// ```
    /// use gocsp_runtime::{scope, yield_now};
    ///
    /// scope(|s| {
    ///     let worker = s.go(|| ());
    ///     while !worker.is_finished() {
    ///         yield_now();
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The number of the goroutine.
    ///
    /// ```
    /// use gocsp_runtime::scope;
    ///
    /// scope(|s| println!("started goroutine {}", s.go(|| ()).id()));
    /// ```
    pub fn id(&self) -> GoroutineId {
        self.handle.id()
    }
}

/// What a scope and its children share.
#[derive(Debug, Default)]
pub(crate) struct ScopeState {
    lock: Lock<Children>,
}

#[derive(Debug, Default)]
struct Children {
    running: usize,
    panicked: bool,
    waiting: WaitList<()>,
}

impl ScopeState {
    /// Tells it from others.
    pub(crate) fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// The last thing that a child does: everything it borrowed has been dropped.
    pub(super) fn child_ended(&self) {
        let mut children = self.lock.lock();
        children.running -= 1;
        let woken = if children.running == 0 { children.waiting.pop() } else { None };
        drop(children);
        if let Some(claimed) = woken {
            claimed.finish().wake();
        }
    }

    /// A child's panic was dropped without anybody having joined it.
    pub(super) fn child_panicked(&self) {
        self.lock.lock().panicked = true;
    }

    fn wait(&self, place: &'static Location<'static>) {
        let reason = Reason::new::<Children, _>(place, self);
        loop {
            let children = self.lock.lock();
            if children.running == 0 {
                return;
            }
            // SAFETY: the list is part of the guarded state.
            let outcome = unsafe { wait(children, |children| &mut children.waiting, &(), Patience::MASKED, reason) };
            debug_assert_eq!(outcome, Outcome::Woken);
        }
    }
}

/// To wait for all of them.
impl Way<ScopeState> for Children {
    const STATE: &'static str = "scope";

    fn describe(scope: &ScopeState, to: &mut Description) {
        let partner = Partner::Children(scope.lock.lock().running);
        to.subjects.push(Subject { what: "scope", address: scope.address(), made_at: None, partner });
    }
}
