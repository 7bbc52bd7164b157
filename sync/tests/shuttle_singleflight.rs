//! Shared calls under random schedules. `RUSTFLAGS="--cfg shuttle" cargo test -p gocsp-sync --release --test
//! shuttle_singleflight`.
//!
//! A passenger who is left behind is a deadlock, which shuttle reports with the schedule that leads there.

#![cfg(shuttle)]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use gocsp_runtime::models::outcomes;
use gocsp_sync::singleflight::Group;
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

#[test]
fn shuttle_everyone_gets_the_value_of_a_call_made_in_the_meantime() {
    let seen = outcomes(|| {
        let (group, flying, calls) = (Group::new(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (group, flying, calls) = (group.clone(), flying.clone(), calls.clone());
                thread::spawn(move || {
                    let before = calls.load(Ordering::SeqCst);
                    let answer = group.do_call(1, || {
                        assert_eq!(flying.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        flying.fetch_sub(1, Ordering::SeqCst);
                        calls.fetch_add(1, Ordering::SeqCst) + 1
                    });
                    // Whoever asks while a call lands still shares it.
                    assert!(answer.value >= before, "the call had landed before it was asked for");
                    answer.shared
                })
            })
            .collect();
        let shared = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|shared| *shared).count();
        (calls.load(Ordering::SeqCst), shared)
    });
    // One call for all, two of which one is shared by two, or three.
    assert_eq!(seen, BTreeSet::from([(1, 3), (2, 2), (3, 0)]));
}

#[test]
fn shuttle_a_panic_leaves_nobody_behind() {
    let seen = outcomes(|| {
        let group: Group<u32, ()> = Group::new();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let group = group.clone();
                thread::spawn(move || {
                    let mut called = false;
                    let call = AssertUnwindSafe(|| {
                        group.do_call(1, || {
                            called = true;
                            thread::yield_now();
                            resume_unwind(Box::new("no"));
                        })
                    });
                    assert_eq!(catch_unwind(call).unwrap_err().downcast_ref(), Some(&"no"));
                    called
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|called| *called).count()
    });
    assert_eq!(seen, BTreeSet::from([1, 2, 3]));
}

#[test]
fn shuttle_forget_starts_a_second_call_beside_the_first() {
    let seen = outcomes(|| {
        let (group, flying) = (Group::new(), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (group, flying) = (group.clone(), flying.clone());
                thread::spawn(move || {
                    let answer = group.do_call(1, || {
                        let others = flying.fetch_add(1, Ordering::SeqCst);
                        thread::yield_now();
                        flying.fetch_sub(1, Ordering::SeqCst);
                        others
                    });
                    (answer.value, answer.shared)
                })
            })
            .collect();
        group.forget(&1);
        threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
    });
    // One after the other, together in one call, and in two at the same time.
    assert_eq!(seen, BTreeSet::from([(0, false), (0, true), (1, false)]));
}
