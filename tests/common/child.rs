//! Runs a part of a test in a process of its own: the test's binary starts itself again, for this one test.

mod watch;

use std::process::{Command, Stdio};

pub(crate) use watch::Ended;
use watch::watch;

/// Tells the binary that it is the child, and for which test.
const VARIABLE: &str = "GOCSP_TEST_CHILD";

/// In the test `name`: `program` is run by a child of this process, which then ends as that test does, in success.
/// `None` in the child itself, where the test has nothing left to do but to return.
pub(crate) fn in_child(name: &str, program: impl FnOnce()) -> Option<Ended> {
    in_prepared_child(name, |_| (), program)
}

/// As [`in_child`], for a child whose environment is changed first.
pub(crate) fn in_prepared_child(
    name: &str,
    prepare: impl FnOnce(&mut Command),
    program: impl FnOnce(),
) -> Option<Ended> {
    if std::env::var_os(VARIABLE).is_some_and(|wanted| wanted == name) {
        program();
        return None;
    }
    let mut command = Command::new(std::env::current_exe().expect("a process knows its binary"));
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(VARIABLE, name);
    command.env("RUST_BACKTRACE", "0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    prepare(&mut command);
    Some(watch(command.spawn().expect("a process can be started")))
}
