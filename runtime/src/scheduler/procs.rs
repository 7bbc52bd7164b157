//! How many workers may run goroutines at the same time.
//!
//! A goroutine that has started cannot leave its worker, so workers are never taken away. When the limit is lowered
//! below their number, they take turns instead: a worker runs goroutines only while it holds one of `limit` permits,
//! gives its permit up when it runs out of work, while a goroutine that unwinds blocks its thread, and, while others wait for
//! one, at the end of each time slice. The surplus workers are given no new goroutines, and nobody is
//! [stolen](super::watcher) for them as long as others run; so they fall idle by and by.
//!
//! As long as there are as many permits as workers, taking one never waits.
//!
//! Under `migrate` the monitor may give up the permit of a worker in its place, whose goroutine does not yield
//! ([`hogged`](super::hogged)). So it is known who holds one, and nobody gives up what he has not got.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::watch::WorkerId;
use crate::std_sync::Mutex;

/// The permits of a runtime. See the [module](self).
#[derive(Debug)]
pub(crate) struct Procs {
    limit: AtomicUsize,
    /// Whether `waiting` has anybody in it, or more permits are held than there are.
    contended: AtomicBool,
    permits: Mutex<Permits>,
}

#[derive(Debug)]
struct Permits {
    /// Negative while more are held than the lowered limit allows.
    free: isize,
    waiting: VecDeque<WorkerId>,
    /// By worker: whether it holds one.
    held: Vec<bool>,
}

impl Permits {
    fn set_held(&mut self, worker: WorkerId, held: bool) -> bool {
        if self.held.len() <= worker {
            self.held.resize(worker + 1, false);
        }
        std::mem::replace(&mut self.held[worker], held)
    }

    /// Grants the next in the queue a permit that nobody holds.
    fn grant(&mut self) -> Option<WorkerId> {
        let worker = self.waiting.pop_front()?;
        self.set_held(worker, true);
        Some(worker)
    }
}

impl Procs {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: AtomicUsize::new(limit),
            contended: AtomicBool::new(false),
            permits: Mutex::new(Permits { free: limit as isize, waiting: VecDeque::new(), held: Vec::new() }),
        }
    }

    /// The number of permits there are.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the number of permits; gives the old one, and whoever got a permit by the change.
    pub(crate) fn set_limit(&self, limit: usize) -> (usize, Vec<WorkerId>) {
        let mut permits = self.permits.lock().expect("no panic happens under this lock");
        let old = self.limit.swap(limit, Ordering::Relaxed);
        permits.free += limit as isize - old as isize;
        let mut granted = Vec::new();
        while permits.free > 0
            && let Some(worker) = permits.grant()
        {
            permits.free -= 1;
            granted.push(worker);
        }
        self.note_contention(&permits);
        (old, granted)
    }

    /// Takes a permit; if there is none, queues `worker` for one, which another worker will grant it.
    #[must_use = "without a permit the worker has to wait for one"]
    pub(crate) fn try_take(&self, worker: WorkerId) -> bool {
        let mut permits = self.permits.lock().expect("no panic happens under this lock");
        if permits.free > 0 {
            permits.free -= 1;
            permits.set_held(worker, true);
            return true;
        }
        permits.waiting.push_back(worker);
        self.contended.store(true, Ordering::Relaxed);
        false
    }

    /// Gives the permit of `worker` up, if it holds one; it is granted to the returned worker, if one waits.
    #[must_use = "the worker that was granted the permit has to be told"]
    pub(crate) fn give_up(&self, worker: WorkerId) -> Option<WorkerId> {
        self.give_up_if(worker, || true)
    }

    /// As [`give_up`](Self::give_up), in place of `worker`, if it `is_hogged` when nobody else takes or gives up a permit.
    #[must_use = "the worker that was granted the permit has to be told"]
    pub(crate) fn give_up_if(&self, worker: WorkerId, is_hogged: impl FnOnce() -> bool) -> Option<WorkerId> {
        let mut permits = self.permits.lock().expect("no panic happens under this lock");
        if !is_hogged() || !permits.set_held(worker, false) {
            return None;
        }
        let granted = if permits.free < 0 { None } else { permits.grant() };
        if granted.is_none() {
            permits.free += 1;
        }
        self.note_contention(&permits);
        granted
    }

    /// Whether `worker` holds a permit.
    pub(crate) fn is_held(&self, worker: WorkerId) -> bool {
        self.is_held_after(worker, || ())
    }

    /// Whether `worker` holds a permit once it has `said` that it is not hogged: then it keeps it, for who
    /// [gives it up](Self::give_up_if) in its place comes before, or sees what was said.
    pub(crate) fn is_held_after(&self, worker: WorkerId, said: impl FnOnce()) -> bool {
        let permits = self.permits.lock().expect("no panic happens under this lock");
        said();
        permits.held.get(worker).is_some_and(|&held| held)
    }

    fn note_contention(&self, permits: &Permits) {
        self.contended.store(permits.free < 0 || !permits.waiting.is_empty(), Ordering::Relaxed);
    }

    /// Whether a worker that holds a permit has to give it up at the end of its time slice. Relaxed: a hint, which will be seen
    /// at the end of the next one if not of this.
    pub(crate) fn is_contended(&self) -> bool {
        self.contended.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn permits_are_granted_in_turn() {
        let procs = Procs::new(1);
        assert!(procs.try_take(0));
        assert!(!procs.try_take(1));
        assert!(!procs.try_take(2));
        assert!(procs.is_contended());
        assert_eq!(procs.give_up(0), Some(1));
        assert_eq!(procs.give_up(1), Some(2));
        assert!(!procs.is_contended());
        assert_eq!(procs.give_up(2), None);
        assert!(procs.try_take(0));
    }

    #[test]
    fn a_permit_is_given_up_once() {
        let procs = Procs::new(1);
        assert!(procs.try_take(0) && procs.is_held(0));
        assert_eq!(procs.give_up(0), None);
        assert_eq!(procs.give_up(0), None);
        assert!(procs.try_take(1) && !procs.try_take(0) && !procs.is_held(0));
        assert_eq!(procs.give_up(1), Some(0));
        assert!(procs.is_held(0));
    }

    #[test]
    fn the_permit_of_a_worker_that_is_not_hogged_any_more_is_left_to_it() {
        let (procs, hogged) = (Procs::new(1), Cell::new(true));
        assert!(procs.try_take(0) && !procs.try_take(1));
        assert!(procs.is_held_after(0, || hogged.set(false)));
        assert_eq!(procs.give_up_if(0, || hogged.get()), None);
        hogged.set(true);
        assert_eq!(procs.give_up_if(0, || hogged.get()), Some(1));
        assert!(!procs.is_held_after(0, || hogged.set(false)));
    }

    #[test]
    fn a_lowered_limit_swallows_permits_and_a_raised_one_grants_them() {
        let procs = Procs::new(3);
        assert!((0..3).all(|worker| procs.try_take(worker)));
        assert_eq!(procs.set_limit(1), (3, vec![]));
        assert!(procs.is_contended());
        assert_eq!(procs.give_up(2), None);
        assert!(!procs.try_take(2));
        assert_eq!(procs.give_up(1), None);
        assert_eq!(procs.give_up(0), Some(2));
        assert!(!procs.try_take(1));
        assert_eq!(procs.set_limit(2), (1, vec![1]));
    }
}
