//! The command line.

use crate::{Place, assert_failed, text};

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let place = Place::new();
    for (arguments, message) in [
        ("--queries many", r#"--queries "many""#),
        ("--queries -1", r#"--queries "-1""#),
        ("--queries 99999999999999999999", "too large"),
        ("--queries", "--queries"),
        ("--clients 0", r#"--clients "0""#),
        ("--ids 0", r#"--ids "0""#),
        ("--latency 5", r#"--latency "5": expected a time such as 100ms"#),
        ("--latency -5ms", r#"--latency "-5ms""#),
        ("--stage channels", r#"--stage "channels": expected sequential, goroutines"#),
        ("--seed 1.5", r#"--seed "1.5""#),
        ("--singleflight=yes", "--singleflight"),
        ("--quiet=yes", "--quiet"),
        ("--colour", "--colour"),
        ("-x", "-x"),
        ("books", "books"),
    ] {
        let output = place.command(arguments).output().unwrap();
        assert_failed(&output, 2, message);
        assert_eq!(text(&output.stdout), "", "{arguments}");
    }
    assert!(place.files().is_empty());
}

#[test]
fn help_and_version_do_nothing_else() {
    let place = Place::new();
    for arguments in ["--help", "-h", "--queries 3 --help"] {
        let output = place.command(arguments).output().unwrap();
        assert!(output.status.success());
        for option in "--stage --queries --clients --ids --latency --singleflight --seed --db --quiet".split(' ') {
            assert!(text(&output.stdout).contains(option), "{option}");
        }
    }
    for arguments in ["--version", "-V"] {
        let output = place.command(arguments).output().unwrap();
        assert!(output.status.success());
        assert_eq!(text(&output.stdout), concat!("bookcache ", env!("CARGO_PKG_VERSION"), "\n"));
    }
    assert!(place.files().is_empty());
}

#[test]
fn no_queries_are_answered_too() {
    let run = Place::new().run("--queries 0 --clients 1000000000000");
    assert_eq!((run.count("queries"), run.count("hits"), run.count("misses")), (0, 0, 0));
}
