//! Serves HTTP until SIGINT or SIGTERM comes, answers what has been asked by then, and ends. A second signal ends it at
//! once.

mod options;

use std::io::{self, Write};
use std::{env, process, thread};

use gocsp::context::Context;
use gocsp::net::TcpListener;
use httpd::serve;
use options::{Command, Options};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

#[gocsp::main]
fn main() {
    match options::parse(env::args_os()) {
        Ok(Command::Run(options)) => run(&options).unwrap_or_else(|error| fail(1, &error.to_string())),
        Ok(Command::Help) => print!("{}", options::HELP),
        Err(error) => fail(2, &format!("{error} (see --help)")),
    }
}

fn run(options: &Options) -> io::Result<()> {
    let context = until_signalled()?;
    let listener = TcpListener::bind(options.address.as_str())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", options.address)))?;
    let mut output = io::stdout();
    writeln!(output, "listening on {}", listener.local_addr()?)?;
    serve(&context, &listener, &options.limits);
    writeln!(output, "stopped")
}

/// A context that ends with the first signal.
fn until_signalled() -> io::Result<Context> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (context, cancel) = Context::background().with_cancel();
    thread::spawn(move || {
        let mut signals = signals.forever();
        signals.next();
        cancel.cancel();
        if let Some(signal) = signals.next() {
            // As the shell says of who has died of a signal.
            process::exit(128 + signal);
        }
    });
    Ok(context)
}

fn fail(status: i32, error: &str) -> ! {
    eprintln!("httpd: {error}");
    process::exit(status)
}
