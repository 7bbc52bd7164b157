//! The two ways out: standard output, and the end of the program with a line on standard error.

use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, Write};
use std::process;

/// Prints `text`, which nobody else's comes in between of.
///
/// Where it cannot be printed the program ends: without a word if the reader has gone away (`bookcache | head`), and
/// with an error otherwise.
pub(crate) fn print(text: Arguments<'_>) {
    // Put together first, so that it is written in one piece.
    let text = text.to_string();
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => fail(1, format_args!("cannot print: {error}")),
    }
}

/// Ends the program with `error` as its last word.
pub(crate) fn fail(status: i32, error: impl Display) -> ! {
    let line = format!("bookcache: {error}\n");
    // Held until the end, so that one goroutine alone has the last word.
    let mut stderr = io::stderr().lock();
    // If nobody is told, there is still the exit status.
    let _ = stderr.write_all(line.as_bytes());
    process::exit(status)
}
