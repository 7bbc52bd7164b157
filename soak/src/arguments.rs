//! The command line.

use std::ffi::OsString;
use std::fmt::Display;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::scenarios::{self, Scenario};

pub(crate) const HELP: &str = "\
Mixes everything that gocsp has at random, and checks that nothing goes wrong.

Usage: soak [OPTIONS]

  --minutes N       for how long: a number such as 30 or 0.2 (default: 1)
  --rounds N        ends after so many rounds, if that is earlier
  --seed N          draws the same scenarios each time (default: others each time)
  --procs N         on how many workers goroutines run, at first (default: as gocsp decides)
  --migrate         lets goroutines that have started change threads
  --only NAMES      draws only these scenarios: names, separated by commas
  --patience SECS   how long a scenario may stand still before it counts as hung (default: 60)
  --rest SECS       how often everything rests, to see whether anything has grown (default: 30)
  --plant FAULT     does something wrong on purpose, to see that it is noticed
  --verbose         prints a line for each round
  -h, --help        prints this, and what scenarios and faults there are
  -V, --version     prints the version

The exit status is 1 if anything went wrong, and 2 if an argument did.
";

pub(crate) enum Command {
    Soak(Options),
    Help,
    Version,
}

pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
    /// From 1 to [`MOST_PROCS`]; `None` leaves it to gocsp.
    pub(crate) procs: Option<usize>,
    pub(crate) migrate: bool,
    /// At least one.
    pub(crate) scenarios: Vec<&'static Scenario>,
    pub(crate) patience: Duration,
    pub(crate) rest: Duration,
    pub(crate) planted: Option<&'static Scenario>,
    pub(crate) verbose: bool,
}

impl Options {
    /// What it takes beside a seed to have the same round again.
    pub(crate) fn beside_seed(&self) -> String {
        let mut options = String::new();
        if let Some(procs) = self.procs {
            options += &format!(" --procs {procs}");
        }
        if self.migrate {
            options += " --migrate";
        }
        if self.scenarios.len() < scenarios::ALL.len() {
            options += &format!(" --only {}", names(self.scenarios.iter().copied()));
        }
        if let Some(planted) = self.planted {
            options += &format!(" --plant {}", planted.name);
        }
        options
    }
}

/// Twice as many, to which scenarios may raise it, is what gocsp can have.
const MOST_PROCS: usize = 512;

impl Default for Options {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            rounds: u64::MAX,
            seed: fastrand::u64(..),
            procs: None,
            migrate: false,
            scenarios: scenarios::ALL.iter().collect(),
            patience: Duration::from_secs(60),
            rest: Duration::from_secs(30),
            planted: None,
            verbose: false,
        }
    }
}

/// Reads the command line, of which the first word is the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString, IntoIter: 'static>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_iter(args);
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("minutes") => options.time = value(&mut parser, "--minutes", minutes)?,
            Arg::Long("rounds") => options.rounds = value(&mut parser, "--rounds", at_least_one)?,
            Arg::Long("seed") => options.seed = value(&mut parser, "--seed", str::parse)?,
            Arg::Long("procs") => options.procs = Some(value(&mut parser, "--procs", procs)?),
            Arg::Long("migrate") => options.migrate = true,
            Arg::Long("only") => options.scenarios = value(&mut parser, "--only", scenarios)?,
            Arg::Long("patience") => {
                options.patience = value(&mut parser, "--patience", seconds)?;
            }
            Arg::Long("rest") => options.rest = value(&mut parser, "--rest", seconds)?,
            Arg::Long("plant") => options.planted = Some(value(&mut parser, "--plant", planted)?),
            Arg::Long("verbose") => options.verbose = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("version") | Arg::Short('V') => return Ok(Command::Version),
            unexpected => return Err(unexpected.unexpected()),
        }
    }
    Ok(Command::Soak(options))
}

/// Reads the value of `option`. The error says what is wrong with it.
fn value<T, E>(parser: &mut Parser, option: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, lexopt::Error>
where
    E: Display,
{
    let text = parser.value()?.string()?;
    read(&text).map_err(|error| format!("{option} {text:?}: {error}").into())
}

fn minutes(text: &str) -> Result<Duration, &'static str> {
    const A_YEAR: f64 = 366.0 * 24.0 * 60.0;
    let minutes = text.parse().ok().filter(|minutes| (0.001..=A_YEAR).contains(minutes));
    let minutes: f64 = minutes.ok_or("expected a number of minutes, from 0.001 to a year, such as 30 or 0.2")?;
    Ok(Duration::from_secs_f64(minutes * 60.0))
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or("expected a number of seconds, from 0.1 to a day")
}

fn procs(text: &str) -> Result<usize, String> {
    let procs = text.parse().ok().filter(|procs| (1..=MOST_PROCS).contains(procs));
    procs.ok_or_else(|| format!("expected a number from 1 to {MOST_PROCS}"))
}

fn at_least_one(text: &str) -> Result<u64, &'static str> {
    text.parse().ok().filter(|&number| number > 0).ok_or("expected a number of at least 1")
}

fn scenarios(names: &str) -> Result<Vec<&'static Scenario>, String> {
    names.split(',').map(|name| find(name, scenarios::ALL)).collect()
}

fn planted(name: &str) -> Result<&'static Scenario, String> {
    find(name, scenarios::PLANTED)
}

fn find(name: &str, among: &'static [Scenario]) -> Result<&'static Scenario, String> {
    let found = among.iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| format!("there is no {name:?}; there are: {}", names(among)))
}

pub(crate) fn names<'a>(of: impl IntoIterator<Item = &'a Scenario>) -> String {
    of.into_iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options, String> {
        let words: Vec<_> = ["soak"].into_iter().chain(line.split_whitespace()).map(OsString::from).collect();
        match parse(words) {
            Ok(Command::Soak(options)) => Ok(options),
            Ok(_) => Err("no soak".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn nothing_means_everything_for_a_minute() {
        let options = options("").unwrap();
        assert_eq!(options.scenarios.len(), scenarios::ALL.len());
        assert_eq!((options.time, options.rounds, options.procs), (Duration::from_secs(60), u64::MAX, None));
        assert!(!options.migrate && options.planted.is_none());
    }

    #[test]
    fn what_is_given_counts() {
        let options =
            options("--minutes 0.1 --rounds 3 --seed 7 --procs 2 --migrate --only ring,map --plant swap").unwrap();
        assert_eq!((options.time, options.rounds, options.seed), (Duration::from_secs(6), 3, 7));
        assert_eq!((options.procs, options.migrate), (Some(2), true));
        assert_eq!(options.scenarios.iter().map(|scenario| scenario.name).collect::<Vec<_>>(), ["ring", "map"]);
        assert_eq!(options.planted.map(|scenario| scenario.name), Some("swap"));
    }

    #[test]
    fn the_options_beside_the_seed_are_those_that_were_given() {
        for line in ["", " --procs 2 --migrate --only ring,map --plant swap"] {
            assert_eq!(options(line).unwrap().beside_seed(), line);
        }
        assert_eq!(options("--only ring,ring").unwrap().beside_seed(), " --only ring,ring");
    }

    #[test]
    fn what_is_wrong_is_refused_with_what_would_be_right() {
        for (line, expected) in [
            ("--minutes -1", "such as 30 or 0.2"),
            ("--minutes 0", "such as 30 or 0.2"),
            ("--minutes nan", "such as 30 or 0.2"),
            ("--minutes inf", "such as 30 or 0.2"),
            ("--minutes 1h", "such as 30 or 0.2"),
            ("--rounds 0", "at least 1"),
            ("--rounds -1", "at least 1"),
            ("--patience 0", "from 0.1 to a day"),
            ("--rest inf", "from 0.1 to a day"),
            ("--procs 0", "from 1 to 512"),
            ("--procs 513", "from 1 to 512"),
            ("--procs two", "from 1 to 512"),
            ("--seed x", "invalid digit"),
            ("--only map,rign", "no \"rign\"; there are: broadcast,"),
            ("--plant bug", "there are: swap,loss"),
            ("--minutes", "missing argument"),
            ("--hours 1", "'--hours'"),
            ("30", "\"30\""),
        ] {
            let error = options(line).err().unwrap_or_else(|| panic!("{line} was accepted"));
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
