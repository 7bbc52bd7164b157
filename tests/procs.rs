//! How many workers run at the same time: where the number comes from, and that it can be changed whatever goes on.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;
#[path = "common/drops.rs"]
mod drops;
#[path = "common/load.rs"]
mod load;
#[path = "common/migrating.rs"]
mod migrating;
#[path = "common/procs.rs"]
mod procs;

use std::ffi::OsStr;
use std::hint::spin_loop;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, io, process, thread};

use child::{Ended, in_child, in_prepared_child};
use drops::{Counted, Drops};
use gocsp::time::after_func;
use gocsp::{
    Go, Receiver, Sender, blocking, channel, go, max_procs, num_cpus, num_goroutines, run, scope, set_max_procs, sleep,
    spawn, tick, yield_now,
};
use load::mixed_load;
use migrating::on_migrating_procs;
use procs::{on_one_and_more_procs, on_procs};

/// Numbers that look random, and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// A value on its way: who sent it, and which of his it is.
struct Value {
    sender: usize,
    number: u64,
    _counted: Counted,
}

const GOROUTINES: usize = 12;
const THREADS: usize = 3;

/// Sends until it is time to stop.
fn send_on(tx: &Sender<Value>, sender: usize, drops: &Drops, stop: &AtomicBool, mut pause: impl FnMut(u64)) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let value = Value { sender, number, _counted: drops.value() };
        tx.send(value).unwrap_or_else(|_| panic!("there is a receiver"));
        pause(number);
    }
}

/// Checks that each sender's values come in order and none is missing; gives how many of each there were.
fn receive_all(rx: &Receiver<Value>) -> Vec<u64> {
    let mut next = vec![0; GOROUTINES + THREADS];
    for value in rx {
        assert_eq!(value.number, next[value.sender], "of sender {}", value.sender);
        next[value.sender] += 1;
    }
    next
}

/// Changes the number of procs a hundred times while goroutines and threads send, others compute without yielding, and
/// timers of all kinds run. Everything that was sent arrives, in order, and all that should happen does.
fn change_procs_under_load(seed: u64) {
    let (stop, drops) = (Arc::new(AtomicBool::new(false)), Drops::default());
    let (tx, rx) = channel(4);
    let receiver = go!(move || receive_all(&rx));
    for sender in 0..GOROUTINES {
        let (tx, drops, stop) = (tx.clone(), drops.clone(), Arc::clone(&stop));
        go! {
            send_on(&tx, sender, &drops, &stop, |number| match number % 50 {
                0 => sleep(Duration::from_micros(100)),
                1 => spawn(yield_now).join().unwrap(),
                _ => {}
            });
        };
    }
    let threads = (GOROUTINES..GOROUTINES + THREADS).map(|sender| {
        let (tx, drops, stop) = (tx.clone(), drops.clone(), Arc::clone(&stop));
        let pause = |_| thread::sleep(Duration::from_micros(50));
        thread::spawn(move || send_on(&tx, sender, &drops, &stop, pause))
    });
    let threads: Vec<_> = threads.collect();
    drop(tx);
    let hogs: [_; 2] = std::array::from_fn(|_| {
        let stop = Arc::clone(&stop);
        Go::new().spread().spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                // Longer than two time slices.
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(25) {
                    spin_loop();
                }
                yield_now();
            }
        })
    });
    let ticks = go! {
        let ticker = tick(Duration::from_millis(1));
        (0..50).for_each(|_| _ = ticker.recv().unwrap());
    };
    let fired = Arc::new(AtomicUsize::new(0));
    let mut random = Random(seed);
    for change in 0..100 {
        let procs = 1 + random.below(8) as usize;
        set_max_procs(procs);
        assert_eq!(max_procs(), procs);
        if change % 2 == 0 {
            let fired = Arc::clone(&fired);
            after_func(Duration::from_micros(random.below(3000)), move || _ = fired.fetch_add(1, Ordering::Relaxed));
        }
        sleep(Duration::from_micros(random.below(2000)));
    }
    stop.store(true, Ordering::Relaxed);
    blocking(|| threads.into_iter().for_each(|thread| thread.join().unwrap()));
    hogs.into_iter().for_each(|hog| hog.unwrap().join().unwrap());
    let received = receiver.join().unwrap();
    assert!(received.iter().all(|&count| count > 0), "{received:?}");
    drops.assert_all(received.iter().sum::<u64>() as usize);
    ticks.join().unwrap();
    while fired.load(Ordering::Relaxed) < 50 || num_goroutines() > 1 {
        yield_now();
    }
}

#[test]
fn the_number_of_procs_is_changed_a_hundred_times_under_load_and_nothing_is_lost() {
    for procs in [1, 4] {
        on_procs(procs, || change_procs_under_load(procs as u64));
    }
}

#[test]
fn under_migrate_the_number_of_procs_is_changed_a_hundred_times_under_load_and_nothing_is_lost() {
    for procs in [1, 4] {
        on_migrating_procs(procs, || change_procs_under_load(procs as u64));
    }
}

#[test]
fn a_mixed_load_while_the_number_of_procs_goes_up_and_down() {
    on_procs(2, || {
        let load = go!(|| (0..5).for_each(|_| mixed_load(500)));
        let mut random = 1_u64;
        while !load.is_finished() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            set_max_procs(1 + (random >> 33) as usize % 8);
            sleep(Duration::from_micros(random >> 55));
        }
        load.join().unwrap();
    });
}

#[test]
fn the_number_of_procs_is_changed_by_many_at_once() {
    on_procs(3, || {
        scope(|s| {
            for n in 0..10 {
                s.go(move || {
                    for round in 0..20 {
                        assert!((1..=6).contains(&set_max_procs(1 + (n + round) % 6)));
                        yield_now();
                    }
                });
            }
        });
        assert!((1..=6).contains(&max_procs()));
    });
}

#[test]
fn ordinary_threads_change_the_number_of_procs_of_the_global_runtime() {
    let ended = in_child("ordinary_threads_change_the_number_of_procs_of_the_global_runtime", || {
        for procs in [3, 1, 6, 2] {
            set_max_procs(procs);
            assert_eq!(max_procs(), procs);
            assert_eq!(spawn(max_procs).join().unwrap(), procs);
            assert_eq!(thread::spawn(|| set_max_procs(0)).join().unwrap(), procs);
            assert_eq!(on_procs(5, max_procs), 5);
        }
    });
    if let Some(ended) = ended {
        assert_success(&ended);
    }
}

#[test]
fn a_number_of_procs_that_is_none_panics_and_changes_nothing() {
    on_procs(2, || {
        let payload = catch_unwind(|| set_max_procs(1025)).unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        assert!(message.contains("1025") && message.contains("from 1 to 1024"), "{message}");
        assert_eq!((max_procs(), go!(|| 5).join().unwrap()), (2, 5));
    });
}

/// Nobody waits for a turn while a runtime ends, and that is not to be changed.
#[test]
fn the_number_of_procs_stays_as_it_is_while_the_runtime_ends() {
    struct Changes(Drops);
    impl Drop for Changes {
        fn drop(&mut self) {
            let before = set_max_procs(1);
            yield_now();
            assert_eq!(set_max_procs(7), before);
            assert_eq!(max_procs(), before);
            drop(self.0.value());
        }
    }
    let drops = Drops::default();
    on_one_and_more_procs(|| {
        let (started, all_started) = channel(0);
        for _ in 0..50 {
            let (changes, started) = (Changes(drops.clone()), started.clone());
            go! {
                let _changes = changes;
                started.send(()).unwrap();
                Receiver::<()>::nil().recv()
            };
        }
        all_started.iter().take(50).for_each(drop);
    });
    drops.assert_all(3 * 50);
}

fn assert_success(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
}

const VARIABLE: &str = "GOCSP_MAXPROCS";

#[test]
fn the_number_of_procs_comes_from_the_environment() {
    let name = "the_number_of_procs_comes_from_the_environment";
    for (value, procs) in [("7", 7), (" 1\n", 1), ("1024", 1024), ("", num_cpus())] {
        let prepare = |command: &mut Command| _ = command.env(VARIABLE, value);
        let ended = in_prepared_child(name, prepare, || {
            println!("procs={}.", run(max_procs));
            println!("global={}.", max_procs());
            println!("built={}.", on_procs(3, max_procs));
        });
        let Some(ended) = ended else { return };
        assert_success(&ended);
        for line in [format!("procs={procs}."), format!("global={procs}."), "built=3.".to_owned()] {
            assert!(ended.stdout.contains(&line), "{value:?}: {}", ended.stdout);
        }
    }
}

#[test]
fn a_number_of_procs_in_the_environment_that_is_none_is_a_clear_error_where_it_is_needed() {
    let name = "a_number_of_procs_in_the_environment_that_is_none_is_a_clear_error_where_it_is_needed";
    for value in ["abc", "0", "-1", "1.5", "2 3", "1025", "99999999999999999999", "\u{661}"] {
        assert_refused(name, OsStr::new(value));
    }
    assert_refused(name, OsStr::from_bytes(b"2\xff"));
}

fn assert_refused(name: &str, value: &OsStr) {
    let prepare = |command: &mut Command| _ = command.env(VARIABLE, value);
    let ended = in_prepared_child(name, prepare, || {
        println!("built={}.", on_procs(3, max_procs));
        run(|| ());
    });
    // In the child there is nothing left to do.
    let Some(ended) = ended else { process::exit(0) };
    assert_eq!(ended.status.code(), Some(101), "{value:?}: {}", ended.stderr);
    assert!(ended.stdout.contains("built=3."), "{value:?}: {}", ended.stdout);
    for part in [VARIABLE, "from 1 to 1024"] {
        assert!(ended.stderr.contains(part), "{value:?}: {}", ended.stderr);
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
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
    let prepare = |command: &mut Command| {
        command.env_remove(VARIABLE);
        // SAFETY: the function makes system calls only.
        unsafe { command.pre_exec(keep_one_processor) };
    };
    if let Some(ended) = in_prepared_child(name, prepare, || println!("procs={}, cpus={}.", run(max_procs), num_cpus()))
    {
        assert!(ended.stdout.contains("procs=1, cpus=1."), "{}", ended.stdout);
    }
}

/// A group in which processes may use only a part of the processors, as long as this lives.
#[cfg(target_os = "linux")]
struct Cgroup(PathBuf);

#[cfg(target_os = "linux")]
impl Cgroup {
    /// A group below the one of this process. Its members may use so many thousandths of a processor.
    fn new(thousandths: u32) -> io::Result<Self> {
        let membership = fs::read_to_string("/proc/self/cgroup")?;
        let groups = membership.lines().filter_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            Some((controllers, path.trim_start_matches('/')))
        });
        let mut groups: Vec<_> = groups.collect();
        // The first version, where it has the processors, is what counts.
        groups.retain(|(controllers, _)| controllers.is_empty() || controllers.split(',').any(|one| one == "cpu"));
        groups.sort_by_key(|(controllers, _)| controllers.is_empty());
        let (controllers, path) = groups.first().ok_or(io::ErrorKind::NotFound)?;
        let name = format!("gocsp-test-{}-{thousandths}", process::id());
        let group = Self(Path::new("/sys/fs/cgroup").join(controllers).join(path).join(name));
        fs::create_dir(&group.0)?;
        if controllers.is_empty() {
            fs::write(group.0.join("cpu.max"), format!("{thousandths}00 100000"))?;
        } else {
            fs::write(group.0.join("cpu.cfs_period_us"), "100000")?;
            fs::write(group.0.join("cpu.cfs_quota_us"), format!("{thousandths}00"))?;
        }
        Ok(group)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Cgroup {
    fn drop(&mut self) {
        // Its members have ended.
        let _ = fs::remove_dir(&self.0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_number_of_procs_honours_the_quota_of_the_cgroup() {
    const GROUP: &str = "GOCSP_TEST_CGROUP";
    let name = "the_number_of_procs_honours_the_quota_of_the_cgroup";
    for (thousandths, most) in [(300, 1), (1000, 1), (1500, 2), (1_000_000, 10_000)] {
        let mut group = Err(io::ErrorKind::NotFound.into());
        let prepare = |command: &mut Command| {
            group = Cgroup::new(thousandths);
            if let Ok(group) = &group {
                command.env(GROUP, &group.0).env_remove(VARIABLE);
            }
        };
        let ended = in_prepared_child(name, prepare, || {
            if let Some(group) = env::var_os(GROUP) {
                fs::write(Path::new(&group).join("cgroup.procs"), process::id().to_string()).unwrap();
                println!("procs={}, cpus={}.", run(max_procs), num_cpus());
            }
        });
        let Some(ended) = ended else { return };
        if let Err(error) = group {
            // Past the harness, which would keep it to itself.
            let _ = writeln!(io::stderr(), "\nSKIPPED {name}: no cgroup can be made here: {error}");
            return;
        }
        assert_success(&ended);
        // Not before: the quota is read once.
        let procs = num_cpus().min(most);
        assert!(ended.stdout.contains(&format!("procs={procs}, cpus={procs}.")), "{thousandths}: {}", ended.stdout);
    }
}
