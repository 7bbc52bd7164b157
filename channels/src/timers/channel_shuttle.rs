//! A timer that fires while it is stopped or set again, and somebody receives from it, in schedules that shuttle makes up.
//!
//! The store is a list of the times of its entries here, and all of them have passed: each may call at any moment.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::Mutex;

use gocsp_runtime::models::outcomes;
use shuttle::thread;

use super::*;

/// The channel of a timer, and the entries that are in the store.
struct Model {
    channel: Arc<Shared<Instant>>,
    entries: Mutex<Vec<Instant>>,
}

impl Model {
    /// A timer that is set to `due`.
    fn new(due: Instant) -> Arc<Self> {
        let model = Arc::new(Self { channel: stopped(Location::caller()), entries: Mutex::default() });
        model.reset(due);
        model
    }

    fn reset(&self, due: Instant) -> bool {
        let (was_running, arming) = self.channel.set(Plan { due, period: None });
        if arming.is_some() {
            self.entries.lock().unwrap().push(due);
        }
        was_running
    }

    /// Has the entries call until there are none.
    fn expire(&self) {
        loop {
            let Some(entry) = self.entries.lock().unwrap().pop() else { return };
            let again = self.channel.expire(entry);
            self.entries.lock().unwrap().extend(again);
        }
    }
}

/// Two times that have passed.
fn two_times() -> (Instant, Instant) {
    let now = Instant::now();
    (now - Duration::from_millis(2), now - Duration::from_millis(1))
}

#[test]
fn either_the_time_is_received_or_it_is_stopped() {
    let seen = outcomes(|| {
        let model = Model::new(two_times().0);
        let store = Arc::clone(&model);
        let store = thread::spawn(move || store.expire());
        let receiver = Arc::clone(&model);
        let receiver = thread::spawn(move || receiver.channel.try_recv(Location::caller()).is_ok());
        let stopped = model.channel.stop();
        assert!(model.channel.try_recv(Location::caller()).is_err(), "a stale time was received");
        store.join().unwrap();
        assert!(model.channel.try_recv(Location::caller()).is_err(), "it was sent after the stop");
        (receiver.join().unwrap(), stopped)
    });
    assert_eq!(seen, BTreeSet::from([(true, false), (false, true)]));
}

/// Whether the receiver that waits gets the first time, and whether the timer was running when it was set to the second, or,
/// if that is `sooner`, to the first.
fn received_and_reset(sooner: bool) -> BTreeSet<(bool, bool)> {
    outcomes(move || {
        let (early, late) = two_times();
        let (first, second) = if sooner { (late, early) } else { (early, late) };
        let model = Model::new(first);
        let store = Arc::clone(&model);
        let store = thread::spawn(move || store.expire());
        let waiting = Arc::clone(&model);
        let waiting = thread::spawn(move || waiting.channel.recv(Location::caller()).unwrap());
        let was_running = model.reset(second);
        if let Ok(time) = model.channel.try_recv(Location::caller()) {
            assert_eq!(time, second, "a stale time was received");
            // For the one that waits, if it still does.
            model.reset(second);
        }
        model.expire();
        store.join().unwrap();
        // An entry may have been put there after the others had been seen to.
        model.expire();
        let received = waiting.join().unwrap();
        assert!(received == first || received == second);
        assert!(received == second || !was_running, "it was received, and is said to have been running");
        (received == first, was_running)
    })
}

#[test]
fn set_to_a_later_time_only_that_is_received() {
    assert_eq!(received_and_reset(false), BTreeSet::from([(true, false), (false, true)]));
}

#[test]
fn set_to_an_earlier_time_only_that_is_received() {
    assert_eq!(received_and_reset(true), BTreeSet::from([(true, false), (false, true)]));
}
