//! What only a whole process shows: panics, exit statuses, the number of procs, idleness.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;

use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use child::{Ended, in_child};
use gocsp::{Receiver, blocking, channel, go, run, scope, sleep, yield_now};

fn assert_success(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
}

/// The child that catches was once left on its stack, and counted as ended. What its own child borrowed was gone then.
#[test]
fn a_child_of_a_scope_that_catches_its_cancellation_does_not_end_before_its_own_children() {
    static GONE: AtomicBool = AtomicBool::new(false);
    struct Lent;
    impl Drop for Lent {
        fn drop(&mut self) {
            GONE.store(true, Ordering::SeqCst);
        }
    }
    let name = "a_child_of_a_scope_that_catches_its_cancellation_does_not_end_before_its_own_children";
    let ended = in_child(name, || {
        let (started, all_started) = channel(0);
        run(|| {
            go! {
                let lent = &Lent;
                scope(|outer| {
                    outer.go(|| {
                        scope(|inner| {
                            inner.go(|| {
                                started.send(()).unwrap();
                                blocking(|| {
                                    let start = Instant::now();
                                    while !GONE.load(Ordering::SeqCst) && start.elapsed() < Duration::from_millis(200) {
                                        thread::yield_now();
                                    }
                                });
                                let _ = black_box(lent);
                                println!("lent: {}", !GONE.load(Ordering::SeqCst));
                            });
                            loop {
                                drop(catch_unwind(|| Receiver::<()>::nil().recv()));
                            }
                        });
                    });
                });
            };
            all_started.recv().unwrap();
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        assert!(ended.stdout.contains("lent: true"), "{}", ended.stdout);
    }
}

#[test]
fn the_process_ends_when_main_returns_whatever_the_goroutines_of_the_global_runtime_do() {
    let name = "the_process_ends_when_main_returns_whatever_the_goroutines_of_the_global_runtime_do";
    let ended = in_child(name, || {
        let (tx, rx) = channel(0);
        go!(move || {
            tx.send(()).unwrap();
            loop {
                std::hint::spin_loop();
            }
        });
        for _ in 0..10 {
            go!(|| Receiver::<()>::nil().recv());
            go!(|| loop {
                yield_now();
            });
            go!(|| sleep(Duration::MAX));
        }
        rx.recv().unwrap();
    });
    if let Some(ended) = ended {
        assert_success(&ended);
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The processor time that this process has used.
fn processor_time() -> Duration {
    // SAFETY: all zeroes is a valid rusage, to be overwritten.
    let mut usage: libc::rusage = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the kernel writes one struct.
    check(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) }).expect("a process may ask for its own usage");
    [usage.ru_utime, usage.ru_stime]
        .map(|time| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000))
        .iter()
        .sum()
}

fn print_processor_time_during(idle: impl FnOnce()) {
    let before = processor_time();
    idle();
    println!("micros={}", (processor_time() - before).as_micros());
}

/// What the child printed so is next to nothing.
fn assert_idle(ended: &Ended) {
    assert_success(ended);
    let micros = ended.stdout.lines().find_map(|line| line.split_once("micros=")).expect("the time was printed").1;
    let used = Duration::from_micros(micros.parse().expect("a number"));
    assert!(used < Duration::from_millis(20), "{used:?}");
}

#[test]
fn an_idle_program_uses_no_processor_time() {
    let ended = in_child("an_idle_program_uses_no_processor_time", || {
        run(|| {
            for _ in 0..100 {
                go!(|| Receiver::<()>::nil().recv());
                go!(|| sleep(Duration::MAX));
            }
            // Whatever has to settle first may do so.
            sleep(Duration::from_millis(100));
            print_processor_time_during(|| sleep(Duration::from_secs(1)));
        });
    });
    if let Some(ended) = ended {
        assert_idle(&ended);
    }
}

#[test]
fn an_idle_global_runtime_uses_no_processor_time() {
    let ended = in_child("an_idle_global_runtime_uses_no_processor_time", || {
        for _ in 0..100 {
            go!(|| Receiver::<()>::nil().recv());
        }
        thread::sleep(Duration::from_millis(100));
        print_processor_time_during(|| thread::sleep(Duration::from_secs(1)));
    });
    if let Some(ended) = ended {
        assert_idle(&ended);
    }
}
