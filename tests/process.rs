//! What only a whole process shows: overflows, panics, exit statuses, limits, idleness.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;

use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use child::{Ended, in_child};
use gocsp::{Go, Receiver, Runtime, blocking, channel, go, num_goroutines, run, scope, sleep, yield_now};

/// Recurses without end, in frames of at least so many words.
fn recurse<const WORDS: usize>(depth: u64) -> u64 {
    let frame = black_box([depth; WORDS]);
    let deeper = if black_box(true) { recurse::<WORDS>(frame[0] + 1) } else { 0 };
    deeper + frame[WORDS - 1]
}

/// The process was aborted, and says which goroutine, spawned in this file, had overflowed a stack of how much.
fn assert_overflow(ended: &Ended, goroutine: &str, kib: usize) {
    let Ended { status, stderr, .. } = ended;
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}\n{stderr}");
    let message = format!("has overflowed its stack of {kib} KiB");
    let line = stderr.lines().find(|line| line.contains(&message)).unwrap_or_else(|| panic!("{stderr}"));
    assert!(line.starts_with("goroutine ") && line.contains(goroutine), "{line}");
    assert!(line.contains(file!()), "{line}");
}

fn assert_success(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
}

#[test]
fn endless_recursion_names_the_goroutine_and_aborts() {
    let ended = in_child("endless_recursion_names_the_goroutine_and_aborts", || {
        run(|| drop(Go::new().name("deep thought").spawn(|| recurse::<8>(0)).unwrap().join()));
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "'deep thought'", 256);
    }
}

#[test]
fn endless_recursion_on_64_kib() {
    let ended = in_child("endless_recursion_on_64_kib", || {
        let runtime = Runtime::builder().stack_size(64 << 10).build().unwrap();
        // With others around it, on stacks next to its own.
        runtime.run(|| {
            for _ in 0..50 {
                go!(|| Receiver::<()>::nil().recv());
            }
            yield_now();
            drop(go!(recurse::<8>(0)).join());
        });
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "goroutine", 64);
    }
}

#[test]
fn endless_recursion_of_a_goroutine_with_a_stack_of_its_own_size() {
    let ended = in_child("endless_recursion_of_a_goroutine_with_a_stack_of_its_own_size", || {
        run(|| drop(Go::new().name("large").stack_size(1 << 20).spawn(|| recurse::<8>(0)).unwrap().join()));
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "'large'", 1024);
    }
}

#[test]
fn endless_recursion_of_the_main_goroutine() {
    let ended = in_child("endless_recursion_of_the_main_goroutine", || _ = run(|| recurse::<8>(0)));
    if let Some(ended) = ended {
        assert_overflow(&ended, "'main'", 8192);
    }
}

#[test]
fn endless_recursion_in_large_frames() {
    let ended = in_child("endless_recursion_in_large_frames", || {
        run(|| drop(Go::new().name("large frames").spawn(|| recurse::<4096>(0)).unwrap().join()));
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "'large frames'", 256);
    }
}

#[test]
fn one_frame_larger_than_the_stack() {
    fn huge() -> u64 {
        let frame = black_box([1_u64; 1 << 17]);
        frame.iter().sum()
    }
    let ended = in_child("one_frame_larger_than_the_stack", || {
        run(|| drop(Go::new().name("huge frame").spawn(huge).unwrap().join()));
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "'huge frame'", 256);
    }
}

#[test]
fn the_overflow_of_an_ordinary_thread_still_has_the_message_of_std() {
    let ended = in_child("the_overflow_of_an_ordinary_thread_still_has_the_message_of_std", || {
        run(|| go!(|| ()).join().unwrap());
        drop(thread::Builder::new().name("an ordinary thread".into()).spawn(|| recurse::<8>(0)).unwrap().join());
    });
    if let Some(ended) = ended {
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT));
        assert!(ended.stderr.contains("thread 'an ordinary thread'"), "{}", ended.stderr);
        assert!(ended.stderr.contains("has overflowed its stack") && !ended.stderr.contains("goroutine"));
    }
}

#[test]
fn a_fault_that_is_no_overflow_still_ends_the_process_by_its_signal() {
    let ended = in_child("a_fault_that_is_no_overflow_still_ends_the_process_by_its_signal", || {
        run(|| {
            go!(|| {
                // SAFETY: none: that page is not mapped, and reading it shall end the process.
                unsafe { black_box(16 as *const u8).read_volatile() }
            })
            .join()
            .map(drop)
            .unwrap_or_default();
        });
    });
    if let Some(ended) = ended {
        assert_eq!(ended.status.signal(), Some(libc::SIGSEGV), "{}\n{}", ended.status, ended.stderr);
        assert!(!ended.stderr.contains("overflowed"), "{}", ended.stderr);
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

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Leaves this process `room` bytes of address space beyond what it has.
#[cfg(target_os = "linux")]
fn limit_address_space(room: usize) {
    let size = || -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells the size of a process");
        statm.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number of pages")
    };
    // Threads that have just been started go on to map their signal stacks and heaps: lets them come to rest.
    let (mut pages, mut unchanged) = (size(), 0);
    while unchanged < 30 {
        std::thread::sleep(std::time::Duration::from_millis(1));
        let now = size();
        unchanged = if now == pages { unchanged + 1 } else { 0 };
        pages = now;
    }
    let limit = (pages * 4096 + room) as libc::rlim_t;
    let limits = libc::rlimit { rlim_cur: limit, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the kernel reads one struct.
    check(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limits) }).expect("a limit can be lowered");
}

#[cfg(target_os = "linux")]
#[test]
fn a_goroutine_whose_stack_can_never_be_mapped_is_a_clear_error() {
    let ended = in_child("a_goroutine_whose_stack_can_never_be_mapped_is_a_clear_error", || {
        run(|| {
            // The size class of the small ones has its memory already.
            go!(|| ()).join().unwrap();
            limit_address_space(100 << 20);
            let too_large = Go::new().name("too large").stack_size(1 << 30).spawn(|| ()).unwrap();
            let message = too_large.join().unwrap_err().downcast::<gocsp::StackError>().expect("no panic");
            println!("message: {message}");
            assert_eq!(go!(|| 5).join().unwrap(), 5);
            assert_eq!(num_goroutines(), 1);
        });
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        for part in ["cannot start", "1048576 KiB", "ulimit -v", file!()] {
            assert!(ended.stdout.contains(part), "{}", ended.stdout);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_main_goroutine_whose_stack_cannot_be_mapped_is_a_clear_error() {
    let ended = in_child("a_main_goroutine_whose_stack_cannot_be_mapped_is_a_clear_error", || {
        let runtime = Runtime::builder().procs(2).build().unwrap();
        limit_address_space(4 << 20);
        runtime.run(|| ());
    });
    if let Some(ended) = ended {
        assert_eq!(ended.status.code(), Some(101), "{}\n{}", ended.status, ended.stderr);
        assert!(ended.stderr.contains("cannot start") && ended.stderr.contains("8192 KiB"), "{}", ended.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn goroutines_for_which_there_is_no_stack_run_when_others_end() {
    for procs in [1, 2, 4] {
        let ended = in_child("goroutines_for_which_there_is_no_stack_run_when_others_end", || {
            let runtime = Runtime::builder().procs(procs).build().unwrap();
            runtime.run(|| {
                go!(|| ()).join().unwrap();
                // Room for a few stacks of 64 MiB, and for what the allocator may want.
                limit_address_space(400 << 20);
                let ran = Arc::new(AtomicUsize::new(0));
                let goroutines: Vec<_> = (0..100)
                    .map(|_| {
                        let ran = Arc::clone(&ran);
                        let body = move || {
                            // They hold their stacks for a while.
                            sleep(Duration::from_micros(100));
                            ran.fetch_add(1, Ordering::Relaxed);
                        };
                        Go::new().stack_size(64 << 20).spawn(body).unwrap()
                    })
                    .collect();
                goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
                assert_eq!(ran.load(Ordering::Relaxed), 100);
            });
        });
        match ended {
            Some(ended) => assert_success(&ended),
            None => return,
        }
    }
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
