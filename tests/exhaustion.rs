//! Limits of the system that are hit: each is a clear error, or whoever meets it waits, and nothing is lost.
#![cfg(target_os = "linux")]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/child.rs"]
mod child;
#[path = "common/limits.rs"]
mod limits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cases::in_children;
use child::{Ended, in_child};
use gocsp::{Go, Runtime, go, num_goroutines, run, sleep};
use limits::limit_address_space;

fn assert_success(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}{}", ended.status, ended.stdout, ended.stderr);
}

#[test]
fn a_goroutine_whose_stack_can_never_be_mapped_is_a_clear_error() {
    let ended = in_child("a_goroutine_whose_stack_can_never_be_mapped_is_a_clear_error", || {
        run(|| {
            // The size class of the small ones has its memory already.
            go!(|| ()).join().unwrap();
            limit_address_space(100 << 20);
            let too_large = Go::new().name("too large").stack_size(1 << 30).spawn(|| ()).unwrap();
            let message = too_large.join().unwrap_err().downcast::<gocsp::StackError>().expect("no panic");
            println!("message: {message}");
            assert_eq!(go!(|| 5).join().unwrap(), 5);
            assert_eq!(num_goroutines(), 1);
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        for part in ["cannot start", "1048576 KiB", "ulimit -v", file!()] {
            assert!(ended.stdout.contains(part), "{}", ended.stdout);
        }
    }
}

#[test]
fn a_main_goroutine_whose_stack_cannot_be_mapped_is_a_clear_error() {
    let ended = in_child("a_main_goroutine_whose_stack_cannot_be_mapped_is_a_clear_error", || {
        let runtime = Runtime::builder().procs(2).build().unwrap();
        limit_address_space(4 << 20);
        runtime.run(|| ());
    });
    if let Some(ended) = ended {
        assert_eq!(ended.status.code(), Some(101), "{}\n{}", ended.status, ended.stderr);
        assert!(ended.stderr.contains("cannot start") && ended.stderr.contains("8192 KiB"), "{}", ended.stderr);
    }
}

#[test]
fn goroutines_for_which_there_is_no_stack_run_when_others_end() {
    let name = "goroutines_for_which_there_is_no_stack_run_when_others_end";
    let ended = in_children(name, &[1, 2, 4], |&procs| {
        let runtime = Runtime::builder().procs(procs).build().unwrap();
        runtime.run(|| {
            go!(|| ()).join().unwrap();
            // Room for a few stacks of 64 MiB, and for what the allocator may want.
            limit_address_space(400 << 20);
            let ran = Arc::new(AtomicUsize::new(0));
            let goroutines: Vec<_> = (0..100)
                .map(|_| {
                    let ran = Arc::clone(&ran);
                    let body = move || {
                        // They hold their stacks for a while.
                        sleep(Duration::from_micros(100));
                        ran.fetch_add(1, Ordering::Relaxed);
                    };
                    Go::new().stack_size(64 << 20).spawn(body).unwrap()
                })
                .collect();
            goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
            assert_eq!(ran.load(Ordering::Relaxed), 100);
        });
    });
    ended.iter().for_each(assert_success);
}
