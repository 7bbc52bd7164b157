//! What a panic looks like from outside: messages, exit statuses, and the runtimes that abort.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::process::Command;
use std::time::Duration;

use child::{Ended, in_child, in_prepared_child};
use gocsp::sync::errgroup;
use gocsp::time::after_func;
use gocsp::{Go, OnPanic, Receiver, Runtime, blocking, channel, exit_goroutine, go, run, scope, yield_now};

#[test]
fn a_panic_names_its_goroutine_and_the_others_go_on() {
    let ended = in_child("a_panic_names_its_goroutine_and_the_others_go_on", || {
        run(|| {
            let doomed = Go::new().name("doomed").spawn(|| panic!("the reason"));
            let doomed = doomed.unwrap();
            println!("id={}", doomed.id());
            assert!(doomed.join().is_err());
            assert_eq!(go!(|| "alive").join().unwrap(), "alive");
            println!("others went on");
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        let id = ended.stdout.lines().find_map(|line| line.split_once("id=")).expect("the id was printed").1;
        let named = ended.stderr.lines().find(|line| line.contains(&format!("goroutine {id} 'doomed'")));
        assert!(named.is_some_and(|line| line.contains(file!()) && line.contains("panicked")), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("the reason").count(), 1, "{}", ended.stderr);
        assert!(ended.stdout.contains("others went on"));
    }
}

#[test]
fn a_goroutine_that_exits_or_is_cancelled_prints_nothing() {
    let ended = in_child("a_goroutine_that_exits_or_is_cancelled_prints_nothing", || {
        run(|| {
            drop(go!(|| gocsp::exit_goroutine()).join());
            go!(|| Receiver::<()>::nil().recv());
            yield_now();
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn a_panic_of_main_is_printed_once_and_fails_the_process() {
    let ended = in_child("a_panic_of_main_is_printed_once_and_fails_the_process", || {
        let what = black_box("main");
        run(|| panic!("the reason of {what}"));
    });
    if let Some(ended) = ended {
        // The status of a Rust program whose main panics; here, of a test that does.
        assert_eq!(ended.status.code(), Some(101), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("the reason of main").count(), 1, "{}", ended.stderr);
    }
}

fn assert_success(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

#[test]
fn a_panic_in_a_destructor_that_a_panic_runs_names_its_goroutine_and_aborts() {
    let name = "a_panic_in_a_destructor_that_a_panic_runs_names_its_goroutine_and_aborts";
    let ended = in_child(name, || {
        run(|| {
            let doomed = Go::new().name("doomed").spawn(|| {
                let _bomb = Bomb("the second");
                panic!("the first")
            });
            let _: Result<(), _> = doomed.unwrap().join();
        });
    });
    if let Some(ended) = ended {
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{}\n{}", ended.status, ended.stderr);
        for part in ["the first", "the second", "abort"] {
            assert!(ended.stderr.contains(part), "{}", ended.stderr);
        }
        // Std's own message about the second panic comes through the hook once more.
        let named = ended.stderr.lines().filter(|line| line.contains("'doomed'") && line.contains(file!()));
        assert!(named.count() >= 2, "{}", ended.stderr);
    }
}

/// Runs `program` in a child as the main goroutine of a runtime that aborts when a goroutine panics.
fn in_aborting_child(name: &str, program: impl FnOnce() + Send) -> Option<Ended> {
    in_child(name, || {
        let runtime = Runtime::builder().procs(2).on_panic(OnPanic::Abort).build().unwrap();
        runtime.run(program);
        drop(runtime);
        println!("the runtime has ended");
    })
}

/// The process was aborted because of the panic of `goroutine`, spawned in this file, for this reason.
fn assert_aborted(ended: &Ended, goroutine: &str, reason: &str) {
    let Ended { status, stderr, stdout } = ended;
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}\n{stderr}");
    assert!(!stdout.contains("the runtime has ended"), "{stdout}");
    let line = stderr.lines().last().expect("a message");
    assert!(line.starts_with("fatal error: nothing caught the panic of goroutine "), "{stderr}");
    for part in [goroutine, reason, file!()] {
        assert!(line.contains(part), "{part} is missing: {line}");
    }
}

/// A goroutine that a panic ends, in a runtime that aborts then: the test that it is, the goroutine, and the reason.
macro_rules! aborts {
    ($($name:ident: $goroutine:expr, $reason:expr, $program:expr;)*) => {$(
        #[test]
        fn $name() {
            if let Some(ended) = in_aborting_child(stringify!($name), $program) {
                assert_aborted(&ended, $goroutine, $reason);
            }
        }
    )*};
}

aborts! {
    a_runtime_that_aborts_does_so_whoever_joins: "'worker'", "the reason", || {
        drop(Go::new().name("worker").spawn(|| -> () { panic!("the reason") }).unwrap().join());
    };
    a_runtime_that_aborts_does_so_though_nobody_joins: "goroutine", "reason 2", || {
        go!(|| -> () { panic!("reason {}", black_box(2)) });
        Receiver::<()>::nil().recv().unwrap();
    };
    a_runtime_that_aborts_does_so_for_main: "'main'", "the reason", || panic!("the reason");
    a_runtime_that_aborts_does_so_for_the_child_of_a_scope: "goroutine", "the reason", || {
        scope(|s| drop(s.go(|| -> () { panic!("the reason") }).join()));
    };
    a_runtime_that_aborts_does_so_for_the_function_of_a_timer: "goroutine", "the reason", || {
        after_func(Duration::ZERO, || panic!("the reason"));
        Receiver::<()>::nil().recv().unwrap();
    };
    a_runtime_that_aborts_says_so_of_a_payload_that_is_no_text: "goroutine", "its payload is no text", || {
        drop(go!(|| -> () { panic_any(7) }).join());
    };
    a_runtime_that_aborts_does_so_for_a_panic_without_a_message: "goroutine", "quiet", || {
        drop(go!(|| -> () { resume_unwind(Box::new("quiet")) }).join());
    };
    a_runtime_that_aborts_does_so_for_a_job_of_the_blocking_pool: "'main'", "in the pool", || {
        blocking(|| -> () { panic!("in the pool") });
    };
    a_runtime_that_aborts_does_so_for_the_destructor_of_a_result: "goroutine", "a result", || {
        let (tx, rx) = channel::<()>(0);
        // It is detached before it ends, and so drops its result itself.
        drop(go!(move || {
            rx.recv().unwrap_err();
            Bomb("a result")
        }));
        drop(tx);
        Receiver::<()>::nil().recv().unwrap();
    };
    a_runtime_that_aborts_does_so_while_it_ends: "goroutine", "at the end", || {
        let (tx, rx) = channel(0);
        go!(move || -> () {
            tx.send(()).unwrap();
            drop(catch_unwind(|| Receiver::<()>::nil().recv()));
            panic!("at the end")
        });
        rx.recv().unwrap();
    };
}

#[test]
fn a_runtime_that_aborts_runs_the_destructors_of_the_goroutine_before() {
    struct Says;
    impl Drop for Says {
        fn drop(&mut self) {
            println!("the destructor ran");
        }
    }
    let name = "a_runtime_that_aborts_runs_the_destructors_of_the_goroutine_before";
    let ended = in_aborting_child(name, || {
        let _says = Says;
        panic!("the reason")
    });
    if let Some(ended) = ended {
        assert_aborted(&ended, "'main'", "the reason");
        assert!(ended.stdout.contains("the destructor ran"), "{}", ended.stdout);
    }
}

#[test]
fn a_runtime_that_aborts_does_not_for_what_a_goroutine_catches_nor_for_exits_and_cancellations() {
    let name = "a_runtime_that_aborts_does_not_for_what_a_goroutine_catches_nor_for_exits_and_cancellations";
    let ended = in_aborting_child(name, || {
        go!(|| assert!(catch_unwind(|| panic!("caught")).is_err())).join().unwrap();
        go!(|| assert!(catch_unwind(|| blocking(|| panic!("caught"))).is_err())).join().unwrap();
        go!(|| -> () { exit_goroutine() }).join().unwrap_err();
        // It keeps the panic of its goroutines for who waits.
        let group = errgroup::Group::<std::io::Error>::new();
        group.go(|| panic!("passed on"));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(group.wait()))).is_err());
        for _ in 0..10 {
            go!(|| Receiver::<()>::nil().recv());
        }
        yield_now();
        go!(|| ());
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        assert!(ended.stdout.contains("the runtime has ended"), "{}", ended.stdout);
    }
}

fn with_variable(value: &'static str) -> impl FnOnce(&mut Command) {
    move |command| _ = command.env("GOCSP_PANIC", value)
}

#[test]
fn the_environment_says_that_runtimes_abort_which_nobody_builds() {
    let name = "the_environment_says_that_runtimes_abort_which_nobody_builds";
    for own in [true, false] {
        let ended = in_prepared_child(
            name,
            |command| _ = command.env("GOCSP_PANIC", "abort").env("OWN", if own { "1" } else { "" }),
            || {
                let panics = || drop(go!(|| -> () { panic!("the reason") }).join());
                if std::env::var("OWN").unwrap().is_empty() { panics() } else { run(panics) }
            },
        );
        let Some(ended) = ended else { return };
        assert_aborted(&ended, "goroutine", "the reason");
    }
}

#[test]
fn what_a_runtime_was_built_with_comes_before_the_environment() {
    let name = "what_a_runtime_was_built_with_comes_before_the_environment";
    let ended = in_prepared_child(name, with_variable("abort"), || {
        let runtime = Runtime::builder().procs(1).on_panic(OnPanic::Unwind).build().unwrap();
        runtime.run(|| assert!(go!(|| panic!("the reason")).join().is_err()));
    });
    if let Some(ended) = ended {
        assert_success(&ended);
    }
}

#[test]
fn a_choice_in_the_environment_that_is_none_is_a_clear_error() {
    let name = "a_choice_in_the_environment_that_is_none_is_a_clear_error";
    if let Some(ended) = in_prepared_child(name, with_variable("Abort!"), || run(|| ())) {
        assert_eq!(ended.status.code(), Some(101));
        for part in ["GOCSP_PANIC", "\"Abort!\"", "unwind or abort"] {
            assert!(ended.stderr.contains(part), "{}", ended.stderr);
        }
    }
}
