//! A worker: one thread, the goroutines at home on it, and the loop that runs them.
//!
//! # Who touches what
//! The fields of [`Worker`] fall in two: those that any thread may use (`inbox`, `fresh`, `timers`, `signals`, `counts`,
//! `poller`, `thread`), and `local`, which only the worker's own thread may, always through [`Worker::local`]. A goroutine
//! runs on its worker's thread, so what it calls may use `local` as well. What others do with a worker's goroutines while
//! one of them does not yield is told in [`hogged`](super::hogged).
//!
//! # A turn
//! 1. If something asks for attention ([`Worker::attend`]): every few turns, look at the clock, and every other time take
//!    the first in line, so that who is not part of a conversation need not wait for the end of the time slice, or for a
//!    thief; take in messages; end the time slice if the monitor says so.
//! 2. Otherwise take the next goroutine: `next` while the time slice lasts, else the first in line.
//! 3. Resume it. It comes back suspended, with a step to be taken now that its stack has been left; or ended.

use std::cell::Cell;
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Instant;

use crossbeam_utils::CachePadded;

use super::absence::Absence;
use super::burst::Burst;
use super::counts::Counts;
#[cfg(feature = "testing")]
use super::directed::Directed;
use super::fresh::Fresh;
use super::inbox::Inbox;
use super::placement::{SiteId, Sites};
use super::polling::Bell;
use super::preempt::Preempt;
use super::queues::Queues;
use super::shared::Shared;
use super::switch::{self, AfterLeaving, Left};
use super::watch::WorkerId;
use crate::goroutine::{Goroutine, LocalBlocks};
use crate::park::Lock;
use crate::poll::{Events, Poller};
use crate::stack::{LocalPool, Stack, StackSlot};
use crate::std_sync::OnceLock;
use crate::timer::{Action, Store};

/// See the [module](self).
pub(crate) struct Worker {
    pub(super) id: WorkerId,
    /// The runtime, which owns this worker.
    shared: NonNull<Shared>,
    /// Goroutines at home here that other threads have woken.
    pub(super) inbox: CachePadded<Inbox<Goroutine>>,
    /// Unstarted goroutines that were spawned or placed here; under `migrate` also started ones that are ready. Anybody may
    /// take them.
    pub(super) fresh: CachePadded<Fresh>,
    /// What is to be done here at which time. Anybody may take over from a worker that is hogged.
    pub(super) timers: CachePadded<Lock<Store>>,
    pub(super) signals: CachePadded<Signals>,
    pub(super) counts: CachePadded<Counts>,
    /// What is registered by goroutines at home here. Anybody may look into it.
    pub(super) poller: Arc<Poller>,
    pub(super) thread: OnceLock<Thread>,
    local: Local,
}

/// What a worker and the others tell each other.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Set by the monitor: the goroutine that runs shall yield, the time slice is over.
    pub(super) preempt: Preempt,
    /// Set by the monitor: the goroutine that runs takes no notice of `preempt`. Cleared by the worker.
    pub(super) hogged: AtomicBool,
    /// The worker waits for a permit. Written by the worker.
    pub(super) awaits_permit: AtomicBool,
    /// There may be timers here that nobody has taken over. Set by the worker, cleared by those who take them over.
    pub(super) has_timers: AtomicBool,
    /// The worker sleeps, or wakes up or starts. Written by the worker.
    pub(super) asleep: AtomicBool,
    /// How often the worker has gone to sleep. Written by the worker.
    pub(super) sleeps: AtomicU64,
    /// The number of the time slice. Written by the worker.
    pub(super) slice: AtomicU64,
    /// When the monitor first saw this time slice, by the coarse clock. Written by the monitor.
    pub(super) slice_since: AtomicU64,
    /// How many unstarted goroutines the worker has started. Written by the worker.
    pub(super) started: AtomicU64,
    /// How many turns the worker had taken when it last looked around. Written by the worker.
    pub(super) turns: AtomicU64,
    /// How many goroutines were spawned here. Written by the worker.
    pub(super) spawned: AtomicU64,
    /// How many goroutines have ended here. Written by the worker.
    pub(super) ended: AtomicU64,
    /// Set by who grants a permit.
    pub(super) permit: AtomicBool,
}

/// Adds one to a counter that only this thread writes. Release: who reads it sees what was counted.
#[inline]
pub(super) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

/// The reverse of [`count`].
pub(super) fn uncount(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) - 1, Ordering::Release);
}

/// As [`count`], for so many at once.
#[inline]
pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Release);
}

/// What only the worker's own thread touches.
pub(super) struct Local {
    pub(super) queues: Queues,
    pub(super) stacks: LocalPool,
    pub(super) blocks: LocalBlocks,
    pub(super) sites: Sites,
    /// The stack of the goroutine that runs. What a worker does between two goroutines takes long only after it has cleared
    /// this. Others may look, too.
    running: StackSlot,
    pub(super) burst: Burst,
    /// How many turns until the next look around, and how many from the last.
    pub(super) turns_left: Cell<u32>,
    pub(super) turns_between: Cell<u32>,
    /// Whether the line came before `next` at the last look around.
    line_first: Cell<bool>,
    pub(super) look: super::look::Look,
    /// When a look around last included one into the poller, or it slept there.
    pub(super) polled_at: Cell<Option<Instant>>,
    pub(super) absence: Absence,
    /// Room for what is found in the poller.
    pub(super) events: Cell<Events>,
    /// Whether it was idle, the last time, for no longer than it takes to be woken.
    pub(super) slept_briefly: Cell<bool>,
    /// The next number for a goroutine spawned here, and how many such numbers are left.
    pub(super) next_id: Cell<u64>,
    pub(super) ids_left: Cell<u32>,
    /// The next number for a wait with a deadline.
    next_timed_park: Cell<u64>,
    /// The number of the last census that it has answered.
    pub(super) answered: Cell<u64>,
    pub(super) knows_of_shutdown: Cell<bool>,
    pub(super) swept: Cell<bool>,
    /// How many goroutines have left their stacks while they may have been unwinding.
    pub(super) unwinding_elsewhere: Cell<usize>,
    #[cfg(feature = "testing")]
    directed: Option<Box<Directed>>,
}

// SAFETY: `local` is touched by the worker's own thread only (see the module); the rest is made to be shared.
unsafe impl Sync for Worker {}
// SAFETY: a worker is made on one thread and used from another; nothing in it is bound to a thread before it runs.
unsafe impl Send for Worker {}

impl Worker {
    pub(super) fn new(id: WorkerId, shared: NonNull<Shared>) -> Self {
        Self {
            id,
            shared,
            inbox: CachePadded::new(Inbox::new()),
            fresh: CachePadded::new(Fresh::new()),
            timers: CachePadded::default(),
            signals: CachePadded::new(Signals { asleep: AtomicBool::new(true), ..Signals::default() }),
            counts: CachePadded::default(),
            poller: Arc::default(),
            thread: OnceLock::new(),
            local: Local {
                queues: Queues::new(),
                stacks: LocalPool::default(),
                blocks: LocalBlocks::default(),
                sites: Sites::default(),
                running: StackSlot::default(),
                burst: Burst::new(),
                turns_left: Cell::new(1),
                turns_between: Cell::new(1),
                line_first: Cell::new(false),
                look: super::look::Look::default(),
                polled_at: Cell::new(None),
                absence: Absence::default(),
                events: Cell::default(),
                slept_briefly: Cell::new(false),
                next_id: Cell::new(0),
                ids_left: Cell::new(0),
                next_timed_park: Cell::new(1),
                answered: Cell::new(0),
                knows_of_shutdown: Cell::new(false),
                swept: Cell::new(false),
                unwinding_elsewhere: Cell::new(0),
                #[cfg(feature = "testing")]
                // SAFETY: the runtime is there before its workers.
                directed: unsafe { shared.as_ref() }.options.directed.then(|| Box::new(Directed::new())),
            },
        }
    }

    #[inline]
    pub(super) fn shared(&self) -> &Shared {
        // SAFETY: the runtime owns its workers, and outlives them.
        unsafe { self.shared.as_ref() }
    }

    /// Another owner of the runtime.
    pub(super) fn shared_arc(&self) -> Arc<Shared> {
        // SAFETY: the runtime was allocated by an `Arc`, and its workers' threads own it as well.
        unsafe { Arc::increment_strong_count(self.shared.as_ptr()) };
        // SAFETY: this takes over the count that was just added.
        unsafe { Arc::from_raw(self.shared.as_ptr()) }
    }

    /// What is this thread's own. To be called on the worker's thread only.
    #[inline]
    pub(super) fn local(&self) -> &Local {
        debug_assert!(super::is_current(self), "a worker's own fields were used by another thread");
        &self.local
    }

    /// The goroutine that runs, if any. One whose end has been counted is none any more.
    #[inline]
    pub(super) fn running(&self) -> Option<NonNull<Goroutine>> {
        self.running_stack()?.frame().goroutine()
    }

    /// The stack of the goroutine that runs. For the signal handler as well, and for other threads, who may be told of one that has
    /// just ended.
    pub(super) fn running_stack(&self) -> Option<Stack> {
        self.local.running.get()
    }

    /// The address space of the stacks that this worker has in stock, in bytes. For any thread.
    pub(super) fn stock_of_stacks(&self) -> usize {
        self.local.stacks.bytes()
    }

    /// How many goroutines have started here and not ended; not under `migrate`. For any thread.
    pub(super) fn residents(&self) -> u64 {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (Signals { started, ended, .. }, counts) = (&*self.signals, &*self.counts);
        (of(started) + of(&counts.unstarted_ends)).saturating_sub(of(&counts.unequipped) + of(ended))
    }

    /// Whether somebody is ready in the owner's own queues. For any thread, as a hint.
    pub(super) fn has_ready(&self) -> bool {
        self.local.queues.has_any()
    }

    /// Runs goroutines until the runtime has shut down and none is left.
    pub(super) fn run(&self) {
        self.signals.asleep.store(false, Ordering::Relaxed);
        loop {
            self.take_all_turns();
            let timers = mem::take(&mut *self.timers.lock());
            if timers.is_empty() {
                break;
            }
            // That runs destructors, which may spawn here, and set timers.
            timers.abandon();
            self.resume();
        }
        self.clear_stock();
    }

    fn take_all_turns(&self) {
        #[cfg(feature = "testing")]
        if let Some(directed) = self.directed() {
            return self.take_directed_turns_until_done(directed);
        }
        self.take_turns_until_done();
    }

    /// What a directed worker has.
    #[cfg(feature = "testing")]
    pub(super) fn directed(&self) -> Option<&Directed> {
        self.local().directed.as_deref()
    }

    /// What the worker does next takes long.
    #[cfg(feature = "testing")]
    pub(super) fn nobody_runs(&self) {
        self.local().running.set(None);
    }

    /// The loop of turns, and nothing else: what else is in the function changes how well the compiler does this.
    #[inline(never)]
    fn take_turns_until_done(&self) {
        while let Some(stack) = self.pick() {
            self.execute(stack);
        }
    }

    /// Gives the stacks and the blocks that it has in stock to the shared pools.
    pub(super) fn clear_stock(&self) {
        let (local, shared) = (self.local(), self.shared());
        local.stacks.clear(&shared.stacks);
        local.blocks.clear(&shared.blocks);
    }

    /// Steps 1 and 2 of a turn: the stack of the goroutine to be run, once there is one. `None` when the runtime has shut
    /// down and nothing is left.
    ///
    /// Who is in `next` or `ready` has started, and is at home here.
    #[inline(always)]
    pub(super) fn pick(&self) -> Option<Stack> {
        let local = self.local();
        loop {
            let turns_left = local.turns_left.get() - 1;
            local.turns_left.set(turns_left);
            let mut goroutine = None;
            if turns_left == 0 || self.inbox.has_messages() || self.signals.preempt.is_raised() {
                goroutine = self.attend();
            }
            if goroutine.is_none() {
                let started = local.queues.take_next().or_else(|| {
                    count(&self.signals.slice);
                    local.queues.pop_ready(&self.fresh)
                });
                if let Some(goroutine) = started {
                    // SAFETY: a goroutine in a queue has not ended.
                    let control = unsafe { goroutine.as_ref() };
                    // SAFETY: who is in `next` or `ready` has started.
                    return Some(unsafe { control.started_stack() });
                }
                local.running.set(None);
                goroutine = local.queues.pop(&self.fresh);
            }
            match goroutine {
                None if !self.idle() => return None,
                None => {}
                Some(goroutine) => {
                    if let Some(stack) = self.start(goroutine) {
                        return Some(stack);
                    }
                }
            }
        }
    }

    /// Step 1 of a turn: something asks for attention. Gives the first in line, if that comes before `next`.
    #[inline(never)]
    fn attend(&self) -> Option<NonNull<Goroutine>> {
        let local = self.local();
        local.running.set(None);
        let mut line_first = false;
        if local.turns_left.get() == 0 {
            self.look_around(1);
            // At every second look only: there may be one at every turn, and `next` is not to starve either.
            line_first = !local.line_first.get();
            local.line_first.set(line_first);
        }
        if self.inbox.has_messages() {
            self.drain_inbox();
        }
        if self.signals.preempt.is_raised() {
            self.end_slice();
        }
        let first = line_first.then(|| local.queues.pop(&self.fresh)).flatten();
        if first.is_some() {
            count(&self.counts.firsts);
        }
        if first.is_some() && self.shared().options.migrate {
            // Who now runs may never yield, and in `next` nobody else could take over who stands there.
            local.queues.take_next().into_iter().for_each(|next| self.push_woken(next));
        }
        first
    }

    /// Whether nobody else is ready, so that who yields may go on. It counts as a turn, and is over when something asks for
    /// attention.
    #[inline]
    pub(super) fn spends_turn_alone(&self) -> bool {
        let Local { queues, turns_left, .. } = self.local();
        let alone = queues.is_empty()
            && self.fresh.is_empty()
            && turns_left.get() > 1
            && !self.inbox.has_messages()
            && !self.signals.preempt.is_raised();
        if alone {
            turns_left.set(turns_left.get() - 1);
            count(&self.counts.alone);
        }
        alone
    }

    /// The time slice is over: the goroutine just woken goes to the end of the line, and other workers get their turn.
    #[cold]
    fn end_slice(&self) {
        self.begin_slice();
        self.is_relieved();
        if let Some(goroutine) = self.local().queues.take_next() {
            self.push_last(goroutine);
        }
        // Who takes that long makes the number of turns until the next look a bad guess.
        self.look_around(1);
        self.take_turns();
    }

    /// A new time slice begins. While the runtime shuts down every slice is over at once, so that goroutines which only ever
    /// cooperate are unwound too.
    pub(super) fn begin_slice(&self) {
        let preempt = &self.signals.preempt;
        preempt.withdraw();
        if self.shared().is_shutting_down() {
            preempt.raise();
        }
    }

    /// The stack of a goroutine from the line, which it may have to be given first. `None` if that is not possible now.
    #[inline]
    pub(super) fn start(&self, goroutine: NonNull<Goroutine>) -> Option<Stack> {
        // SAFETY: a goroutine in a queue has not ended, and only its home ends it.
        let control = unsafe { goroutine.as_ref() };
        match control.stack() {
            Some(stack) if ptr::eq(control.home(), self) => Some(stack),
            Some(stack) => Some(self.adopt(control, stack)),
            None => self.equip(goroutine),
        }
    }

    /// Step 3 of a turn.
    #[inline(always)]
    pub(super) fn execute(&self, stack: Stack) {
        let local = self.local();
        local.running.set(Some(stack));
        // SAFETY: the stack was prepared or suspended, and this is its goroutine's home.
        match unsafe { switch::resume(stack) } {
            // SAFETY: the goroutine left the step to be taken once, now. It stands on the goroutine's stack, which is resumed
            // only after the step has made it known to others: before that, the step was copied from there.
            Left::Suspended(after) => unsafe { AfterLeaving::take(after) },
            Left::Ended => {
                local.running.set(None);
                self.recycle(stack);
            }
        }
    }

    /// Takes over a started goroutine from another worker, under `migrate`.
    #[cold]
    pub(super) fn adopt(&self, control: &Goroutine, stack: Stack) -> Stack {
        debug_assert!(self.shared().options.migrate);
        let _moving = self.shared().census.moving();
        control.set_home(self);
        control.set_site(None);
        stack.frame().set_home(self);
        stack
    }

    /// Takes over all started goroutines that have been stolen and not run yet.
    pub(super) fn adopt_all(&self) {
        let mut started = self.fresh.take_started();
        while let Some(goroutine) = started.pop_oldest() {
            // SAFETY: a goroutine in a queue has not ended.
            let control = unsafe { goroutine.as_ref() };
            if let Some(stack) = control.stack()
                && !ptr::eq(control.home(), self)
            {
                self.adopt(control, stack);
            }
            self.local().queues.push_ready(goroutine, control.ticket());
        }
    }

    /// Gives an unstarted goroutine a stack. `None` if it was ended instead, or waits for a stack.
    #[inline]
    fn equip(&self, goroutine: NonNull<Goroutine>) -> Option<Stack> {
        let shared = self.shared();
        // SAFETY: as in `execute`.
        let control = unsafe { goroutine.as_ref() };
        // Before the stack: to map the first may take longer than a thief waits.
        count(&self.signals.started);
        let class = control.attributes().and_then(|attributes| attributes.stack).unwrap_or(shared.options.stack);
        let stack = match self.local().stacks.take(class, &shared.stacks) {
            Ok(stack) => stack,
            Err(_) if shared.is_shutting_down() => {
                count(&self.counts.unequipped);
                shared.cancel(goroutine);
                return None;
            }
            Err(error) => {
                count(&self.counts.unequipped);
                self.starve(goroutine, class, &error);
                return None;
            }
        };
        // SAFETY: the stack is fresh from the pool, and the goroutine has not started.
        unsafe { switch::prepare(stack, goroutine) };
        let local = self.local();
        let site = local.sites.id(control.spawned_at());
        local.sites.resident_starts(site, self.fresh.emptied());
        control.set_site(Some(site));
        control.set_home(self);
        control.set_stack(stack);
        stack.frame().set_home(self);
        stack.frame().record().begin(control);
        stack.frame().set_goroutine(Some(goroutine));
        Some(stack)
    }

    fn recycle(&self, stack: Stack) {
        self.local().stacks.put(stack, &self.shared().stacks);
        let shared = self.shared();
        if shared.starving.any() {
            self.feed_starving();
        }
        if shared.is_shutting_down() {
            shared.wake_everybody_if_done();
        }
    }

    /// Counts the end of the goroutine that runs, or of one that never started.
    pub(super) fn count_end(&self) {
        count(&self.signals.ended);
    }

    /// A goroutine of this site has ended here.
    #[inline]
    pub(super) fn resident_ends(&self, site: Option<SiteId>) {
        if let Some(site) = site {
            self.local().sites.resident_ends(site);
        }
    }

    /// A number for a wait with a deadline that no other wait on this worker has.
    pub(super) fn take_timed_park(&self) -> u64 {
        let next = &self.local().next_timed_park;
        // Workers number their waits apart, for a stack may pass from one to another.
        let number = next.replace(next.get() + 1);
        number << 10 | self.id as u64
    }

    /// Sees to it that `action` is taken at `due`.
    pub(super) fn push_timer(&self, due: Instant, action: Action) {
        self.timers.lock().push(due, action);
        self.signals.has_timers.store(true, Ordering::Relaxed);
    }

    /// Sends `goroutine`, which is at home here, its token.
    ///
    /// # Safety
    /// The caller has the token.
    pub(super) unsafe fn send(&self, goroutine: NonNull<Goroutine>) {
        // SAFETY: the goroutine stays in place until it has been woken, and has one token, so it is in no inbox yet.
        let bell = unsafe { self.inbox.send(goroutine.as_ptr(), || self.clone_bell()) };
        if let Some(bell) = bell {
            bell.ring();
        }
    }

    /// What wakes the thread, and may be kept for longer than the worker.
    pub(super) fn clone_bell(&self) -> Bell {
        let thread = self.thread.get().expect("a worker has its thread before anybody knows it").clone();
        Bell { thread, poller: Arc::clone(&self.poller) }
    }
}
