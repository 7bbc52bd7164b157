//! The process of the server.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use race::task::{Reply, Task};

/// A server that runs.
pub(crate) struct Server {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a contender's program. What it says when it dies goes where this process's errors go.
    ///
    /// # Errors
    /// The reply of a contender that abstains.
    pub(crate) fn start(program: &str, task: &Task) -> Result<Self, Reply> {
        let mut command = Command::new(program);
        command.args(task.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the harness has built the server");
        let mut output = BufReader::new(process.stdout.take().expect("it is a pipe")).lines();
        let line = next(&mut output);
        match line.parse() {
            Ok(address) => Ok(Self { process, output, address }),
            Err(_) => Err(reply(&line)),
        }
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Has it end. Gives how many connections it has accepted.
    pub(crate) fn dismiss(mut self) -> u64 {
        drop(self.process.stdin.take());
        let accepted = reply(&next(&mut self.output)).answer;
        let status = self.process.wait().expect("it is a child of this process");
        assert!(status.success(), "the server ended with {status}");
        accepted
    }
}

fn next(output: &mut Lines<BufReader<ChildStdout>>) -> String {
    output.next().expect("the server speaks before it ends").expect("pipes can be read")
}

fn reply(line: &str) -> Reply {
    serde_json::from_str(line).expect("an address or a reply")
}
