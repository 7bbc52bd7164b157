//! The rules for what is done once, and for the barrier, one test each.

#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use gocsp_runtime::{Cancelled, exit_goroutine, go, yield_now};
use gocsp_sync::{Barrier, Once, OnceCell, OnceFunc, OnceValue, WaitGroup};

/// Calls `f` on ten goroutines and threads at the same time, and waits for them.
fn ten_times(f: impl Fn() + Send + Sync + 'static) {
    let (f, group) = (Arc::new(f), WaitGroup::new());
    let threads: Vec<_> = (0..5)
        .map(|_| {
            let (goroutine, thread) = (Arc::clone(&f), Arc::clone(&f));
            group.go(move || goroutine());
            thread::spawn(move || thread())
        })
        .collect();
    group.wait();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn panics(f: impl FnOnce()) -> Option<&'static str> {
    catch_unwind(AssertUnwindSafe(f)).err().map(|payload| *payload.downcast_ref::<&str>().expect("a text"))
}

#[test]
fn once_calls_one_and_all_others_wait_for_it() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static DONE: AtomicBool = AtomicBool::new(false);
    static ONCE: Once = Once::new();
    ten_times(|| {
        ONCE.call_once(|| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            for _ in 0..100 {
                yield_now();
            }
            DONE.store(true, Ordering::Relaxed);
        });
        assert!(DONE.load(Ordering::Relaxed) && ONCE.is_completed());
    });
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
}

#[test]
fn once_a_panic_counts_as_done() {
    let once = Once::new();
    assert_eq!(panics(|| once.call_once(|| panic!("first"))), Some("first"));
    assert!(once.is_completed());
    once.call_once(|| unreachable!("it is done"));
}

#[test]
fn once_an_exit_counts_as_done() {
    let once = Arc::new(Once::new());
    let inside = Arc::clone(&once);
    assert!(go!(move || inside.call_once(|| exit_goroutine())).join().unwrap_err().is::<Cancelled>());
    assert!(once.is_completed());
}

#[test]
fn once_cell_is_set_by_one() {
    let cell = Arc::new(OnceCell::new());
    let (calls, inside) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&cell));
    let counted = Arc::clone(&calls);
    ten_times(move || {
        let value = *inside.get_or_init(|| {
            yield_now();
            counted.fetch_add(1, Ordering::Relaxed) + 10
        });
        assert_eq!(value, 10);
    });
    assert_eq!((calls.load(Ordering::Relaxed), cell.get(), cell.set(1)), (1, Some(&10), Err(1)));
}

#[test]
fn once_cell_stays_empty_after_a_panic() {
    let cell = OnceCell::new();
    assert_eq!(panics(|| _ = cell.get_or_init(|| panic!("no"))), Some("no"));
    assert_eq!(cell.get_or_try_init(|| Err("no")), Err("no"));
    assert_eq!((cell.get(), *cell.get_or_init(|| 1)), (None, 1));
}

#[test]
fn once_value_raises_the_same_panic_on_each_call() {
    let calls = AtomicUsize::new(0);
    let value = OnceValue::new(|| -> u32 {
        calls.fetch_add(1, Ordering::Relaxed);
        panic!("no value")
    });
    for _ in 0..3 {
        assert_eq!(panics(|| _ = value.get()), Some("no value"));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn once_value_hands_the_payload_on_once_and_then_says_so() {
    let value = OnceValue::new(|| -> u32 { std::panic::panic_any(7_u8) });
    let payload = || catch_unwind(AssertUnwindSafe(|| _ = value.get())).unwrap_err();
    assert_eq!(payload().downcast_ref(), Some(&7_u8));
    let message =
        payload().downcast::<String>().or_else(|other| other.downcast::<&str>().map(|text| Box::new(text.to_string())));
    assert!(message.unwrap().contains("has panicked"));
}

#[test]
fn once_value_frees_its_function() {
    let owned = Arc::new(());
    let inside = Arc::clone(&owned);
    let value = OnceValue::new(move || Arc::strong_count(&inside));
    assert_eq!((*value.get(), Arc::strong_count(&owned)), (2, 1));
    let inside = Arc::clone(&owned);
    let broken = OnceFunc::new(move || panic!("with {inside:?}"));
    assert!(catch_unwind(AssertUnwindSafe(|| broken.call())).is_err());
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[test]
fn barrier_lets_all_go_on_together_with_one_leader() {
    const ROUNDS: usize = 50;
    let (barrier, leaders, arrived) = (Barrier::new(10), AtomicUsize::new(0), AtomicUsize::new(0));
    let (leaders, arrived) = (Arc::new(leaders), Arc::new(arrived));
    let (led, came) = (Arc::clone(&leaders), Arc::clone(&arrived));
    ten_times(move || {
        for round in 1..=ROUNDS {
            came.fetch_add(1, Ordering::Relaxed);
            let result = barrier.wait();
            assert!(came.load(Ordering::Relaxed) >= 10 * round, "somebody went on before all had arrived");
            led.fetch_add(usize::from(result.is_leader()), Ordering::Relaxed);
        }
    });
    assert_eq!((leaders.load(Ordering::Relaxed), arrived.load(Ordering::Relaxed)), (ROUNDS, 10 * ROUNDS));
}
