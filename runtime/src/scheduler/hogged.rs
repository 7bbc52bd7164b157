//! Hogged workers: a goroutine that takes no notice of the end of its time slice keeps its worker from all others there.
//!
//! The [monitor](super::monitor) finds such a worker. If anything waits there that others may see to, one of them is sent: a
//! worker that sleeps, or one that is awake anyway. Under `migrate`, if there is none, it is a *spare* worker, beyond the
//! number of procs, and the permit of the hogged one passes on, which has to ask for one again. There are no more spare
//! workers than procs: behind so many hogs at once, others wait, and that is [reported](super::stall). Spare workers get no
//! goroutines by placement, and are like others otherwise.
//!
//! Without `migrate` there are no spare workers. As long as one worker is not hogged, nobody has to wait who has not started;
//! when all are, those wait as well.
//!
//! Rejected: spare workers without `migrate`. A thread that has lost its processor for long looks like a hogged worker; and
//! goroutines that a spare worker has started stay with it, and deepen a tree that is walked by one worker in two places.
//!
//! # What may be taken over
//! The unstarted goroutines: always. Under `migrate` also what has the *only right* to make a started goroutine ready, and
//! with it the goroutine, whose home changes:
//! 1. who takes it out of `fresh`, where it stands if it is ready ([`Fresh::steal`](super::fresh::Fresh::steal));
//! 2. who has its token, if its wait has no deadline: one who wakes it, or who takes its message out of the inbox;
//! 3. who has its timer, if it sleeps: for nobody knows of it, a sleep ends in no other way;
//! 4. and who has the timer of a call, which concerns no goroutine at all.
//!
//! Each of these is a value that is moved, under a lock or by an exchange, which orders what the home has done to the
//! goroutine before what its new home does. It exists only after the goroutine has left its stack: a token is made under the
//! lock that the goroutine's commit step releases, and the timer of a sleep is put into the store by such a step.
//!
//! What stays:
//! - A wait with a deadline that a token may end as well. Which of the two is first is decided by plain accesses of the home,
//!   so both have to come to it. That it is such a wait says the goroutine's [`Status`], the one field that others may
//!   read who do not know yet whether they have the only right. It says so as long as there may be a token: also when the
//!   deadline has passed, and in the wait for the token that follows.
//! - A goroutine that is pinned to its thread, or unwinding on it.
//! - The one in `next`: it was made ready by the one that runs. If another than it comes first, it goes to `fresh`.
//! - Everything, as soon as the runtime shuts down. Whoever takes something over does so before it says that it knows of the
//!   shutdown; so when the last says so, homes are final (step 2 of [`shutdown`](super::shutdown)). The timer of a sleep
//!   that was taken over, and whose goroutine was not, is then dropped: the shutdown ends the sleep.
//!
//! The hogged worker's own thread, which may call the runtime at any moment, shares with those who take over what any thread
//! may use: the inbox, `fresh`, and the timers. What it finds missing there, it has nothing to do with any more.

use std::mem;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::shared::{MAX_WORKERS, Shared};
use super::stall::NoSpare;
use super::worker::{Signals, Worker, count};
use crate::goroutine::{Goroutine, Status};
use crate::park::Unparked;

impl Shared {
    /// `worker` is hogged: makes sure that somebody sees to those who wait there. For the monitor.
    ///
    /// # Errors
    /// When that had to be a spare worker, and there can be none.
    pub(super) fn relieve(self: &Arc<Self>, worker: &Worker) -> Result<(), NoSpare> {
        worker.signals.hogged.store(true, Ordering::Relaxed);
        if self.options.migrate && self.procs.is_contended() {
            self.run_in_place_of(worker);
        }
        if !self.has_waiting(worker) {
            return Ok(());
        }
        self.anybody_hogged.store(true, Ordering::Relaxed);
        let limit = self.procs.limit();
        let able = || self.each_worker().filter(|worker| !worker.signals.hogged.load(Ordering::Relaxed));
        let sleeps = |worker: &&Worker| worker.signals.asleep.load(Ordering::Relaxed);
        if let Some(idle) = able().take_while(|worker| worker.id < limit).find(sleeps) {
            self.rouse(idle.id);
        } else if self.options.migrate && able().all(|worker| sleeps(&worker)) {
            return self.send_spare(worker, able().next());
        }
        Ok(())
    }

    /// Has a spare worker run in place of `hogged`: `spare`, which sleeps or starts, or else one more.
    fn send_spare(self: &Arc<Self>, hogged: &Worker, spare: Option<&Worker>) -> Result<(), NoSpare> {
        let (workers, procs) = (self.worker_count(), self.procs.limit());
        let sent = match spare {
            Some(spare) => {
                self.rouse(spare.id);
                Ok(())
            }
            None if workers < MAX_WORKERS.min(2 * procs) => self.grow(workers + 1).map_err(NoSpare::Refused),
            None => Err(NoSpare::TooMany { workers, procs }),
        };
        self.run_in_place_of(hogged);
        sent
    }

    /// Lets whoever waits for a permit, or will, have that of `hogged`, unless as many have been taken already as there are
    /// procs.
    fn run_in_place_of(&self, hogged: &Worker) {
        let deprived = |worker: &&Worker| {
            let Signals { hogged, awaits_permit, .. } = &*worker.signals;
            let runs = hogged.load(Ordering::Relaxed) && !awaits_permit.load(Ordering::Relaxed);
            runs && !self.procs.is_held(worker.id)
        };
        if self.each_worker().filter(deprived).count() < self.procs.limit() {
            // It may have yielded meanwhile.
            let permit = self.procs.give_up_if(hogged.id, || hogged.signals.hogged.load(Ordering::Relaxed));
            permit.into_iter().for_each(|waiting| self.grant(waiting));
        }
    }

    /// Whether anything waits at `worker`, which runs somebody, that others may see to. A hint.
    fn has_waiting(&self, worker: &Worker) -> bool {
        self.waiting_at(worker) > 0
            || (self.homes_change()
                && (worker.inbox.has_messages() || worker.signals.has_timers.load(Ordering::Relaxed)))
    }

    /// Whether started goroutines may change homes.
    fn homes_change(&self) -> bool {
        self.options.migrate && !self.is_shutting_down()
    }

    /// Whether some worker is hogged, and nobody has seen to it. Relaxed: a hint, acted on at the next look around; who
    /// sleeps is roused after it was set.
    pub(super) fn is_anybody_hogged(&self) -> bool {
        self.anybody_hogged.load(Ordering::Relaxed)
    }
}

impl Worker {
    /// Takes over who waits at workers that are hogged.
    #[cold]
    pub(super) fn relieve_hogged(&self) {
        let shared = self.shared();
        shared.anybody_hogged.store(false, Ordering::Relaxed);
        let hogged = |worker: &&Self| worker.id != self.id && worker.signals.hogged.load(Ordering::Relaxed);
        for victim in shared.each_worker().filter(hogged) {
            while self.steal_from(victim) {}
            if shared.homes_change() {
                self.take_timers(victim);
                self.take_messages(victim);
            }
        }
    }

    /// This worker was hogged, and is not any more: it needs a permit again.
    pub(super) fn is_relieved(&self) {
        let hogged = &self.signals.hogged;
        if hogged.load(Ordering::Relaxed)
            && !self.shared().procs.is_held_after(self.id, || hogged.store(false, Ordering::Relaxed))
        {
            self.await_permit();
        }
    }

    fn take_timers(&self, victim: &Self) {
        victim.signals.has_timers.store(false, Ordering::Relaxed);
        let timers = mem::take(&mut *victim.timers.lock());
        let (free, bound) = timers.divide();
        victim.publish_timers(&bound);
        self.timers.lock().append(free);
        self.signals.has_timers.store(true, Ordering::Relaxed);
        if !bound.is_empty() {
            victim.timers.lock().append(bound);
            // It may have gone to sleep without them.
            self.shared().rouse(victim.id);
        }
    }

    fn take_messages(&self, victim: &Self) {
        for goroutine in victim.inbox.rob() {
            let goroutine = NonNull::new(goroutine).expect("a message has an address");
            // SAFETY: the message was the goroutine's token.
            if !unsafe { self.takes_over(goroutine) } {
                // SAFETY: as above, and this is its home.
                unsafe { victim.send(goroutine) };
            }
        }
    }

    /// Makes `goroutine` ready here, unless it has to stay at home. Whether it was.
    ///
    /// # Safety
    /// The caller has its token, which is spent if this is true.
    pub(super) unsafe fn takes_over(&self, goroutine: NonNull<Goroutine>) -> bool {
        // SAFETY: a goroutine with a token waits for it, so it has not ended.
        let control = unsafe { goroutine.as_ref() };
        let only_by_token = matches!(control.status(), Status::Parked | Status::ParkedMasked);
        if !only_by_token || !control.may_change_threads() || !self.shared().homes_change() {
            return false;
        }
        count(&self.counts.messages);
        self.take_in(goroutine, Unparked::Woken);
        true
    }

    /// Makes `goroutine` ready here, whose only right to be made so the caller has.
    pub(super) fn take_in(&self, goroutine: NonNull<Goroutine>, why: Unparked) {
        // SAFETY: it is parked, so it has not ended.
        let control = unsafe { goroutine.as_ref() };
        control.set_status(Status::Awake(why));
        if !ptr::eq(control.home(), self) {
            // SAFETY: it is parked, so it has started.
            self.adopt(control, unsafe { control.started_stack() });
        }
        self.push_woken(goroutine);
    }
}
