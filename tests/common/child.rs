//! Runs a part of a test in a process of its own: the test's binary starts itself again, for this one test.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Tells the binary that it is the child, and for which test.
const VARIABLE: &str = "GOCSP_TEST_CHILD";
/// How long a child may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a child.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

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
    // With one test thread the test runs on the main thread.
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(VARIABLE, name);
    command.env("RUST_BACKTRACE", "0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    prepare(&mut command);
    Some(watch(command.spawn().expect("a process can be started")))
}

/// Collects what the child writes until it ends, or kills it.
fn watch(mut child: Child) -> Ended {
    let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let [stdout, stderr] = [Box::new(stdout) as Box<dyn Read + Send>, Box::new(stderr)].map(|mut pipe| {
        let (done, all) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // A pipe that breaks shows as an output that is incomplete.
            let _ = pipe.read_to_end(&mut bytes);
            done.send(String::from_utf8_lossy(&bytes).into_owned())
        });
        all
    });
    // Both pipes close when the child ends.
    let in_time = stderr.recv_timeout(PATIENCE).and_then(|stderr| Ok((stderr, stdout.recv_timeout(PATIENCE)?)));
    if in_time.is_err() {
        // It may have ended this very moment.
        let _ = child.kill();
    }
    let status = child.wait().expect("the child is ours");
    let (stderr, stdout) = in_time.unwrap_or_else(|_| panic!("the child hung, and was killed: {status}"));
    Ended { status, stdout, stderr }
}
