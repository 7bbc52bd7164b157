//! Panics within a program: whom they reach, and what they leave behind. What destructors may do meanwhile is tested in
//! `unwinding.rs`, and what panics look like from outside in `panic_ends.rs`.

#[path = "common/drops.rs"]
mod drops;
#[path = "common/procs.rs"]
mod procs;

use std::any::Any;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use drops::{Counted, Drops};
use gocsp::sync::{Mutex, RwLock, Semaphore};
use gocsp::{JoinHandle, Receiver, blocking, channel, go, num_goroutines, scope, select, yield_now};
use procs::{on_one_and_more_procs, on_procs};

/// Panics without a message on the terminal.
fn quiet_panic<T>(message: &'static str) -> T {
    resume_unwind(Box::new(message))
}

fn message_of<T>(handle: JoinHandle<T>) -> &'static str {
    *handle.join().map(drop).unwrap_err().downcast::<&str>().expect("a quiet panic")
}

#[test]
fn a_panic_reaches_whoever_joins_and_nobody_else() {
    on_one_and_more_procs(|| {
        let others: Vec<_> = (0..50)
            .map(|n| {
                go!(move || {
                    yield_now();
                    n
                })
            })
            .collect();
        let panicking: Vec<_> = (0..50).map(|_| go!(|| quiet_panic::<()>("mine"))).collect();
        assert!(panicking.into_iter().all(|handle| message_of(handle) == "mine"));
        assert!(others.into_iter().enumerate().all(|(n, handle)| handle.join().unwrap() == n));
    });
}

#[test]
fn a_panic_drops_what_the_goroutine_holds() {
    on_one_and_more_procs(|| {
        let drops = Drops::default();
        let handles: Vec<_> = (0..100)
            .map(|n| {
                let value = drops.value();
                go!(move || {
                    let _value = value;
                    yield_now();
                    if n % 2 == 0 {
                        quiet_panic("at last")
                    }
                })
            })
            .collect();
        assert_eq!(handles.into_iter().filter(|_| true).map(JoinHandle::join).filter(Result::is_err).count(), 50);
        drops.assert_all(100);
    });
}

#[test]
fn a_panic_that_is_caught_across_a_park_stays_caught() {
    on_one_and_more_procs(|| {
        let goroutines: Vec<_> = (0..100)
            .map(|_| {
                go!(|| for _ in 0..10 {
                    let caught = catch_unwind(|| {
                        yield_now();
                        quiet_panic::<()>("inside")
                    });
                    yield_now();
                    assert!(caught.is_err() && !thread::panicking());
                })
            })
            .collect();
        goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    });
}

/// Panics when dropped.
struct PanicsOnDrop(#[expect(dead_code, reason = "it counts its drop")] Counted);

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        if !thread::panicking() {
            quiet_panic("on drop")
        }
    }
}

#[test]
fn a_result_whose_destructor_panics_harms_nobody() {
    on_one_and_more_procs(|| {
        let drops = Drops::default();
        for round in 0..50 {
            let value = PanicsOnDrop(drops.value());
            let handle = go!(move || value);
            match round % 3 {
                // Detached before or after it ended, or received.
                0 => drop(handle),
                1 => {
                    while !handle.is_finished() {
                        yield_now();
                    }
                    drop(handle);
                }
                _ => assert!(catch_unwind(AssertUnwindSafe(|| drop(handle.join()))).is_err()),
            }
        }
        while num_goroutines() > 1 {
            yield_now();
        }
        drops.assert_all(50);
    });
}

#[test]
fn a_panic_whose_payload_panics_on_drop_harms_nobody() {
    on_one_and_more_procs(|| {
        for _ in 0..20 {
            let drops = Drops::default();
            let value = PanicsOnDrop(drops.value());
            drop(go!(move || -> () { resume_unwind(Box::new(value)) }));
            while num_goroutines() > 1 {
                yield_now();
            }
            assert_eq!(go!(|| 5).join().unwrap(), 5);
        }
    });
}

#[test]
fn a_scope_panics_for_a_child_that_was_not_joined_and_after_all_have_ended() {
    on_one_and_more_procs(|| {
        let drops = Drops::default();
        let result = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                for n in 0..20 {
                    let value = drops.value();
                    s.go(move || {
                        let _value = value;
                        yield_now();
                        if n == 3 {
                            quiet_panic("a child")
                        }
                    });
                }
                let joined = s.go(|| quiet_panic::<()>("joined"));
                assert!(joined.join().is_err());
            });
        }));
        assert!(result.is_err());
        drops.assert_all(20);
        // One who was joined is the joiner's affair.
        scope(|s| assert!(s.go(|| quiet_panic::<()>("joined")).join().is_err()));
    });
}

#[test]
fn a_panic_in_the_body_of_a_scope_waits_for_the_children() {
    on_one_and_more_procs(|| {
        let drops = Drops::default();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let borrowed = [drops.value()];
            scope(|s| {
                s.go(|| {
                    (0..20).for_each(|_| yield_now());
                    assert_eq!(borrowed.len(), 1);
                });
                quiet_panic::<()>("the body")
            })
        }));
        assert_eq!(*result.unwrap_err().downcast::<&str>().unwrap(), "the body");
        drops.assert_all(1);
    });
}

#[test]
fn join_gives_the_payload_whatever_its_type() {
    #[derive(Debug, PartialEq)]
    struct Own(Vec<u8>);
    fn payload<T: Any>(handle: JoinHandle<()>) -> T {
        *handle.join().unwrap_err().downcast().expect("a payload of this type")
    }
    on_one_and_more_procs(|| {
        assert_eq!(payload::<&str>(go!(|| panic!("a literal"))), "a literal");
        assert_eq!(payload::<String>(go!(|| panic!("made of {}", black_box(2)))), "made of 2");
        assert_eq!(payload::<Own>(go!(|| panic_any(Own(vec![1, 2])))), Own(vec![1, 2]));
        assert_eq!(payload::<i32>(go!(|| resume_unwind(Box::new(7)))), 7);
        scope(|s| {
            let joined = s.go(|| panic_any(8)).join();
            assert_eq!(joined.map(|()| 0).unwrap_err().downcast_ref(), Some(&8));
        });
    });
}

#[test]
fn a_panic_under_a_lock_leaves_it_to_those_who_wait_and_poisons_nothing() {
    on_one_and_more_procs(|| {
        let locks = Arc::new((Mutex::new(0), RwLock::new(0), Semaphore::new(1)));
        for round in 1..=20 {
            let held = Arc::clone(&locks);
            let (tx, rx) = channel(0);
            let holder = go!(move || {
                let (mut mutex, mut write, _permit) = (held.0.lock(), held.1.write(), held.2.acquire(1));
                tx.send(()).unwrap();
                yield_now();
                (*mutex, *write) = (round, round);
                quiet_panic::<()>("under the locks")
            });
            rx.recv().unwrap();
            let waiting = Arc::clone(&locks);
            let reader = go!(move || *waiting.1.read());
            assert_eq!(*locks.0.lock(), round);
            drop(locks.2.acquire(1));
            assert_eq!(reader.join().unwrap(), round);
            assert_eq!(message_of(holder), "under the locks");
            assert!(locks.0.try_lock().is_some() && locks.1.try_write().is_some());
        }
    });
}

#[test]
fn a_panic_in_an_arm_of_a_select_that_waited_loses_nothing_and_leaves_the_other_cases_alone() {
    on_one_and_more_procs(|| {
        let drops = Drops::default();
        for round in 0..40 {
            let ((tx, rx), (other_tx, other_rx)) = (channel(0), channel(0));
            let value = drops.value();
            let selects = go!(move || {
                select! {
                    recv(rx) -> _value => quiet_panic::<()>("in the arm"),
                    send(other_tx, value) => quiet_panic::<()>("in the arm"),
                }
            });
            if round % 2 == 0 {
                yield_now();
            }
            if round % 4 < 2 {
                tx.send(drops.value()).unwrap_or_else(|_| panic!("there is a receiver"));
            } else {
                drop(other_rx.recv().unwrap());
            }
            assert_eq!(message_of(selects), "in the arm");
            // The select is gone from both queues.
            assert!(tx.send(drops.value()).is_err(), "nobody can receive any more");
            assert!(other_rx.try_recv().is_err());
        }
        drops.assert_all(40 + 20 + 40);
    });
}

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_destructor_that_panics_among_the_values_of_a_channel_keeps_none_of_the_others() {
    on_one_and_more_procs(|| {
        for bomb in 0..10 {
            let drops = Drops::default();
            let (tx, rx) = channel(10);
            for n in 0..10 {
                let value = drops.value();
                let explosive = OnDrop(move || {
                    if n == bomb {
                        quiet_panic("a value")
                    }
                });
                tx.send(Some((value, explosive))).unwrap_or_else(|_| panic!("there is room"));
            }
            let blocked = go!(move || tx.send(None).is_err());
            yield_now();
            assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
            assert!(blocked.join().unwrap());
            drops.assert_all(10);
        }
    });
}

#[test]
fn the_destructor_of_a_goroutines_own_value_that_panics_harms_nobody() {
    gocsp::goroutine_local! {
        static OWN: std::cell::RefCell<Vec<PanicsOnDrop>> = std::cell::RefCell::default();
    }
    on_one_and_more_procs(|| {
        let drops = Drops::default();
        for _ in 0..20 {
            let value = PanicsOnDrop(drops.value());
            let answer = go!(move || {
                OWN.with(|own| own.borrow_mut().push(value));
                7
            });
            assert_eq!(answer.join().unwrap(), 7);
        }
        drops.assert_all(20);
    });
}

/// What the shutdown drops, or unwinds, may panic: nobody hears of it but who joins.
#[test]
fn panics_while_a_runtime_ends_reach_those_who_join_and_stop_nothing() {
    for procs in [1, 2, 5] {
        let drops = Drops::default();
        let (begun, has_begun) = channel(0);
        let (caught, unstarted, computes) = on_procs(procs, || {
            let caught: Vec<_> = (0..50)
                .map(|_| {
                    let (value, begun) = (drops.value(), begun.clone());
                    go!(move || {
                        let _value = value;
                        begun.send(()).unwrap();
                        // What the shutdown unwinds it with is caught, and the goroutine panics on its own account.
                        drop(catch_unwind(|| Receiver::<()>::nil().recv()));
                        quiet_panic::<()>("its own panic")
                    })
                })
                .collect();
            has_begun.iter().take(50).for_each(drop);
            let computes = go!(move || {
                // Not ended by the shutdown.
                begun.send(()).unwrap();
                blocking(|| thread::sleep(Duration::from_millis(5)));
                quiet_panic::<()>("after the end")
            });
            has_begun.recv().unwrap();
            let spawn = || {
                let value = PanicsOnDrop(drops.value());
                go!(move || drop(catch_unwind(AssertUnwindSafe(|| drop(value)))))
            };
            let unstarted: Vec<_> = (0..1000).map(|_| spawn()).collect();
            (caught, unstarted, computes)
        });
        drops.assert_all(1050);
        assert!(caught.into_iter().all(|handle| message_of(handle) == "its own panic"));
        assert_eq!(message_of(computes), "after the end");
        for handle in unstarted {
            assert!(handle.join().map_or_else(|payload| payload.is::<gocsp::Cancelled>(), |()| true));
        }
    }
}

#[test]
fn a_child_that_panics_in_a_scope_within_a_scope_reaches_the_outer_one() {
    on_one_and_more_procs(|| {
        let ran = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            scope(|outer| {
                outer.go(|| {
                    scope(|inner| {
                        inner.go(|| quiet_panic::<()>("the innermost"));
                        (0..5).for_each(|_| drop(inner.go(|| ran.fetch_add(1, Ordering::SeqCst))));
                    });
                    unreachable!("a child of the scope has panicked");
                });
                outer.go(|| ran.fetch_add(1, Ordering::SeqCst));
            });
        }));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"a scoped goroutine panicked"));
        assert_eq!(ran.into_inner(), 6);
    });
}
