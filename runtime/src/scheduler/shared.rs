//! What the workers of a runtime share.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::census::Census;
use super::monitor::Monitor;
use super::placement::Sites;
use super::procs::Procs;
use super::stall::Limit as StallLimit;
use super::starving::Starving;
use super::thread::start_worker;
use super::watch::{Watch, WorkerId};
use super::worker::Worker;
use crate::blocking::{blocking, is_pool_thread};
use crate::clock;
use crate::diagnostics::{self, Deadlock, OnDeadlock};
use crate::goroutine::{self, BlockPool, Goroutine, OnPanic};
use crate::stack::{SizeClass, StackPool};
use crate::std_sync::{Mutex, OnceLock};
use crate::timer::Action;

/// The most workers that a runtime can have.
pub(crate) const MAX_WORKERS: usize = 1024;

/// What a runtime was built with.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) stack: SizeClass,
    pub(crate) migrate: bool,
    pub(crate) on_panic: OnPanic,
    /// How many processors the process may use: a worker more would be in the way of the others.
    pub(crate) processors: usize,
    pub(crate) on_deadlock: OnDeadlock,
    pub(crate) stall_limit: StallLimit,
    /// The time between two lines of the [trace](super::trace).
    pub(crate) trace: Option<Duration>,
    /// Whether every step is [chosen](super::directed).
    #[cfg(feature = "testing")]
    pub(crate) directed: bool,
}

/// See the [module](self).
pub(crate) struct Shared {
    /// Tells it from the other runtimes of the process.
    pub(super) number: u64,
    pub(super) options: Options,
    /// The workers there are, from the front. None is ever taken away. Before `stacks`, and so dropped before them.
    workers: Box<[OnceLock<Box<Worker>>]>,
    worker_count: AtomicUsize,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) watch: Watch,
    pub(crate) procs: Procs,
    pub(super) monitor: Monitor,
    /// How many workers are running goroutines, or about to.
    pub(super) running: AtomicUsize,
    /// How many are blocked by a goroutine [in place](super::in_place).
    pub(super) blocked: AtomicUsize,
    pub(super) shutting_down: AtomicBool,
    /// How many workers know that the runtime is shutting down.
    pub(super) knowing: AtomicUsize,
    /// Whose turn it is to get a goroutine that is to be spread.
    turn: AtomicUsize,
    /// What ordinary threads have spawned: how many, and from which lines.
    pub(super) foreign_spawned: AtomicU64,
    pub(super) foreign_sites: Mutex<Sites>,
    /// Timers armed by ordinary threads, until a worker takes them.
    foreign_timers: Mutex<Vec<(Instant, Action)>>,
    has_foreign_timers: AtomicBool,
    /// Set when the runtime ends because of one.
    pub(super) deadlock: OnceLock<Deadlock>,
    /// Set by the monitor when it has found a worker to be hogged, cleared by the one that sees to it.
    pub(super) anybody_hogged: AtomicBool,
    pub(super) starving: Starving,
    pub(super) census: Census,
    pub(super) stacks: StackPool,
    pub(super) blocks: BlockPool,
}

impl Shared {
    /// A runtime with `procs` workers, whose threads are started.
    ///
    /// # Errors
    /// When a thread cannot be started. Those that could have been stopped again.
    pub(crate) fn start(procs: usize, options: Options) -> io::Result<Arc<Self>> {
        let shared = Arc::new(Self {
            number: diagnostics::number_runtime(),
            options,
            workers: (0..MAX_WORKERS).map(|_| OnceLock::new()).collect(),
            worker_count: AtomicUsize::new(0),
            threads: Mutex::new(Vec::new()),
            watch: Watch::new(),
            procs: Procs::new(procs),
            monitor: Monitor::default(),
            running: AtomicUsize::new(0),
            blocked: AtomicUsize::new(0),
            shutting_down: AtomicBool::new(false),
            knowing: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            foreign_spawned: AtomicU64::new(0),
            foreign_sites: Mutex::default(),
            foreign_timers: Mutex::default(),
            has_foreign_timers: AtomicBool::new(false),
            deadlock: OnceLock::new(),
            anybody_hogged: AtomicBool::new(false),
            starving: Starving::default(),
            census: Census::default(),
            stacks: StackPool::default(),
            blocks: BlockPool::default(),
        });
        let started = shared.grow(procs).and_then(|()| {
            if shared.is_directed() {
                // Time slices do not end there.
                return Ok(());
            }
            let monitor = Monitor::start(Arc::clone(&shared))?;
            shared.threads.lock().expect("no panic happens under this lock").push(monitor);
            Ok(())
        });
        if let Err(error) = started {
            shared.shut_down();
            return Err(error);
        }
        diagnostics::register(&shared);
        Ok(shared)
    }

    /// The size of its goroutines' stacks, if they ask for no other.
    pub(crate) fn stack_class(&self) -> SizeClass {
        self.options.stack
    }

    /// Makes sure that there are at least `count` workers, unless the runtime shuts down.
    pub(crate) fn grow(self: &Arc<Self>, count: usize) -> io::Result<()> {
        let mut threads = self.threads.lock().expect("no panic happens under this lock");
        if self.is_shutting_down() {
            return Ok(());
        }
        self.add_workers(count, &mut threads)
    }

    fn add_workers(self: &Arc<Self>, count: usize, threads: &mut Vec<JoinHandle<()>>) -> io::Result<()> {
        for id in self.worker_count()..count {
            let worker = self.workers[id].get_or_init(|| Box::new(Worker::new(id, NonNull::from(&**self))));
            let thread = start_worker(Arc::clone(self), NonNull::from(&**worker))?;
            self.worker_count.store(id + 1, Ordering::SeqCst);
            thread.thread().unpark();
            threads.push(thread);
        }
        Ok(())
    }

    /// Ends the runtime, and waits for its threads; unless called by one of them, or by a job that a goroutine may wait for. A
    /// goroutine of another runtime lets its neighbours go on meanwhile: those who end here may wait for them.
    pub(crate) fn shut_down(&self) {
        let threads = self.begin_shutdown();
        if is_pool_thread() || super::current_shared().is_some_and(|current| std::ptr::eq(&*current, self)) {
            return;
        }
        blocking(|| {
            for thread in threads {
                if thread.join().is_err() {
                    unreachable!("a thread of the runtime panicked");
                }
            }
        });
    }

    /// Ends the runtime, and waits for its threads as long as goroutines go on ending at least every `patience`.
    pub(crate) fn shut_down_within(&self, patience: Duration) {
        let threads = self.begin_shutdown();
        blocking(|| self.await_threads(&threads, patience));
    }

    fn await_threads(&self, threads: &[JoinHandle<()>], patience: Duration) {
        const LONGEST_PAUSE: Duration = Duration::from_millis(1);
        let (mut live, mut since) = (self.live(), clock::now());
        let mut pause = Duration::from_micros(20);
        while !threads.iter().all(JoinHandle::is_finished) {
            let now = clock::now();
            let still_live = self.live();
            if still_live != live {
                (live, since) = (still_live, now);
            } else if now.saturating_duration_since(since) > patience {
                return;
            }
            thread::sleep(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    #[inline]
    pub(super) fn worker_count(&self) -> usize {
        self.worker_count.load(Ordering::Relaxed)
    }

    pub(super) fn worker(&self, id: WorkerId) -> &Worker {
        self.workers[id].get().expect("workers are numbered from 0 without gaps")
    }

    pub(super) fn each_worker(&self) -> impl Iterator<Item = &Worker> {
        (0..self.worker_count()).map(|id| self.worker(id))
    }

    /// How many goroutines have been spawned and have not ended. Never too few.
    ///
    /// The ends are read first: whoever ended was spawned before, and is counted by the second sum.
    pub(crate) fn live(&self) -> u64 {
        let ended: u64 = self.each_worker().map(|worker| worker.signals.ended.load(Ordering::Acquire)).sum();
        let spawned: u64 = self.each_worker().map(|worker| worker.signals.spawned.load(Ordering::Acquire)).sum();
        spawned + self.foreign_spawned.load(Ordering::Acquire) - ended
    }

    /// The worker whose turn it is.
    pub(super) fn next_in_turn(&self) -> WorkerId {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.procs.limit()
    }

    /// There is something to be stolen: if nobody watches, somebody who sleeps will.
    #[inline]
    pub(super) fn announce_work(&self) {
        if let Some(sleeper) = self.watch.sleeper_to_rouse() {
            self.rouse(sleeper);
        }
    }

    /// Whether anything waits at another worker than `thief`, for certain. Looks at every queue, also if one is not empty:
    /// who puts something into one of the others afterwards is to see what the caller has said before.
    pub(super) fn has_work_to_steal(&self, thief: WorkerId) -> bool {
        let others = self.each_worker().filter(|worker| worker.id != thief);
        let waiting: usize = others.map(|worker| worker.fresh.count()).sum();
        waiting > 0 && !self.homes_are_final()
    }

    /// How many goroutines wait at `worker` that others may take. A hint.
    pub(super) fn waiting_at(&self, worker: &Worker) -> usize {
        if self.homes_are_final() { 0 } else { worker.fresh.len() }
    }

    /// Whether as many workers run goroutines, or were just roused to, as there are processors, or permits: one more would only
    /// take the processor of one of these, or wait for its permit. A hint.
    pub(super) fn are_processors_taken(&self) -> bool {
        let most = self.options.processors.min(self.procs.limit());
        self.worker_count() > most && {
            let roused = self.each_worker().filter(|worker| worker.is_waking_up()).count();
            self.running.load(Ordering::Relaxed) + roused >= most
        }
    }

    #[cold]
    pub(super) fn rouse(&self, id: WorkerId) {
        let worker = self.worker(id);
        if let Some(bell) = worker.inbox.rouse(|| worker.clone_bell()) {
            bell.ring();
        }
    }

    pub(super) fn wake_everybody(&self) {
        for worker in self.each_worker() {
            self.rouse(worker.id);
        }
    }

    /// Tells a worker that it has been granted a permit.
    pub(super) fn grant(&self, id: WorkerId) {
        let worker = self.worker(id);
        worker.signals.permit.store(true, Ordering::Release);
        worker.clone_bell().ring();
    }

    /// Gives up the permit of `worker`, if it has one.
    pub(super) fn give_up_permit(&self, worker: &Worker) {
        if let Some(waiting) = self.procs.give_up(worker.id) {
            self.grant(waiting);
        }
    }

    /// A worker begins to run goroutines.
    pub(super) fn worker_runs(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
        self.monitor.wake();
    }

    /// Changes how many workers run goroutines at the same time; gives the old number. Changes nothing while the runtime shuts
    /// down: nobody waits for a turn then.
    pub(crate) fn set_procs(self: &Arc<Self>, procs: usize) -> io::Result<usize> {
        let mut threads = self.threads.lock().expect("no panic happens under this lock");
        if self.is_shutting_down() || self.is_directed() {
            return Ok(self.procs.limit());
        }
        self.add_workers(procs, &mut threads)?;
        let (old, granted) = self.procs.set_limit(procs);
        // The shutdown sets the limit once it has had this lock.
        drop(threads);
        granted.into_iter().for_each(|worker| self.grant(worker));
        // Those who run take turns from now on.
        let awake = self.each_worker().filter(|worker| !worker.signals.asleep.load(Ordering::Relaxed));
        awake.for_each(|worker| _ = worker.signals.preempt.raise());
        Ok(old)
    }

    /// Whether every step is chosen: then there is one worker, always.
    fn is_directed(&self) -> bool {
        #[cfg(feature = "testing")]
        return self.options.directed;
        #[cfg(not(feature = "testing"))]
        false
    }

    pub(super) fn arm_foreign_timer(&self, due: Instant, action: Action) {
        self.foreign_timers.lock().expect("no panic happens under this lock").push((due, action));
        self.has_foreign_timers.store(true, Ordering::SeqCst);
        for worker in self.each_worker() {
            if let Some(bell) = worker.inbox.rouse(|| worker.clone_bell()) {
                bell.ring();
                return;
            }
        }
    }

    /// SeqCst: a worker asks after having announced its sleep, an arming thread sets it before it rouses one.
    pub(super) fn has_foreign_timers(&self) -> bool {
        self.has_foreign_timers.load(Ordering::SeqCst)
    }

    pub(super) fn take_foreign_timers(&self) -> Vec<(Instant, Action)> {
        let mut timers = self.foreign_timers.lock().expect("no panic happens under this lock");
        self.has_foreign_timers.store(false, Ordering::SeqCst);
        std::mem::take(&mut *timers)
    }

    /// Drops an unstarted goroutine, without a stack.
    pub(super) fn cancel(&self, goroutine: NonNull<Goroutine>) {
        // SAFETY: the caller has taken it out of the queues.
        unsafe { goroutine::cancel(goroutine) };
        self.wake_everybody_if_done();
    }
}
