//! Runs the program: as it is, and with each fault that can be planted.

use std::process::{Command, Output};

fn soak(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soak"));
    command.args(arguments.split_whitespace()).output().expect("the program can be started")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the program prints text")
}

/// A soak with a planted fault ends because of it.
#[track_caller]
fn assert_found(arguments: &str, violation: &str) {
    let output = soak(arguments);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for expected in [violation, "soak: violation in scenario ", "the same again: soak --seed 1 "] {
        assert!(stderr.contains(expected), "{expected:?} is not in {stderr}");
    }
    assert!(!text(&output.stdout).contains("no violation"));
}

#[test]
fn a_short_soak_finds_nothing() {
    let output = soak("--minutes 0.02 --procs 2");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    assert!(stdout.starts_with("seed ") && stdout.contains("no violation in "), "{stdout}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_seed_draws_the_same_scenarios() {
    let rounds = |seed| {
        let output = soak(&format!("--rounds 4 --only map,once,tree,ring --verbose --seed {seed}"));
        let lines = text(&output.stdout).lines().filter(|line| line.starts_with("round "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = rounds(3);
    assert_eq!(first.len(), 4);
    assert_eq!(rounds(3), first);
    assert_ne!(rounds(4), first);
}

#[test]
fn a_swapped_pair_is_found() {
    assert_found("--seed 1 --only once --plant swap", "value 1 of producer 0 came after value 2");
}

#[test]
fn a_lost_value_is_found() {
    assert_found("--seed 1 --only once --plant loss", "value 0 of producer 0 was received 0 times");
}

#[test]
fn a_lost_wake_up_is_found() {
    assert_found("--seed 1 --only once --plant hang --patience 1", "scenario hang of round 1");
}

#[test]
fn an_early_wake_up_is_found() {
    assert_found("--seed 1 --only once --plant early", "too early");
}

#[test]
fn a_goroutine_that_is_left_is_found() {
    assert_found("--seed 1 --only once --plant goroutine --patience 1", "1 goroutines are left");
}

#[test]
fn a_missing_drop_is_found() {
    assert_found("--seed 1 --only once --plant drop --patience 1", "1 values were made, and 0 were dropped");
}

#[test]
fn a_leak_is_found() {
    assert_found("--seed 1 --only once --plant leak --rest 0.2", "KiB of heap");
}

#[test]
fn a_socket_that_is_left_is_found() {
    assert_found("--seed 1 --only once --plant socket --patience 1", "1 sockets are left");
}

#[test]
fn a_panic_is_found() {
    let output = soak("--seed 1 --only once --plant panic");
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("panicked at") && stderr.contains("a panic: this is not planned"), "{stderr}");
}

#[test]
fn a_wrong_argument_is_refused_in_one_line() {
    let output = soak("--minutes forever");
    assert_eq!(output.status.code(), Some(2));
    let expected = "soak: --minutes \"forever\": expected a number of minutes, from 0.001 to a year, such as 30 or 0.2 \
                    (see --help)\n";
    assert_eq!((text(&output.stderr), text(&output.stdout)), (expected, ""));
}

#[test]
fn the_help_tells_what_there_is() {
    let output = soak("--help");
    assert!(output.status.success());
    for name in ["--minutes", "broadcast,", "swap,"] {
        assert!(text(&output.stdout).contains(name), "{name}");
    }
}
