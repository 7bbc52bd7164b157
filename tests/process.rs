//! What only a whole process shows: panics, exit statuses, the number of procs, idleness.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;

use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use child::{Ended, in_child, in_prepared_child};
use gocsp::{Go, Receiver, blocking, channel, go, max_procs, run, scope, sleep, yield_now};

fn assert_success(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
}

#[test]
fn a_panic_names_its_goroutine_and_the_others_go_on() {
    let ended = in_child("a_panic_names_its_goroutine_and_the_others_go_on", || {
        run(|| {
            let doomed = Go::new().name("doomed").spawn(|| panic!("the reason"));
            let doomed = doomed.unwrap();
            println!("id={}", doomed.id());
            assert!(doomed.join().is_err());
            assert_eq!(go!(|| "alive").join().unwrap(), "alive");
            println!("others went on");
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        let id = ended.stdout.lines().find_map(|line| line.split_once("id=")).expect("the id was printed").1;
        let named = ended.stderr.lines().find(|line| line.contains(&format!("goroutine {id} 'doomed'")));
        assert!(named.is_some_and(|line| line.contains(file!()) && line.contains("panicked")), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("the reason").count(), 1, "{}", ended.stderr);
        assert!(ended.stdout.contains("others went on"));
    }
}

#[test]
fn a_goroutine_that_exits_or_is_cancelled_prints_nothing() {
    let ended = in_child("a_goroutine_that_exits_or_is_cancelled_prints_nothing", || {
        run(|| {
            drop(go!(|| gocsp::exit_goroutine()).join());
            go!(|| Receiver::<()>::nil().recv());
            yield_now();
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn a_panic_of_main_is_printed_once_and_fails_the_process() {
    let ended = in_child("a_panic_of_main_is_printed_once_and_fails_the_process", || {
        let what = black_box("main");
        run(|| panic!("the reason of {what}"));
    });
    if let Some(ended) = ended {
        // The status of a Rust program whose main panics; here, of a test that does.
        assert_eq!(ended.status.code(), Some(101), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("the reason of main").count(), 1, "{}", ended.stderr);
    }
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

#[test]
fn a_number_of_procs_in_the_environment_that_is_none_is_a_clear_error() {
    let name = "a_number_of_procs_in_the_environment_that_is_none_is_a_clear_error";
    let ended = in_prepared_child(name, |command| _ = command.env("GOCSP_MAXPROCS", "abc"), || run(|| ()));
    if let Some(ended) = ended {
        assert_eq!(ended.status.code(), Some(101));
        assert!(ended.stderr.contains("GOCSP_MAXPROCS") && ended.stderr.contains("\"abc\""), "{}", ended.stderr);
    }
}

#[test]
fn the_number_of_procs_comes_from_the_environment() {
    let name = "the_number_of_procs_comes_from_the_environment";
    let ended = in_prepared_child(
        name,
        |command| _ = command.env("GOCSP_MAXPROCS", "7"),
        || {
            println!("procs={}", run(max_procs));
            println!("global={}", max_procs());
        },
    );
    if let Some(ended) = ended {
        assert!(ended.stdout.contains("procs=7") && ended.stdout.contains("global=7"), "{}", ended.stdout);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_number_of_procs_honours_the_affinity() {
    /// Leaves the calling process the first of its processors.
    fn keep_one_processor() -> io::Result<()> {
        // SAFETY: no bit set is a valid set.
        let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: the kernel writes a set of this size.
        check(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) })?;
        // SAFETY: the set was just filled in.
        let first = (0..libc::CPU_SETSIZE as usize).find(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) });
        // SAFETY: the set is a valid one.
        unsafe { libc::CPU_ZERO(&mut set) };
        // SAFETY: the number is one that the set has a place for.
        unsafe { libc::CPU_SET(first.unwrap_or(0), &mut set) };
        // SAFETY: the kernel reads a set of this size.
        check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) })
    }
    let name = "the_number_of_procs_honours_the_affinity";
    let prepare = |command: &mut std::process::Command| {
        command.env_remove("GOCSP_MAXPROCS");
        // SAFETY: the function makes system calls only.
        unsafe { command.pre_exec(keep_one_processor) };
    };
    if let Some(ended) = in_prepared_child(name, prepare, || println!("procs={}", run(max_procs))) {
        assert!(ended.stdout.contains("procs=1"), "{}", ended.stdout);
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
