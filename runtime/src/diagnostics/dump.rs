//! What a dump consists of.

use std::ops::Range;
use std::panic::Location;
use std::time::Duration;

use super::{BacktraceFrame, Calls};
use crate::clock;
use crate::goroutine::{Goroutine, GoroutineId};
#[cfg(feature = "testing")]
use crate::park::Partner;
use crate::park::blocked::BlockedThread;
use crate::park::{Description, Subject};

/// What every goroutine, every worker, and every thread that waits for a goroutine does: see [`dump`](super::dump).
///
/// Its [`Display`](std::fmt::Display) is the text that `SIGQUIT` prints, before it ends the process with status 2. A program that
/// handles or ignores that signal itself when its first runtime starts is left alone.
///
/// ```
/// use gocsp_runtime::{dump, run, sleep, spawn};
/// use std::time::Duration;
///
/// run(|| {
///     spawn(|| sleep(Duration::MAX));
///     let dump = dump();
///     assert_eq!(dump.goroutines.len(), 2); // This one, which waits for the dump, and the sleeper.
///     eprintln!("{dump}");
/// });
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Dump {
    /// The goroutines of all runtimes, in the order of their numbers.
    pub goroutines: Vec<GoroutineDump>,
    /// The threads, other than workers, that wait in a call of gocsp.
    pub threads: Vec<ThreadDump>,
    /// The workers of all runtimes.
    pub workers: Vec<WorkerDump>,
    /// Where the stacks of goroutines lie, also of those that have ended.
    pub(crate) stacks: Vec<Range<usize>>,
}

/// What a goroutine does.
///
/// ```
/// use gocsp_runtime::{Go, dump, run};
///
/// run(|| {
///     let till = Go::new().name("till").spawn(|| ())?;
///     for goroutine in dump().goroutines.iter().filter(|goroutine| goroutine.id == till.id()) {
///         assert_eq!(goroutine.name.as_deref(), Some("till"));
///         println!("spawned at {}, and is {:?}", goroutine.spawned_at, goroutine.activity);
///     }
///     till.join().unwrap();
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GoroutineDump {
    /// Its number.
    pub id: GoroutineId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// What it does.
    pub activity: Activity,
    /// The number of its runtime, from 1.
    pub runtime: u64,
    /// The number of the worker at which it is at home; `None` if it has not started.
    pub worker: Option<usize>,
    /// The addresses of its stack; `None` if it has not started.
    pub stack: Option<Range<usize>>,
    /// Tells the scope of which it is a child, if it is one.
    pub(crate) scope: Option<usize>,
}

/// What a goroutine does.
///
/// ```
/// use gocsp_runtime::{Activity, dump};
///
/// let waiting = dump().goroutines.iter().filter(|one| matches!(one.activity, Activity::Waiting(_))).count();
/// println!("{waiting} goroutines wait");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Activity {
    /// It has not started yet.
    Unstarted,
    /// It runs.
    Running,
    /// It is about to go on.
    Ready,
    /// It waits.
    Waiting(Wait),
    /// Its worker did not answer, for another goroutine there computes, or blocks the thread. It waits, or is about to go on.
    Unknown {
        /// How and where it waited the last time.
        last: Option<(&'static str, &'static Location<'static>)>,
    },
}

/// What a goroutine or a thread waits for.
///
/// ```
/// use gocsp_runtime::dump;
/// use std::time::Duration;
///
/// for wait in dump().goroutines.iter().filter_map(|goroutine| goroutine.wait()) {
///     if wait.lasted > Duration::from_secs(60) && !wait.ends_by_itself {
///         println!("{} at {} for {:?}", wait.state(), wait.place, wait.lasted);
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wait {
    /// Where in the program.
    pub place: &'static Location<'static>,
    /// For how long: to within a hundredth of a second.
    pub lasted: Duration,
    /// Whether it has a deadline, or has just been ended. What ends for other reasons, such as a blocking call, or a wait for a
    /// timer's channel, does not count.
    pub ends_by_itself: bool,
    pub(crate) description: Description,
    pub(crate) calls: Calls,
}

impl Wait {
    /// How it waits, in Go's words where Go has some: `chan receive`.
    ///
    /// ```
    /// use gocsp_runtime::{dump, run};
    ///
    /// run(|| {
    ///     // Who asks waits for the answer.
    ///     let dump = dump();
    ///     let states: Vec<_> = dump.goroutines.iter().filter_map(|one| Some(one.wait()?.state())).collect();
    ///     assert_eq!(states, ["blocking call"]);
    /// });
    /// ```
    pub fn state(&self) -> &str {
        &self.description.state
    }

    pub(crate) fn subjects(&self) -> &[Subject] {
        &self.description.subjects
    }
}

/// What a thread does that waits in a call of gocsp.
///
/// ```
/// use gocsp_runtime::dump;
///
/// for thread in &dump().threads {
///     println!("thread {:?} waits at {}: {}", thread.name, thread.wait.place, thread.wait.state());
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ThreadDump {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its number in the system, where that is known.
    pub number: Option<u64>,
    /// What it waits for.
    pub wait: Wait,
    /// The addresses of its stack.
    pub(crate) stack: Range<usize>,
}

/// What a worker does.
///
/// ```
/// use gocsp_runtime::{Runtime, dump};
///
/// let runtime = Runtime::builder().procs(2).build()?;
/// let workers = runtime.run(|| dump().workers);
/// assert!(workers.len() >= 2);
/// let unstarted: usize = workers.iter().map(|worker| worker.unstarted).sum();
/// println!("{unstarted} goroutines wait to be started");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerDump {
    /// The number of its runtime, from 1.
    pub runtime: u64,
    /// Its number within the runtime, from 0.
    pub id: usize,
    /// What it does.
    pub state: WorkerState,
    /// How many started goroutines are about to go on there; `None` if it did not answer.
    pub ready: Option<usize>,
    /// How many goroutines wait there to be started.
    pub unstarted: usize,
}

/// What a worker does.
///
/// ```
/// use gocsp_runtime::{WorkerState, dump};
///
/// for worker in &dump().workers {
///     if let WorkerState::Busy { goroutine, lasted } = worker.state {
///         println!("goroutine {goroutine} has kept worker {} for {lasted:?}", worker.id);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// It has nothing to run.
    Asleep,
    /// It runs goroutines, one after the other.
    Awake,
    /// As many others run as may at the same time.
    AwaitsPermit,
    /// It runs this goroutine, and has done so at least for so long; and for the last tenth of a second it has not called the
    /// runtime.
    Busy {
        /// The number of the goroutine.
        goroutine: GoroutineId,
        /// To within a hundredth of a second.
        lasted: Duration,
    },
}

#[cfg(feature = "testing")]
impl Dump {
    /// Leaves nothing but these goroutines, and calls them by their places in the list, counted from 1.
    pub(super) fn keep(&mut self, members: &[GoroutineId]) {
        let place =
            |id: GoroutineId| members.binary_search(&id).ok().and_then(|place| GoroutineId::new(place as u64 + 1));
        self.threads.clear();
        self.goroutines.retain_mut(|goroutine| {
            let Some(id) = place(goroutine.id) else { return false };
            goroutine.id = id;
            if let Activity::Waiting(wait) = &mut goroutine.activity {
                // By a clock that is not theirs.
                wait.lasted = Duration::ZERO;
                for subject in &mut wait.description.subjects {
                    if let Partner::Goroutine(id) = &mut subject.partner {
                        *id = place(*id).unwrap_or(*id);
                    }
                }
            }
            true
        });
    }
}

impl GoroutineDump {
    pub(crate) fn new(
        id: GoroutineId,
        name: Option<String>,
        spawned_at: &'static Location<'static>,
        activity: Activity,
    ) -> Self {
        Self { id, name, spawned_at, activity, runtime: 0, worker: None, stack: None, scope: None }
    }

    pub(crate) fn of(goroutine: &Goroutine, activity: Activity) -> Self {
        let name = goroutine.name().map(str::to_owned);
        let scope =
            goroutine.attributes().and_then(|attributes| attributes.scope.as_ref()).map(|scope| scope.address());
        Self { scope, ..Self::new(goroutine.goroutine_id(), name, goroutine.spawned_at(), activity) }
    }

    /// What it waits for, if it does.
    ///
    /// ```
    /// use gocsp_runtime::{dump, run};
    ///
    /// run(|| {
    ///     let dump = dump();
    ///     assert!(dump.goroutines[0].wait().is_some_and(|wait| wait.place.file().ends_with(".rs")));
    /// });
    /// ```
    pub fn wait(&self) -> Option<&Wait> {
        match &self.activity {
            Activity::Waiting(wait) => Some(wait),
            _ => None,
        }
    }

    /// By which calls it came to where it waits, the last one first. The calls of gocsp and of the standard library that lie
    /// between those are left out, and so is what has no name.
    ///
    /// It is empty for who does not wait; without the feature `backtrace`; on processors other than x86-64 and aarch64, and on
    /// Windows. Calls are found by their frame pointers, so the program has to be built with
    /// `RUSTFLAGS=-Cforce-frame-pointers=yes`: without that only the last calls are told or none, and a wrong name may be among
    /// them. Names are those of the symbol table and of what debug information there is. Where the compiler has
    /// optimized, a function that ends with a call may be missing: it has left the stack by then.
    ///
    /// Names are looked up here, and when a dump is shown as text: the first time this reads the program's debug information,
    /// which takes a while for a large one. It needs more of a stack than the smallest that a goroutine can have.
    ///
    /// ```
    /// use gocsp_runtime::dump;
    ///
    /// for goroutine in &dump().goroutines {
    ///     let calls: Vec<_> = goroutine.backtrace().into_iter().map(|frame| frame.function).collect();
    ///     println!("goroutine {}: {}", goroutine.id, calls.join(" < "));
    /// }
    /// ```
    pub fn backtrace(&self) -> Vec<BacktraceFrame> {
        self.wait().map(|wait| wait.calls.resolve(wait.place)).unwrap_or_default()
    }
}

impl ThreadDump {
    pub(super) fn of(thread: &BlockedThread) -> Self {
        let wait = Wait {
            place: thread.place(),
            lasted: clock::now().saturating_duration_since(thread.since),
            ends_by_itself: thread.timed,
            description: thread.describe(),
            calls: Calls::default(),
        };
        let name = thread.thread.name().map(str::to_owned);
        Self { name, number: (thread.number != 0).then_some(thread.number), wait, stack: thread.stack.clone() }
    }
}
