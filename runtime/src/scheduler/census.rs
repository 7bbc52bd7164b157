//! The census: what every goroutine of a runtime does, as its home tells it.
//!
//! Only its home knows for certain what a goroutine does, for there it goes on, or does not. So who takes a census asks the
//! workers, and each answers when it comes round, between two goroutines: those that are at home there are parked, or ready,
//! or about to start, and none of them goes on before the answer is complete. That is why it may look at the
//! [reason](crate::park::Reason) of a wait and follow it to its subject, and read the stack of who waits.
//!
//! # Protocol
//! 1. Who asks gives the census a number, and rouses every worker, or asks it to yield.
//! 2. A worker that looks around, and finds a number that it has not answered, lists its own and puts the list in.
//! 3. Who asks waits until everybody has begun to answer, but no longer than [`PATIENCE`], and until all those are done. Of the
//!    goroutines of a worker that has not begun, because one of them computes or blocks its thread, he only sees what stands
//!    in the [records](crate::stack::Glimpse) of their stacks.
//!
//! The number is SeqCst: a worker looks at it after having announced its sleep, and who asks sets it before he rouses one.
//!
//! # Under `migrate`
//! A goroutine may be taken over while its home answers: one that is ready, or one that is parked, if the worker was taken for
//! a hogged one. Whoever takes one over says so under [`Census::moving`], before he resumes it; and who answers holds that lock.
//! So the home that he finds in a frame is still the home as long as he looks.

use std::ops::Range;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{mem, ptr};

use super::shared::Shared;
use super::watch::WorkerId;
use super::worker::Worker;
use crate::clock;
use crate::diagnostics::{Activity, Calls, GoroutineDump, Wait, WorkerDump, WorkerState};
use crate::goroutine::{Goroutine, Status};
use crate::stack::{Glimpse, Stack};
use crate::std_sync::{Condvar, Mutex, MutexGuard};

/// How long a census waits for a worker that does not answer: several time slices.
const PATIENCE: Duration = Duration::from_millis(100);

/// What workers tell those who ask. See the [module](self).
#[derive(Default)]
pub(super) struct Census {
    /// Held by who asks.
    asking: Mutex<()>,
    /// The number of the last one: odd while answers to it may begin, and one more afterwards.
    number: AtomicU64,
    answers: Mutex<Answers>,
    answered: Condvar,
    /// Held by who takes over a goroutine that has started, and by who answers.
    moving: Mutex<()>,
}

#[derive(Default)]
struct Answers {
    /// How many workers are asked: not those that start meanwhile.
    asked: usize,
    /// How many workers have begun to answer.
    begun: usize,
    complete: Vec<Answer>,
}

struct Answer {
    worker: WorkerDump,
    goroutines: Vec<GoroutineDump>,
}

/// What a census has found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) workers: Vec<WorkerDump>,
    pub(crate) goroutines: Vec<GoroutineDump>,
}

impl Census {
    /// Keeps goroutines that have started from being taken over.
    pub(super) fn moving(&self) -> MutexGuard<'_, ()> {
        lock(&self.moving)
    }

    /// Begins an answer to this census, unless that is over. Under the lock, so that who asks waits for it, or it is not begun.
    fn begin(&self, number: u64, worker: WorkerId) -> bool {
        let mut answers = lock(&self.answers);
        let in_time = worker < answers.asked && self.number.load(Ordering::SeqCst) == number;
        answers.begun += usize::from(in_time);
        self.answered.notify_all();
        in_time
    }
}

/// Nothing is left half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Asks every worker. Not to be called by one of them, who could not answer meanwhile.
    pub(crate) fn take_census(&self) -> Findings {
        let census = &self.census;
        let _asking = lock(&census.asking);
        if self.is_done() {
            // Nobody is left who could answer.
            return Findings::default();
        }
        let workers = self.worker_count();
        *lock(&census.answers) = Answers { asked: workers, ..Answers::default() };
        census.number.fetch_add(1, Ordering::SeqCst);
        for worker in self.each_worker().take(workers) {
            if !worker.signals.asleep.load(Ordering::Relaxed) {
                worker.signals.preempt.raise();
            }
            self.rouse(worker.id);
            // Also one that waits for its permit.
            worker.clone_bell().ring();
        }
        let answers = lock(&census.answers);
        let some_are_silent = |answers: &mut Answers| answers.begun < workers;
        let (answers, _) = census
            .answered
            .wait_timeout_while(answers, PATIENCE, some_are_silent)
            .unwrap_or_else(PoisonError::into_inner);
        // Who begins from now on is too late.
        census.number.fetch_add(1, Ordering::SeqCst);
        let not_complete = |answers: &mut Answers| answers.complete.len() < answers.begun;
        let mut answers = census.answered.wait_while(answers, not_complete).unwrap_or_else(PoisonError::into_inner);
        let answers = mem::take(&mut answers.complete);
        self.complete(answers, workers)
    }

    /// The addresses of the goroutines' stacks.
    pub(crate) fn stack_areas(&self) -> Vec<Range<usize>> {
        self.stacks.areas()
    }

    /// Puts the answers together, with what can be seen of those who have not answered.
    fn complete(&self, answers: Vec<Answer>, workers: usize) -> Findings {
        let mut findings = Findings::default();
        let mut silent: Vec<bool> = vec![true; workers];
        for answer in answers {
            silent[answer.worker.id] = false;
            findings.workers.push(answer.worker);
            findings.goroutines.extend(answer.goroutines);
        }
        for worker in self.each_worker().take(workers).filter(|worker| silent[worker.id]) {
            findings.workers.push(self.glimpse_worker(worker));
            self.glimpse_goroutines(worker, &mut findings.goroutines);
            worker.fresh.for_each_unstarted(|goroutine| findings.goroutines.push(self.dump_unstarted(goroutine)));
        }
        findings.workers.sort_by_key(|worker| worker.id);
        self.starving.for_each(|goroutine| findings.goroutines.push(self.dump_unstarted(goroutine)));
        findings.goroutines.sort_by_key(|goroutine| goroutine.id);
        // Who was taken over meanwhile may have been listed twice.
        findings.goroutines.dedup_by_key(|goroutine| goroutine.id);
        findings
    }

    fn glimpse_worker(&self, worker: &Worker) -> WorkerDump {
        let glimpse = worker.running_stack().and_then(|stack| stack.frame().record().glimpse());
        let state = match glimpse {
            Some(Glimpse { id: goroutine, .. }) => {
                let since = worker.signals.slice_since.load(Ordering::Relaxed);
                let lasted = Duration::from_millis(clock::set_coarse().saturating_sub(since));
                WorkerState::Busy { goroutine, lasted }
            }
            None if worker.signals.awaits_permit.load(Ordering::Relaxed) => WorkerState::AwaitsPermit,
            None => WorkerState::Awake,
        };
        WorkerDump { runtime: self.number, id: worker.id, state, ready: None, unstarted: worker.fresh.len() }
    }

    fn glimpse_goroutines(&self, worker: &Worker, into: &mut Vec<GoroutineDump>) {
        let running = worker.running_stack();
        self.stacks.for_each(|stack| {
            let frame = stack.frame();
            if frame.goroutine().is_none() || !ptr::eq(frame.home(), worker) {
                return;
            }
            let Some(Glimpse { id, name, spawned_at, wait }) = frame.record().glimpse() else { return };
            let activity = if running == Some(stack) { Activity::Running } else { Activity::Unknown { last: wait } };
            into.push(self.dump_started(worker, stack, GoroutineDump::new(id, name, spawned_at, activity)));
        });
    }

    /// A goroutine that is at home at a worker.
    fn dump_started(&self, worker: &Worker, stack: Stack, goroutine: GoroutineDump) -> GoroutineDump {
        GoroutineDump { runtime: self.number, worker: Some(worker.id), stack: Some(stack.range()), ..goroutine }
    }

    fn dump_unstarted(&self, goroutine: &Goroutine) -> GoroutineDump {
        GoroutineDump { runtime: self.number, ..GoroutineDump::of(goroutine, Activity::Unstarted) }
    }
}

impl Worker {
    /// Whether a census waits for this worker's answer.
    pub(super) fn is_asked(&self) -> bool {
        let number = self.shared().census.number.load(Ordering::SeqCst);
        // Odd while one is under way.
        number % 2 == 1 && self.local().answered.get() != number
    }

    /// Step 2.
    #[cold]
    pub(super) fn answer_census(&self) {
        let shared = self.shared();
        let census = &shared.census;
        let number = census.number.load(Ordering::SeqCst);
        self.local().answered.set(number);
        if !census.begin(number, self.id) {
            return;
        }
        let _moving = shared.options.migrate.then(|| census.moving());
        let mut goroutines = Vec::new();
        let now = clock::set_coarse();
        shared.stacks.for_each(|stack| goroutines.extend(self.dump_at_home(stack, now)));
        let ready = goroutines.iter().filter(|goroutine| matches!(goroutine.activity, Activity::Ready)).count();
        self.fresh.for_each_unstarted(|goroutine| goroutines.push(shared.dump_unstarted(goroutine)));
        let state = match self.signals.awaits_permit.load(Ordering::Relaxed) {
            true => WorkerState::AwaitsPermit,
            // Who has nothing to run has given it up.
            false if !shared.procs.is_held(self.id) => WorkerState::Asleep,
            false => WorkerState::Awake,
        };
        let unstarted = self.fresh.len();
        let worker = WorkerDump { runtime: shared.number, id: self.id, state, ready: Some(ready), unstarted };
        lock(&census.answers).complete.push(Answer { worker, goroutines });
        census.answered.notify_all();
    }

    /// What the goroutine on this stack does, if there is one, and it is at home here. The coarse clock shows `now`.
    fn dump_at_home(&self, stack: Stack, now: u64) -> Option<GoroutineDump> {
        let frame = stack.frame();
        // In this order: whoever sees the goroutine sees its home.
        let goroutine = frame.goroutine()?;
        if !ptr::eq(frame.home(), self) {
            return None;
        }
        // SAFETY: the goroutine is at home here, and does not end or leave while this thread is here; see the module.
        let goroutine = unsafe { goroutine.as_ref() };
        let activity = match goroutine.status() {
            Status::Awake(_) => Activity::Ready,
            status => {
                let (reason, since) = frame.record().reason()?;
                // SAFETY: the goroutine waits, for this, and does not go on as long as this thread is here.
                let description = unsafe { reason.describe() };
                let lasted = Duration::from_millis(now.saturating_sub(since));
                Activity::Waiting(Wait {
                    place: reason.place,
                    lasted,
                    // A claim has been made if the status speaks of a deadline, and there is none any more.
                    ends_by_itself: frame.timed_park() != 0 || status == Status::ParkedMaskedUntil,
                    description,
                    calls: Calls::of(stack),
                })
            }
        };
        Some(self.shared().dump_started(self, stack, GoroutineDump::of(goroutine, activity)))
    }
}
