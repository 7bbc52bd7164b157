//! When the global runtime cannot be started. A process of its own: what keeps it from starting is a variable.
#![cfg(target_os = "linux")]

use std::env;
use std::io::{ErrorKind, Read, Write};
use std::panic::catch_unwind;
use std::process::Command;
use std::time::Duration;

use gocsp_context::Context;
use gocsp_net::{UnixStream, is_closed};

const PROCS: &str = "GOCSP_MAXPROCS";
const NONSENSE: &str = "no number";

#[test]
fn a_context_that_cannot_be_bound_is_not_bound() {
    if env::var(PROCS).is_ok_and(|procs| procs == NONSENSE) {
        return without_a_runtime();
    }
    let test = ["--exact", "a_context_that_cannot_be_bound_is_not_bound", "--nocapture"];
    let child = Command::new(env::current_exe().unwrap()).args(test).env(PROCS, NONSENSE).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}

fn without_a_runtime() {
    let (mut here, mut there) = UnixStream::pair().unwrap();
    let (context, cancel) = Context::background().with_cancel();
    cancel.cancel();
    // It would have to start a goroutine, for the context has ended.
    assert!(catch_unwind(|| drop(here.cancel_on(&context))).is_err());
    there.write_all(b"x").unwrap();
    assert_eq!(here.read(&mut [0]).unwrap(), 1);
    // What needs no goroutine goes on as ever.
    here.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    assert_eq!(here.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    here.close();
    assert!(is_closed(&here.read(&mut [0]).unwrap_err()));
}
