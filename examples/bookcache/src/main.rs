//! A cache in front of a database: the steps by which a sequential program becomes a concurrent one.
//!
//! Clients ask for books by their number. A book is looked for in the cache, which is fast, and in the database, which
//! is slow; what the database finds goes into the cache. `--stage` chooses how far the lesson has got: [`stages`]
//! lists the steps, one module each, to be read in that order. Everything else is the same for all of them.
//!
//! ```text
//! clients --queries--> stage --answers--> library, report, output
//!                      |   |
//!                  cache   database
//! ```

mod book;
mod cache;
mod clients;
mod database;
mod library;
mod options;
mod output;
mod report;
mod stages;

use std::env;
use std::time::Instant;

use clients::Clients;
use library::Library;
use options::{Command, Options};

#[gocsp::main]
fn main() {
    match options::parse(env::args_os()) {
        Ok(Command::Run(options)) => run(&options),
        Ok(Command::Help) => output::print(format_args!("{}", options::HELP)),
        Ok(Command::Version) => output::print(format_args!("bookcache {}\n", env!("CARGO_PKG_VERSION"))),
        Err(error) => output::fail(2, format_args!("{error} (see --help)")),
    }
}

fn run(options: &Options) {
    let library = Library::open(options).unwrap_or_else(|error| output::fail(1, error));
    let started = Instant::now();
    options.stage.run(&library, &Clients::new(options));
    let elapsed = started.elapsed();
    let summary = library.report.close();
    output::print(format_args!(
        "queries: {}, {summary}, database reads: {}\nelapsed: {elapsed:.2?}, {}, seed: {}\n",
        options.queries,
        library.database.reads(),
        summary.waits,
        options.seed,
    ));
}
