//! Go's rules for `sync.Cond`, one test each.

#![cfg(not(any(loom, shuttle)))]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use gocsp_runtime::{Runtime, go, yield_now};
use gocsp_sync::{Cond, Mutex, RwLock, WaitGroup};

/// Something that changes, and how many wait for that.
#[derive(Default)]
struct Room {
    inside: Mutex<Inside>,
    changed: Cond,
}

#[derive(Default)]
struct Inside {
    waiting: usize,
    woken: Vec<usize>,
}

impl Room {
    fn wait(&self, number: usize) {
        let mut inside = self.inside.lock();
        inside.waiting += 1;
        self.changed.wait(&mut inside);
        inside.woken.push(number);
    }

    /// Waits until so many have begun to wait: they have when the lock is free.
    fn until_waiting(&self, count: usize) {
        while self.inside.lock().waiting < count {
            yield_now();
            thread::yield_now();
        }
    }

    fn until_woken(&self, count: usize) -> Vec<usize> {
        while self.inside.lock().woken.len() < count {
            yield_now();
            thread::yield_now();
        }
        self.inside.lock().woken.clone()
    }
}

/// A room where so many wait, goroutines and threads in turns, who came in the order of their numbers.
fn room_with(count: usize) -> (Arc<Room>, WaitGroup) {
    let (room, group) = (Arc::new(Room::default()), WaitGroup::new());
    for number in 0..count {
        let inside = Arc::clone(&room);
        if number % 2 == 0 {
            group.go(move || inside.wait(number));
        } else {
            group.add(1);
            let group = group.clone();
            thread::spawn(move || {
                inside.wait(number);
                group.done();
            });
        }
        room.until_waiting(number + 1);
    }
    (room, group)
}

#[test]
fn cond_signal_wakes_one_and_the_first() {
    let (room, group) = room_with(6);
    for number in 0..6 {
        room.changed.signal();
        assert_eq!(room.until_woken(number + 1), (0..=number).collect::<Vec<_>>());
    }
    group.wait();
}

#[test]
fn cond_broadcast_wakes_all() {
    let (room, group) = room_with(9);
    room.changed.broadcast();
    group.wait();
    let mut woken = room.until_woken(9);
    woken.sort_unstable();
    assert_eq!(woken, (0..9).collect::<Vec<_>>());
}

#[test]
fn cond_has_no_spurious_wake_ups() {
    let (room, group) = room_with(4);
    assert!(!room.changed.wait_timeout(&mut room.inside.lock(), Duration::from_millis(20)));
    assert!(room.until_woken(0).is_empty());
    room.changed.broadcast();
    group.wait();
}

#[test]
fn cond_keeps_no_signal() {
    let (mutex, cond) = (Mutex::new(()), Cond::new());
    cond.signal();
    cond.broadcast();
    assert!(!cond.wait_timeout(&mut mutex.lock(), Duration::from_millis(1)));
}

#[test]
fn cond_releases_the_lock_while_it_waits_and_holds_it_on_return() {
    let (mutex, cond, free) = (Mutex::new(0), Cond::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        let mut guard = mutex.lock();
        let other = scope.spawn(|| {
            let mut guard = mutex.lock();
            *guard = 1;
            cond.signal();
            drop(guard);
            free.store(true, Ordering::Release);
        });
        cond.wait_while(&mut guard, |value| **value == 0);
        assert_eq!(*guard, 1);
        assert!(mutex.try_lock().is_none(), "it is held");
        drop(guard);
        other.join().unwrap();
    });
    assert!(free.load(Ordering::Acquire) && mutex.try_lock().is_some());
}

#[test]
fn cond_wait_that_times_out_holds_the_lock() {
    let (mutex, cond) = (Mutex::new(()), Cond::new());
    let mut guard = mutex.lock();
    let start = Instant::now();
    assert!(!cond.wait_timeout(&mut guard, Duration::from_millis(5)));
    assert!(start.elapsed() >= Duration::from_millis(5));
    assert!(!cond.wait_deadline(&mut guard, start));
    assert!(mutex.try_lock().is_none());
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

/// A signal is not lost on one who gives up at the same time.
#[test]
fn cond_signal_goes_to_somebody_or_to_nobody() {
    for _ in 0..200 {
        let (room, signals) = (Arc::new(Room::default()), Arc::new(AtomicUsize::new(0)));
        let group = WaitGroup::new();
        for _ in 0..2 {
            let (room, signals) = (Arc::clone(&room), Arc::clone(&signals));
            group.go(move || {
                let mut inside = room.inside.lock();
                inside.waiting += 1;
                if room.changed.wait_timeout(&mut inside, Duration::from_micros(50)) {
                    signals.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        room.until_waiting(2);
        room.changed.signal();
        group.wait();
        assert!(signals.load(Ordering::Relaxed) <= 1);
    }
}

#[test]
fn cond_works_with_both_guards_of_a_read_write_lock() {
    let shared = Arc::new((RwLock::new((0, 0)), Cond::new()));
    let group = WaitGroup::new();
    for _ in 0..3 {
        let shared = Arc::clone(&shared);
        group.go(move || {
            let mut guard = shared.0.read();
            shared.1.wait_while(&mut guard, |value| value.0 == 0);
            assert_eq!(guard.0, 1);
        });
    }
    let writer = Arc::clone(&shared);
    group.go(move || {
        let mut guard = writer.0.write();
        writer.1.wait_while(&mut guard, |value| value.0 == 0);
        guard.1 = 7;
    });
    yield_now();
    shared.0.write().0 = 1;
    shared.1.broadcast();
    group.wait();
    assert_eq!(*shared.0.read(), (1, 7));
    assert!(shared.0.try_write().is_some());
}

/// What is unwound has the lock, and gives it up.
#[test]
fn cond_waiters_are_unwound_with_the_lock_held() {
    struct Last(Arc<Room>, mpsc::Sender<bool>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.1.send(self.0.inside.try_lock().is_none()).unwrap();
        }
    }
    let (room, (tx, rx)) = (Arc::new(Room::default()), mpsc::channel());
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run({
        let room = Arc::clone(&room);
        move || {
            for _ in 0..4 {
                let (room, tx) = (Arc::clone(&room), tx.clone());
                go! {
                    let inside = Arc::clone(&room);
                    let mut inside = inside.inside.lock();
                    inside.waiting += 1;
                    // Dropped before the guard.
                    let _last = Last(Arc::clone(&room), tx);
                    room.changed.wait(&mut inside);
                };
            }
            room.until_waiting(4);
        }
    });
    drop(runtime);
    assert_eq!(rx.iter().collect::<Vec<_>>(), [true; 4]);
    assert!(room.inside.try_lock().is_some());
    assert!(!room.changed.wait_timeout(&mut room.inside.lock(), Duration::ZERO), "nobody stands in the queue");
}
