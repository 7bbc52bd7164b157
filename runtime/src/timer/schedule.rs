//! When something is to happen, for somebody who may change his mind.
//!
//! # Vocabulary
//! - The *owner* of a schedule is what [expires](Expire). It keeps the schedule under its lock.
//! - The schedule is *set* while it has a time at which it is *due*.
//! - An *entry* stands in a worker's store, which calls its owner at a time of its own. The schedule is *armed* for the
//!   earliest entry that it counts on.
//!
//! # Protocol
//! 1. To clear the schedule is to forget when it is due. The entry stays where it is: it may be in the store of a worker that
//!    computes, and to find it there would take longer than to fire it.
//! 2. To set it to a later time than it is armed for takes no new entry either. So a deadline that is put off again and again
//!    costs one entry.
//! 3. Only to an earlier time, or if it is not armed, does it take a new entry. The earlier one of two is the one that counts.
//! 4. Nothing is put into a store under the owner's lock: [`Arming`] is carried out of it, and may come late. For what an entry
//!    means is decided when it calls: it is *stale* if it is not the one that the schedule is armed for, else it is too early,
//!    and stands in the store again for the time that is right, or the schedule is due.
//!
//! # Invariants
//! - **T1** If the schedule is set it is armed, for no later time than it is due.
//! - **T2** If it is armed, for a time, then an entry for this time is in a store, or on its way there.
//! - **T3** No more than three entries refer to anything that lives. The first refers to the owner itself. Whenever another is
//!   needed while it is outstanding, that refers to a *relay*, which lives until the next takes its place; and an entry whose
//!   relay is gone is swept like any that nobody wants.
//!
//! An entry that was stale may come to be one of two for the same time, and serve for the other, which is stale then: hence
//! the third in T3. It makes no difference otherwise, for both lead to the same owner.
//!
//! # Rejected
//! - A number for each change, which the entry would have to bring with it: it would make all entries longer, and be used up
//!   after four thousand million changes.
//! - A relay for each owner: most schedules are never set to an earlier time.

use std::sync::{Arc, Weak};
use std::time::Instant;

use super::{Expire, arm};
use crate::clock;

/// When something is to happen, for an owner who may change his mind: the state that he keeps under his lock.
///
/// He [sets](Self::set) and [clears](Self::clear) it; and when he [expires](Expire::expire), he [asks](Self::expire) what that
/// means. The header of the module tells why that takes no more than a few entries in the store of a worker.
///
/// ```
/// use std::sync::{Arc, Weak, mpsc};
/// use std::time::{Duration, Instant};
/// use gocsp_runtime::clock;
/// use gocsp_runtime::park::Lock;
/// use gocsp_runtime::timer::{Expire, Expiry, Schedule};
///
/// struct Alarm {
///     schedule: Lock<Schedule>,
///     ring: mpsc::Sender<Instant>,
/// }
///
/// impl Alarm {
///     fn set(self: &Arc<Self>, due: Instant) {
///         let owner: Weak<Self> = Arc::downgrade(self);
///         let arming = self.schedule.lock().set(due, || owner); // The lock is released at the end of the line.
///         if let Some(arming) = arming {
///             arming.carry_out();
///         }
///     }
/// }
///
/// impl Expire for Alarm {
///     fn expire(&self, entry: Instant) -> Option<Instant> {
///         let expiry = self.schedule.lock().expire(entry, clock::now());
///         match expiry {
///             Expiry::Stale => None,
///             Expiry::Early(due) => Some(due),
///             Expiry::Due(due) => {
///                 let _ = self.ring.send(due); // It has no capacity, so this does not wait.
///                 None
///             }
///         }
///     }
///
///     fn is_awaited(&self) -> bool {
///         self.schedule.lock().is_set()
///     }
///
///     fn abandon(&self, entry: Instant) {
///         self.schedule.lock().abandon(entry);
///     }
/// }
///
/// let (ring, bell) = mpsc::channel();
/// let alarm = Arc::new(Alarm { schedule: Lock::new(Schedule::new()), ring });
/// alarm.set(clock::deadline(Duration::from_secs(60)));
/// let sooner = clock::deadline(Duration::from_millis(1));
/// alarm.set(sooner);
/// assert_eq!(bell.recv(), Ok(sooner));
/// assert!(!alarm.is_awaited());
/// ```
#[derive(Default)]
pub struct Schedule {
    due: Option<Instant>,
    armed: Option<Instant>,
    /// `None` as long as the entries refer to the owner itself.
    relay: Option<Arc<Relay>>,
}

/// What is to be done now that an entry has called.
///
/// See [the example](Schedule).
#[derive(Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Nothing: the schedule was cleared, or there is another entry.
    Stale,
    /// The entry is to be called again at this time.
    Early(Instant),
    /// What the schedule is for. It was due at this time, and is cleared.
    Due(Instant),
}

impl Schedule {
    /// A schedule that is not set.
    ///
    /// See [the example](Self).
    pub const fn new() -> Self {
        Self { due: None, armed: None, relay: None }
    }

    /// Whether it is set.
    ///
    /// See [the example](Self).
    pub fn is_set(&self) -> bool {
        self.due.is_some()
    }

    /// Step 1. Whether it was set.
    ///
    /// ```
    /// let mut schedule = gocsp_runtime::timer::Schedule::new();
    /// assert!(!schedule.clear());
    /// ```
    pub fn clear(&mut self) -> bool {
        self.due.take().is_some()
    }

    /// Steps 2 and 3. What is given has to be carried out, after the owner's lock was released.
    ///
    /// See [the example](Self).
    pub fn set(&mut self, due: Instant, owner: impl FnOnce() -> Weak<dyn Expire>) -> Option<Arming> {
        self.due = Some(due);
        if self.armed.is_some_and(|armed| armed <= due) {
            return None;
        }
        let what = match (self.armed, &self.relay) {
            (None, None) => owner(),
            (None, Some(relay)) => relay.as_entry(),
            (Some(_), _) => self.relay.insert(Arc::new(Relay { owner: owner() })).as_entry(),
        };
        self.armed = Some(due);
        Some(Arming { due, what })
    }

    /// The second half of step 4: an entry for the time `entry` calls at `now`.
    ///
    /// See [the example](Self).
    pub fn expire(&mut self, entry: Instant, now: Instant) -> Expiry {
        if self.armed != Some(entry) {
            return Expiry::Stale;
        }
        self.armed = None;
        match self.due {
            None => Expiry::Stale,
            Some(due) if due <= now => {
                self.due = None;
                Expiry::Due(due)
            }
            Some(due) => {
                self.armed = Some(due);
                Expiry::Early(due)
            }
        }
    }

    /// Sets it to `due`, for which the entry that has just called, and found it due, will be called again.
    ///
    /// Of an alarm that rings again and again:
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_runtime::clock;
    /// use gocsp_runtime::timer::{Expiry, Schedule};
    ///
    /// /// What [`Expire::expire`](gocsp_runtime::timer::Expire::expire) gives, under the lock of the alarm.
    /// fn next(schedule: &mut Schedule, entry: Instant, period: Duration) -> Option<Instant> {
    ///     match schedule.expire(entry, clock::now()) {
    ///         Expiry::Stale => None,
    ///         Expiry::Early(due) => Some(due),
    ///         Expiry::Due(due) => {
    ///             let next = clock::saturating_add(due, period);
    ///             schedule.set_again(next);
    ///             Some(next)
    ///         }
    ///     }
    /// }
    /// # assert_eq!(next(&mut Schedule::new(), clock::now(), Duration::from_secs(1)), None);
    /// ```
    pub fn set_again(&mut self, due: Instant) {
        debug_assert!(self.armed.is_none(), "an entry called, and was not the one that counted");
        self.due = Some(due);
        self.armed = Some(due);
    }

    /// The entry for the time `entry` will never call: its runtime has ended. If it is the one that counts, the schedule is
    /// cleared, and can be set again. Whether it is.
    ///
    /// See [the example](Self).
    pub fn abandon(&mut self, entry: Instant) -> bool {
        let counted = self.armed == Some(entry);
        if counted {
            (self.due, self.armed) = (None, None);
        }
        counted
    }
}

/// An entry that is to be put into the store of a worker.
///
/// See [the example](Schedule).
#[must_use = "nothing happens before it is carried out"]
pub struct Arming {
    due: Instant,
    what: Weak<dyn Expire>,
}

impl Arming {
    /// Puts the entry into the store of the caller's worker, as [`arm`] does; or calls the owner at once if its time has come.
    /// Not under a lock.
    ///
    /// # Panics
    /// As [`arm`].
    ///
    /// See [the example](Schedule).
    pub fn carry_out(self) {
        let Self { mut due, what } = self;
        if due <= clock::now() {
            let Some(again) = what.upgrade().and_then(|owner| owner.expire(due)) else { return };
            due = again;
        }
        arm(due, what);
    }
}

/// Stands for the owner in an entry.
struct Relay {
    owner: Weak<dyn Expire>,
}

impl Relay {
    fn as_entry(self: &Arc<Self>) -> Weak<dyn Expire> {
        let relay: Weak<Self> = Arc::downgrade(self);
        relay
    }
}

impl Expire for Relay {
    fn expire(&self, due: Instant) -> Option<Instant> {
        self.owner.upgrade()?.expire(due)
    }

    fn is_awaited(&self) -> bool {
        self.owner.upgrade().is_some_and(|owner| owner.is_awaited())
    }

    fn abandon(&self, due: Instant) {
        if let Some(owner) = self.owner.upgrade() {
            owner.abandon(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Nothing;
    use super::*;

    /// A schedule, its owner, and all entries that were ever made.
    struct Setting {
        schedule: Schedule,
        owner: Arc<Nothing>,
        entries: Vec<Arming>,
        start: Instant,
    }

    impl Setting {
        fn new() -> Self {
            Self { schedule: Schedule::new(), owner: Arc::new(Nothing), entries: Vec::new(), start: clock::now() }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn set(&mut self, seconds: u64) {
            let due = self.at(seconds);
            let owner: Weak<Nothing> = Arc::downgrade(&self.owner);
            self.entries.extend(self.schedule.set(due, || owner));
        }

        fn expire(&mut self, entry: u64, now: u64) -> Expiry {
            self.schedule.expire(self.at(entry), self.at(now))
        }

        fn live_entries(&self) -> usize {
            self.entries.iter().filter(|entry| entry.what.strong_count() > 0).count()
        }
    }

    #[test]
    fn it_is_due_once() {
        let mut setting = Setting::new();
        setting.set(5);
        assert_eq!(setting.expire(5, 6), Expiry::Due(setting.at(5)));
        assert!(!setting.schedule.is_set());
        assert_eq!(setting.expire(5, 7), Expiry::Stale);
    }

    #[test]
    fn cleared_it_is_not_due_and_can_be_set_again() {
        let mut setting = Setting::new();
        setting.set(5);
        assert!(setting.schedule.clear());
        assert!(!setting.schedule.clear());
        setting.set(7);
        assert_eq!(setting.expire(5, 5), Expiry::Early(setting.at(7)), "the first entry still serves");
        assert!(setting.schedule.clear());
        assert_eq!(setting.expire(7, 7), Expiry::Stale);
        setting.set(9);
        assert_eq!(setting.expire(9, 9), Expiry::Due(setting.at(9)));
    }

    #[test]
    fn put_off_again_and_again_it_takes_one_entry() {
        let mut setting = Setting::new();
        (5..1_000).for_each(|seconds| setting.set(seconds));
        assert_eq!(setting.entries.len(), 1);
        assert_eq!(setting.expire(5, 6), Expiry::Early(setting.at(999)));
    }

    #[test]
    fn drawn_nearer_again_and_again_it_has_few_entries_that_live() {
        let mut setting = Setting::new();
        (5..1_000).rev().for_each(|seconds| {
            setting.set(seconds);
            assert!(setting.live_entries() <= 2);
        });
        assert_eq!(setting.expire(5, 6), Expiry::Due(setting.at(5)));
        assert_eq!(setting.expire(6, 6), Expiry::Stale);
    }

    #[test]
    fn an_entry_that_does_not_count_is_not_put_back() {
        let mut setting = Setting::new();
        [10, 5, 12].into_iter().for_each(|seconds| setting.set(seconds));
        // The one for 5 is late: its worker computes.
        assert_eq!(setting.expire(10, 10), Expiry::Stale);
        assert_eq!(setting.expire(5, 11), Expiry::Early(setting.at(12)));
    }

    #[test]
    fn to_a_time_that_has_passed_already_the_value_is_when_it_was_due() {
        let mut setting = Setting::new();
        setting.set(5);
        setting.set(6);
        assert_eq!(setting.expire(5, 8), Expiry::Due(setting.at(6)));
    }

    #[test]
    fn it_does_not_wait_for_an_entry_that_was_abandoned() {
        let mut setting = Setting::new();
        setting.set(5);
        assert!(!setting.schedule.abandon(setting.at(4)));
        assert!(setting.schedule.abandon(setting.at(5)));
        setting.set(6);
        assert_eq!(setting.entries.len(), 2);
        assert_eq!(setting.expire(6, 6), Expiry::Due(setting.at(6)));
    }

    #[test]
    fn a_schedule_that_changes_at_random_is_due_exactly_when_it_should_be() {
        for _ in 0..300 {
            let mut setting = Setting::new();
            // The entries in the store, as their times.
            let mut store: Vec<u64> = Vec::new();
            let mut due = None;
            for now in 0..100 {
                match crate::random::below(4) {
                    0 => {
                        assert_eq!(setting.schedule.clear(), due.is_some());
                        due = None;
                    }
                    1 => {
                        let (before, time) = (setting.entries.len(), now + u64::from(crate::random::below(20)));
                        setting.set(time);
                        due = Some(time);
                        store.extend((setting.entries.len() > before).then_some(time));
                    }
                    _ => {}
                }
                store.sort_unstable();
                while store.first().is_some_and(|&entry| entry <= now) {
                    let entry = store.remove(0);
                    match setting.expire(entry, now) {
                        Expiry::Stale => {}
                        Expiry::Early(again) => {
                            store.push((again - setting.start).as_secs());
                            store.sort_unstable();
                        }
                        Expiry::Due(was) => assert_eq!(Some(was), due.take().map(|due| setting.at(due))),
                    }
                }
                assert!(due.is_none_or(|due| due > now), "it was not called in time");
            }
        }
    }
}
