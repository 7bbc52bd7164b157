//! The soak: one round after the other, and the figures.

use std::fmt;
use std::io::{self, Write};
use std::time::Instant;

use crate::arguments::Options;
use crate::gauges::{self, Gauges};
use crate::planned;
use crate::random::seed_after;
use crate::round::{Stage, Took};

/// Soaks as the options say, and prints the figures. A violation ends the program.
///
/// # Errors
/// If the runtime cannot be started.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let stage = Stage::build(options)?;
    planned::keep_quiet();
    let migrate = if options.migrate { ", migrating" } else { "" };
    say(format_args!("seed {}, {} procs{migrate}", options.seed, stage.procs()));
    let (mut gauges, mut figures) = (Gauges::new(), Figures::default());
    let (start, mut seed, mut minutes) = (Instant::now(), options.seed, 0);
    let mut rested = start;
    while figures.rounds < options.rounds && start.elapsed() < options.time {
        figures.rounds += 1;
        figures.add(&stage.round(figures.rounds, seed, options));
        seed = seed_after(seed);
        if rested.elapsed() >= options.rest {
            stage.rest(figures.rounds, options, &mut gauges);
            rested = Instant::now();
        }
        let elapsed = start.elapsed().as_secs() / 60;
        if elapsed > minutes {
            minutes = elapsed;
            say(format_args!("minute {minutes}: {figures}; the next round has seed {seed}"));
        }
    }
    if start.elapsed() >= options.rest {
        stage.rest(figures.rounds, options, &mut gauges);
    }
    say(format_args!("no violation in {:.1?}: {figures}", start.elapsed()));
    if !gauges.can_tell() {
        say(format_args!("too few rests to tell whether anything grows"));
    }
    Ok(())
}

/// Prints a line. If nobody reads it, there is still the exit status.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// What has been done so far.
#[derive(Default)]
struct Figures {
    rounds: u64,
    operations: u64,
    goroutines: u64,
}

impl Figures {
    fn add(&mut self, took: &Took) {
        self.operations += took.operations;
        self.goroutines += took.goroutines;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { rounds, operations, goroutines } = self;
        let [now, peak] = [gauges::resident_kib(), gauges::peak_kib()].map(|kib| kib >> 10);
        write!(
            f,
            "{rounds} rounds, {operations} operations, {goroutines} goroutines, {now} MiB of memory, {peak} MiB at most"
        )
    }
}
