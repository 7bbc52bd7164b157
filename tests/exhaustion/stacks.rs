//! Stacks that cannot be had: for want of address space, or of mappings.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gocsp::{Go, Receiver, Runtime, StackError, blocking, channel, go, num_goroutines, run, scope, sleep, yield_now};

use crate::cases::in_children;
use crate::child::in_child;
use crate::limits::limit_address_space;
use crate::{MIB, assert_success, catch, comes_to_rest, old_kernel, text};

/// Counts those that there have been, and those that are gone.
#[derive(Default)]
struct Census {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

struct Counted(Arc<Census>);

impl Counted {
    fn new(census: &Arc<Census>) -> Self {
        census.made.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(census))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Census {
    fn assert_all_gone(&self, made: usize) {
        let count = (self.made.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed));
        assert_eq!(count, (made, made));
    }
}

#[test]
fn a_goroutine_whose_stack_can_never_be_mapped_is_a_clear_error() {
    let ended = in_child("stacks::a_goroutine_whose_stack_can_never_be_mapped_is_a_clear_error", || {
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

#[test]
fn a_main_goroutine_whose_stack_cannot_be_mapped_is_a_clear_error() {
    let ended = in_child("stacks::a_main_goroutine_whose_stack_cannot_be_mapped_is_a_clear_error", || {
        let runtime = Runtime::builder().procs(2).build().unwrap();
        limit_address_space(4 << 20);
        runtime.run(|| ());
    });
    if let Some(ended) = ended {
        assert_eq!(ended.status.code(), Some(101), "{}\n{}", ended.status, ended.stderr);
        assert!(ended.stderr.contains("cannot start") && ended.stderr.contains("8192 KiB"), "{}", ended.stderr);
    }
}

#[test]
fn goroutines_for_which_there_is_no_stack_run_when_others_end() {
    let name = "stacks::goroutines_for_which_there_is_no_stack_run_when_others_end";
    let ended = in_children(name, &[1, 2, 4], |&procs| {
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
    ended.iter().for_each(assert_success);
}

#[test]
fn the_error_of_a_goroutine_that_nobody_joins_is_written_to_stderr() {
    let ended = in_child("stacks::the_error_of_a_goroutine_that_nobody_joins_is_written_to_stderr", || {
        let census = Arc::new(Census::default());
        run(|| {
            go!(|| ()).join().unwrap();
            limit_address_space(100 * MIB);
            let (detached, scoped) = (Counted::new(&census), Counted::new(&census));
            drop(Go::new().stack_size(1 << 30).spawn(move || drop(detached)).unwrap());
            let panics =
                catch(|| scope(|s| drop(Go::new().stack_size(1 << 30).spawn_scoped(s, || drop(scoped)).unwrap())));
            assert_eq!(text(&*panics.unwrap_err()), "a scoped goroutine panicked");
            while num_goroutines() > 1 {
                yield_now();
            }
        });
        census.assert_all_gone(2);
    });
    if let Some(ended) = ended {
        assert_success(&ended);
        assert_eq!(ended.stderr.matches("cannot start: no stack of 1048576 KiB").count(), 2, "{}", ended.stderr);
    }
}

/// In the middle of a burst: those that have a stack wait for all others, and those that have none for them.
#[test]
fn goroutines_wait_for_stacks_and_leave_room_to_others() {
    const GOROUTINES: usize = 20_000;
    let name = "stacks::goroutines_wait_for_stacks_and_leave_room_to_others";
    let ended = in_children(name, &[1, 2], |&procs| {
        let (census, runtime) = (Arc::new(Census::default()), Runtime::builder().procs(procs).build().unwrap());
        runtime.run(|| {
            let (begin, wait) = channel::<()>(0);
            let started = Arc::new(AtomicUsize::new(0));
            let mut goroutines = Vec::with_capacity(GOROUTINES);
            for number in 0..GOROUTINES {
                if number == GOROUTINES / 10 {
                    yield_now();
                    limit_address_space(1 << 30);
                }
                let (wait, started, counted) = (wait.clone(), Arc::clone(&started), Counted::new(&census));
                goroutines.push(go! {
                    started.fetch_add(1, Ordering::Relaxed);
                    wait.recv().unwrap_err();
                    drop(counted);
                });
            }
            let with_stack = blocking(|| comes_to_rest(|| started.load(Ordering::Relaxed)));
            assert!((GOROUTINES / 10..GOROUTINES / 2).contains(&with_stack), "{with_stack}");
            // The allocator and threads have room.
            drop(vec![1_u8; 4 * MIB]);
            thread::spawn(|| ()).join().unwrap();
            begin.close().unwrap();
            goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
            assert_eq!(started.load(Ordering::Relaxed), GOROUTINES);
            println!("{with_stack} of {GOROUTINES} had a stack on {procs} procs");
        });
        census.assert_all_gone(GOROUTINES);
    });
    ended.iter().for_each(assert_success);
}

#[test]
fn goroutines_that_wait_for_stacks_are_dropped_with_their_runtime() {
    const GOROUTINES: usize = 5_000;
    let name = "stacks::goroutines_that_wait_for_stacks_are_dropped_with_their_runtime";
    let ended = in_children(name, &[1, 2], |&procs| {
        let (census, runtime) = (Arc::new(Census::default()), Runtime::builder().procs(procs).build().unwrap());
        runtime.run(|| {
            go!(|| ()).join().unwrap();
            limit_address_space(256 * MIB);
            for _ in 0..GOROUTINES {
                let counted = Counted::new(&census);
                go! {
                    let _counted = counted;
                    Receiver::<()>::nil().recv()
                };
            }
            sleep(Duration::from_millis(100));
            assert_eq!(num_goroutines(), GOROUTINES + 1);
        });
        drop(runtime);
        census.assert_all_gone(GOROUTINES);
    });
    ended.iter().for_each(assert_success);
}

/// Whoever has the only stack catches the end of the runtime again and again, and is left on it for ever.
#[test]
fn goroutines_that_wait_for_a_stack_that_never_comes_back_are_dropped_with_their_runtime() {
    let name = "stacks::goroutines_that_wait_for_a_stack_that_never_comes_back_are_dropped_with_their_runtime";
    let ended = in_children(name, &[1, 2], |&procs| {
        let (census, runtime) = (Arc::new(Census::default()), Runtime::builder().procs(procs).build().unwrap());
        runtime.run(|| {
            go!(|| ()).join().unwrap();
            limit_address_space(200 * MIB);
            let keep = || loop {
                drop(catch(|| Receiver::<()>::nil().recv()));
            };
            drop(Go::new().stack_size(128 * MIB).spawn(keep).unwrap());
            yield_now();
            for _ in 0..10 {
                let counted = Counted::new(&census);
                drop(Go::new().stack_size(128 * MIB).spawn(move || drop(counted)).unwrap());
            }
            sleep(Duration::from_millis(20));
            assert_eq!(num_goroutines(), 12);
        });
        drop(runtime);
        census.assert_all_gone(10);
    });
    ended.iter().for_each(assert_success);
}

/// So many goroutines that end only when all have come that can come at all: how many these are, is looked at.
fn wait_for_each_other(goroutines: usize, procs: usize, look: impl FnOnce(usize) + Send) {
    let (census, started) = (Arc::new(Census::default()), Arc::new(AtomicUsize::new(0)));
    let runtime = Runtime::builder().procs(procs).stack_size(64 << 10).build().unwrap();
    runtime.run(|| {
        let (begin, wait) = channel::<()>(0);
        let goroutines = (0..goroutines).map(|_| {
            let (wait, started, counted) = (wait.clone(), Arc::clone(&started), Counted::new(&census));
            go! {
                started.fetch_add(1, Ordering::Relaxed);
                wait.recv().unwrap_err();
                drop(counted);
            }
        });
        let goroutines: Vec<_> = goroutines.collect();
        look(blocking(|| comes_to_rest(|| started.load(Ordering::Relaxed))));
        begin.close().unwrap();
        goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    });
    census.assert_all_gone(goroutines);
}

/// Without `MADV_GUARD_INSTALL` a guard is a mapping, and of these a process may have 65,530 by default.
#[test]
fn on_an_older_kernel_thirty_thousand_goroutines_have_stacks_and_the_next_wait() {
    let name = "stacks::on_an_older_kernel_thirty_thousand_goroutines_have_stacks_and_the_next_wait";
    let ended = in_children(name, &[1, 2], |&procs| {
        if !old_kernel::refuse_guards() {
            return;
        }
        let mappings = std::fs::read_to_string("/proc/sys/vm/max_map_count").expect("Linux has such a limit");
        let mappings: usize = mappings.trim().parse().expect("it is a number");
        if mappings != 65_530 {
            eprintln!("NOT TESTED: vm.max_map_count is {mappings}, and not what it usually is");
            return;
        }
        // All but a sixteenth, by two for each.
        const MOST: usize = 30_717;
        wait_for_each_other(40_000, procs, |with_stack| {
            assert!((MOST - 10..=MOST).contains(&with_stack), "{with_stack}");
            // There are mappings for whoever else needs some.
            assert_eq!(blocking(|| thread::current().name().map(str::to_owned)).as_deref(), Some("gocsp-blocking"));
            let others: Vec<_> = (0..100).map(|_| thread::spawn(|| sleep(Duration::from_millis(20)))).collect();
            others.into_iter().for_each(|thread| thread.join().unwrap());
            // Of that size there is none, and so nothing to wait for.
            let refused = Go::new().stack_size(MIB).spawn(|| ()).unwrap().join().unwrap_err();
            let message = refused.downcast::<StackError>().expect("no panic").to_string();
            assert!(message.contains("vm.max_map_count"), "{message}");
        });
        // The mappings are there again.
        wait_for_each_other(30_000, procs, |with_stack| assert_eq!(with_stack, 30_000));
    });
    for ended in &ended {
        assert_success(ended);
        eprint!("{}", ended.stderr);
    }
}
