//! Leaks: goroutines that wait for ever, or for too long.
//!
//! # Who can never go on
//! Who waits, without a deadline, for something that could only be ended by somebody who can never go on either, or by
//! nobody. Of those who might be such, all are taken for such to begin with; then those are taken out for whom somebody
//! goes on who could end the wait, and after them those for whom these could. Who could end a wait:
//! - nobody: on a nil channel, or for a lock that was left locked;
//! - one who is known: for a lock, its holder; for an end, the goroutine; for that of a scope, its children;
//! - others, of whom only the number is known, or not even that: on a channel, its other handles, which may lie anywhere.
//!   It is taken for granted that somebody will; only if there is nobody else in the whole process, it is a
//!   [deadlock](super::deadlock).
//!
//! What was seen may just have been changing: a lock that was freed, and whose next owner has not woken up yet. So only a wait
//! counts that has lasted for [`SETTLED`]. A worker answers after it has seen to its messages, and who is woken does not wait any
//! more then. And the workers do not answer at the same moment: one who could end a wait may have done so, and ended, between the
//! answers of two. So who seems to be stuck has to be so at a second look as well, in the same wait.
//!
//! Who holds a lock is only known if it is a goroutine. A thread may do anything, be it one that runs a
//! [`blocking`](crate::blocking()) call.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use super::dump::{Dump, GoroutineDump, Wait};
use super::relations::{Enders, Party, Relations};
use super::{OwnThread, dump, text};
use crate::blocking::is_busy;
use crate::park::Partner;
use crate::runtime::Runtime;
use crate::scheduler::Shared;
use crate::timer::sleep;
use crate::{Deadlock, OnDeadlock, clock};

/// A wait that is younger may just have been ended.
const SETTLED: Duration = Duration::from_millis(100);
/// After this time it is made sure that who seems to be stuck still is.
const AGAIN: Duration = Duration::from_millis(10);
/// For how long nothing happens before the body of [`assert_no_leaks`] counts as stuck.
const QUIET: Duration = Duration::from_secs(10);
/// For how long [`assert_no_leaks`] waits for goroutines to end.
const GRACE: Duration = Duration::from_secs(1);

/// A goroutine that has been left behind: see [`leaks`].
///
/// ```
/// use gocsp_runtime::leaks;
/// use std::time::Duration;
///
/// for leak in leaks(Duration::from_secs(60)) {
///     let certain = if leak.is_stuck { "for ever" } else { "for long" };
///     eprintln!("goroutine {} waits {certain}", leak.goroutine.id);
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leak {
    /// The goroutine, and what it waits for.
    pub goroutine: GoroutineDump,
    /// Whether it can never go on, or has only waited for longer than the limit.
    pub is_stuck: bool,
    description: String,
}

/// As in a dump, and why it counts as left behind.
impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

/// The goroutines of the process that can never go on, and those that have waited for longer than `limit`, without a deadline.
///
/// It is certain that one can never go on that waits on a nil channel, or for a lock that it holds itself; and one that waits for
/// another such: for a lock that the other holds, for its end, or for that of a scope's children. Who has the handles of a
/// channel cannot be known, for they may lie anywhere. So a goroutine that waits on a channel whose other side is with others
/// appears when the limit is over, if nobody has used that side until then.
///
/// Costs as much as [`dump`](super::dump); if anybody seems to be stuck, that again, and 10 ms in between, in which the caller
/// sleeps.
///
/// ```
/// use gocsp_runtime::{leaks, run, spawn};
/// use std::time::Duration;
///
/// run(|| {
///     spawn(|| println!("this one ends"));
///     let leaks = leaks(Duration::from_secs(60));
///     leaks.iter().for_each(|leak| eprintln!("{leak}"));
///     assert!(leaks.is_empty());
/// });
/// ```
#[track_caller]
pub fn leaks(limit: Duration) -> Vec<Leak> {
    let found = find(&dump(), limit, |_| true);
    let since = |other: &GoroutineDump| Some((other.id, other.wait()?.lasted));
    let stuck: HashMap<_, _> =
        found.iter().filter(|leak| leak.is_stuck).filter_map(|leak| since(&leak.goroutine)).collect();
    if stuck.is_empty() {
        return found;
    }
    sleep(AGAIN);
    let was_stuck = |(id, now)| stuck.get(&id).is_some_and(|then| *then <= now);
    find(&dump(), limit, |other| since(other).is_some_and(was_stuck))
}

/// `may_be_stuck` is asked about those that seem to be.
fn find(dump: &Dump, limit: Duration, may_be_stuck: impl Fn(&GoroutineDump) -> bool) -> Vec<Leak> {
    let relations = Relations::new(dump, false);
    let stuck = stuck(&relations);
    let leak = |(place, goroutine): (usize, &GoroutineDump)| {
        let ends =
            |wait: &Wait| wait.ends_by_itself || wait.subjects().iter().any(|subject| subject.partner == Partner::Time);
        let wait = goroutine.wait().filter(|wait| !ends(wait))?;
        let is_stuck = stuck[place] && may_be_stuck(goroutine);
        (is_stuck || wait.lasted > limit).then(|| Leak {
            goroutine: goroutine.clone(),
            is_stuck,
            description: text::of_leak(goroutine, is_stuck, &relations),
        })
    };
    dump.goroutines.iter().enumerate().filter_map(leak).collect()
}

/// By party: whether it can never go on.
fn stuck(relations: &Relations<'_>) -> Vec<bool> {
    let parties = relations.parties();
    let settled = |party: &Party<'_>| party.wait().is_some_and(|wait| !wait.ends_by_itself && wait.lasted >= SETTLED);
    let mut stuck: Vec<bool> = parties.iter().map(settled).collect();
    // Who goes on because of each.
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); parties.len()];
    let mut going_on: Vec<usize> = (0..parties.len()).filter(|&party| !stuck[party]).collect();
    for party in (0..parties.len()).filter(|&party| stuck[party]) {
        for enders in relations.enders(party) {
            match enders {
                Enders::Nobody => {}
                Enders::These(others) => others.into_iter().for_each(|other| followers[other].push(party)),
                Enders::Anybody => going_on.push(party),
            }
        }
    }
    while let Some(party) = going_on.pop() {
        stuck[party] = false;
        going_on.extend(mem::take(&mut followers[party]));
    }
    stuck
}

/// Runs `body` as the main goroutine of a runtime of its own, and makes sure that it leaves no goroutine behind: for tests.
///
/// Goroutines that are still there when `body` returns have a second to end.
///
/// # Panics
/// With a report of those that have not ended, or with the panic of `body`. With a report, too, of a deadlock in which `body` does not
/// return; where that cannot be [told](crate::OnDeadlock) from waiting for some thread of the program, as beside those of a test
/// harness, when nobody has done anything for ten seconds, and no timer is set and no blocking call under way.
///
/// ```
/// use gocsp_runtime::{assert_no_leaks, spawn};
///
/// assert_no_leaks(|| {
///     spawn(|| println!("this one ends"));
/// });
/// ```
///
/// ```should_panic
/// use gocsp_runtime::{assert_no_leaks, sleep, spawn};
/// use std::time::Duration;
///
/// assert_no_leaks(|| {
///     spawn(|| sleep(Duration::MAX));
/// });
/// ```
#[track_caller]
pub fn assert_no_leaks(body: impl FnOnce() + Send) {
    let runtime = match Runtime::builder().on_deadlock(OnDeadlock::Return).build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the runtime cannot be started: {error}"),
    };
    let is_over = AtomicBool::new(false);
    let outcome = thread::scope(|threads| {
        let watch = threads.spawn(|| end_if_quiet(runtime.shared(), &is_over));
        let _over = Over { is_over: &is_over, watch: watch.thread().clone() };
        runtime.try_run(body)
    });
    if let Err(deadlock) = outcome {
        panic!("{deadlock}");
    }
    let until = clock::deadline(GRACE);
    let mut pause = Duration::from_micros(50);
    while runtime.shared().live() > 0 {
        if clock::now() >= until {
            let left = runtime.shared().take_census();
            let dump = Dump { goroutines: left.goroutines, workers: left.workers, ..Dump::default() };
            let were = if dump.goroutines.len() == 1 { "goroutine was" } else { "goroutines were" };
            panic!("{} {were} left behind:\n\n{dump}", dump.goroutines.len());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Says, when dropped, that there is nothing left to watch.
struct Over<'a> {
    is_over: &'a AtomicBool,
    watch: Thread,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.watch.unpark();
    }
}

/// Ends the runtime, as a deadlock does, if nothing has happened in it for [`QUIET`].
fn end_if_quiet(runtime: &Arc<Shared>, is_over: &AtomicBool) {
    let _own = OwnThread::begin();
    let (mut mark, mut since) = (None, clock::now());
    while !is_over.load(Ordering::Relaxed) {
        thread::park_timeout(QUIET / 20);
        let now = runtime.rest_mark().filter(|_| !runtime.awaits_timer() && !is_busy());
        if now.is_none() || now != mark {
            (mark, since) = (now, clock::now());
        } else if clock::now().saturating_duration_since(since) >= QUIET {
            let found = runtime.take_census();
            let dump = Dump { goroutines: found.goroutines, workers: found.workers, ..Dump::default() };
            return runtime.end_by_deadlock(Deadlock::new(dump));
        }
    }
}
