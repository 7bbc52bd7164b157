//! The command line.

use std::ffi::OsString;
use std::fmt::Display;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::stages::Stage;

pub(crate) const HELP: &str = "\
Asks for books: in a cache, and in the database behind it.

Usage: bookcache [OPTIONS]

  --stage STAGE     how it is done: sequential, goroutines, waitgroup, mutex, rwmutex or
                    select (default: select)
  --queries N       how many books are asked for (default: 10)
  --clients N       how many clients ask at the same time (default: 1)
  --ids N           asks for the numbers 1 to N; there are ten books (default: 10)
  --latency TIME    how slow the database pretends to be: 100ms, 1.5s, 0 (default: 100ms)
  --singleflight    clients that ask the database for the same book at the same time share
                    one read
  --seed N          asks for the same numbers each time (default: others each time)
  --db PATH         the database, which is made if it does not exist (default: books.db)
  --quiet           prints the summary only
  -h, --help        prints this
  -V, --version     prints the version
";

pub(crate) enum Command {
    Run(Options),
    Help,
    Version,
}

pub(crate) struct Options {
    pub(crate) stage: Stage,
    pub(crate) queries: u64,
    /// At least one.
    pub(crate) clients: u64,
    /// At least one.
    pub(crate) ids: u32,
    pub(crate) latency: Duration,
    /// Who asks the database for the same book at the same time shares one read.
    pub(crate) singleflight: bool,
    pub(crate) seed: u64,
    pub(crate) db: PathBuf,
    pub(crate) quiet: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stage: Stage::Select,
            queries: 10,
            clients: 1,
            ids: 10,
            latency: Duration::from_millis(100),
            singleflight: false,
            seed: fastrand::u64(..),
            db: PathBuf::from("books.db"),
            quiet: false,
        }
    }
}

/// Reads the command line, of which the first word is the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString, IntoIter: 'static>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_iter(args);
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("stage") => options.stage = value(&mut parser, "--stage", str::parse)?,
            Arg::Long("queries") => options.queries = value(&mut parser, "--queries", str::parse)?,
            Arg::Long("clients") => options.clients = value(&mut parser, "--clients", str::parse::<NonZero<_>>)?.get(),
            Arg::Long("ids") => options.ids = value(&mut parser, "--ids", str::parse::<NonZero<_>>)?.get(),
            Arg::Long("latency") => options.latency = value(&mut parser, "--latency", duration)?,
            Arg::Long("singleflight") => options.singleflight = true,
            Arg::Long("seed") => options.seed = value(&mut parser, "--seed", str::parse)?,
            Arg::Long("db") => options.db = parser.value()?.into(),
            Arg::Long("quiet") => options.quiet = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("version") | Arg::Short('V') => return Ok(Command::Version),
            unexpected => return Err(unexpected.unexpected()),
        }
    }
    Ok(Command::Run(options))
}

/// Reads the value of `option`. The error says what is wrong with it.
fn value<T, E>(parser: &mut Parser, option: &str, read: fn(&str) -> Result<T, E>) -> Result<T, lexopt::Error>
where
    E: Display,
{
    let text = parser.value()?.string()?;
    read(&text).map_err(|error| format!("{option} {text:?}: {error}").into())
}

/// Reads a time as Go writes it: a number and a unit. Zero needs no unit.
fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "expected a time such as 100ms, 1.5s or 0";
    let unit_at = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().map_err(|_| WRONG)?;
    let unit = match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" if number == 0.0 => 0.0,
        _ => return Err(WRONG),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| "too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("100ms", Duration::from_millis(100)),
            ("0ms", Duration::ZERO),
            ("0", Duration::ZERO),
            ("1.5s", Duration::from_millis(1500)),
            ("250us", Duration::from_micros(250)),
            ("250µs", Duration::from_micros(250)),
            ("70ns", Duration::from_nanos(70)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in ["", "ms", "1", "-1s", "1 s", "1.2.3s", ".", "1e3s", "nan", "infs", "5days"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(duration(&format!("{}h", "9".repeat(30))), Err("too long"));
    }
}
