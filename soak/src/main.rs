//! A soak: everything that gocsp has, mixed at random, for as long as one likes.
//!
//! The tests of gocsp look at one thing at a time, in programs of some milliseconds. Here many things happen at the
//! same time, beside one another and one after the other on the same workers, stacks and timers, and for so long that
//! what is rare comes, and what leaks shows.
//!
//! ```text
//!   soak        one round after the other, and the figures
//!   round       some scenarios at the same time, and what is left behind
//!   trial       a scenario that is carried out once: how it says that it gets on, or that something is wrong
//!   scenarios   what programs do, a file for each
//!   crew        the parties of a scenario, goroutines and threads
//!   random      what chance decides, by a seed
//!   planned     panics that belong to a scenario
//!   heap        the allocator, which counts
//!   arguments   the command line
//! ```
//!
//! # What may not happen
//! - A value is lost or received twice, also when its send failed, or is dropped twice or never ([`ledger`],
//!   [`drops`]).
//! - Values of one sender overtake one another ([`ledger`]).
//! - A wake-up is lost: somebody waits for something that has happened ([`watchdog`]).
//! - A goroutine or a socket is left over when its round has ended ([`round`]).
//! - Something else arrives by a socket than was sent, or an answer does not come.
//! - Something grows: memory, threads, open files ([`gauges`]).
//! - Somebody is woken too early, two are let in where one may be, or whatever else the scenarios check.
//!
//! What is found ends the program, with what it is, and how to have the same round again. Its scenarios follow from its
//! seed, and so does what each party draws; the schedule does not, so it may take many rounds to see the same again:
//! then `--only` helps.
//!
//! Whether all this would notice anything is tested as well: `--plant` does something wrong on purpose
//! (`scenarios/planted.rs`), for each of the above.
#![deny(unsafe_code)]

mod arguments;
mod crew;
mod drops;
mod gauges;
#[expect(unsafe_code, reason = "an allocator is unsafe to implement")]
mod heap;
mod ledger;
mod planned;
mod random;
#[expect(unsafe_code, reason = "it is unsafe to let goroutines change threads")]
mod round;
mod scenarios;
mod soak;
mod trial;
mod watchdog;

use std::env;
use std::fmt::Display;
use std::process::ExitCode;

use arguments::{Command, HELP};
use soak::say;

fn main() -> ExitCode {
    match arguments::parse(env::args_os()) {
        Ok(Command::Soak(options)) => match soak::run(&options) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => return fail(1, format_args!("the runtime cannot be started: {error}")),
        },
        Ok(Command::Help) => {
            let [scenarios, faults] = [scenarios::ALL, scenarios::PLANTED].map(arguments::names);
            say(format_args!("{HELP}\nScenarios: {scenarios}\nFaults: {faults}"));
        }
        Ok(Command::Version) => say(format_args!("soak {}", env!("CARGO_PKG_VERSION"))),
        Err(error) => return fail(2, format_args!("{error} (see --help)")),
    }
    ExitCode::SUCCESS
}

fn fail(status: u8, error: impl Display) -> ExitCode {
    eprintln!("soak: {error}");
    ExitCode::from(status)
}
