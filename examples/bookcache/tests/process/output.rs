//! Standard output: quiet, gone or full.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::{Place, assert_failed, text};

#[test]
fn quiet_prints_the_summary_only() {
    let run = Place::new().run("--quiet --latency 0");
    assert!(run.answers.is_empty());
    assert_eq!(run.count("queries"), 10);
}

#[test]
fn a_reader_who_goes_away_ends_the_program_without_a_word() {
    let place = Place::new();
    for stage in ["sequential", "waitgroup", "select"] {
        let mut command = place.command(&format!("--stage {stage} --queries 20000 --clients 8 --latency 0"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first == "from database\n" || first == "from cache\n", "{first:?}");
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{stage}");
        assert_eq!(text(&output.stderr), "", "{stage}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = Place::new().command("--clients 8 --latency 0").stdout(full).output().unwrap();
    assert_failed(&output, 1, "cannot print");
}
