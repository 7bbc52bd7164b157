//! The rules for `Semaphore`, one test each.

#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use gocsp_context::{Context, ContextError};
use gocsp_runtime::{Runtime, go, yield_now};
use gocsp_sync::{Mutex, Semaphore, WaitGroup};

const SHORT: Duration = Duration::from_millis(5);

/// The message of the panic that `f` ends in.
fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("a text")
}

#[test]
fn semaphore_lets_no_more_in_than_it_has_permits() {
    let (semaphore, inside, group) = (Semaphore::new(5), Arc::new(AtomicUsize::new(0)), WaitGroup::new());
    let work = move |semaphore: &Semaphore, inside: &AtomicUsize, weight| {
        for _ in 0..50 {
            let _permit = semaphore.acquire(weight);
            assert!(inside.fetch_add(weight, Ordering::SeqCst) + weight <= 5);
            yield_now();
            inside.fetch_sub(weight, Ordering::SeqCst);
        }
    };
    let mut threads = Vec::new();
    for weight in 0..=5 {
        let (goroutine, thread) = ((semaphore.clone(), Arc::clone(&inside)), (semaphore.clone(), Arc::clone(&inside)));
        group.go(move || work(&goroutine.0, &goroutine.1, weight));
        threads.push(thread::spawn(move || work(&thread.0, &thread.1, weight)));
    }
    group.wait();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(semaphore.available(), 5);
}

/// Starts goroutines that ask for so many permits, one after the other, and tell when they have them.
fn line_up(semaphore: &Semaphore, weights: &[usize]) -> (Arc<Mutex<Vec<usize>>>, WaitGroup) {
    let (served, group) = (Arc::new(Mutex::new(Vec::new())), WaitGroup::new());
    for (number, &weight) in weights.iter().enumerate() {
        let (told, served, semaphore) = (mpsc::channel(), Arc::clone(&served), semaphore.clone());
        group.go(move || {
            told.0.send(()).unwrap();
            let _permit = semaphore.acquire(weight);
            served.lock().push(number);
        });
        told.1.recv().unwrap();
        // It tells before it stands in the line.
        thread::sleep(SHORT);
    }
    (served, group)
}

#[test]
fn semaphore_serves_in_the_order_of_coming_whatever_the_weight() {
    let semaphore = Semaphore::new(4);
    let (three, one) = (semaphore.acquire(3), semaphore.acquire(1));
    let (served, group) = line_up(&semaphore, &[4, 1, 2]);
    drop(one);
    assert!(semaphore.try_acquire(1).is_none(), "there is one, and the first waits for four");
    thread::sleep(SHORT);
    assert!(served.lock().is_empty());
    drop(three);
    group.wait();
    assert_eq!((served.lock()[0], semaphore.available()), (0, 4));
}

#[test]
fn semaphore_goes_on_when_the_first_gives_up() {
    let semaphore = Semaphore::new(2);
    let _one = semaphore.acquire(1);
    let (greedy, told) = (semaphore.clone(), mpsc::channel());
    let goroutine = go! {
        told.0.send(()).unwrap();
        assert!(greedy.acquire_timeout(2, 4 * SHORT).is_none());
    };
    told.1.recv().unwrap();
    let (served, group) = line_up(&semaphore, &[1]);
    group.wait();
    goroutine.join().unwrap();
    assert_eq!((served.lock().len(), semaphore.available()), (1, 1));
}

#[test]
fn semaphore_a_cancelled_context_wins_over_a_grant() {
    let semaphore = Semaphore::new(1);
    let (context, cancel) = Context::background().with_cancel();
    assert!(semaphore.acquire_context(&context, 1).is_ok());
    let held = semaphore.acquire(1);
    let (other, below) = (semaphore.clone(), context.clone());
    let goroutine = go!(move || other.acquire_context(&below, 1).map(drop));
    thread::sleep(SHORT);
    cancel.cancel();
    assert_eq!(goroutine.join().unwrap(), Err(ContextError::Cancelled));
    drop(held);
    assert_eq!(semaphore.acquire_context(&context, 1).map(drop), Err(ContextError::Cancelled), "though there is one");
    assert_eq!(semaphore.available(), 1);
}

/// Whoever wins when a grant and a cancellation meet, no permit is lost, and none is had twice.
#[test]
fn semaphore_cancellation_loses_no_permit() {
    let semaphore = Semaphore::new(1);
    for _ in 0..300 {
        let (context, cancel) = Context::background().with_cancel();
        let (held, other) = (semaphore.acquire(1), semaphore.clone());
        let asks = go!(move || other.acquire_context(&context, 1).map(drop));
        yield_now();
        let frees = go!(move || drop(held));
        cancel.cancel();
        frees.join().unwrap();
        _ = asks.join().unwrap();
        assert_eq!(semaphore.available(), 1);
    }
}

#[test]
fn semaphore_permits_can_be_forgotten_and_released() {
    let semaphore = Semaphore::new(3);
    semaphore.acquire(2).forget();
    let other = semaphore.clone();
    let waits = go!(move || other.acquire(3).permits());
    semaphore.release(1);
    semaphore.release(1);
    assert_eq!((waits.join().unwrap(), semaphore.available()), (3, 3));
}

#[test]
fn semaphore_misuse_panics_and_leaves_it_as_it_was() {
    let semaphore = Semaphore::new(2);
    assert_eq!(panic_of(|| _ = semaphore.acquire(3)), "a semaphore of 2 permits can never give 3");
    assert_eq!(panic_of(|| semaphore.release(1)), "semaphore: released more than held");
    assert_eq!(panic_of(|| semaphore.release(usize::MAX)), "semaphore: released more than held");
    assert_eq!(semaphore.available(), 2);
    assert_eq!(semaphore.acquire(0).permits(), 0);
}

#[test]
fn semaphore_permits_of_the_unwound_go_back() {
    let semaphore = Semaphore::new(2);
    let held = semaphore.acquire(1);
    let runtime = Runtime::builder().procs(2).build().unwrap();
    let inside = semaphore.clone();
    runtime.run(move || {
        for weight in [1, 2, 2] {
            let (semaphore, told) = (inside.clone(), gocsp_channels::channel(0));
            go! {
                let _permit = semaphore.acquire(weight);
                told.0.send(()).unwrap();
                gocsp_channels::Receiver::<()>::nil().recv().unwrap();
            };
            if weight == 1 {
                told.1.recv().unwrap();
            }
        }
        yield_now();
    });
    drop((runtime, held));
    assert_eq!(semaphore.available(), 2);
    assert_eq!(semaphore.acquire(2).permits(), 2);
}
