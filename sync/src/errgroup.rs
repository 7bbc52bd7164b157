//! Groups of goroutines that work on one task and may fail. See [`Group`] for an example.

#![forbid(unsafe_code)]

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;

use gocsp_context::{CancelCauseFunc, CancelFunc, Context};
use gocsp_runtime::Cancelled;
use gocsp_runtime::park::{Description, Reason, Way};

use crate::wait_group::Inner;
use crate::{Mutex, Semaphore, SemaphorePermit, WaitGroup};

/// Goroutines that work on one task, each of which may fail. The first failure is that of the task.
///
/// [`go`](Self::go) starts one, [`wait`](Self::wait) waits for all of them. With a [context](Self::with_context) the first
/// failure also tells the others that they may stop.
///
/// If the group is dropped and not waited for, the goroutines go on, and nobody learns of their errors.
///
/// # Examples
/// ```
/// use gocsp_sync::errgroup::Group;
///
/// let group = Group::new();
/// for number in ["1", "2", "three"] {
///     group.go(move || number.parse::<u32>().map(|number| println!("{number}")));
/// }
/// assert_eq!(group.wait().unwrap_err().to_string(), "invalid digit found in string");
/// ```
#[must_use = "who does not wait does not learn of errors"]
pub struct Group<E> {
    shared: Arc<Shared<E>>,
    running: WaitGroup,
    limit: Option<Semaphore>,
}

struct Shared<E> {
    first: Mutex<Option<Failure<E>>>,
    end: Option<End<E>>,
}

/// How the group ends its context.
struct End<E> {
    cancel: CancelCauseFunc,
    cause: fn(&E) -> Cause,
}

type Cause = Box<dyn Error + Send + Sync>;

enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
    /// It exited, or was ended by the shutdown of its runtime.
    Ended,
}

impl<E: Send + 'static> Group<E> {
    /// A group without goroutines, and without a context.
    ///
    /// # Examples
    /// ```
    /// let group = gocsp_sync::errgroup::Group::<String>::new();
    /// assert_eq!(group.wait(), Ok(()));
    /// ```
    #[track_caller]
    pub fn new() -> Self {
        Self::with_end(None)
    }

    /// A group without goroutines, and a context derived from `parent` that ends when one of them fails, or when they have
    /// been waited for. What was said of the first error is the context's [cause](Context::cause).
    ///
    /// # Examples
    /// ```
    /// use gocsp_context::Context;
    /// use gocsp_sync::errgroup::Group;
    ///
    /// let (group, context) = Group::with_context(&Context::background());
    /// let others = context.clone();
    /// group.go(move || {
    ///     others.done().recv().unwrap_err();
    ///     Ok(())
    /// });
    /// group.go(|| Err("no such book"));
    /// assert_eq!(group.wait(), Err("no such book"));
    /// assert_eq!(context.cause().unwrap().to_string(), "no such book");
    /// ```
    #[track_caller]
    pub fn with_context(parent: &Context) -> (Self, Context)
    where
        E: fmt::Display,
    {
        let (context, cancel) = parent.with_cancel_cause();
        let end = End { cancel, cause: |error: &E| error.to_string().into() };
        (Self::with_end(Some(end)), context)
    }

    #[track_caller]
    fn with_end(end: Option<End<E>>) -> Self {
        let shared = Shared { first: Mutex::new(None), end };
        Self { shared: Arc::new(shared), running: WaitGroup::new(), limit: None }
    }

    /// Lets no more than `limit` of the group's goroutines run at the same time; `None` lets all.
    ///
    /// # Panics
    /// If `limit` is 0: none would ever start.
    ///
    /// # Examples
    /// ```
    /// let mut group = gocsp_sync::errgroup::Group::<String>::new();
    /// group.set_limit(Some(2));
    /// for n in 0..10 {
    ///     group.go(move || Ok(println!("{n} is one of two at most")));
    /// }
    /// group.wait().unwrap();
    /// ```
    pub fn set_limit(&mut self, limit: Option<usize>) {
        assert_ne!(limit, Some(0), "an errgroup with a limit of 0 would never start anybody");
        // Those who run keep the permits of the limit that they came under.
        self.limit = limit.map(Semaphore::new);
    }

    /// Runs `f` in a goroutine of its own; waits before that as long as the [limit](Self::set_limit) demands.
    ///
    /// If `f` panics, that is a failure as well: [`wait`](Self::wait) panics with it. So does one that is ended without
    /// returning.
    ///
    /// # Examples
    /// See [`Group`].
    #[track_caller]
    pub fn go<F>(&self, f: F)
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        let permit = match &self.limit {
            None => None,
            Some(limit) => {
                let place = Location::caller();
                Some(limit.acquire_for(1, || Reason::new::<Starting, _>(place, self.running.inner())))
            }
        };
        self.start(permit, f);
    }

    /// Runs `f` in a goroutine of its own, if the [limit](Self::set_limit) allows that now. Whether it does.
    ///
    /// # Examples
    /// ```
    /// use gocsp_channels::channel;
    ///
    /// let mut group = gocsp_sync::errgroup::Group::<String>::new();
    /// group.set_limit(Some(1));
    /// let (tx, rx) = channel::<()>(0);
    /// assert!(group.try_go(move || Ok(drop(rx.recv()))));
    /// assert!(!group.try_go(|| unreachable!("there is one already")));
    /// drop(tx);
    /// group.wait().unwrap();
    /// ```
    #[track_caller]
    pub fn try_go<F>(&self, f: F) -> bool
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        let permit = match &self.limit {
            None => None,
            Some(limit) => match limit.try_acquire(1) {
                None => return false,
                permit => permit,
            },
        };
        self.start(permit, f);
        true
    }

    #[track_caller]
    fn start<F>(&self, permit: Option<SemaphorePermit>, f: F)
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        self.running.go(move || {
            // Given back before the goroutine counts as done.
            let _permit = permit;
            // To have the error say what it is may panic as well.
            let told = || f().map_err(|error| (shared.cause_of(&error), error));
            // What a panic has left half done is for those to see who learn of the panic.
            match panic::catch_unwind(AssertUnwindSafe(told)) {
                Ok(Ok(())) => {}
                Ok(Err((cause, error))) => shared.fail(Failure::Error(error), cause),
                Err(payload) if payload.is::<Cancelled>() => {
                    shared.fail(Failure::Ended, Some("a goroutine of the errgroup was ended".into()));
                    panic::resume_unwind(payload);
                }
                Err(payload) => {
                    shared.fail(Failure::Panic(payload), Some("a goroutine of the errgroup has panicked".into()));
                }
            }
        });
    }

    /// Waits for all goroutines of the group; then ends its context, if it has one.
    ///
    /// # Errors
    /// The first error that one of them has returned.
    ///
    /// # Panics
    /// If the first failure was a panic: with its payload.
    ///
    /// # Examples
    /// See [`Group`].
    #[track_caller]
    pub fn wait(self) -> Result<(), E> {
        self.running.wait_as::<Waiting>(Location::caller());
        if let Some(end) = &self.shared.end {
            CancelFunc::from(end.cancel.clone()).cancel();
        }
        match self.shared.first.lock().take() {
            None => Ok(()),
            Some(Failure::Error(error)) => Err(error),
            Some(Failure::Panic(payload)) => panic::resume_unwind(payload),
            Some(Failure::Ended) => panic!("a goroutine of an errgroup was ended before it returned"),
        }
    }
}

/// To wait until one more may run.
enum Starting {}

impl Way<Inner> for Starting {
    const STATE: &'static str = "errgroup.Go";

    fn describe(running: &Inner, to: &mut Description) {
        running.describe("errgroup", to);
    }
}

/// To wait for all goroutines.
enum Waiting {}

impl Way<Inner> for Waiting {
    const STATE: &'static str = "errgroup.Wait";

    fn describe(running: &Inner, to: &mut Description) {
        running.describe("errgroup", to);
    }
}

impl<E: Send + 'static> Default for Group<E> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Group<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("running", &self.running).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<E> Shared<E> {
    /// The cause of the context's end, if there is a context, in case that this error is the first.
    fn cause_of(&self, error: &E) -> Option<Cause> {
        self.end.as_ref().map(|end| (end.cause)(error))
    }

    /// Keeps the failure, if it is the first, and ends the context.
    fn fail(&self, failure: Failure<E>, cause: Option<Cause>) {
        let mut first = self.first.lock();
        if first.is_some() {
            return;
        }
        *first = Some(failure);
        drop(first);
        if let (Some(end), Some(cause)) = (&self.end, cause) {
            end.cancel.cancel(cause);
        }
    }
}
