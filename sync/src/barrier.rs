//! [`Barrier`]: a number of goroutines wait for one another.
//!
//! The queue's lock guards how many have arrived in this round. The last to arrive begins the next round, and claims and wakes
//! all others: whoever is claimed has been let through.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::Location;

use gocsp_runtime::park::{self, Description, Outcome, Partner, Patience, Reason, Way};

use crate::queue::{self, Lanes, Queue};
use crate::report::{self, Caller};
use crate::sync::const_unless_modelled;

/// The only lane.
const ALL: usize = 0;

/// A place where a number of goroutines or threads wait for one another, again and again.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use gocsp_sync::{Barrier, WaitGroup};
///
/// let (barrier, group) = (Arc::new(Barrier::new(3)), WaitGroup::new());
/// for n in 0..3 {
///     let barrier = Arc::clone(&barrier);
///     group.go(move || {
///         println!("{n} has prepared");
///         barrier.wait();
///         println!("{n} goes on, and all have prepared");
///     });
/// }
/// group.wait();
/// ```
pub struct Barrier {
    size: usize,
    made_at: Caller,
    queue: Queue<(), 1, Round>,
}

#[derive(Debug)]
struct Round {
    arrived: usize,
    number: u64,
}

impl Barrier {
    const_unless_modelled! {
        /// A barrier for `size` at a time. Of size 0 it is as of size 1: nobody waits.
        ///
        /// # Examples
        /// ```
        /// static BARRIER: gocsp_sync::Barrier = gocsp_sync::Barrier::new(1);
        /// assert!(BARRIER.wait().is_leader());
        /// ```
        #[track_caller]
        pub fn new(size: usize) -> Self {
            let queue = Queue::new(Lanes::with(Round { arrived: 0, number: 0 }));
            Self { size, made_at: Location::caller(), queue }
        }
    }

    /// Waits until as many have arrived as the barrier's size says. Then all go on, and the barrier is as new.
    ///
    /// What each of them did before is visible to all.
    ///
    /// Who is unwound while it waits, because its runtime shuts down, has arrived nevertheless.
    ///
    /// # Examples
    /// See [`Barrier`].
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let reason = Reason::new::<Waiting, _>(Location::caller(), self);
        park::cooperate();
        park::point(|| reason);
        let mut patience = Patience::FOREVER;
        let mut queue = self.queue.lock();
        queue.state.arrived += 1;
        if queue.state.arrived >= self.size {
            queue.state = Round { arrived: 0, number: queue.state.number + 1 };
            let others = queue.lane::<ALL>().take_all();
            drop(queue);
            others.wake_all();
            return BarrierWaitResult { leads: true };
        }
        let round = queue.state.number;
        // The goroutine may unwind already, and has to wait for the others all the same.
        while queue::wait::<ALL, _, _, _>(queue, &(), patience, reason) == Outcome::Cancelled {
            patience.masked = true;
            queue = self.queue.lock();
            if queue.state.number != round {
                break;
            }
        }
        BarrierWaitResult { leads: false }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("size", &self.size).finish_non_exhaustive()
    }
}

/// To wait for those who have not arrived.
enum Waiting {}

impl Way<Barrier> for Waiting {
    const STATE: &'static str = "sync.Barrier.Wait";

    fn describe(barrier: &Barrier, to: &mut Description) {
        let missing = barrier.size.saturating_sub(barrier.queue.lock().state.arrived);
        report::tell("barrier", barrier, Some(barrier.made_at), Partner::Workers(missing), to);
    }
}

/// What [`Barrier::wait`] says.
///
/// # Examples
/// ```
/// use gocsp_runtime::scope;
/// use gocsp_sync::{Barrier, BarrierWaitResult};
///
/// let barrier = Barrier::new(3);
/// let leaders = scope(|s| {
///     let arrivals = [(); 3].map(|()| s.go(|| barrier.wait()));
///     arrivals.map(|arrival| arrival.join().unwrap()).into_iter().filter(BarrierWaitResult::is_leader).count()
/// });
/// assert_eq!(leaders, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    leads: bool,
}

impl BarrierWaitResult {
    /// Whether this was the last to arrive, of which there is one in each round.
    ///
    /// # Examples
    /// ```
    /// assert!(gocsp_sync::Barrier::new(1).wait().is_leader());
    /// ```
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leads
    }
}
