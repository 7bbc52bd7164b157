//! By which calls goroutines came to where they wait: `RUSTFLAGS=-Cforce-frame-pointers=yes cargo test --features backtrace --test
//! backtrace`.
//!
//! Without those flags there is less to be told; the same tests then only see that nothing goes wrong.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use gocsp::runtime::{BacktraceFrame, Dump, GoroutineDump, dump};
use gocsp::sync::Mutex;
use gocsp::{Go, Receiver, channel, run, scope, select, sleep};

/// A limit that nobody has waited for.
const NEVER: Duration = Duration::from_secs(3600);

/// What a goroutine does to wait.
type Way = Box<dyn FnOnce() + Send>;

/// Whether this program and the library keep their frame pointers.
fn calls_can_be_found() -> bool {
    let flags = option_env!("RUSTFLAGS").unwrap_or_default();
    flags.contains("force-frame-pointers=yes")
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) {
    drop(Go::new().name(name).spawn(f).expect("there is memory for a stack"));
}

/// What is known of the goroutine of this name, once it waits in this state.
fn once_waiting(name: &str, state: &str) -> (GoroutineDump, Dump) {
    loop {
        let dump = dump();
        let waits = |goroutine: &&GoroutineDump| {
            goroutine.name.as_deref() == Some(name) && goroutine.wait().is_some_and(|wait| wait.state() == state)
        };
        if let Some(goroutine) = dump.goroutines.iter().find(waits) {
            return (goroutine.clone(), dump);
        }
        sleep(Duration::from_millis(1));
    }
}

/// Their names, without crate and parameters, of which nothing may be known; "closure" for all closures.
fn functions(frames: &[BacktraceFrame]) -> Vec<&str> {
    frames.iter().map(|frame| bare(&frame.function)).collect()
}

fn bare(function: &str) -> &str {
    let path = function.split('<').next().unwrap_or_default();
    let name = path.rsplit("::").next().unwrap_or_default();
    if name.starts_with("{closure") || name.starts_with("{{closure") { "closure" } else { name }
}

/// These functions, and nothing else but the closure of the goroutine.
fn assert_calls(goroutine: &GoroutineDump, expected: &[&str]) {
    let frames = goroutine.backtrace();
    if calls_can_be_found() {
        let expected: Vec<_> = expected.iter().copied().chain(["closure"]).collect();
        assert_eq!(functions(&frames), expected, "{frames:#?}");
    }
}

#[inline(never)]
fn outer(wait: impl FnOnce()) {
    middle(wait);
    black_box(());
}

#[inline(never)]
fn middle(wait: impl FnOnce()) {
    inner(wait);
    black_box(());
}

#[inline(never)]
fn inner(wait: impl FnOnce()) {
    wait();
    black_box(());
}

/// Three deep, without closures between.
#[inline(never)]
fn first(rx: &Receiver<u32>) {
    second(rx);
    black_box(());
}

#[inline(never)]
fn second(rx: &Receiver<u32>) {
    third(rx);
    black_box(());
}

#[inline(never)]
fn third(rx: &Receiver<u32>) {
    let _ = rx.recv();
    black_box(());
}
/// Where `third` waits.
const LINE: u32 = line!() - 4;

#[test]
fn the_calls_of_who_waits_are_told_from_the_last_one_to_the_closure() {
    run(|| {
        let (_tx, rx) = channel(0);
        spawn("deep", move || {
            first(&rx);
            black_box(());
        });
        let (deep, dump) = once_waiting("deep", "chan receive");
        assert_calls(&deep, &["third", "second", "first"]);
        let text = dump.to_string();
        assert!(text.contains(" 'deep' [chan receive"), "{text}");
        if calls_can_be_found() {
            let frame = &deep.backtrace()[0];
            assert!(frame.file.as_ref().is_some_and(|file| file.ends_with("tests/backtrace.rs")), "{frame:?}");
            assert_eq!(frame.line, Some(LINE));
            let told = format!("third\n        at tests/backtrace.rs:{LINE}\n    in backtrace::second\n        at ");
            assert!(text.contains(&told), "{text}");
        }
    });
}

#[test]
fn every_way_to_wait_tells_its_calls() {
    run(|| {
        let mutex = Arc::new(Mutex::new(()));
        let held = mutex.lock();
        let waits: [(&str, Way); 4] = [
            ("sleep", Box::new(|| sleep(NEVER))),
            (
                "sync.Mutex.Lock",
                Box::new({
                    let mutex = mutex.clone();
                    move || drop(mutex.lock())
                }),
            ),
            (
                "select (2 cases)",
                Box::new(|| {
                    let (a, b) = (channel::<u32>(0), channel::<u32>(0));
                    select! {
                        recv(a.1) -> _ => {}
                        recv(b.1) -> _ => {}
                    }
                }),
            ),
            (
                "chan receive",
                Box::new(|| {
                    let (_tx, rx) = channel::<u32>(0);
                    let _ = rx.recv_timeout(NEVER);
                }),
            ),
        ];
        for (state, wait) in waits {
            // Who ends with a call may have left the stack.
            let stays = move || {
                wait();
                black_box(());
            };
            spawn(state, move || {
                outer(stays);
                black_box(());
            });
            let (goroutine, dump) = once_waiting(state, state);
            drop(dump.to_string());
            let frames = goroutine.backtrace();
            if calls_can_be_found() {
                let functions = functions(&frames);
                assert!(functions.ends_with(&["closure", "inner", "middle", "outer", "closure"]), "{frames:#?}");
            }
        }
        drop(held);
    });
}

#[test]
fn a_wait_for_a_scope_is_told_with_the_calls_outside() {
    run(|| {
        spawn("scope", || {
            scope(|s| {
                s.go(|| sleep(NEVER));
            });
            black_box(());
        });
        let (waits, _) = once_waiting("scope", "scope");
        assert_calls(&waits, &[]);
    });
}

#[test]
fn a_goroutine_can_print_the_dump() {
    run(|| {
        let (_tx, rx) = channel(0);
        spawn("deep", move || {
            first(&rx);
            black_box(());
        });
        once_waiting("deep", "chan receive");
        let (tx, printed) = channel(1);
        spawn("prints", move || tx.send(dump().to_string()).expect("there is a receiver"));
        assert!(printed.recv().expect("it has printed").contains("'deep'"));
    });
}

#[test]
fn who_does_not_wait_has_no_backtrace() {
    run(|| {
        let unstarted = dump().goroutines.into_iter().filter(|goroutine| goroutine.wait().is_none());
        unstarted.for_each(|goroutine| assert_eq!(goroutine.backtrace(), []));
    });
}
