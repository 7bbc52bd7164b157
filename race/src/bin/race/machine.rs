//! Where and when, and which versions.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// Versions of these stand in the workspace's `Cargo.lock`.
const CRATES: [&str; 5] = ["gocsp", "tokio", "kanal", "may", "crossbeam-channel"];

/// All that figures depend on. What cannot be found out is "unknown".
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    /// How many processors the process may use.
    pub(crate) processors: usize,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    pub(crate) go: String,
    pub(crate) crates: Vec<(&'static str, String)>,
    pub(crate) procs: usize,
    pub(crate) date: String,
}

impl Machine {
    /// This one, now.
    pub(crate) fn this(procs: usize) -> Self {
        let lock = read(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));
        Self {
            processor: processor(&read("/proc/cpuinfo")),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease"),
            rustc: output("rustc", &["--version"]),
            go: output("go", &["version"]),
            crates: CRATES.iter().map(|name| (*name, version(&lock, name))).collect(),
            procs,
            date: output("date", &["-u", "+%Y-%m-%d"]),
        }
    }
}

const UNKNOWN: &str = "unknown";

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| UNKNOWN.to_owned(), |text| text.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

fn processor(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    name.map_or(UNKNOWN, |name| name.trim_start_matches([' ', '\t', ':'])).to_owned()
}

/// The version of a crate.
fn version(lock: &str, name: &str) -> String {
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{name}\"")).skip(1);
    let version = lines.next().and_then(|line| line.strip_prefix("version = "));
    version.map_or(UNKNOWN, |version| version.trim_matches('"')).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found() {
        let lock = "[[package]]\nname = \"kanal-extra\"\nversion = \"9\"\n\n[[package]]\nname = \"kanal\"\nversion = \"0.1.1\"\n";
        assert_eq!(version(lock, "kanal"), "0.1.1");
        assert_eq!(version(lock, "tokio"), UNKNOWN);
    }

    #[test]
    fn this_machine_is_known() {
        let machine = Machine::this(2);
        assert!(machine.crates.iter().all(|(_, version)| version != UNKNOWN), "{machine:?}");
        assert!(machine.processors > 0 && machine.kernel != UNKNOWN && machine.date.starts_with("20"), "{machine:?}");
    }
}
