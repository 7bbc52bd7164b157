//! What cannot be run: why, and the exit status.
#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_httpd")).args(args).output().unwrap()
}

/// With these arguments the program ends with this status, and says this.
fn assert_fails(args: &[&str], status: i32, message: &str) {
    let output = run(args);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {error}");
    assert!(error.starts_with("httpd: ") && error.contains(message) && error.lines().count() == 1, "{args:?}: {error}");
    assert!(output.stdout.is_empty(), "{args:?}");
}

#[test]
fn an_address_where_nobody_can_listen_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    assert_fails(&[&taken], 1, &taken);
    assert_fails(&["127.0.0.1:99999"], 1, "127.0.0.1:99999");
    assert_fails(&["nowhere"], 1, "nowhere");
}

#[test]
fn options_that_mean_nothing_are_refused() {
    for args in [&["--nothing"][..], &["--grace"], &["--grace", "-1"], &["--body", "x"], &["--connections", "0"]] {
        assert_fails(args, 2, "(see --help)");
    }
}

#[test]
fn help_is_no_error() {
    let output = run(&["--help"]);
    assert!(output.status.success() && output.stdout.starts_with(b"Serves HTTP/1.1"));
}
