//! The rules for calls that are shared, one test each.

#![cfg(not(any(loom, shuttle)))]

use std::any::Any;
use std::num::ParseIntError;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use gocsp_channels::{Receiver, RecvError, channel};
use gocsp_runtime::{Cancelled, Runtime, exit_goroutine, go, yield_now};
use gocsp_sync::WaitGroup;
use gocsp_sync::singleflight::{Answer, Group};

/// Runs `f` on one proc. There `settle` lets all others go on until they wait.
fn on_one_proc<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    Runtime::builder().procs(1).build().unwrap().run(f)
}

fn settle() {
    for _ in 0..10 {
        yield_now();
    }
}

type Joined = Result<Answer<u32>, Box<dyn Any + Send>>;

/// What comes of a flight for key 1 that waits for its passenger before it goes on with `f`; and what the passenger gets.
fn with_passenger(group: &Group<u32, u32>, f: impl FnOnce() -> u32 + Send + 'static) -> (Joined, Joined) {
    let (go_on, wait) = channel::<()>(0);
    let (piloting, riding) = (group.clone(), group.clone());
    let pilot = go!(move || {
        piloting.do_call(1, || {
            let _ = wait.recv();
            f()
        })
    });
    settle();
    let passenger = go!(move || riding.do_call(1, || unreachable!("there is a flight")));
    settle();
    drop(go_on);
    (pilot.join(), passenger.join())
}

fn text(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(string) => *string,
        Err(payload) => payload.downcast_ref::<&str>().expect("a text").to_string(),
    }
}

#[test]
fn one_execution_is_in_flight_per_key() {
    const KEYS: usize = 4;
    let group = Group::new();
    let (flying, calls) = (Arc::new([const { AtomicUsize::new(0) }; KEYS]), Arc::new(AtomicUsize::new(0)));
    let work = move |n: usize| {
        for step in 0..500 {
            let key = (n + step) % KEYS;
            let answer = group.do_call(key, || {
                assert_eq!(flying[key].fetch_add(1, Ordering::SeqCst), 0);
                calls.fetch_add(1, Ordering::Relaxed);
                yield_now();
                assert_eq!(flying[key].fetch_sub(1, Ordering::SeqCst), 1);
                key * 10
            });
            assert_eq!(answer.value, key * 10);
        }
    };
    let (work, done) = (Arc::new(work), WaitGroup::new());
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let (goroutine, thread) = (Arc::clone(&work), Arc::clone(&work));
            done.go(move || goroutine(n));
            thread::spawn(move || thread(n))
        })
        .collect();
    done.wait();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn who_asks_during_a_call_shares_its_result() {
    on_one_proc(|| {
        let (pilot, passenger) = with_passenger(&Group::new(), || 7);
        let answer = Answer { value: 7, shared: true };
        assert_eq!((pilot.unwrap(), passenger.unwrap()), (answer, answer));
    });
}

#[test]
fn who_asks_afterwards_starts_a_new_call() {
    let group = Group::new();
    for n in 0..3 {
        assert_eq!(group.do_call("key", || n), Answer { value: n, shared: false });
    }
}

#[test]
fn other_keys_do_not_wait() {
    let group = Group::new();
    let answer = group.do_call(1, || group.do_call(2, || group.do_call(3, || 3).value).value);
    assert_eq!(answer.value, 3);
}

#[test]
fn threads_and_goroutines_share_a_call() {
    let (group, aboard) = (Group::new(), Arc::new(AtomicUsize::new(0)));
    let (release, gate) = channel::<()>(0);
    let (started, has_started) = channel(0);
    let pilot = {
        let group = group.clone();
        thread::spawn(move || {
            group.do_call("key", || {
                started.send(()).unwrap();
                let _ = gate.recv();
                1
            })
        })
    };
    has_started.recv().unwrap();
    let receivers: Vec<Receiver<Answer<i32>>> = (0..3).map(|_| group.do_chan("key", || 2)).collect();
    let goroutine = {
        let (group, aboard) = (group.clone(), Arc::clone(&aboard));
        go!(move || {
            aboard.fetch_add(1, Ordering::SeqCst);
            group.do_call("key", || 3)
        })
    };
    while aboard.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    drop(release);
    assert_eq!(pilot.join().unwrap(), Answer { value: 1, shared: true });
    for receiver in receivers {
        assert_eq!(receiver.recv(), Ok(Answer { value: 1, shared: true }));
        assert_eq!(receiver.recv(), Err(RecvError));
    }
    // It may have come too late, and then made a call of its own.
    assert!([1, 3].contains(&goroutine.join().unwrap().value));
}

#[test]
fn do_chan_runs_the_call_in_a_goroutine_of_its_own() {
    on_one_proc(|| {
        let group = Group::new();
        let (release, gate) = channel::<()>(0);
        let first = group.do_chan(1, move || {
            let _ = gate.recv();
            7
        });
        settle();
        assert!(first.is_empty());
        let second = group.do_chan(1, || unreachable!("there is a flight"));
        let inside = group.clone();
        let third = go!(move || inside.do_call(1, || unreachable!("there is a flight")));
        settle();
        drop(release);
        let answer = Answer { value: 7, shared: true };
        assert_eq!((first.recv(), second.recv(), third.join().unwrap()), (Ok(answer), Ok(answer), answer));
        assert_eq!(group.do_chan(1, || 8).recv(), Ok(Answer { value: 8, shared: false }));
    });
}

#[test]
fn forget_makes_the_next_call_run_anew() {
    on_one_proc(|| {
        let group = Group::new();
        let (release, gate) = channel::<()>(0);
        let old = [1, 2].map(|n| {
            let gate = gate.clone();
            group.do_chan("key".to_owned(), move || {
                let _ = gate.recv();
                n
            })
        });
        settle();
        group.forget("no such key");
        group.forget("key");
        group.forget("key");
        let new = group.do_chan("key".to_owned(), || 3);
        assert_eq!(new.recv(), Ok(Answer { value: 3, shared: false }));
        drop(release);
        for old in old {
            assert_eq!(old.recv(), Ok(Answer { value: 1, shared: true }));
        }
        assert_eq!(group.do_call("key".to_owned(), || 4).value, 4);
    });
}

#[test]
fn a_forgotten_call_does_not_take_the_new_one_away() {
    on_one_proc(|| {
        let group = Group::new();
        let gates = [channel::<()>(0), channel(0)];
        let calls: Vec<_> = gates
            .iter()
            .zip(1..)
            .map(|((_, gate), n)| {
                let gate = gate.clone();
                let answer = group.do_chan(0, move || {
                    let _ = gate.recv();
                    n
                });
                settle();
                if n == 1 {
                    group.forget(&0);
                }
                answer
            })
            .collect();
        let [(first, _), (second, _)] = gates;
        first.close().unwrap();
        assert_eq!(calls[0].recv(), Ok(Answer { value: 1, shared: false }));
        let passenger = group.do_chan(0, || 3);
        second.close().unwrap();
        let answer = Ok(Answer { value: 2, shared: true });
        assert_eq!((calls[1].recv(), passenger.recv()), (answer, answer));
    });
}

#[test]
fn a_panic_reaches_every_caller() {
    on_one_proc(|| {
        let group = Group::new();
        let (pilot, passenger) = with_passenger(&group, || panic!("no page"));
        assert_eq!((text(pilot.unwrap_err()), text(passenger.unwrap_err())), ("no page".into(), "no page".into()));
        assert_eq!(group.do_call(1, || 2), Answer { value: 2, shared: false });
    });
}

#[test]
fn a_panic_waits_for_a_key_that_is_being_compared_as_others_do() {
    /// Waits, when it is compared with the key of a flight, until its channel is closed.
    struct Slow(u32, Receiver<()>);
    impl PartialEq for Slow {
        fn eq(&self, other: &Self) -> bool {
            let _ = other.1.recv();
            self.0 == other.0
        }
    }
    impl Eq for Slow {}
    impl std::hash::Hash for Slow {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    on_one_proc(|| {
        let group = Group::new();
        let fly = |key, until: Receiver<()>, f: fn() -> u32| {
            let group = group.clone();
            let flight = go!(move || {
                group.do_call(key, || {
                    let _ = until.recv();
                    f()
                })
            });
            settle();
            flight
        };
        let ((fail, failing), (finish, finishing), (compare, comparing)) = (channel(0), channel(0), channel(0));
        let failed = fly(Slow(1, Receiver::nil()), failing, || panic!("no page"));
        let pilot = fly(Slow(2, Receiver::nil()), finishing, || 2);
        let passenger = fly(Slow(2, comparing), Receiver::nil(), || unreachable!("there is a flight"));
        // The table is locked. To wait for it must not keep the only thread.
        drop(fail);
        settle();
        drop((compare, finish));
        assert_eq!(text(failed.join().unwrap_err()), "no page");
        assert_eq!((pilot.join().unwrap().value, passenger.join().unwrap().value), (2, 2));
    });
}

#[test]
fn the_payload_of_a_panic_is_handed_to_who_made_the_call() {
    on_one_proc(|| {
        let (pilot, passenger) = with_passenger(&Group::new(), || panic_any(7_u8));
        assert_eq!(pilot.unwrap_err().downcast_ref(), Some(&7_u8));
        assert!(text(passenger.unwrap_err()).contains("singleflight"));
    });
}

#[test]
fn an_exit_reaches_every_caller() {
    on_one_proc(|| {
        let group = Group::new();
        let (pilot, passenger) = with_passenger(&group, || exit_goroutine());
        assert!(pilot.unwrap_err().is::<Cancelled>());
        assert!(text(passenger.unwrap_err()).contains("was ended"));
        assert_eq!(group.do_call(1, || 2).value, 2);
    });
}

#[test]
fn a_panic_closes_the_channel_of_do_chan() {
    let group = Group::new();
    assert_eq!(group.do_chan(1, || -> u32 { panic!("no page") }).recv(), Err(RecvError));
    assert_eq!(group.do_chan(1, || -> u32 { exit_goroutine() }).recv(), Err(RecvError));
    assert_eq!(group.do_call(1, || 2).value, 2);
}

#[test]
fn the_end_of_a_runtime_reaches_those_who_share_its_calls() {
    for starts in [false, true] {
        let group = Group::new();
        let (inside, (report, reports)) = (group.clone(), mpsc::channel());
        let (receiver, reports) = on_one_proc(move || {
            let receiver = inside.do_chan(1, || {
                let (_never, wait) = channel::<()>(0);
                let _ = wait.recv();
                1
            });
            thread::spawn(move || {
                let passenger = inside.do_chan(1, || 2);
                report.send(None).unwrap();
                let call = catch_unwind(AssertUnwindSafe(|| inside.do_call(1, || 3)));
                report.send(Some((passenger.recv(), call.map_err(text)))).unwrap();
            });
            assert!(reports.recv().unwrap().is_none());
            if starts {
                settle();
            }
            (receiver, reports)
        });
        assert_eq!(receiver.recv(), Err(RecvError));
        let (passenger, call) = reports.recv().unwrap().expect("the second report");
        assert_eq!(passenger, Err(RecvError));
        // The thread may have come too late for the call of the runtime.
        match call {
            Ok(answer) => assert_eq!(answer.value, 3),
            Err(message) => assert!(message.contains("was ended"), "{message}"),
        }
        assert_eq!(group.do_call(1, || 4).value, 4);
    }
}

/// They are ended as who waits for anything else is, and do not blame the one who made the call.
#[test]
fn the_end_of_a_runtime_is_no_panic_of_its_own_goroutines() {
    for _ in 0..20 {
        let handles = Runtime::builder().procs(2).build().unwrap().run(|| {
            let group = Group::<u32, u32>::new();
            let ask = move || {
                let group = group.clone();
                go!(move || group.do_call(1, || Receiver::<u32>::nil().recv().unwrap()))
            };
            let handles: Vec<_> = (0..100).map(|_| ask()).collect();
            settle();
            handles
        });
        for handle in handles {
            assert!(handle.join().unwrap_err().is::<Cancelled>());
        }
    }
}

#[test]
fn a_function_may_fail() {
    let group: Group<&str, Result<u32, ParseIntError>> = Group::new();
    assert!(group.do_call("many", || "many".parse()).value.is_err());
    assert_eq!(group.do_chan("7", || "7".parse()).recv().unwrap().value, Ok(7));
}

#[test]
fn nothing_is_kept() {
    let (key, value) = (Arc::new(()), Arc::new(()));
    let group = Group::new();
    let answer = group.do_call(Arc::clone(&key), || Arc::clone(&value));
    assert_eq!((Arc::strong_count(&key), Arc::strong_count(&value)), (1, 2));
    drop((
        answer,
        group
            .do_chan(Arc::clone(&key), {
                let value = Arc::clone(&value);
                move || value
            })
            .recv(),
    ));
    // The goroutine of `do_chan` drops the key after it has sent the value.
    while (Arc::strong_count(&key), Arc::strong_count(&value)) != (1, 1) {
        thread::yield_now();
    }
    group.forget(&key);
}

#[test]
fn a_value_that_nobody_shares_is_not_cloned() {
    struct Unclonable;
    impl Clone for Unclonable {
        fn clone(&self) -> Self {
            panic!("cloned")
        }
    }
    let group = Group::new();
    group.do_call(1, || Unclonable);
    assert!(group.do_chan(1, || Unclonable).recv().is_ok());
}
