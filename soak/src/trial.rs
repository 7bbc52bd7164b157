//! A trial: a scenario that is carried out once. It is how the code of a scenario says that it gets on, and that something is
//! wrong.

use std::fmt::Display;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::drops::{Counted, Drops};

/// A handle: its clones are the same trial.
#[derive(Clone)]
pub(crate) struct Trial(Arc<Inner>);

struct Inner {
    scenario: &'static str,
    round: Round,
    host: Host,
    steps: AtomicU64,
    goroutines: AtomicU64,
    drops: Drops,
    over: AtomicBool,
}

/// Which round it is, and how to repeat it.
#[derive(Clone)]
pub(crate) struct Round {
    pub(crate) number: u64,
    /// With which options.
    pub(crate) repeat: Arc<str>,
}

/// Where a trial is carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Host {
    /// By a goroutine of the runtime that lasts as long as the soak.
    Main { procs: usize, migrate: bool },
    /// By an ordinary thread, whose goroutines are those of the global runtime.
    Thread,
    /// By the main goroutine of a runtime of its own.
    Own { procs: usize, migrate: bool, stack_size: usize },
}

impl Trial {
    pub(crate) fn new(scenario: &'static str, round: &Round, host: Host) -> Self {
        Self(Arc::new(Inner {
            scenario,
            round: round.clone(),
            host,
            steps: AtomicU64::new(0),
            goroutines: AtomicU64::new(0),
            drops: Drops::default(),
            over: AtomicBool::new(false),
        }))
    }

    pub(crate) fn scenario(&self) -> &'static str {
        self.0.scenario
    }

    pub(crate) fn host(&self) -> Host {
        self.0.host
    }

    /// To how many workers the goroutines of the trial may be allowed.
    pub(crate) fn most_procs(&self) -> usize {
        match self.0.host {
            Host::Main { procs, .. } | Host::Own { procs, .. } => 2 * procs,
            Host::Thread => 4,
        }
    }

    /// Whether goroutines of the trial may change threads.
    pub(crate) fn migrates(&self) -> bool {
        match self.0.host {
            Host::Main { migrate, .. } | Host::Own { migrate, .. } => migrate,
            Host::Thread => false,
        }
    }

    /// Something has been done. Who waits for something that never comes is noticed because this is not called any more.
    pub(crate) fn step(&self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::Relaxed)
    }

    /// So many goroutines are started.
    pub(crate) fn goroutines_start(&self, count: usize) {
        self.0.goroutines.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn goroutines(&self) -> u64 {
        self.0.goroutines.load(Ordering::Relaxed)
    }

    /// A value that has to have been dropped, once, when the round is over.
    pub(crate) fn counted(&self) -> Counted {
        self.0.drops.value()
    }

    pub(crate) fn drops(&self) -> &Drops {
        &self.0.drops
    }

    /// Nothing more is expected of it.
    pub(crate) fn end(&self) {
        self.0.over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }

    /// It is a violation if `holds` is false.
    pub(crate) fn check(&self, holds: bool, otherwise: impl Display) {
        if !holds {
            self.fail(otherwise);
        }
    }

    /// It is a violation if there is an error.
    pub(crate) fn expect<T>(&self, result: Result<T, impl Display>) -> T {
        result.unwrap_or_else(|error| self.fail(error))
    }

    /// It is a violation if it is not yet `due`: somebody was woken too early.
    pub(crate) fn not_before(&self, due: Instant, what: &str) {
        let now = Instant::now();
        if now < due {
            self.fail(format_args!("{what} ended {:?} too early", due - now));
        }
    }

    /// Ends the program: what has happened may not happen.
    pub(crate) fn fail(&self, violation: impl Display) -> ! {
        /// Of who has the last word. Never unlocked.
        static LAST_WORD: Mutex<()> = Mutex::new(());
        std::mem::forget(LAST_WORD.lock());
        let Inner { scenario, round: Round { number, repeat }, host, .. } = &*self.0;
        eprintln!(
            "soak: violation in scenario {scenario} of round {number}, {host:?}:\n  {violation}\n\
             the same again: soak {repeat}"
        );
        process::exit(1)
    }
}
