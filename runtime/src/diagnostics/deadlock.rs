//! Deadlock: all goroutines are asleep, and nothing is left that could wake one.
//!
//! # How it is found out
//! The monitor of a runtime whose workers have run nothing for some milliseconds looks; if it cannot be certain, and somebody
//! waits, it looks again after ever longer pauses. It is certain if all this is so:
//! 1. in every runtime of the process each worker sleeps, nothing lies in its queues or its inbox, no timer would wake or start
//!    anybody, nobody waits for a descriptor, and none is shutting down;
//! 2. no thread of the blocking pool has a job;
//! 3. every other thread of the process waits in a call of gocsp, without a deadline, and has not been woken. A thread that does
//!    anything else might have a handle, and use it some time;
//! 4. the first still holds at a second look, of the same runtimes, and no worker has woken up or been woken meanwhile. Each
//!    slept from its first look to its second, then; so when the threads were seen to wait all slept, and since only they and
//!    those named above could change that, it lasts for ever;
//! 5. and a census finds as many goroutines as there are, all of them waiting without a deadline, or for a stack.
//!
//! # What is done
//! By default the report is printed, and the process ends with status 2, as in Go. See [`OnDeadlock`].
//!
//! What goes unnoticed: a deadlock beside a thread that does something else for ever, or that waits in a call of somebody else, as
//! the main thread of a test harness does; beside a job of the blocking pool that waits, or a goroutine that waits while a panic
//! unwinds it, for its worker does not sleep; in a process that has no descriptor left, by which the threads are listed; and
//! one of some of the goroutines, while others go on. For those see [`leaks`](crate::leaks). As long as the deadline of a context
//! is ahead, nothing is reported either.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::dump::{Activity, Dump};
use super::registry;
use super::relations::Relations;
use super::{os, take};
use crate::blocking;
use crate::park::blocked;
use crate::scheduler::Shared;

/// What is done when all goroutines are asleep and nothing is left that could wake one: see
/// [`Builder::on_deadlock`](crate::Builder::on_deadlock).
///
/// If those of several runtimes are asleep, the process [exits](Self::Exit) only if none of these is to [return](Self::Return): who
/// has it returned goes on, and may set others going. The runtimes that nobody builds, that of [`run`](crate::run()) and the one of
/// ordinary threads, exit.
///
/// ```
/// use gocsp_runtime::{OnDeadlock, Runtime};
///
/// let runtime = Runtime::builder().on_deadlock(OnDeadlock::Return).build()?;
/// assert!(runtime.try_run(|| ()).is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDeadlock {
    /// The report is printed on the standard error stream, and the process ends with status 2, as in Go.
    #[default]
    Exit,
    /// The runtime ends, which unwinds its goroutines, and [`try_run`](crate::Runtime::try_run) gives the report as its error.
    Return,
    /// Nothing: they sleep for ever.
    Ignore,
}

/// All goroutines were asleep, and nothing was left that could have woken one. It [tells](fmt::Display) who waited for what.
///
/// ```
/// use gocsp_runtime::{Deadlock, OnDeadlock, Runtime, sleep};
/// use std::time::Duration;
///
/// fn report(deadlock: &Deadlock) {
///     eprintln!("{} goroutines are asleep: {deadlock}", deadlock.dump().goroutines.len());
/// }
///
/// let runtime = Runtime::builder().on_deadlock(OnDeadlock::Return).build()?;
/// // Somebody sleeps here until a given time, so it is none.
/// runtime.try_run(|| sleep(Duration::from_millis(1))).unwrap_or_else(|deadlock| report(&deadlock));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Deadlock {
    dump: Arc<Dump>,
}

impl Deadlock {
    pub(super) fn new(dump: Dump) -> Self {
        Self { dump: Arc::new(dump) }
    }

    /// Who waited for what.
    ///
    /// ```
    /// use gocsp_runtime::Deadlock;
    ///
    /// fn names(deadlock: &Deadlock) -> Vec<&str> {
    ///     deadlock.dump().goroutines.iter().filter_map(|goroutine| goroutine.name.as_deref()).collect()
    /// }
    /// ```
    pub fn dump(&self) -> &Dump {
        &self.dump
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "all goroutines are asleep - deadlock!\n")?;
        self.dump.fmt_parties(f, &Relations::new(&self.dump, true))
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadlock").field("dump", &self.dump).finish()
    }
}

impl std::error::Error for Deadlock {}

/// How a monitor that sleeps looks for deadlocks.
#[derive(Debug)]
pub(crate) struct Watch {
    pause: Duration,
}

impl Watch {
    const FIRST: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_secs(10);

    /// The runtime has just become quiet.
    pub(crate) fn new() -> Self {
        Self { pause: Self::FIRST }
    }

    /// Looks whether there is a deadlock, which ends the process if nothing else is wished. Gives how long to wait before the next
    /// look, if there is to be one.
    pub(crate) fn look(&mut self, runtime: &Shared) -> Option<Duration> {
        if runtime.live() == 0 || runtime.is_shutting_down() {
            return None;
        }
        match certainty() {
            Certainty::Deadlock => {
                if let Some(deadlock) = confirm() {
                    act(deadlock);
                    return None;
                }
            }
            // Its end wakes somebody, and so the monitor.
            Certainty::WillGoOn => self.pause = Self::LONGEST,
            Certainty::Doubt => {}
        }
        let pause = self.pause;
        self.pause = Self::LONGEST.min(pause * 2);
        Some(pause)
    }
}

enum Certainty {
    /// Conditions 1 to 4 hold.
    Deadlock,
    /// A timer is set, a descriptor is waited for, or a thread of the blocking pool is at work.
    WillGoOn,
    /// A worker is awake, perhaps only to find that nobody waits for a timer; or a thread is there about which nothing is known, or
    /// that has a deadline.
    Doubt,
}

/// The runtimes but for those that have ended, and are still to be dropped.
fn runtimes() -> Vec<Arc<Shared>> {
    let mut runtimes = registry::runtimes();
    runtimes.retain(|runtime| !runtime.has_ended());
    runtimes
}

/// Conditions 1 to 4.
fn certainty() -> Certainty {
    let asked = runtimes();
    let look = || asked.iter().map(|runtime| runtime.rest_mark()).collect::<Option<Vec<_>>>();
    let Some(before) = look() else { return Certainty::Doubt };
    if asked.iter().any(|runtime| runtime.awaits_timer() || runtime.awaits_io()) || blocking::is_busy() {
        return Certainty::WillGoOn;
    }
    if !threads_wait() {
        return Certainty::Doubt;
    }
    // One that has started meanwhile may be at work for a thread that was found to wait.
    let all = runtimes();
    let are_all = all.len() == asked.len() && all.iter().zip(&asked).all(|(now, before)| Arc::ptr_eq(now, before));
    if are_all && look() == Some(before) { Certainty::Deadlock } else { Certainty::Doubt }
}

/// Condition 3.
fn threads_wait() -> bool {
    let threads = blocked::threads();
    let waiting: Vec<u64> = threads.iter().filter(|thread| !thread.timed).map(|thread| thread.number).collect();
    let goes_on = threads.iter().any(|thread| thread.timed || thread.is_woken());
    // Also under the lock, so that nobody goes on who was counted.
    !goes_on && os::is_alone_with(&waiting)
}

/// Condition 5, and the report.
fn confirm() -> Option<Deadlock> {
    let dump = take();
    let live: u64 = runtimes().iter().map(|runtime| runtime.live()).sum();
    let asleep = |activity: &Activity| match activity {
        Activity::Waiting(wait) => !wait.ends_by_itself,
        Activity::Unstarted => true,
        _ => false,
    };
    let complete = dump.goroutines.len() as u64 == live && dump.goroutines.iter().all(|other| asleep(&other.activity));
    complete.then(|| Deadlock::new(dump))
}

fn act(deadlock: Deadlock) {
    let runtimes = runtimes();
    let concerned: Vec<_> = runtimes.iter().filter(|runtime| runtime.live() > 0).collect();
    let wishes = |what: OnDeadlock| concerned.iter().filter(move |runtime| runtime.on_deadlock() == what);
    // Who wants it returned will go on, and may set others going.
    if wishes(OnDeadlock::Return).next().is_none() && wishes(OnDeadlock::Exit).next().is_some() {
        hang_up(&deadlock);
    }
    wishes(OnDeadlock::Return).for_each(|runtime| runtime.end_by_deadlock(deadlock.clone()));
}

/// Prints the report, and ends the process.
fn hang_up(deadlock: &Deadlock) -> ! {
    // Two monitors may have found it.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    os::write_report(&format!("fatal error: {deadlock}"));
    std::process::exit(2);
}
