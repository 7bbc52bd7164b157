//! What a worker does between goroutines: looks around, spins, sleeps, waits for its permit. How it watches is told in
//! [`watcher`](super::watcher).

use std::hint;
use std::ptr;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::look::Look;
use super::worker::{Local, Worker, add, count};
use crate::clock;
use crate::goroutine::Status;
use crate::park::Unparked;
use crate::stock::KEEP;
use crate::timer::Action;

/// How often a worker that has run out of work looks for messages, which takes some 400 ns, before it offers its processor to
/// others for the first time, and then each time again: whoever is to answer may be one who waits for just this processor.
const LOOKS_BETWEEN_OFFERS: u32 = 40;
/// For how long it does so before it does anything else about it; and if it was woken soon after it had gone to sleep the
/// last time.
const SHORT_SPIN: Duration = Duration::from_micros(4);
const LONG_SPIN: Duration = Duration::from_micros(40);
/// Who slept for less than this had better not have slept: to be woken takes as long. Two workers that answer each other
/// would go to sleep at every step, each because it takes the other so long to wake up.
const SHORT_SLEEP: Duration = Duration::from_micros(50);
/// Nobody may have set the coarse clock for so long.
const STALE: Duration = Duration::from_millis(1);
/// So many timers are fired at a time. Those whom they wake have their turns before the next ones: so they find in the cache
/// what firing has brought there, and when many timers are due at once, nobody waits until all of them have fired.
const VOLLEY: usize = 32;

impl Worker {
    /// Step 1 of a turn; sets the number of turns until the next look. `begun` is for the [tally](Self::tally).
    #[cold]
    pub(super) fn look_around(&self, begun: u64) {
        let Local { turns_left, turns_between, .. } = self.local();
        self.tally(begun);
        add(&self.signals.turns, u64::from(turns_between.get() - turns_left.get()));
        let turns = self.do_chores();
        turns_left.set(turns);
        turns_between.set(turns);
    }

    /// Does what has become due; gives the number of turns until the next look.
    fn do_chores(&self) -> u32 {
        if self.shared().is_shutting_down() {
            self.take_part_in_shutdown();
        }
        if self.shared().has_foreign_timers() {
            self.take_foreign_timers();
        }
        if self.can_feed() {
            self.feed_starving();
        }
        if self.shared().is_anybody_hogged() {
            self.relieve_hogged();
        }
        if self.is_asked() {
            self.answer_census();
        }
        let next_due = {
            let timers = self.timers.lock();
            self.publish_timers(&timers);
            timers.next_due()
        };
        let polls = self.poller.is_used();
        if next_due.is_none() && !polls {
            return Look::MOST_TURNS;
        }
        let now = clock::now();
        let turns = self.local().look.turns_until_next(now);
        if polls {
            self.poll_if_due(now);
        }
        match next_due {
            Some(due) if due <= now => self.fire_timers(now).unwrap_or(turns),
            _ => turns,
        }
    }

    fn take_foreign_timers(&self) {
        for (due, action) in self.shared().take_foreign_timers() {
            self.push_timer(due, action);
        }
    }

    /// Fires what is due, in volleys, until one has woken somebody. If there may be more: how many turns those take.
    fn fire_timers(&self, now: Instant) -> Option<u32> {
        let queues = &self.local().queues;
        let mut volley = [const { None }; VOLLEY];
        loop {
            let mut timers = self.timers.lock();
            for place in &mut volley {
                let Some((due, action)) = timers.pop(now) else { break };
                if let Action::Wake(stack, _) | Action::Unpark(stack, _) = &action {
                    stack.prefetch();
                }
                *place = Some((due, action));
            }
            drop(timers);
            let full = volley[VOLLEY - 1].is_some();
            let mut woken = 0;
            for (due, action) in volley.iter_mut().map_while(Option::take) {
                let before = queues.newest(&self.fresh);
                self.fire(due, action);
                woken += u32::from(queues.newest(&self.fresh) != before);
            }
            if !full {
                return None;
            }
            if woken > 0 {
                return Some(woken);
            }
        }
    }

    /// Fires all that is due; gives the time of what will be due next.
    pub(super) fn fire_due(&self) -> Option<Instant> {
        loop {
            let (due, now) = (self.timers.lock().next_due()?, clock::now());
            if due > now {
                return Some(due);
            }
            self.fire_timers(now);
        }
    }

    pub(super) fn fire(&self, due: Instant, action: Action) {
        match action {
            Action::Wake(stack, number) | Action::Unpark(stack, number) => {
                if stack.frame().timed_park() == number {
                    self.time_out(stack);
                }
            }
            Action::Call(what) => {
                if let Some(strong) = what.upgrade()
                    && let Some(again) = strong.expire(due)
                {
                    self.push_timer(again, Action::Call(what));
                }
            }
        }
    }

    /// The wait of the goroutine on this stack has reached its deadline.
    fn time_out(&self, stack: crate::stack::Stack) {
        if !ptr::eq(stack.frame().home(), self) && self.shared().is_shutting_down() {
            // It was taken over, and its home cancels the wait.
            return;
        }
        stack.frame().set_timed_park(0);
        let Some(goroutine) = stack.frame().goroutine() else { return };
        // SAFETY: the wait's number was still there, so the goroutine is in it, or was made ready and has not run yet.
        let control = unsafe { goroutine.as_ref() };
        let status = control.status();
        add(&self.counts.time_outs, u64::from(!matches!(status, Status::Awake(_))));
        #[cfg(feature = "testing")]
        super::directed::note_of(control, crate::testing::Event::TimedOut);
        match status {
            Status::Awake(_) => {}
            // A sleep.
            Status::Parked => self.take_in(goroutine, Unparked::TimedOut),
            _ => self.interrupt(goroutine, Unparked::TimedOut),
        }
    }

    /// Takes in everything that may have made a goroutine ready; true if there is one to run.
    pub(super) fn gather(&self) -> bool {
        self.drain_inbox();
        self.look_around(0);
        !self.local().queues.is_empty() || !self.fresh.is_empty()
    }

    /// Waits until there is something to run. False when the runtime has shut down and nothing is left.
    #[cold]
    pub(super) fn idle(&self) -> bool {
        count(&self.counts.idles);
        if self.poll() || self.spin() {
            return true;
        }
        self.rest();
        let since = clock::now();
        let again = loop {
            if self.gather() {
                break true;
            }
            if self.shared().is_done() {
                break false;
            }
            if (self.shared().watch.begin(self.id) && self.keep_watch()) || self.gather() {
                break true;
            }
            self.sleep();
        };
        if again {
            let slept = clock::now().saturating_duration_since(since);
            if slept > STALE {
                clock::set_coarse();
            }
            self.local().slept_briefly.set(slept < SHORT_SLEEP);
            self.pass_the_watch_on();
            self.resume();
        }
        again
    }

    /// This worker may have been the one roused to watch, but has found something to run: if there is more, somebody else
    /// is to look after it.
    fn pass_the_watch_on(&self) {
        let shared = self.shared();
        if self.fresh.count() > 1 || shared.has_work_to_steal(self.id) {
            shared.announce_work();
        }
    }

    /// Waits a little for somebody on another worker to answer: waking a thread takes longer than that. Not if those who run
    /// wait for a processor.
    fn spin(&self) -> bool {
        let shared = self.shared();
        let (running, processors) = (shared.running.load(Ordering::Relaxed), shared.options.processors);
        if processors == 1 || running > processors || self.id >= shared.procs.limit() {
            return false;
        }
        if !self.poller.is_used() && self.look_for_answer(LOOKS_BETWEEN_OFFERS) {
            return true;
        }
        let until = clock::now() + if self.local().slept_briefly.get() { LONG_SPIN } else { SHORT_SPIN };
        while clock::now() < until {
            thread::yield_now();
            if self.poll() || self.look_for_answer(LOOKS_BETWEEN_OFFERS) {
                return true;
            }
        }
        false
    }

    /// Whether at one of so many looks somebody on another worker has answered.
    fn look_for_answer(&self, looks: u32) -> bool {
        (0..looks).any(|_| {
            hint::spin_loop();
            self.inbox.has_messages() || !self.fresh.is_empty()
        })
    }

    /// Stops counting as running.
    pub(super) fn rest(&self) {
        let shared = self.shared();
        // Before: when nobody runs, the metrics are exact.
        self.tally(0);
        self.publish_timers(&self.timers.lock());
        shared.running.fetch_sub(1, Ordering::SeqCst);
        shared.give_up_permit(self);
    }

    /// Counts as running again, once there is a permit.
    pub(super) fn resume(&self) {
        self.await_permit();
        self.shared().worker_runs();
    }

    pub(super) fn await_permit(&self) {
        let permit = &self.signals.permit;
        if !self.shared().procs.try_take(self.id) {
            let awaits = &self.signals.awaits_permit;
            awaits.store(true, Ordering::Relaxed);
            while !permit.swap(false, Ordering::Acquire) {
                if self.is_asked() {
                    self.answer_census();
                }
                thread::park();
            }
            awaits.store(false, Ordering::Relaxed);
            self.begin_slice();
        }
    }

    /// Lets a worker that waits for a permit have this one's, and waits for it to come round again.
    pub(super) fn take_turns(&self) {
        let shared = self.shared();
        if !shared.procs.is_contended() {
            return;
        }
        shared.give_up_permit(self);
        self.await_permit();
    }

    /// Whether it sleeps although there is something for it to do. A hint.
    pub(super) fn is_waking_up(&self) -> bool {
        self.signals.asleep.load(Ordering::Relaxed) && (!self.fresh.is_empty() || self.inbox.has_messages())
    }

    /// Sleeps until something may have happened: step 2 of the [watch](super::watch).
    fn sleep(&self) {
        let shared = self.shared();
        let Local { stacks, blocks, .. } = self.local();
        let trim_at = (!stacks.is_empty() || !blocks.is_empty()).then(|| clock::now() + KEEP);
        count(&self.signals.sleeps);
        self.signals.asleep.store(true, Ordering::Relaxed);
        // Nobody runs here whom a request could be for.
        self.begin_slice();
        self.signals.hogged.store(false, Ordering::Relaxed);
        shared.watch.fall_asleep(self.id);
        self.pause(trim_at, || {
            !shared.watch.is_sleeper(self.id) || (shared.has_work_to_steal(self.id) && !shared.watch.is_kept())
        });
        shared.watch.wake_up(self.id);
        self.signals.asleep.store(false, Ordering::Relaxed);
        if trim_at.is_some_and(|trim_at| trim_at <= clock::now()) {
            self.clear_stock();
            shared.monitor.wake();
        }
    }

    /// Blocks the thread until its bell rings, or until `deadline` or the next timer.
    ///
    /// What is put in place before the bell is rung has to be looked at after the inbox was told that it has to be rung;
    /// `overlooked` is such a look.
    pub(super) fn pause(&self, deadline: Option<Instant>, overlooked: impl FnOnce() -> bool) {
        // Before the inbox says that the bell has to be rung, for this says where.
        let polls = self.poller.lie_down();
        let sleeps = self.inbox.fall_asleep() && !self.has_chores() && !overlooked();
        let timeout = || {
            let due = [deadline, self.timers.lock().next_due()].into_iter().flatten().min();
            due.map(|due| due.saturating_duration_since(clock::now()))
        };
        match (sleeps, polls) {
            (false, _) => self.poller.get_up(),
            (true, true) => self.sleep_in_poller(timeout()),
            (true, false) => timeout().map_or_else(thread::park, thread::park_timeout),
        }
        self.drain_inbox();
    }

    /// Whether something awaits this worker that is not in its inbox. Asked after the inbox was told of the sleep.
    fn has_chores(&self) -> bool {
        let shared = self.shared();
        !self.fresh.is_empty()
            || shared.is_done()
            || shared.has_foreign_timers()
            || shared.is_anybody_hogged()
            || self.is_asked()
            || self.has_shutdown_work()
            || self.can_feed()
    }
}
