//! Goroutines that keep their workers: what is reported of them, through a logger that all these tests share, and what becomes of
//! those who wait behind them.

#[path = "common/child.rs"]
mod child;

use std::hint;
use std::io::{self, Read, Write};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use child::in_child;
use gocsp::{Builder, Go, JoinHandle, Runtime, after, blocking, channel, go, sleep, yield_now};

/// Keeps what is logged.
struct Reports(Mutex<Vec<String>>);

static REPORTS: Reports = Reports(Mutex::new(Vec::new()));

impl log::Log for Reports {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        assert_eq!((record.target(), record.level()), ("gocsp::stall", log::Level::Warn));
        let report = record.args().to_string();
        let awkward = report.contains("'of the awkward logger'");
        self.0.lock().unwrap().push(report);
        assert!(!awkward, "a logger may panic");
    }

    fn flush(&self) {}
}

/// What was reported with all of these words in it.
fn reports(words: &[&str]) -> Vec<String> {
    let reports = REPORTS.0.lock().unwrap();
    reports.iter().filter(|report| words.iter().all(|word| report.contains(word))).cloned().collect()
}

/// How long something may take that has to happen: the machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps the thread until `done`, without a call of gocsp.
fn compute_until(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "what has to happen has not happened");
        hint::spin_loop();
    }
}

fn compute_for(time: Duration) {
    let start = Instant::now();
    compute_until(|| start.elapsed() > time);
}

fn builder(procs: usize) -> Builder {
    static LOGGER: Once = Once::new();
    LOGGER.call_once(|| {
        log::set_logger(&REPORTS).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    Runtime::builder().procs(procs)
}

/// Calls `test` as the main goroutine of a runtime.
fn on(builder: Builder, test: impl FnOnce() + Send) {
    builder.build().unwrap().run(test);
}

fn migrating(procs: usize) -> Builder {
    // SAFETY: the goroutines of these tests keep nothing that is bound to a thread across a call that may block.
    unsafe { builder(procs).migrate() }
}

/// Starts a goroutine with a name, and says where.
#[track_caller]
fn named(name: &str, body: impl FnOnce() + Send + 'static) -> (JoinHandle<()>, String) {
    (Go::new().name(name).spawn(body).unwrap(), Location::caller().to_string())
}

/// Keeps its worker until it is reported, and gives the report.
fn until_reported(name: &str) -> String {
    compute_until(|| !reports(&[name]).is_empty());
    reports(&[name]).remove(0)
}

/// The number of milliseconds that the report tells.
fn millis(report: &str) -> u64 {
    let (before, _) = report.split_once(" ms:").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_report_says_who_where_for_how_long_who_waits_and_what_to_do() {
    on(builder(1), || {
        let (behind, _) = named("behind the reported", || ());
        let (hog, place) = named("reported", || _ = until_reported("'reported'"));
        let id = hog.id();
        hog.join().unwrap();
        behind.join().unwrap();
        let report = reports(&["'reported'"]).remove(0);
        assert!(
            report.starts_with(&format!("goroutine {id} 'reported' (spawned at {place}) has kept worker 0")),
            "{report}"
        );
        assert!((100..PATIENCE.as_millis() as u64).contains(&millis(&report)), "{report}");
        for part in ["1 goroutine that has not started", "`blocking`", "`yield_now`", "GOCSP_MAXPROCS"] {
            assert!(report.contains(part), "{part}: {report}");
        }
    });
}

#[test]
fn a_goroutine_without_a_name_is_reported_by_its_number() {
    on(builder(1), || {
        let behind = go!(|| ());
        let hog = go!(|| compute_until(|| reports(&[file!()]).iter().any(|report| !report.contains('\''))));
        let id = hog.id();
        hog.join().unwrap();
        behind.join().unwrap();
        assert_eq!(reports(&[&format!("goroutine {id} (spawned at {}", file!())]).len(), 1);
    });
}

#[test]
fn who_is_ready_waits_behind_it() {
    on(builder(1), || {
        let done = Arc::new(AtomicBool::new(false));
        let ready = Arc::clone(&done);
        let (behind, _) = named("ready", move || {
            while !ready.load(Ordering::Relaxed) {
                yield_now();
            }
        });
        let (hog, _) = named("before the ready", || {
            // Until the other one has started.
            (0..10).for_each(|_| yield_now());
            let report = until_reported("'before the ready'");
            // The other, and main.
            assert!(report.contains("some of the 2 others that have started there"), "{report}");
            assert!(report.contains("`Builder::migrate`") && !report.contains("GOCSP_MAXPROCS"), "{report}");
        });
        hog.join().unwrap();
        done.store(true, Ordering::Relaxed);
        behind.join().unwrap();
    });
}

#[test]
fn who_was_woken_by_a_thread_waits_behind_it() {
    let (tx, rx) = channel(0);
    on(builder(1), || {
        let (woken, _) = named("woken", move || _ = rx.recv());
        let (hog, _) = named("before the woken", move || {
            (0..10).for_each(|_| yield_now());
            let thread = thread::spawn(move || tx.send(()));
            let report = until_reported("'before the woken'");
            assert!(report.contains("some of the 2 others that have started there"), "{report}");
            thread.join().unwrap().unwrap();
        });
        hog.join().unwrap();
        woken.join().unwrap();
    });
}

#[test]
fn who_has_slept_enough_waits_behind_it() {
    on(builder(1), || {
        let (sleeper, _) = named("sleeper", || sleep(Duration::from_millis(20)));
        let (hog, _) = named("before the sleeper", || {
            (0..10).for_each(|_| yield_now());
            let report = until_reported("'before the sleeper'");
            assert!(report.contains("behind it: a sleep or a timer that is over."), "{report}");
        });
        hog.join().unwrap();
        sleeper.join().unwrap();
    });
}

#[test]
fn nothing_is_reported_if_nobody_waits() {
    for procs in [1, 2] {
        on(builder(procs), || {
            // These wait, but not for the worker: main joins, one receives for ever, one sleeps.
            let (_tx, rx) = channel::<()>(0);
            go!(move || rx.recv());
            go!(|| sleep(Duration::from_secs(1000)));
            let (hog, _) = named("alone", || {
                // The timers of this wait, and of what is dropped, will be due, and nobody wants them any more.
                let (tx, rx) = channel(0);
                go!(move || tx.send(()));
                rx.recv_timeout(Duration::from_millis(50)).unwrap();
                drop(after(Duration::from_millis(50)));
                (0..10).for_each(|_| yield_now());
                compute_for(Duration::from_millis(400));
            });
            hog.join().unwrap();
        });
    }
    assert_eq!(reports(&["'alone'"]), Vec::<String>::new());
}

#[test]
fn nothing_is_reported_if_others_do_the_work() {
    on(builder(2), || {
        let (hog, _) = named("with others", || {
            let group = Arc::new(AtomicUsize::new(0));
            for _ in 0..100 {
                let group = Arc::clone(&group);
                go!(move || group.fetch_add(1, Ordering::Relaxed));
            }
            compute_until(|| group.load(Ordering::Relaxed) == 100);
            compute_for(Duration::from_millis(400));
        });
        blocking(|| hog.join().unwrap());
    });
    assert_eq!(reports(&["'with others'"]), Vec::<String>::new());
}

#[test]
fn nothing_is_reported_of_those_who_call_the_runtime_now_and_then() {
    on(builder(1), || {
        let behind = go!(|| compute_for(Duration::from_millis(1)));
        let (polite, _) = named("polite", || {
            (0..100).for_each(|_| {
                compute_for(Duration::from_millis(4));
                yield_now();
            });
        });
        polite.join().unwrap();
        behind.join().unwrap();
    });
    assert_eq!(reports(&["'polite'"]), Vec::<String>::new());
}

#[test]
fn nothing_is_reported_if_that_is_switched_off() {
    on(builder(1).stall_limit(None), || {
        let behind = go!(|| ());
        let (hog, _) = named("not to be reported", || compute_for(Duration::from_millis(400)));
        hog.join().unwrap();
        behind.join().unwrap();
    });
    assert_eq!(reports(&["'not to be reported'"]), Vec::<String>::new());
}

#[test]
fn the_limit_can_be_chosen() {
    on(builder(1).stall_limit(Duration::from_millis(400)), || {
        let behind = go!(|| ());
        let (hog, _) = named("with a limit", || assert!(millis(&until_reported("'with a limit'")) >= 400));
        hog.join().unwrap();
        behind.join().unwrap();
    });
}

#[test]
fn each_stall_is_reported_once() {
    on(builder(1), || {
        let behind = go!(|| ());
        let (hog, _) = named("once and again", || {
            until_reported("'once and again'");
            // Long enough for another report, if there were to be one.
            compute_for(Duration::from_millis(1300));
            assert_eq!(reports(&["'once and again'"]).len(), 1);
        });
        hog.join().unwrap();
        behind.join().unwrap();
    });
}

#[test]
fn there_is_one_report_a_second_and_the_next_tells_how_many_there_were_besides() {
    on(builder(1).stall_limit(Duration::from_millis(50)), || {
        let start = Instant::now();
        let mut stalls = 0;
        while reports(&["'one of many'", "without a report"]).is_empty() {
            assert!(start.elapsed() < PATIENCE);
            let behind = go!(|| ());
            let (hog, _) = named("one of many", || compute_for(Duration::from_millis(120)));
            hog.join().unwrap();
            behind.join().unwrap();
            stalls += 1;
        }
        let most = start.elapsed().as_secs() as usize + 1;
        let reported = reports(&["'one of many'"]);
        assert!(reported.len() <= most, "{} of {stalls} in {:?}", reported.len(), start.elapsed());
    });
}

#[test]
fn a_logger_that_panics_ends_nothing() {
    on(builder(1), || {
        for _ in 0..2 {
            let behind = go!(|| ());
            let before = reports(&["'of the awkward logger'"]).len();
            let (hog, _) = named("of the awkward logger", move || {
                compute_until(|| reports(&["'of the awkward logger'"]).len() > before);
            });
            hog.join().unwrap();
            behind.join().unwrap();
        }
    });
}

/// What blocks the thread in a call of the system counts as what computes.
#[test]
fn a_sleep_of_the_thread_is_reported() {
    on(builder(1), || {
        let behind = go!(|| ());
        let (hog, _) = named("asleep", || {
            compute_until(|| {
                thread::sleep(Duration::from_millis(200));
                !reports(&["'asleep'", "computes or blocks"]).is_empty()
            });
        });
        hog.join().unwrap();
        behind.join().unwrap();
    });
}

#[test]
fn a_read_that_blocks_is_reported_and_who_has_not_started_is_run_by_another_worker() {
    on(builder(2), || {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let read = go!(move || {
            // It is behind the read, on the same worker, and would be so for ever.
            let writes = Go::new().local().spawn(move || writer.write_all(b"x")).unwrap();
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            writes.join().unwrap().unwrap();
            byte[0]
        });
        assert_eq!(read.join().unwrap(), b'x');
    });
    on(builder(1), || {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let behind = go!(|| ());
        let (read, _) = named("reader", move || reader.read_exact(&mut [0]).unwrap());
        thread::spawn(move || {
            compute_until(|| {
                thread::sleep(Duration::from_millis(1));
                !reports(&["'reader'"]).is_empty()
            });
            writer.write_all(b"x").unwrap();
        });
        read.join().unwrap();
        behind.join().unwrap();
    });
}

/// Without `migrate` there are no spare workers: when all are kept, who has not started waits, which is reported.
#[test]
fn when_every_worker_is_kept_those_who_have_not_started_wait_and_are_reported() {
    on(builder(2), || {
        let (kept, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut hogs = Vec::new();
        for number in 0..2 {
            let (kept, started) = (Arc::clone(&kept), Arc::clone(&started));
            let body = move || {
                kept.fetch_add(1, Ordering::SeqCst);
                compute_until(|| kept.load(Ordering::SeqCst) == 2);
                if number == 0 {
                    let started = Arc::clone(&started);
                    // Main is ready as well, so that it is found by its queue that this one waits.
                    go!(move || started.store(true, Ordering::SeqCst));
                }
                compute_until(|| !reports(&["'one of all'", "1 goroutine that has not started"]).is_empty());
                assert!(!started.load(Ordering::SeqCst));
                kept.fetch_add(1, Ordering::SeqCst);
                compute_until(|| kept.load(Ordering::SeqCst) == 4);
            };
            hogs.push(Go::new().name("one of all").spread().spawn(body).unwrap());
        }
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
        while !started.load(Ordering::SeqCst) {
            yield_now();
        }
    });
}

#[test]
fn under_migrate_who_has_started_goes_on_elsewhere_while_a_call_of_std_blocks() {
    for procs in [1, 2] {
        on(migrating(procs), move || {
            let (mut readers, writers) = (Vec::new(), Arc::new(Mutex::new(Vec::new())));
            for _ in 0..procs {
                let (reader, writer) = io::pipe().unwrap();
                readers.push(reader);
                writers.lock().unwrap().push(writer);
            }
            // It has started, and is the only one who can end what keeps all the workers.
            let writes = go!(move || {
                for _ in 0..100 {
                    sleep(Duration::from_millis(1));
                }
                writers.lock().unwrap().iter_mut().for_each(|writer| writer.write_all(b"x").unwrap());
            });
            sleep(Duration::from_millis(10));
            let reads: Vec<_> =
                readers.into_iter().map(|mut reader| go!(move || reader.read_exact(&mut [0]).unwrap())).collect();
            reads.into_iter().for_each(|read| read.join().unwrap());
            writes.join().unwrap();
        });
    }
}

#[test]
fn under_migrate_the_number_of_threads_is_bounded_and_that_is_reported() {
    const WORDS: [&str; 2] = ["no spare worker takes them over", "2 workers for 1 procs already, which is the limit"];
    let runtime = migrating(1).build().unwrap();
    runtime.run(|| {
        let running = Arc::new(AtomicUsize::new(0));
        let hogs: Vec<_> = (0..3)
            .map(|_| {
                let running = Arc::clone(&running);
                go!(move || {
                    running.fetch_add(1, Ordering::SeqCst);
                    compute_until(|| !reports(&WORDS).is_empty());
                    running.load(Ordering::SeqCst)
                })
            })
            .collect();
        let most = hogs.into_iter().map(|hog| hog.join().unwrap()).min().unwrap();
        assert_eq!(most, 2, "two run at once, and the third when one of them has ended");
    });
    assert_eq!(runtime.metrics().workers, 2);
    let report = reports(&WORDS).remove(0);
    assert!(report.contains("`blocking`") && report.contains("GOCSP_MAXPROCS"), "{report}");
}

/// Leaves this process no room for another thread's stack.
#[cfg(target_os = "linux")]
fn allow_no_more_threads() {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells the size of a process");
    let pages: libc::rlim_t = statm.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number of pages");
    let limits = libc::rlimit { rlim_cur: pages * 4096 + (1 << 20), rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the kernel reads one struct.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limits) }, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn under_migrate_that_a_thread_cannot_be_started_is_reported() {
    let ended = in_child("under_migrate_that_a_thread_cannot_be_started_is_reported", || {
        on(migrating(1), || {
            // All memory that is needed is there before the limit.
            sleep(Duration::from_millis(100));
            let behind = go!(|| ());
            let (hog, _) = named("without a spare worker", || {
                allow_no_more_threads();
                compute_until(|| !reports(&["no spare worker takes them over"]).is_empty());
            });
            hog.join().unwrap();
            behind.join().unwrap();
            println!("{}", reports(&["no spare worker takes them over"]).remove(0));
        });
    });
    if let Some(ended) = ended {
        assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
        for part in ["a thread cannot be started", "ulimit -u"] {
            assert!(ended.stdout.contains(part), "{}", ended.stdout);
        }
    }
}

#[test]
fn under_migrate_nothing_is_reported_while_there_are_spare_workers() {
    on(migrating(1), || {
        let stop = Arc::new(AtomicBool::new(false));
        let others: Vec<_> = (0..10)
            .map(|_| {
                let stop = Arc::clone(&stop);
                go!(move || while !stop.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(1));
                })
            })
            .collect();
        sleep(Duration::from_millis(10));
        let (hog, _) = named("with a spare worker", || compute_for(Duration::from_millis(400)));
        hog.join().unwrap();
        stop.store(true, Ordering::Relaxed);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
    assert_eq!(reports(&["'with a spare worker'"]), Vec::<String>::new());
}
