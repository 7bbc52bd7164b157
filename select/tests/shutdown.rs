//! What becomes of selects that wait while their runtime shuts down.
#![cfg(not(shuttle))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use gocsp_channels::{Receiver, RecvError, SendError, channel};
use gocsp_runtime::{Runtime, spawn};
use gocsp_select::{Select, select};

/// Counts how often it is dropped.
struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs `f` in a goroutine until it has told that it is ready, and a little further, then ends its runtime.
fn shut_down_under(f: impl FnOnce(&dyn Fn()) + Send + 'static) {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(|| {
        let (tell, told) = channel(1);
        spawn(move || f(&|| tell.send(()).unwrap()));
        told.recv().unwrap();
        // There is one worker: after this the goroutine has gone on to its select.
        gocsp_runtime::yield_now();
    });
}

#[test]
fn a_select_that_waits_unwinds_and_its_values_are_dropped_once() {
    let drops = Arc::new(AtomicU32::new(0));
    let went_on = Arc::new(AtomicBool::new(false));
    let (tx, rx) = channel(0);
    shut_down_under({
        let (drops, went_on) = (Arc::clone(&drops), Arc::clone(&went_on));
        move |ready| {
            let value = Counted(Arc::clone(&drops));
            ready();
            select! {
                send(tx, value) -> _ => {}
                send(tx, Counted(Arc::clone(&drops))) -> _ => {}
                recv(Receiver::<()>::nil()) => {}
            }
            went_on.store(true, Ordering::Relaxed);
        }
    });
    assert!(!went_on.load(Ordering::Relaxed));
    assert_eq!(drops.load(Ordering::Relaxed), 2);
    assert!(rx.recv().is_err(), "the sender is gone");
}

#[test]
fn a_dynamic_select_unwinds_as_well() {
    let drops = Arc::new(AtomicU32::new(0));
    let (tx, _rx) = channel(0);
    shut_down_under({
        let drops = Arc::clone(&drops);
        move |ready| {
            let mut select = Select::new();
            select.send(&tx, Counted(drops));
            ready();
            let _unreached = select.select();
        }
    });
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn a_select_of_nothing_unwinds_too() {
    let drops = Arc::new(AtomicU32::new(0));
    let counted = Counted(Arc::clone(&drops));
    shut_down_under(move |ready| {
        let _counted = counted;
        ready();
        select! {}
    });
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

/// Selects when it is dropped.
struct Selecting<F: FnMut()>(F);

impl<F: FnMut()> Drop for Selecting<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_destructor_that_selects_is_not_kept_waiting() {
    let seen = Arc::new(AtomicU32::new(0));
    let note = Arc::clone(&seen);
    let (_tx, rx) = channel::<u32>(0);
    let (full, _unread) = channel(0);
    shut_down_under(move |ready| {
        let _selecting = Selecting(move || {
            let first = select! {
                recv(rx) -> n => n,
                recv(Receiver::nil()) -> n => n,
            };
            assert_eq!(first, Err(RecvError));
            let value = String::from("back");
            let refused = select! { send(full, value) -> sent => sent };
            assert_eq!(refused, Err(SendError(String::from("back"))));
            let over = select! {
                recv(rx) -> _ => false,
                default(Duration::MAX) => true,
            };
            assert!(over);
            note.fetch_add(1, Ordering::Relaxed);
        });
        ready();
        select! {}
    });
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[test]
fn a_goroutine_that_only_selects_gives_way() {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(|| {
        let (tx, rx) = channel(0);
        let other = spawn(move || tx.send(1));
        // Without giving way the only worker would stay here for ever.
        loop {
            select! {
                recv(rx) -> n => break assert_eq!(n, Ok(1)),
                default => {}
            }
        }
        assert_eq!(other.join().unwrap(), Ok(()));
    });
}
