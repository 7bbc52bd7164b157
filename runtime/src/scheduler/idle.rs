//! What a worker does between goroutines: looks around, watches, sleeps, waits for its permit.

use std::hint;
use std::ptr;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::look::Look;
use super::worker::{Local, Worker, count};
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
/// How long a watcher pauses once it has seen somebody wait, or nobody at all, and how long at most.
const FIRST_PAUSE: Duration = Duration::from_micros(80);
const LONGEST_PAUSE: Duration = Duration::from_micros(160);
/// A watcher that has found nothing for this long goes to sleep.
const LONGEST_WATCH: Duration = Duration::from_millis(3);
/// So many timers are fired at a time. Those whom they wake have their turns before the next ones: so they find in the cache
/// what firing has brought there, and when many timers are due at once, nobody waits until all of them have fired.
const VOLLEY: usize = 32;

/// So many looks in a row, about a millisecond, may find a worker that was roused still asleep. What others placed there
/// was dealt to it, and is not to be taken only because a thread takes its time to wake up.
const ROUSED: u32 = 12;

/// Of so few who wait, one may be about to be started, and to talk to the other: torn apart, they would have to cross from one
/// worker to the other for each message. Those are left to a worker that starts anybody, however long that takes, and for
/// two looks more.
const PAIR: usize = 2;

/// What a watcher has seen at another worker, as long as somebody waits there to be started.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// How many the worker had started.
    started: u64,
    /// The number of the oldest who waits.
    oldest: u64,
    asleep: bool,
    /// How often the worker was seen asleep, or awake, in a row.
    looks: u32,
    /// At how many looks in a row it had started nobody since the one before.
    idle: u32,
}

impl Seen {
    /// Takes another look, at a worker where so many wait. True if somebody there has waited for long enough: since the last
    /// look; or at a worker which, at the pace that it has had since then, would need longer than that for those who wait; or,
    /// if it is no more than a [`PAIR`], while it has started nobody.
    fn again(&mut self, started: u64, oldest: u64, asleep: bool, waiting: usize) -> bool {
        let before = *self;
        let looks = if before.asleep == asleep { before.looks + 1 } else { 1 };
        let idle = if looks > 1 && started == before.started { before.idle + 1 } else { 0 };
        *self = Self { started, oldest, asleep, looks, idle };
        if asleep {
            return looks > ROUSED;
        }
        if waiting <= PAIR {
            return idle >= 2;
        }
        looks > 1 && (oldest == before.oldest || waiting as u64 > started - before.started)
    }
}

/// What a watcher has found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Somebody waits, but not for long enough.
    Waiting,
    /// Goroutines that are now this worker's.
    Taken,
}

impl Worker {
    /// Step 1 of a turn; gives the number of turns until the next look.
    #[cold]
    pub(super) fn look_around(&self) -> u32 {
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
        let Some(due) = self.timers.lock().next_due() else { return Look::MOST_TURNS };
        let now = clock::now();
        let turns = self.local().look.turns_until_next(now);
        if due > now { turns } else { self.fire_timers(now).unwrap_or(turns) }
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

    fn fire(&self, due: Instant, action: Action) {
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
        match unsafe { goroutine.as_ref() }.status() {
            Status::Awake(_) => {}
            // A sleep.
            Status::Parked => self.take_in(goroutine, Unparked::TimedOut),
            _ => self.interrupt(goroutine, Unparked::TimedOut),
        }
    }

    /// Takes in everything that may have made a goroutine ready; true if there is one to run.
    fn gather(&self) -> bool {
        self.drain_inbox();
        let local = self.local();
        local.turns_left.set(self.look_around());
        !local.queues.is_empty() || !self.fresh.is_empty()
    }

    /// Waits until there is something to run. False when the runtime has shut down and nothing is left.
    #[cold]
    pub(super) fn idle(&self) -> bool {
        if self.spin() {
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
        if self.look_for_answer(LOOKS_BETWEEN_OFFERS) {
            return true;
        }
        let until = clock::now() + if self.local().slept_briefly.get() { LONG_SPIN } else { SHORT_SPIN };
        while clock::now() < until {
            thread::yield_now();
            if self.look_for_answer(LOOKS_BETWEEN_OFFERS) {
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
    fn rest(&self) {
        let shared = self.shared();
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

    /// Looks at the queues of the others until something is found (true), or it is time to sleep.
    fn keep_watch(&self) -> bool {
        let shared = self.shared();
        let mut seen = Vec::new();
        let mut pause = FIRST_PAUSE;
        let since = clock::now();
        loop {
            // Who watches for long is not hogged.
            count(&self.signals.slice);
            let found = self.search(&mut seen);
            if found == Found::Taken || self.gather() {
                shared.watch.end();
                return true;
            }
            let alone = shared.running.load(Ordering::SeqCst) == 0;
            if alone || clock::now().saturating_duration_since(since) > LONGEST_WATCH {
                shared.watch.end();
                if !shared.has_work_to_steal(self.id) || !shared.watch.begin(self.id) {
                    return false;
                }
            }
            if shared.is_done() {
                shared.watch.end();
                return false;
            }
            pause = if found == Found::Waiting { FIRST_PAUSE } else { LONGEST_PAUSE.min(pause * 2) };
            self.pause(Some(clock::now() + pause), || false);
        }
    }

    /// Takes a batch from somebody whose unstarted goroutines have waited for long enough; unless all processors are taken.
    fn search(&self, seen: &mut Vec<Seen>) -> Found {
        let shared = self.shared();
        let workers = shared.worker_count();
        seen.resize(workers, Seen::default());
        let mut found = Found::Nothing;
        let crowded = shared.are_processors_taken();
        let first = crate::random::below(workers as u32) as usize;
        for other in (first..workers).chain(0..first).filter(|&other| other != self.id) {
            let victim = shared.worker(other);
            let waiting = shared.waiting_at(victim);
            let started = victim.signals.started.load(Ordering::Relaxed);
            let oldest = victim.fresh.oldest();
            let asleep = victim.signals.asleep.load(Ordering::Relaxed);
            if waiting == 0 {
                seen[other] = Seen::default();
                continue;
            }
            let waited = seen[other].again(started, oldest, asleep, waiting);
            if crowded {
                continue;
            }
            if waited && self.steal_from(victim) {
                return Found::Taken;
            }
            found = Found::Waiting;
        }
        found
    }

    pub(super) fn steal_from(&self, victim: &Self) -> bool {
        let batch = if self.shared().homes_are_final() { None } else { victim.fresh.steal() };
        let stolen = batch.is_some();
        batch.into_iter().for_each(|batch| self.fresh.push_batch(batch));
        stolen
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
    fn pause(&self, deadline: Option<Instant>, overlooked: impl FnOnce() -> bool) {
        if !self.inbox.fall_asleep() {
            return;
        }
        if !self.has_chores() && !overlooked() {
            let due = [deadline, self.timers.lock().next_due()].into_iter().flatten().min();
            match due {
                None => thread::park(),
                Some(due) => thread::park_timeout(due.saturating_duration_since(clock::now())),
            }
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
            || self.has_shutdown_work()
            || self.can_feed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_at_a_busy_worker_is_taken_at_the_second_look() {
        let mut seen = Seen::default();
        assert!(!seen.again(7, 3, false, 3));
        assert!(seen.again(7, 3, false, 3));
        assert!(seen.again(100, 3, false, 3), "others were started, the oldest still waits");
    }

    #[test]
    fn a_pair_is_left_to_a_worker_that_has_started_anybody() {
        let mut seen = Seen::default();
        assert!(!seen.again(7, 3, false, 2) && !seen.again(7, 3, false, 2));
        assert!(seen.again(7, 3, false, 2), "neither was started for two looks");
        assert!(!seen.again(8, 3, false, 1) && !seen.again(8, 3, false, 1), "one was, and the first start takes long");
        assert!(seen.again(8, 3, false, 1));
    }

    #[test]
    fn a_backlog_is_taken_if_the_worker_does_not_keep_pace() {
        let mut seen = Seen::default();
        assert!(!seen.again(0, 0, false, 64));
        assert!(!seen.again(1000, 1000, false, 64), "it starts far more between two looks");
        assert!(seen.again(1010, 1010, false, 64));
    }

    #[test]
    fn what_was_dealt_to_a_worker_that_wakes_up_is_left_to_it_for_longer() {
        let mut seen = Seen::default();
        assert!((0..ROUSED).all(|_| !seen.again(0, 0, true, 100)));
        assert!(!seen.again(0, 0, false, 3), "it is up now");
        assert!(seen.again(0, 0, false, 3));
        let mut seen = Seen::default();
        assert_eq!((0..=ROUSED).find(|_| seen.again(0, 0, true, 1)), Some(ROUSED));
    }
}
