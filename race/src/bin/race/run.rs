//! One run of one contender, in a process of its own.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use race::task::{Reply, Task};

use crate::results::Failure;

/// So much of what a process prints is kept. Some print a lot when they die.
const KEPT: u64 = 64 << 10;

/// Runs a program, and checks its answer.
pub(crate) fn run(mut command: Command, task: &Task, timeout: Duration, answer: u64) -> Result<Reply, Failure> {
    command.args(task.arguments()).env("RUST_BACKTRACE", "0");
    let reply: Reply = finish(command, timeout).and_then(|line| {
        serde_json::from_str(line.trim()).map_err(|_| Failure::Died("it ended without an answer".to_owned()))
    })?;
    match reply.abstains {
        Some(reason) => Err(Failure::Abstained(reason)),
        None if reply.answer != answer => Err(Failure::Wrong { given: reply.answer, right: answer }),
        None => Ok(reply),
    }
}

/// What the command prints.
fn finish(mut command: Command, timeout: Duration) -> Result<String, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let died = |error: io::Error| Failure::Died(error.to_string());
    let mut child = command.spawn().map_err(died)?;
    // The harness sleeps until the process ends, and takes nothing from it.
    let output = collect(child.stdout.take());
    let errors = collect(child.stderr.take());
    let Ok(output) = output.recv_timeout(timeout) else {
        return Err(stop(child, timeout));
    };
    let status = child.wait().map_err(died)?;
    if !status.success() {
        return Err(Failure::Died(reason(status, &errors.recv().unwrap_or_default())));
    }
    Ok(output)
}

/// Reads all of a pipe, in a thread.
fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = pipe.expect("it is a pipe");
        let mut kept = Vec::new();
        // A pipe that breaks ends the output.
        let _ = pipe.by_ref().take(KEPT).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        let _ = send.send(String::from_utf8_lossy(&kept).into_owned());
    });
    receive
}

/// Ends a process that takes too long.
fn stop(mut child: Child, timeout: Duration) -> Failure {
    // It fails if the process has ended meanwhile.
    let _ = child.kill();
    let _ = child.wait();
    Failure::TimedOut(timeout)
}

/// Why a process died: its own words, if there are any.
fn reason(status: ExitStatus, errors: &str) -> String {
    let mut lines = errors.lines().map(str::trim).filter(|line| !line.is_empty());
    // Rust tells the place first, then the message.
    let words = match lines.clone().position(|line| line.starts_with("thread ") && line.contains("panicked at")) {
        Some(place) => lines.nth(place + 1),
        None => lines.next(),
    };
    match words {
        Some(words) => format!("{status}: {words}"),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use race::task::Sizes;

    fn shell(script: &str, timeout: Duration) -> Result<String, Failure> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        finish(command, timeout)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_printed_is_returned() {
        assert_eq!(shell("echo one; echo two >&2", LONG), Ok("one\n".to_owned()));
    }

    #[test]
    fn who_dies_is_quoted() {
        let Err(Failure::Died(reason)) = shell("echo no memory >&2; exit 3", LONG) else { panic!("it died") };
        assert_eq!(reason, "exit status: 3: no memory");
        let script =
            "echo; echo \"thread 'main' (1) panicked at a.rs:1:2:\" >&2; echo overflow >&2; echo more >&2; exit 101";
        let Err(Failure::Died(reason)) = shell(script, LONG) else { panic!("it died") };
        assert_eq!(reason, "exit status: 101: overflow");
        let Err(Failure::Died(reason)) = shell("kill -SEGV $$", LONG) else { panic!("it died") };
        assert!(reason.contains("SIGSEGV"), "{reason}");
    }

    #[test]
    fn who_prints_without_end_is_not_waited_for() {
        let timeout = Duration::from_millis(100);
        assert_eq!(shell("exec yes", timeout), Err(Failure::TimedOut(timeout)));
    }

    #[test]
    fn answers_are_checked() {
        let task = Task { contender: String::new(), program: String::new(), procs: 1, sizes: Sizes::default() };
        // `true` and `echo` do not answer.
        for program in ["true", "echo", "/no/such/program"] {
            assert!(matches!(run(Command::new(program), &task, LONG, 1), Err(Failure::Died(_))));
        }
    }
}
