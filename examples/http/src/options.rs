//! The command line.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Duration;

use httpd::Limits;
use lexopt::{Arg, Error, Parser, ValueExt};

pub(crate) const HELP: &str = "\
Serves HTTP/1.1: GET /health, GET /bytes/N, POST /echo. Ends with SIGINT, when what
has been asked by then is answered.

Usage: httpd [OPTIONS] [ADDRESS]

  ADDRESS           where it listens (default: 127.0.0.1:8080); port 0 lets the system choose
  --connections N   so many at a time (default: 10000)
  --body BYTES      the most that a request may send (default: 1048576)
  --grace SECONDS   how long requests that have begun may take after SIGINT (default: 5)
  -h, --help        prints this
";

pub(crate) enum Command {
    Run(Options),
    Help,
}

pub(crate) struct Options {
    pub(crate) address: String,
    pub(crate) limits: Limits,
}

/// Reads the command line, of which the first word is the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString, IntoIter: 'static>) -> Result<Command, Error> {
    let mut parser = Parser::from_iter(args);
    let mut options = Options { address: "127.0.0.1:8080".to_owned(), limits: Limits::default() };
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(address) => options.address = address.string()?,
            Arg::Long("connections") => options.limits.connections = parser.value()?.parse::<NonZeroUsize>()?.get(),
            Arg::Long("body") => options.limits.body = parser.value()?.parse()?,
            Arg::Long("grace") => options.limits.grace = Duration::from_secs(parser.value()?.parse()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            unexpected => return Err(unexpected.unexpected()),
        }
    }
    Ok(Command::Run(options))
}
