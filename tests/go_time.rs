//! Go's rules for time, one test each, on goroutines and on threads.
//!
//! That something happens in time is not tested here, for the machine may be busy: only that it happens, and never early.

#[path = "common/procs.rs"]
mod procs;

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use gocsp::time::{self, AfterFunc, Ticker, Timer, after, after_func, sleep, tick};
use gocsp::{Receiver, Runtime, TryRecvError, channel, go, scope, select, spawn, yield_now};
use procs::{on_one_and_more_procs, on_procs};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(3600);

/// On goroutines, and on this thread.
fn everywhere(test: impl Fn() + Sync) {
    on_one_and_more_procs(&test);
    test();
}

/// Waits until the timer has sent its time, without receiving it.
fn wait_until_fired(timer: &Timer) {
    while timer.receiver().is_empty() {
        yield_now();
    }
}

/// Tells when it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_sleep_is_never_too_short_and_none_at_all_for_zero() {
    on_one_and_more_procs(|| {
        scope(|s| {
            for n in 0..100 {
                s.go(move || {
                    let length = Duration::from_micros(n * 37);
                    let start = Instant::now();
                    sleep(length);
                    assert!(start.elapsed() >= length);
                });
            }
        });
        sleep(Duration::ZERO);
        time::sleep_until(Instant::now() - Duration::from_nanos(1));
    });
}

#[test]
fn a_time_too_far_away_is_as_far_as_can_be() {
    everywhere(|| {
        assert_eq!(after(Duration::MAX).try_recv(), Err(TryRecvError::Empty));
        assert_eq!(tick(Duration::MAX).try_recv(), Err(TryRecvError::Empty));
        let (timer, ticker) = (Timer::new(Duration::MAX), Ticker::new(Duration::MAX));
        assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty));
        assert!(timer.reset(Duration::MAX) && timer.stop());
        assert_eq!(ticker.receiver().try_recv(), Err(TryRecvError::Empty));
        assert!(after_func(Duration::MAX, || unreachable!("it is too early")).stop());
    });
    let (tx, rx) = mpsc::channel();
    on_procs(1, || {
        tx.send(go!(|| sleep(Duration::MAX))).unwrap();
        yield_now();
    });
    assert!(rx.recv().unwrap().join().is_err(), "it sleeps until the runtime ends");
}

#[test]
fn the_value_of_a_timer_is_its_due_time() {
    everywhere(|| {
        let start = Instant::now();
        let (timer, channel) = (Timer::new(SHORT), after(SHORT));
        let made = Instant::now();
        for due in [timer.receiver().recv().unwrap(), channel.recv().unwrap()] {
            assert!(due >= start + SHORT && due <= made + SHORT && due <= Instant::now());
        }
        let start = Instant::now();
        timer.reset(SHORT);
        assert!(timer.receiver().recv().unwrap() >= start + SHORT);
    });
}

#[test]
fn a_timer_that_nobody_has_asked_yet_runs_all_the_same() {
    everywhere(|| {
        let (start, timer) = (Instant::now(), Timer::new(SHORT));
        sleep(2 * SHORT);
        let due = timer.receiver().try_recv().expect("its time has come");
        assert!(due >= start + SHORT && due < Instant::now());

        let ticker = Ticker::new(SHORT);
        sleep(3 * SHORT);
        let first = ticker.receiver().try_recv().expect("it has ticked");
        let second = ticker.receiver().recv().unwrap();
        assert_eq!((second - first).as_nanos() % SHORT.as_nanos(), 0);
    });
}

#[test]
fn after_stop_no_stale_value_can_be_received() {
    everywhere(|| {
        for fired in [false, true] {
            for asked in [false, true] {
                let timer = Timer::new(if fired { Duration::ZERO } else { SHORT });
                if asked {
                    _ = timer.receiver();
                }
                assert!(timer.stop());
                assert_eq!(timer.receiver().recv_timeout(2 * SHORT).ok(), None, "fired: {fired}, asked: {asked}");
            }
        }
    });
}

#[test]
fn after_reset_no_stale_value_can_be_received() {
    everywhere(|| {
        let timer = Timer::new(Duration::ZERO);
        wait_until_fired(&timer);
        let start = Instant::now();
        assert!(timer.reset(SHORT));
        assert!(timer.receiver().recv().unwrap() >= start + SHORT);
        assert_eq!(timer.receiver().recv_timeout(SHORT).ok(), None);
        // To a later time and back, while it runs.
        for delay in [SHORT, LONG, SHORT, 2 * SHORT] {
            timer.reset(delay);
        }
        assert!(timer.receiver().recv().is_ok());
        assert_eq!(timer.receiver().recv_timeout(3 * SHORT).ok(), None);
    });
}

#[test]
fn stop_and_reset_tell_whether_the_timer_was_running_and_unreceived() {
    everywhere(|| {
        for asked in [false, true] {
            let running = || {
                let timer = Timer::new(LONG);
                assert!(!asked || timer.receiver().is_empty());
                timer
            };
            assert!(running().stop());
            let timer = running();
            assert!(timer.reset(LONG), "it was running");
            assert!(timer.stop());
            assert!(!timer.stop(), "it was stopped");
            assert!(!timer.reset(Duration::ZERO), "it was stopped");
            assert!(timer.reset(Duration::ZERO), "it had fired, but nobody has received from it");
            wait_until_fired(&timer);
            assert!(timer.stop(), "the same");
            timer.reset(Duration::ZERO);
            timer.receiver().recv().unwrap();
            assert!(!timer.stop(), "it is spent");
            assert!(!timer.reset(LONG), "it was spent");
        }
    });
}

#[test]
fn who_waits_for_a_stopped_timer_gets_the_time_for_which_it_is_reset() {
    on_one_and_more_procs(|| {
        let timer = Arc::new(Timer::new(LONG));
        timer.stop();
        let waiting = timer.receiver().clone();
        let waiter = go!(move || waiting.recv());
        let start = Instant::now();
        yield_now();
        timer.reset(LONG);
        timer.reset(SHORT);
        assert!(waiter.join().unwrap().unwrap() >= start + SHORT);
    });
}

#[test]
fn a_timer_stands_in_a_select_and_is_used_by_any_thread() {
    on_one_and_more_procs(|| {
        let timer = Arc::new(Timer::new(LONG));
        let (tx, rx) = channel::<()>(0);
        let there = Arc::clone(&timer);
        let waiter = go! {
            select! {
                recv(there.receiver()) -> due => due.unwrap(),
                recv(rx) => unreachable!("nobody sends"),
            }
        };
        yield_now();
        let elsewhere = Arc::clone(&timer);
        let start = Instant::now();
        thread::spawn(move || {
            assert!(elsewhere.stop());
            assert!(!elsewhere.reset(SHORT));
        })
        .join()
        .unwrap();
        assert!(waiter.join().unwrap() >= start + SHORT);
        assert!(!timer.stop());
        drop(tx);
    });
}

#[test]
fn a_timer_that_is_dropped_fires_for_the_clones_of_its_receiver() {
    everywhere(|| {
        let start = Instant::now();
        let receiver = Timer::new(SHORT).receiver().clone();
        assert!(receiver.recv().unwrap() >= start + SHORT);
    });
}

/// Whoever resets it, and however many times: each time is received at most once, and none after the last stop.
#[test]
fn a_timer_can_be_stopped_and_reset_by_many_at_a_time() {
    on_one_and_more_procs(|| {
        const ROUNDS: u64 = 300;
        let timer = Arc::new(Timer::new(Duration::ZERO));
        let received = Arc::new(AtomicUsize::new(0));
        let (end, over) = channel::<()>(0);
        let receivers: [_; 2] = std::array::from_fn(|_| {
            let (timer, received, over) = (Arc::clone(&timer), Arc::clone(&received), over.clone());
            go! {
                loop {
                    select! {
                        recv(timer.receiver()) -> due => {
                            assert!(due.unwrap() <= Instant::now());
                            received.fetch_add(1, Ordering::Relaxed);
                        }
                        recv(over) => break,
                    }
                }
            }
        });
        let resetters: [_; 3] = std::array::from_fn(|who| {
            let timer = Arc::clone(&timer);
            let reset = move || {
                for round in 0..ROUNDS {
                    if round % 3 == who as u64 {
                        timer.stop();
                    } else {
                        timer.reset(Duration::from_micros(round * 7 % 50));
                    }
                    yield_now();
                }
            };
            if who == 0 { Err(thread::spawn(reset)) } else { Ok(spawn(reset)) }
        });
        for resetter in resetters {
            match resetter {
                Ok(goroutine) => goroutine.join().unwrap(),
                Err(thread) => thread.join().unwrap(),
            }
        }
        timer.stop();
        let so_far = received.load(Ordering::Relaxed);
        sleep(SHORT);
        // Who has taken the last one may count it only now.
        assert!(received.load(Ordering::Relaxed) <= so_far + receivers.len());
        timer.reset(Duration::ZERO);
        while received.load(Ordering::Relaxed) == so_far {
            yield_now();
        }
        drop(end);
        receivers.into_iter().for_each(|receiver| receiver.join().unwrap());
        assert!(received.load(Ordering::Relaxed) <= 3 * ROUNDS as usize + 2);
    });
}

#[test]
fn a_function_runs_in_a_goroutine_of_its_own() {
    everywhere(|| {
        let (tx, rx) = channel(0);
        let start = Instant::now();
        after_func(SHORT, move || {
            // It may wait: whoever fires timers does not wait for it.
            tx.send(Instant::now()).unwrap();
            sleep(SHORT);
            tx.send(Instant::now()).unwrap();
        });
        assert!(rx.recv().unwrap() >= start + SHORT);
        assert!(rx.recv().unwrap() >= start + 2 * SHORT);
        assert!(rx.recv().is_err(), "it has run once, and was dropped");
    });
}

#[test]
fn to_stop_a_function_does_not_wait_for_it() {
    everywhere(|| {
        let (started, starts) = channel(0);
        let (end, ends) = channel::<()>(0);
        let function = after_func(Duration::ZERO, move || {
            started.send(()).unwrap();
            ends.recv().unwrap();
            started.send(()).unwrap();
        });
        starts.recv().unwrap();
        assert!(!function.stop(), "it has been started");
        end.send(()).unwrap();
        starts.recv().unwrap();
    });
}

#[test]
fn a_function_that_was_stopped_does_not_run_until_it_is_reset() {
    everywhere(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = channel(0);
        let counter = Arc::clone(&runs);
        let function = after_func(LONG, move || {
            counter.fetch_add(1, Ordering::Relaxed);
            tx.send(()).unwrap();
        });
        // If it starts nevertheless, the machine was busy between the two calls.
        while function.reset(SHORT) && !function.stop() {
            rx.recv().unwrap();
            runs.store(0, Ordering::Relaxed);
            function.reset(LONG);
        }
        assert!(!function.stop());
        sleep(2 * SHORT);
        assert_eq!(runs.load(Ordering::Relaxed), 0);
        assert!(!function.reset(LONG));
        assert!(function.reset(SHORT));
        rx.recv().unwrap();
        assert!(!function.reset(Duration::ZERO), "it has run, and runs once more");
        rx.recv().unwrap();
        assert!(!function.stop());
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_function_is_dropped_when_it_cannot_run_any_more() {
    everywhere(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let make = |delay| -> AfterFunc {
            let dropped = Dropped(Arc::clone(&drops));
            after_func(delay, move || _ = &dropped)
        };
        let wait_for = |count| {
            while drops.load(Ordering::Relaxed) < count {
                yield_now();
            }
        };
        drop(make(SHORT));
        wait_for(1);
        let stopped = make(LONG);
        stopped.stop();
        assert_eq!(drops.load(Ordering::Relaxed), 1, "it can be reset");
        drop(stopped);
        assert_eq!(drops.load(Ordering::Relaxed), 2);
        let reset = make(LONG);
        reset.reset(SHORT);
        drop(reset);
        wait_for(3);
    });
}

#[test]
fn a_function_that_panics_ends_its_goroutine_and_nothing_else() {
    everywhere(|| {
        let (tx, rx) = channel(0);
        let function = after_func(Duration::ZERO, move || {
            tx.send(()).unwrap();
            panic!("this panic is a part of the test");
        });
        rx.recv().unwrap();
        function.reset(Duration::ZERO);
        rx.recv().unwrap();
    });
}

#[test]
fn a_ticker_drops_ticks_for_a_slow_receiver_and_keeps_its_phase() {
    everywhere(|| {
        let ticker = Ticker::new(SHORT);
        for ticks in [ticker.receiver(), &tick(SHORT)] {
            let first = ticks.recv().unwrap();
            sleep(5 * SHORT);
            while ticks.is_empty() {
                yield_now();
            }
            assert_eq!(ticks.len(), 1, "the others were dropped");
            let mut last = first;
            for _ in 0..3 {
                let next = ticks.recv().unwrap();
                assert!(next > last && next <= Instant::now());
                assert_eq!((next - first).as_nanos() % SHORT.as_nanos(), 0);
                last = next;
            }
        }
    });
}

#[test]
fn a_ticker_that_was_stopped_ticks_again_when_it_is_reset() {
    everywhere(|| {
        for asked in [false, true] {
            let ticker = Ticker::new(SHORT);
            if asked {
                while ticker.receiver().is_empty() {
                    yield_now();
                }
            }
            ticker.stop();
            assert_eq!(ticker.receiver().recv_timeout(2 * SHORT).ok(), None);
            let start = Instant::now();
            ticker.reset(SHORT);
            let first = ticker.receiver().recv().unwrap();
            assert!(first >= start + SHORT);
            ticker.reset(3 * SHORT);
            let second = ticker.receiver().recv().unwrap();
            assert!(second >= first + 3 * SHORT);
            assert!(ticker.receiver().recv().unwrap() >= second + 3 * SHORT);
        }
    });
}

#[test]
fn a_zero_period_panics() {
    let message = |make: fn()| *catch_unwind(make).unwrap_err().downcast::<String>().unwrap();
    assert_eq!(message(|| drop(tick(Duration::ZERO))), "zero period for tick");
    assert_eq!(message(|| drop(Ticker::new(Duration::ZERO))), "zero period for Ticker::new");
    assert_eq!(message(|| Ticker::new(SHORT).reset(Duration::ZERO)), "zero period for Ticker::reset");
}

#[test]
fn timers_fire_beside_busy_channels_and_these_go_on_beside_firing_timers() {
    on_one_and_more_procs(|| {
        let stop = AtomicBool::new(false);
        scope(|s| {
            let (tx, rx) = channel(0);
            let (stop, fired) = (&stop, Arc::new(AtomicUsize::new(0)));
            s.go(move || {
                while !stop.load(Ordering::Relaxed) {
                    tx.send(()).unwrap();
                }
            });
            let passed = s.go(move || rx.iter().count());
            let counter = Arc::clone(&fired);
            after_func(SHORT, move || _ = counter.fetch_add(1, Ordering::Relaxed));
            let (timer, ticker) = (Timer::new(SHORT), Ticker::new(SHORT / 4));
            timer.receiver().recv().unwrap();
            (0..10).for_each(|_| _ = ticker.receiver().recv().unwrap());
            while fired.load(Ordering::Relaxed) == 0 {
                sleep(SHORT);
            }
            stop.store(true, Ordering::Relaxed);
            assert!(passed.join().unwrap() > 0);
        });
    });
}

#[test]
fn a_timer_that_nobody_waits_for_does_not_keep_the_program_running() {
    let drops = Arc::new(AtomicUsize::new(0));
    for procs in [1, 2] {
        on_procs(procs, || {
            let (dropped, timer) = (Dropped(Arc::clone(&drops)), Timer::new(LONG));
            _ = timer.receiver();
            after_func(LONG, move || _ = &dropped);
        });
    }
    assert_eq!(drops.load(Ordering::Relaxed), 2, "the functions are dropped with their runtimes");
}

#[test]
fn a_timer_goes_on_in_another_runtime_when_its_own_has_ended() {
    let (tx, rx) = mpsc::channel();
    let runtime = Runtime::builder().procs(1).build().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    runtime.run(|| {
        let timer = Timer::new(SHORT);
        _ = timer.receiver();
        timer.stop();
        timer.reset(SHORT);
        let count = move || _ = counter.fetch_add(1, Ordering::Relaxed);
        tx.send((timer, after_func(LONG, count))).unwrap();
    });
    drop(runtime);
    let (timer, function) = rx.recv().unwrap();
    let receiver: Receiver<Instant> = timer.receiver().clone();
    timer.stop();
    timer.reset(2 * SHORT);
    assert!(receiver.recv().is_ok());
    assert!(!function.reset(Duration::ZERO), "it was abandoned");
    while runs.load(Ordering::Relaxed) == 0 {
        thread::yield_now();
    }
}
