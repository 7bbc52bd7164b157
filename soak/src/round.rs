//! A round: some scenarios at the same time, and a look at what they have left behind.
//!
//! 1. Chance casts the round: which scenarios there are, and who [hosts](Host) each of them.
//! 2. All are carried out. Their code checks what can be checked there; the [watchdog](Watchdog) sees to it that each
//!    gets on.
//! 3. When all have ended, nothing may be left: no goroutine, no socket, and no value that was not dropped. What still
//!    ends in the background is waited for.
//!
//! Now and then there is a rest between two rounds, in which the [gauges](Gauges) are read.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use gocsp::{Builder, Runtime, max_procs, num_goroutines, scope, set_max_procs};

use crate::arguments::Options;
use crate::gauges::{self, Gauges};
use crate::planned;
use crate::random::Random;
use crate::scenarios::Scenario;
use crate::soak::say;
use crate::trial::{Host, Round, Trial};
use crate::watchdog::Watchdog;

/// How long a rest is: what is kept to be used again is kept for one second, or two.
const REST: Duration = Duration::from_secs(3);

/// What lasts from round to round.
pub(crate) struct Stage {
    runtime: Runtime,
    procs: usize,
    migrate: bool,
    watchdog: Arc<Watchdog>,
    /// How many sockets there are when nothing goes on.
    sockets: usize,
}

/// What was done in a round.
pub(crate) struct Took {
    pub(crate) operations: u64,
    pub(crate) goroutines: u64,
}

/// A scenario with its part in a round.
struct Part {
    scenario: &'static Scenario,
    trial: Trial,
    random: Random,
    /// How often it is carried out.
    times: usize,
}

impl Stage {
    pub(crate) fn build(options: &Options) -> io::Result<Self> {
        let mut builder = Runtime::builder();
        if let Some(procs) = options.procs {
            builder = builder.procs(procs);
        }
        let runtime = migrating(builder, options.migrate).build()?;
        let procs = runtime.run(max_procs);
        let (watchdog, sockets) = (Watchdog::start(options.patience), gauges::sockets());
        Ok(Self { runtime, procs, migrate: options.migrate, watchdog, sockets })
    }

    /// Of the runtime that lasts.
    pub(crate) fn procs(&self) -> usize {
        self.procs
    }

    /// Pauses, when nothing goes on, and looks at what is used then. A violation ends the program.
    pub(crate) fn rest(&self, rounds: u64, options: &Options, gauges: &mut Gauges) {
        let repeat = format!("--seed {}{}", options.seed, options.beside_seed());
        let rest = Trial::new("rest", &Round { number: rounds, repeat: repeat.into() }, self.main());
        rest.expect(gauges.rest(REST.min(options.rest)));
        if options.verbose {
            say(format_args!("at rest: {}", gauges.readings()));
        }
    }

    /// The round of this number. A violation ends the program.
    pub(crate) fn round(&self, number: u64, seed: u64, options: &Options) -> Took {
        let repeat = format!("--seed {seed} --rounds 1{}", options.beside_seed());
        let round = Round { number, repeat: repeat.into() };
        let parts = self.cast(seed, &round, options);
        if options.verbose {
            let names: Vec<_> = parts.iter().map(|part| part.scenario.name).collect();
            say(format_args!("round {number}, seed {seed}: {}", names.join(", ")));
        }
        let trials: Vec<_> = parts.iter().map(|part| part.trial.clone()).collect();
        trials.iter().for_each(|trial| self.watchdog.watch(trial));
        self.carry_out(parts);
        let quiet = Trial::new("quiet", &round, self.main());
        self.watchdog.watch(&quiet);
        self.settle(&quiet, &trials, options.patience);
        quiet.end();
        Took {
            operations: trials.iter().map(Trial::steps).sum(),
            goroutines: trials.iter().map(Trial::goroutines).sum(),
        }
    }

    /// Step 1. All of it follows from the seed.
    fn cast(&self, seed: u64, round: &Round, options: &Options) -> Vec<Part> {
        const MOST: usize = 12;
        let mut random = Random::new(seed);
        let mut parts: Vec<_> = (0..=random.below(MOST))
            .map(|_| {
                let scenario = *random.pick(&options.scenarios);
                let trial = Trial::new(scenario.name, round, self.host(&mut random));
                Part { scenario, trial, random: random.fork(), times: random.amount(12) }
            })
            .collect();
        if let Some(scenario) = options.planted {
            parts.push(Part { scenario, trial: Trial::new(scenario.name, round, self.main()), random, times: 1 });
        }
        parts
    }

    fn main(&self) -> Host {
        Host::Main { procs: self.procs, migrate: self.migrate }
    }

    fn host(&self, random: &mut Random) -> Host {
        match random.below(10) {
            0 => Host::Thread,
            1 | 2 => {
                let (procs, stack_size) = (1 + random.below(4), *random.pick(&[128 << 10, 256 << 10, 1 << 20]));
                Host::Own { procs, migrate: self.migrate, stack_size }
            }
            _ => self.main(),
        }
    }

    /// Step 2.
    fn carry_out(&self, parts: Vec<Part>) {
        let is_on_main = |part: &Part| matches!(part.trial.host(), Host::Main { .. });
        let (on_main, elsewhere): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_on_main);
        thread::scope(|threads| {
            for part in elsewhere {
                threads.spawn(|| part.be_hosted());
            }
            self.runtime.run(|| {
                scope(|s| {
                    for part in on_main {
                        s.go(|| part.be_hosted());
                    }
                });
                set_max_procs(self.procs);
            });
        });
    }

    /// Step 3.
    fn settle(&self, quiet: &Trial, trials: &[Trial], patience: Duration) {
        let start = Instant::now();
        while let Err((blamed, violation)) = self.nothing_is_left(quiet, trials) {
            if start.elapsed() > patience {
                blamed.fail(format_args!("{violation}, {patience:?} after the round"));
            }
            quiet.step();
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn nothing_is_left<'a>(&self, quiet: &'a Trial, trials: &'a [Trial]) -> Result<(), (&'a Trial, String)> {
        // One of them is who counts.
        let on_main = self.runtime.run(num_goroutines) - 1;
        if on_main > 0 {
            return Err((quiet, format!("{on_main} goroutines are left")));
        }
        let on_global = num_goroutines();
        if on_global > 0 {
            return Err((quiet, format!("{on_global} goroutines of the global runtime are left")));
        }
        let sockets = gauges::sockets().saturating_sub(self.sockets);
        if sockets > 0 {
            return Err((quiet, format!("{sockets} sockets are left")));
        }
        trials.iter().try_for_each(|trial| trial.drops().balance().map_err(|violation| (trial, violation)))
    }
}

impl Part {
    fn be_hosted(self) {
        let trial = self.trial.clone();
        match trial.host() {
            Host::Main { .. } | Host::Thread => self.carry_out(),
            Host::Own { procs, migrate, stack_size } => {
                let builder = migrating(Runtime::builder(), migrate).procs(procs).stack_size(stack_size);
                trial.expect(builder.build()).run(|| self.carry_out());
            }
        }
        trial.end();
    }

    fn carry_out(self) {
        let Self { scenario, trial, mut random, times } = self;
        let run = || (0..times).for_each(|_| (scenario.run)(&trial, &mut random));
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(run)) {
            trial.fail(format_args!("a panic: {}", planned::message(&*payload).unwrap_or("not a text")));
        }
    }
}

fn migrating(builder: Builder, migrate: bool) -> Builder {
    if !migrate {
        return builder;
    }
    // SAFETY: no scenario keeps anything that is bound to a thread, unless it has locked itself to that.
    unsafe { builder.migrate() }
}
