//! Building the contenders' programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use race::workload::{Section, Workload};

use crate::contenders::{Contender, LOAD, Program};
use crate::results::Failure;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// What was built, or why it was not.
pub(crate) struct Programs {
    built: Vec<(Program, Result<PathBuf, String>)>,
}

impl Programs {
    /// Builds what the contenders need for these workloads.
    pub(crate) fn build(contenders: &[&Contender], workloads: &[&Workload]) -> Self {
        let mut programs = Self { built: Vec::new() };
        let load = workloads.iter().any(|workload| workload.section == Section::Network).then_some(LOAD);
        for program in contenders.iter().map(|contender| contender.program).chain(load) {
            if programs.find(program).is_none() {
                let result = match program {
                    Program::Rust { binary, feature } => build_rust(binary, feature),
                    Program::Go => build_go(),
                };
                programs.built.push((program, result));
            }
        }
        programs
    }

    /// What runs this contender in this workload: its program, or the client, which is told whom to ask.
    pub(crate) fn of(&self, contender: &Contender, workload: &Workload) -> Result<Command, Failure> {
        let program = self.path(contender.program)?;
        if workload.section != Section::Network {
            return Ok(Command::new(program));
        }
        let mut client = Command::new(self.path(LOAD)?);
        client.arg(program);
        Ok(client)
    }

    fn path(&self, program: Program) -> Result<&Path, Failure> {
        let result = self.find(program).expect("all programs have been built");
        result.as_deref().map_err(|reason| Failure::Missing(reason.clone()))
    }

    fn find(&self, program: Program) -> Option<&Result<PathBuf, String>> {
        self.built.iter().find(|(built, _)| *built == program).map(|(_, result)| result)
    }
}

/// Has cargo build a binary of this package, and say where it lies.
fn build_rust(binary: &str, feature: Option<&str>) -> Result<PathBuf, String> {
    eprintln!("building {binary}");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(FOLDER).args(["build", "--release", "--quiet", "--message-format=json-render-diagnostics"]);
    cargo.args(["--package", "race", "--bin", binary]);
    cargo.args(feature.map(|feature| format!("--features={feature}")));
    let output = cargo.stderr(Stdio::inherit()).output().map_err(|error| format!("cargo does not run: {error}"))?;
    if !output.status.success() {
        return Err("it does not build".to_owned());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    executable(&messages, binary).ok_or_else(|| "cargo does not say where it is".to_owned())
}

/// Where a binary lies, from cargo's messages.
fn executable(messages: &str, binary: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == binary;
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    })
}

/// Has Go build its program, beside this one.
fn build_go() -> Result<PathBuf, String> {
    eprintln!("building race-go");
    let this = env::current_exe().map_err(|error| format!("there is no place for it: {error}"))?;
    let program = this.with_file_name("race-go");
    let mut go = Command::new("go");
    go.current_dir(Path::new(FOLDER).join("go")).args(["build", "-o"]).arg(&program).arg(".");
    match go.status() {
        Ok(status) if status.success() => Ok(program),
        Ok(_) => Err("it does not build".to_owned()),
        Err(_) => Err("there is no `go` on the PATH".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_found_among_what_cargo_says() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"race"},"executable":null}
            not JSON
            {"reason":"compiler-artifact","target":{"name":"race-may"},"executable":"/target/race-may"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "race-may"), Some(PathBuf::from("/target/race-may")));
        assert_eq!(executable(messages, "race-tokio"), None);
    }
}
