//! Waits until a child process ends, and collects what it writes.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a child may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a child.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Collects what the child writes until it ends, or kills it.
pub(crate) fn watch(mut child: Child) -> Ended {
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
