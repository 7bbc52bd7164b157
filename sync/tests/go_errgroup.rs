//! Go's rules for `errgroup`, one test each.

#![cfg(not(any(loom, shuttle)))]

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp_context::Context;
use gocsp_runtime::{exit_goroutine, yield_now};
use gocsp_sync::errgroup::Group;

#[test]
fn errgroup_waits_for_all_and_gives_the_first_error() {
    let (group, ended) = (Group::new(), Arc::new(AtomicUsize::new(0)));
    let (tx, rx) = gocsp_channels::channel::<()>(0);
    for number in 0..10 {
        let (ended, rx) = (Arc::clone(&ended), rx.clone());
        group.go(move || {
            if number > 0 {
                rx.recv().unwrap_err();
            }
            ended.fetch_add(1, Ordering::Relaxed);
            if number == 5 { Ok(()) } else { Err(number) }
        });
    }
    while ended.load(Ordering::Relaxed) == 0 {
        yield_now();
    }
    drop(tx);
    assert_eq!((group.wait(), ended.load(Ordering::Relaxed)), (Err(0), 10));
}

#[test]
fn errgroup_the_first_error_ends_its_context() {
    let (group, context) = Group::with_context(&Context::background());
    for number in 0..5 {
        let context = context.clone();
        group.go(move || match number {
            3 => Err("the third"),
            _ => Err(context.done().recv().map_or("the context has ended", |()| "a value")),
        });
    }
    assert_eq!(group.wait(), Err("the third"));
    assert_eq!(context.cause().unwrap().to_string(), "the third");
}

#[test]
fn errgroup_waiting_ends_its_context() {
    let (group, context) = Group::<String>::with_context(&Context::background());
    group.go(|| Ok(()));
    assert!(context.err().is_none());
    assert_eq!(group.wait(), Ok(()));
    assert!(context.err().is_some());
}

#[test]
fn errgroup_limit_is_kept() {
    let (mut group, running) = (Group::<()>::new(), Arc::new(AtomicUsize::new(0)));
    group.set_limit(Some(3));
    let work = |running: Arc<AtomicUsize>| {
        move || {
            assert!(running.fetch_add(1, Ordering::SeqCst) < 3);
            yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    };
    for _ in 0..50 {
        group.go(work(Arc::clone(&running)));
    }
    group.wait().unwrap();
}

#[test]
fn errgroup_try_go_starts_only_below_the_limit() {
    let mut group = Group::<()>::new();
    group.set_limit(Some(2));
    let (tx, rx) = gocsp_channels::channel::<()>(0);
    for expected in [true, true, false] {
        let rx = rx.clone();
        let started = group.try_go(move || {
            rx.recv().unwrap_err();
            Ok(())
        });
        assert_eq!(started, expected);
    }
    group.set_limit(None);
    assert!(group.try_go(|| Ok(())));
    drop(tx);
    group.wait().unwrap();
}

#[test]
fn errgroup_a_limit_of_zero_is_refused() {
    assert!(catch_unwind(|| Group::<()>::new().set_limit(Some(0))).is_err());
}

#[test]
fn errgroup_a_panic_reaches_who_waits() {
    let (group, context) = Group::<String>::with_context(&Context::background());
    group.go(|| std::panic::panic_any(7_u8));
    let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
    assert!(context.cause().unwrap().to_string().contains("panicked"));
}

#[test]
fn errgroup_who_exits_has_failed() {
    let group = Group::<String>::new();
    group.go(|| exit_goroutine());
    let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"a goroutine of an errgroup was ended before it returned"));
}

#[test]
fn errgroup_an_error_that_cannot_be_said_is_a_panic() {
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("unspeakable")
        }
    }
    let (group, context) = Group::with_context(&Context::background());
    group.go(|| Err(Unspeakable));
    let payload = catch_unwind(AssertUnwindSafe(|| group.wait().is_ok())).expect_err("the panic of the error");
    assert_eq!(payload.downcast_ref(), Some(&"unspeakable"));
    assert!(context.err().is_some());
}
