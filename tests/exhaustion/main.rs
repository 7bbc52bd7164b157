//! Limits of the system that are hit: each is a clear error, or whoever meets it waits, and nothing is lost.
#![cfg(target_os = "linux")]

#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/child.rs"]
mod child;
#[path = "../common/limits.rs"]
mod limits;
#[path = "../common/old_kernel.rs"]
mod old_kernel;
mod stacks;
mod threads;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use cases::in_children;
use child::{Ended, in_child};
use gocsp::{blocking, channel, go, run, sleep, yield_now};
use limits::{limit_address_space, refuse_descriptors};

const MIB: usize = 1 << 20;

fn assert_success(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}{}", ended.status, ended.stdout, ended.stderr);
}

/// What a panic says.
fn text(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<String>() {
        Some(text) => text,
        None => payload.downcast_ref::<&str>().expect("the message of a panic"),
    }
}

fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f))
}

/// Waits until `number` does not change any more.
fn comes_to_rest(number: impl Fn() -> usize) -> usize {
    let (mut last, mut unchanged) = (number(), 0);
    while unchanged < 20 {
        thread::sleep(Duration::from_millis(10));
        let now = number();
        unchanged = if now == last { unchanged + 1 } else { 0 };
        last = now;
    }
    last
}

/// Goroutines, messages, timers and jobs, as many as that; whether all is as it should be.
fn mixed_load(goroutines: usize) {
    let (tx, rx) = channel(1);
    for number in 0..goroutines {
        let tx = tx.clone();
        go! {
            match number % 3 {
                0 => sleep(Duration::from_micros(50)),
                1 => assert_eq!(blocking(|| number), number),
                _ => yield_now(),
            }
            tx.send(number).unwrap();
        };
    }
    drop(tx);
    assert_eq!(rx.iter().sum::<usize>(), (0..goroutines).sum());
}

#[test]
fn a_channel_that_is_too_large_is_a_clear_panic() {
    let ended = in_child("a_channel_that_is_too_large_is_a_clear_panic", || {
        run(|| {
            limit_address_space(1 << 30);
            for capacity in [MIB, usize::MAX] {
                let panics = go!(move || channel::<[u8; 4096]>(capacity)).join().map(drop).unwrap_err();
                assert!(text(&*panics).contains(&format!("cannot make a channel of capacity {capacity}")));
            }
            let (tx, rx) = channel(1);
            tx.send("the others go on").unwrap();
            println!("{}", rx.recv().unwrap());
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        assert!(ended.stdout.contains("the others go on"));
    }
}

/// What cannot be told otherwise, Rust tells itself.
#[test]
fn memory_that_the_allocator_does_not_get_ends_the_process_with_a_message() {
    let ended = in_child("memory_that_the_allocator_does_not_get_ends_the_process_with_a_message", || {
        run(|| drop(go!(|| Vec::<u8>::with_capacity(1 << 46)).join()));
    });
    if let Some(ended) = ended {
        assert!(!ended.status.success());
        assert!(ended.stderr.contains("memory allocation of 70368744177664 bytes failed"), "{}", ended.stderr);
    }
}

#[test]
fn a_runtime_needs_no_descriptors() {
    let programs: [fn(); 3] = [
        || {
            run(|| mixed_load(100));
            mixed_load(100);
            println!("fine");
        },
        || run(|| drop(go!(|| panic!("the reason")).join())),
        || {
            fn recurse(depth: u64) -> u64 {
                let frame = std::hint::black_box([depth; 8]);
                if std::hint::black_box(true) { recurse(frame[0] + 1) + frame[1] } else { 0 }
            }
            run(|| drop(go!(recurse(0)).join()));
        },
    ];
    let ended = in_children("a_runtime_needs_no_descriptors", &programs, |program| {
        refuse_descriptors();
        program();
    });
    if let [fine, panics, overflows] = &ended[..] {
        assert_success(fine);
        assert!(fine.stdout.contains("fine") && fine.stderr.is_empty(), "{}", fine.stderr);
        assert_success(panics);
        assert!(panics.stderr.contains("the reason"), "{}", panics.stderr);
        assert!(overflows.stderr.contains("has overflowed its stack of 256 KiB"), "{}", overflows.stderr);
    }
}
