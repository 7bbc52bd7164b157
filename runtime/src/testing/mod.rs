//! Tests of concurrent programs under schedules that are chosen, and can be run again. With the feature `testing`.
//!
//! [`check`] runs a function many times, as a goroutine, each time under another schedule: at every call of gocsp it is decided by
//! chance who goes on. It is the program itself that runs, on the scheduler, the channels and the locks that it always runs on; but
//! on one worker, and by a clock that stands still as long as anybody can go on, and jumps to the next timer when nobody can. So a
//! program that sleeps for an hour is tested in milliseconds.
//!
//! A schedule fails when a goroutine panics and nobody asks for that by joining it, when all are asleep and nothing will wake one
//! of them, when goroutines are left behind by the function that is tested, and when it does not come to an end. Then it is made
//! as simple as it goes, run once more, and told step by step; and a [`Token`] is printed, by which it can be run again:
//! ```text
//! GOCSP_REPLAY=1-2a-0301 cargo test the_name_of_the_test
//! ```
//!
//! # What has to be kept in mind
//! - Only calls of gocsp are points at which somebody else may go on. Between two of them a goroutine is alone, as far as the
//!   test is concerned. So what goroutines share by other means, such as an atomic of the standard library, needs a call in
//!   between, [`yield_now`](crate::yield_now) say, or no interference is seen.
//! - A goroutine that computes for ever without such a call is told of on stderr, after ten seconds, and nothing else is done about
//!   it. The same happens if a goroutine waits for a lock of the standard library: who holds that must not call gocsp meanwhile.
//! - The function has to do the same each time, but for what the schedule changes: nothing that the time of day, other threads, or
//!   what an earlier schedule has left behind could influence. Maps of the standard library are seeded differently each time;
//!   this matters if they are iterated over. So are the [numbers of goroutines](crate::GoroutineId), which count on.
//! - Threads of the program that wake goroutines make a schedule fail, for it could not be run again. So do goroutines that wait for
//!   another runtime: it is nothing that the schedule could wait for.
//! - Descriptors are refused, for they are the world outside; but see [`Polled::simulated`](crate::poll::Polled::simulated). What
//!   stands in for that world decides by [`choose`], and keeps in [`schedule_local`] what it has to know. The sockets of
//!   `gocsp-net` do: with its feature `testing` they are simulated.
//! - A goroutine that waits while a panic unwinds it leaves its thread to others, for there is no other; so
//!   [`std::thread::panicking`] is true of these as well meanwhile.
//! - There is one worker, and [`set_max_procs`](crate::set_max_procs) changes nothing.
//!
//! ```
//! use gocsp_runtime::testing::{Config, FailureKind};
//! use gocsp_runtime::{go, yield_now};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! // Reads, and writes what it has read: somebody else may have written in between.
//! fn increment(counter: &AtomicU32) {
//!     let read = counter.load(Ordering::Relaxed);
//!     yield_now();
//!     counter.store(read + 1, Ordering::Relaxed);
//! }
//!
//! let body = || {
//!     let counter = Arc::new(AtomicU32::new(0));
//!     let other = Arc::clone(&counter);
//!     let other = go!(move || increment(&other));
//!     increment(&counter);
//!     other.join().unwrap();
//!     assert_eq!(counter.load(Ordering::Relaxed), 2);
//! };
//! let failure = Config::default().explore(body).unwrap_err();
//! assert_eq!(failure.kind(), FailureKind::Panic);
//!
//! // The same schedule again.
//! let again = Config::default().replay(failure.token().clone()).explore(body).unwrap_err();
//! assert_eq!(again.kind(), FailureKind::Panic);
//! ```
//!
//! # How it is made
//! ```text
//!   choices    what a schedule decides, by chance or by a list
//!   token      the list, as a word
//!   director   what a worker has whose every step is chosen; the loop is in scheduler/directed
//!   trace      what has happened
//!   explore    many schedules, until one fails
//!   shrink     a failing schedule, made simpler
//!   failure    what is said of it
//!   watchdog   who says so if nothing happens any more
//! ```

mod choices;
mod config;
mod director;
mod explore;
mod failure;
mod shrink;
mod token;
mod trace;
mod watchdog;

pub use config::{Config, Explored, Strategy};
pub(crate) use director::{Course, Director, End, Local, Plan};
pub use failure::{Failure, FailureKind};
pub use token::{Token, TokenError};
pub(crate) use trace::Event;

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::scheduler;

/// Runs `body` under a thousand schedules, as [`Config::check`] does by default.
///
/// # Panics
/// With a report, if one of them fails.
///
/// ```
/// use gocsp_runtime::{go, sleep, testing};
/// use std::time::Duration;
///
/// testing::check(|| {
///     let sleeper = go!(|| sleep(Duration::from_secs(3600)));
///     sleeper.join().unwrap();
/// });
/// ```
#[track_caller]
pub fn check(body: impl Fn() + Send + Sync + 'static) {
    Config::default().check(body);
}

/// Waits until no other goroutine of the test can go on before time passes: all of them wait for each other, or for a timer. As
/// `synctest.Wait` in Go.
///
/// # Panics
/// When called outside [`check`].
///
/// ```
/// use gocsp_runtime::testing::{self, check};
/// use gocsp_runtime::{go, sleep};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::time::Duration;
///
/// check(|| {
///     let begun = Arc::new(AtomicBool::new(false));
///     let seen = Arc::clone(&begun);
///     let sleeper = go!(move || {
///         begun.store(true, Ordering::Relaxed);
///         sleep(Duration::from_secs(1));
///     });
///     testing::wait();
///     assert!(seen.load(Ordering::Relaxed), "it has begun, and sleeps");
///     sleeper.join().unwrap();
/// });
/// ```
#[track_caller]
pub fn wait() {
    assert!(scheduler::settle(), "testing::wait() is for what testing::check runs");
}

/// A decision of the schedule: one of so many possibilities, each as probable as the others. It is part of what a
/// [`Token`] stands for, as the decisions are who goes on. 0 is what happens if nobody interferes, and what it comes to when a
/// failing schedule is made simpler; so 0 should stand for what is usual.
///
/// # Panics
/// When called outside [`check`], and if nothing is possible.
///
/// A service that fails now and then:
/// ```
/// use gocsp_runtime::testing::{self, Config};
///
/// fn ask() -> Result<u32, &'static str> {
///     match testing::choose(4) {
///         3 => Err("the service is not there"),
///         _ => Ok(42),
///     }
/// }
///
/// let failure = Config::default().explore(|| assert_eq!(ask(), Ok(42))).unwrap_err();
/// assert!(failure.to_string().contains("the service is not there"));
/// ```
#[track_caller]
pub fn choose(possibilities: usize) -> usize {
    assert_ne!(possibilities, 0, "testing::choose(0): nothing is possible");
    scheduler::draw(possibilities).expect("testing::choose() is for what testing::check runs")
}

/// What belongs to the schedule that the caller belongs to, of the type `T`: it is made when it is first asked for, and dropped at the
/// end of the schedule, when all its goroutines have ended; or, if it has failed, when it is over already. `None` if the caller
/// belongs to none. To drop it happens outside any goroutine, and must not wait: that ends the program.
///
/// A static variable would keep what the schedules before have left there. This is for what stands in for the world outside:
/// ```
/// use gocsp_runtime::go;
/// use gocsp_runtime::testing::{check, schedule_local};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// /// How often the bell of the house has been rung.
/// #[derive(Default)]
/// struct Bell(AtomicU32);
///
/// fn ring() -> u32 {
///     schedule_local::<Bell>().expect("this is a test").0.fetch_add(1, Ordering::Relaxed)
/// }
///
/// check(|| {
///     let first = go!(ring());
///     let first = first.join().unwrap();
///     assert_eq!((first, ring()), (0, 1));
/// });
/// assert!(schedule_local::<Bell>().is_none());
/// ```
pub fn schedule_local<T: Default + Send + Sync + 'static>() -> Option<Arc<T>> {
    let of = TypeId::of::<T>();
    let local = match scheduler::local(of)? {
        Some(local) => local,
        None => {
            let made: Arc<dyn Any + Send + Sync> = Arc::new(T::default());
            // To make it may have asked for it.
            scheduler::local(of)?.unwrap_or_else(|| {
                scheduler::add_local(of, Arc::clone(&made));
                made
            })
        }
    };
    local.downcast().ok()
}

/// Puts a line into what is told of a schedule that has failed, between what the calling goroutine does before and after. `text`
/// is called only if it is written down. Nothing happens outside [`check`].
///
/// ```
/// use gocsp_runtime::testing::{self, Config};
///
/// let failure = Config::default().explore(|| {
///     let weather = ["fine", "foul"][testing::choose(2)];
///     testing::note(|| format!("the weather is {weather}"));
///     assert_eq!(weather, "fine");
/// });
/// assert!(failure.unwrap_err().to_string().contains("the weather is foul"));
/// ```
pub fn note(text: impl FnOnce() -> String) {
    scheduler::note(|| Event::Says(text()));
}
