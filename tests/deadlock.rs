//! All goroutines asleep, and nothing left that could wake one: the report, and what is no deadlock.
#![cfg(target_os = "linux")]

#[path = "common/watch.rs"]
mod watch;

use std::env;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::thread::JoinHandleExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use gocsp::poll::{Direction, Polled};
use gocsp::runtime::OnDeadlock;
use gocsp::sync::{Barrier, Cond, Mutex, Once, RwLock, Semaphore, WaitGroup};
use gocsp::time::{Timer, after_func};
use gocsp::{Chan, Go, Receiver, Runtime, Sender, blocking, channel, context, go, run, scope, select, sleep, tick};
use libtest_mimic::{Arguments, Trial};
use watch::{Ended, watch};

/// Tells a process which program it is to run.
const CHILD: &str = "GOCSP_TEST_PROGRAM";

/// Two that are connected, of which goroutines may wait for the second.
fn socket() -> (UnixStream, Polled<UnixStream>) {
    let (other, socket) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    (other, Polled::new(socket))
}

/// The process has ended with status 2, and its report contains all this.
fn assert_report(ended: &Ended, expected: &[&str]) {
    let Ended { status, stdout, stderr } = ended;
    assert_eq!((status.code(), stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("fatal error: all goroutines are asleep - deadlock!\n"), "{stderr}");
    for text in expected {
        assert!(stderr.contains(text), "not in the report: {text}\n{stderr}");
    }
}

/// It has ended well.
fn assert_success(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
}

/// A program, to be run by the main thread of a process of its own, and what is asked of its end.
struct Case {
    name: &'static str,
    program: fn(),
    check: fn(&Ended),
}

/// Programs that end by a report in which all these texts appear.
macro_rules! deadlocks {
    ($($name:ident: $program:expr => [$($text:expr),* $(,)?];)*) => {
        const DEADLOCKS: &[Case] = &[$(Case {
            name: stringify!($name),
            program: || run($program),
            check: |ended| assert_report(ended, &[$($text),*]),
        }),*];
    };
}

/// Programs in which everybody waits for some time, and which nevertheless end well.
macro_rules! no_deadlocks {
    ($($name:ident: $program:expr;)*) => {
        const NO_DEADLOCKS: &[Case] =
            &[$(Case { name: stringify!($name), program: || run($program), check: assert_success }),*];
    };
}

/// Longer than it takes to find a deadlock.
const LONG: Duration = Duration::from_millis(200);

deadlocks! {
    receiving_from_a_nil_channel: || _ = Receiver::<u32>::nil().recv() => [
        "goroutine 1 'main' [chan receive (nil chan), ",
        "    at tests/deadlock.rs:",
        "    waits for what never happens\n",
        "    spawned at tests/deadlock.rs:",
    ];
    sending_to_a_nil_channel: || _ = Sender::nil().send(1) => ["'main' [chan send (nil chan), "];
    a_select_without_cases: || select! {} => ["'main' [select (no cases), "];
    one_receives_what_nobody_sends: || {
        let (_tx, rx) = channel::<u32>(0);
        _ = rx.recv();
    } => ["'main' [chan receive, ", "waits to receive on channel #1 (made at ", "whose only sender is held by one who waits as well"];
    a_loop_over_a_channel_that_nobody_closes: || {
        let (_tx, rx) = channel::<u32>(0);
        for _ in &rx {}
    } => ["'main' [chan receive, "];
    one_sends_what_nobody_receives: || {
        let (tx, _rx) = channel(1);
        tx.send(1).unwrap();
        tx.send(2).unwrap();
    } => ["'main' [chan send, ", "waits to send on channel #1 (made at ", "whose only receiver is held by"];
    a_select_for_what_nobody_does: || {
        let ((_tx, rx), (tx, _rx)) = (channel::<u32>(0), channel(0));
        select! {
            recv(rx) => {},
            send(tx, 1) => {},
            recv(Receiver::<u32>::nil()) => {},
        }
    } => ["'main' [select (3 cases), ", "waits to receive on channel #1", "waits to send on channel #2"];
    two_goroutines_wait_for_each_others_message: || {
        let ((tx_a, rx_a), (tx_b, rx_b)) = (channel::<u32>(0), channel::<u32>(0));
        go! {
            rx_a.recv().unwrap();
            tx_b.send(1)
        };
        rx_b.recv().unwrap();
        tx_a.send(1).unwrap();
    } => ["goroutine 1 'main' [chan receive, ", "goroutine 2 [chan receive, ", "channel #1", "channel #2"];
    two_locks_in_opposite_order: || {
        let (a, b, both) = (Mutex::new(()), Mutex::new(()), Barrier::new(2));
        let hold_and_want = |one: &Mutex<()>, other: &Mutex<()>| {
            let _one = one.lock();
            both.wait();
            let _other = other.lock();
        };
        scope(|s| {
            s.go(|| hold_and_want(&a, &b));
            s.go(|| hold_and_want(&b, &a));
        });
    } => [
        "'main' [scope, ",
        "waits for the end of goroutine 2, goroutine 3",
        " [sync.Mutex.Lock, ",
        "these wait for each other:\n",
        "goroutine 2 waits for mutex #",
        "which goroutine 3 holds",
        "goroutine 3 waits for mutex #",
        "which goroutine 2 holds",
    ];
    locking_twice: || {
        let mutex = Mutex::new(());
        let _one = mutex.lock();
        let _other = mutex.lock();
    } => ["goroutine 1 'main' waits for itself:\n", "which it holds itself"];
    a_lock_that_is_never_unlocked: || {
        let mutex = Arc::new(Mutex::new(()));
        let other = Arc::clone(&mutex);
        go!(move || std::mem::forget(other.lock())).join().unwrap();
        drop(mutex.lock());
    } => ["'main' [sync.Mutex.Lock, ", "for mutex #1 (made at "];
    a_writer_behind_a_reader: || {
        let lock = RwLock::new(());
        let _read = lock.read();
        let _write = lock.write();
    } => ["'main' [sync.RWMutex.Lock, "];
    a_wait_group_that_is_never_done: || {
        let group = WaitGroup::new();
        group.add(2);
        group.wait();
    } => ["'main' [sync.WaitGroup.Wait, ", "for wait group #1 (made at ", "for which 2 are still to be done"];
    a_condition_that_nobody_signals: || {
        let (mutex, cond) = (Mutex::new(()), Cond::new());
        cond.wait(&mut mutex.lock());
    } => ["'main' [sync.Cond.Wait, "];
    a_semaphore_that_nobody_releases: || {
        let semaphore = Semaphore::new(1);
        let _one = semaphore.acquire(1);
        let _other = semaphore.acquire(1);
    } => ["'main' [", "semaphore #1 (made at "];
    a_barrier_that_nobody_else_comes_to: || _ = Barrier::new(2).wait() => ["barrier #1 (made at "];
    a_once_within_itself: || {
        let once = Once::new();
        once.call_once(|| once.call_once(|| ()));
    } => ["once #1 (made at ", "which it holds itself"];
    a_join_of_one_who_waits: || {
        let child = Go::new().name("child").spawn(|| Receiver::<()>::nil().recv()).unwrap();
        drop(child.join());
    } => ["'main' [join, ", "waits for the end of goroutine 2 'child'", "goroutine 2 'child' [chan receive (nil chan), "];
    a_hundred_thousand_who_wait: || {
        let chan = Chan::<u32>::new(0);
        for _ in 0..100_000 {
            let chan = chan.clone();
            go!(move || chan.recv());
        }
        _ = chan.recv();
    } => ["whose 100001 senders are all held by those who wait as well", "and 99900 more goroutines [chan receive] at tests/"];
    one_who_waits_has_locked_the_error_stream: || {
        let _locked = std::io::stderr().lock();
        _ = Receiver::<u32>::nil().recv();
    } => ["'main' [chan receive (nil chan), "];
    a_timer_that_nobody_waits_for: || {
        let (_timer, ticks) = (Timer::new(Duration::from_secs(3600)), tick(Duration::from_millis(1)));
        _ = Receiver::<u32>::nil().recv();
        drop(ticks);
    } => ["'main' [chan receive (nil chan), "];
    a_timer_that_was_stopped: || {
        let alarm = after_func(Duration::from_secs(3600), || ());
        alarm.stop();
        _ = Receiver::<u32>::nil().recv();
    } => ["'main' [chan receive (nil chan), "];
    a_descriptor_that_nobody_waits_for: || {
        let (_other, socket) = socket();
        let soon = Instant::now() + Duration::from_millis(1);
        let read = |mut socket: &UnixStream| socket.read(&mut [0]);
        assert!(socket.run(Direction::Read, || Some(soon), read, |_| false).is_err());
        _ = Receiver::<u32>::nil().recv();
    } => ["'main' [chan receive (nil chan), "];
}

no_deadlocks! {
    a_sleep: || sleep(LONG);
    a_timer: || _ = gocsp::after(LONG).recv();
    a_timer_in_a_select: || {
        let (_tx, rx) = channel::<u32>(0);
        select! {
            recv(rx) => unreachable!(),
            default(LONG) => {},
        }
    };
    a_deadline: || assert!(channel::<u32>(0).1.recv_timeout(LONG).is_err());
    a_function_that_will_be_called: || {
        let (tx, rx) = channel(0);
        let _alarm = after_func(LONG, move || _ = tx.send(()));
        rx.recv().unwrap();
    };
    a_context_with_a_deadline: || {
        let (context, _cancel) = context::Context::background().with_timeout(LONG);
        assert!(context.done().recv().is_err());
    };
    a_blocking_call: || blocking(|| thread::sleep(LONG));
    a_descriptor_that_another_process_has: || {
        let (other, socket) = socket();
        let script = Command::new("sh").args(["-c", "sleep 0.5; echo"]).stdout(OwnedFd::from(other)).spawn();
        let read = |mut socket: &UnixStream| socket.read(&mut [0]);
        assert_eq!(socket.run(Direction::Read, || None, read, |_| false).unwrap(), 1);
        assert!(script.unwrap().wait().unwrap().success());
    };
    a_goroutine_that_blocks_its_worker: || {
        let (tx, rx) = channel(0);
        go! {
            thread::sleep(LONG);
            tx.send(())
        };
        rx.recv().unwrap();
    };
    a_thread_that_sends_for_the_first_time_after_a_second: || {
        let (tx, rx) = channel(0);
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            tx.send(5)
        });
        assert_eq!(rx.recv(), Ok(5));
    };
    a_thread_that_waits_with_a_deadline: || {
        let ((tx, rx), (_nobody, nothing)) = (channel(0), channel::<()>(0));
        thread::spawn(move || {
            assert!(nothing.recv_timeout(LONG).is_err());
            tx.send(5)
        });
        assert_eq!(rx.recv(), Ok(5));
    };
    a_thread_that_was_woken_and_gets_no_processor: || {
        let ((tx, rx), (answers, answer)) = (channel(0), channel(0));
        let thread = thread::spawn(move || rx.iter().try_for_each(|n: u32| answers.send(n)));
        // Until it waits.
        sleep(LONG);
        hold_up(&thread);
        tx.send(1).unwrap();
        assert_eq!(answer.recv(), Ok(1));
    };
    another_runtime: || {
        let (tx, rx) = channel(0);
        let other = Runtime::builder().build().unwrap();
        thread::spawn(move || {
            other.run(|| {
                sleep(LONG);
                tx.send(5)
            })
        });
        assert_eq!(rx.recv(), Ok(5));
    };
}

const OTHERS: &[Case] = &[
    Case {
        name: "a_thread_that_can_act_no_more_suppresses_nothing",
        program: || run(beside_threads_that_do_nothing),
        check: |ended| assert_report(ended, &["goroutine 1 'main' [chan receive, ", "'waits' [chan receive, "]),
    },
    Case {
        name: "a_main_thread_without_a_runtime_of_its_own_is_reported_as_well",
        program: on_the_main_thread,
        check: |ended| assert_report(ended, &["goroutine 1 [chan receive, ", "'main' [chan receive, "]),
    },
    Case {
        name: "a_lock_that_the_thread_holds_which_waits_for_main",
        program: || {
            static MUTEX: Mutex<()> = Mutex::new(());
            let _guard = MUTEX.lock();
            run(|| drop(MUTEX.lock()));
        },
        check: |ended| {
            assert_report(
                ended,
                &["these wait for each other:\n", "'main' holds\n", "waits for the end of goroutine 1 'main'"],
            )
        },
    },
    Case { name: "a_deadlock_may_be_returned", program: returned, check: assert_success },
    Case { name: "a_deadlock_may_be_ignored", program: ignored, check: assert_success },
];

/// The thread does nothing for a while, wherever it is.
fn hold_up<T>(thread: &thread::JoinHandle<T>) {
    extern "C" fn pause(_signal: libc::c_int) {
        thread::sleep(LONG);
    }
    let handler = pause as extern "C" fn(libc::c_int);
    // SAFETY: a handler that does nothing but sleep.
    unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
    // SAFETY: the thread has not been joined.
    let sent = unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGUSR1) };
    assert_eq!(sent, 0);
    // Until it has got the signal.
    thread::sleep(LONG / 10);
}

fn beside_threads_that_do_nothing() {
    let (tx, rx) = channel::<()>(0);
    let nothing = rx.clone();
    // One ends after a while, without having done anything; and another waits, as the goroutine does.
    thread::spawn(|| thread::sleep(LONG));
    thread::Builder::new().name("waits".into()).spawn(move || nothing.recv()).unwrap();
    _ = rx.recv();
    drop(tx);
}

fn on_the_main_thread() {
    let ((tx, rx), (_nobody, nothing)) = (channel::<()>(0), channel::<()>(0));
    go! {
        let _ = nothing.recv();
        tx.send(())
    };
    _ = rx.recv();
}

fn returned() {
    struct Count<'a>(&'a Mutex<u32>);
    impl Drop for Count<'_> {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    let runtime = Runtime::builder().on_deadlock(OnDeadlock::Return).build().unwrap();
    let dropped = Mutex::new(0);
    let deadlock = runtime.try_run(|| {
        let _count = Count(&dropped);
        go!(|| Receiver::<u32>::nil().recv());
        Receiver::<u32>::nil().recv()
    });
    let deadlock = deadlock.expect_err("all goroutines are asleep");
    assert_eq!(*dropped.lock(), 1, "they are unwound");
    assert_eq!(deadlock.dump().goroutines.len(), 2);
    assert!(deadlock.to_string().starts_with("all goroutines are asleep - deadlock!\n\ngoroutine "), "{deadlock}");
    let again = Runtime::builder().on_deadlock(OnDeadlock::Return).build().unwrap();
    // Beside what is left of the first.
    again.try_run(|| Receiver::<u32>::nil().recv()).expect_err("all goroutines are asleep");
    drop((runtime, again));
    // The process goes on, and so do other runtimes.
    assert_eq!(run(|| go!(|| 1).join().unwrap()), 1);
}

fn ignored() {
    let runtime = Runtime::builder().on_deadlock(OnDeadlock::Ignore).build().unwrap();
    let (tx, rx) = channel(0);
    thread::scope(|scope| {
        let waits = scope.spawn(|| runtime.run(|| rx.recv()));
        thread::sleep(LONG);
        tx.send(7).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(7));
    });
}

/// Each program is a test. The process that runs it has no thread but those that the program makes: the harness would be
/// one that might act.
fn main() {
    let cases = || [DEADLOCKS, NO_DEADLOCKS, OTHERS].into_iter().flatten();
    if let Some(name) = env::var_os(CHILD) {
        let case = cases().find(|case| name == case.name).expect("there is such a program");
        return (case.program)();
    }
    let trial = |case: &'static Case| {
        Trial::test(case.name, || {
            let mut command = Command::new(env::current_exe()?);
            command.env(CHILD, case.name).env_remove("GOCSP_MAXPROCS");
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            (case.check)(&watch(command.spawn()?));
            Ok(())
        })
    };
    libtest_mimic::run(&Arguments::from_args(), cases().map(trial).collect()).exit();
}
