//! Where goroutines live, and that those who share a worker share it fairly.
//!
//! Placement is a matter of policy and of moments: on a busy machine a goroutine may well be stolen before its worker has
//! woken up. So these tests ask for what usually happens, and give it time to.

use std::collections::HashMap;
use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use gocsp::sync::WaitGroup;
use gocsp::{Go, Runtime, channel, go, num_cpus, set_max_procs, sleep, yield_now};

/// For how long what usually happens may fail to happen.
const PATIENCE: Duration = Duration::from_secs(30);
const JOB: Duration = Duration::from_micros(20);

/// Repeats `attempt` on runtimes of their own until it says that all is well, as long as [`PATIENCE`] lasts.
///
/// Of more workers than there are processors some get nothing to do: they may do what they want.
fn usually<T: std::fmt::Debug + Send>(procs: usize, attempt: impl Fn() -> Result<(), T> + Sync) {
    let any_will_do = procs > num_cpus();
    usually_even_if_crowded(procs, || attempt().or_else(|what| if any_will_do { Ok(()) } else { Err(what) }));
}

fn usually_even_if_crowded<T: std::fmt::Debug + Send>(procs: usize, attempt: impl Fn() -> Result<(), T> + Sync) {
    repeat(|| Runtime::builder().procs(procs).build().unwrap().run(&attempt));
}

/// Calls `f` as the main goroutine of a runtime of two workers under `migrate`.
fn on_two_migrating_procs<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    let builder = Runtime::builder().procs(2);
    // SAFETY: the goroutines of these tests keep nothing that is bound to a thread across a call that may block.
    let runtime = unsafe { builder.migrate() }.build().unwrap();
    runtime.run(f)
}

fn repeat<T: std::fmt::Debug>(attempt: impl Fn() -> Result<(), T>) {
    let start = Instant::now();
    while let Err(what) = attempt() {
        assert!(start.elapsed() < PATIENCE, "not once; at last {what:?}");
    }
}

fn work(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {
        hint::spin_loop();
    }
}

/// How many jobs, and how many goroutines, each worker had.
type Shares = HashMap<ThreadId, (usize, usize)>;

/// Blocks `workers` goroutines on one channel, and then gives them jobs of 20 µs.
fn feed_pool(workers: usize, capacity: usize, jobs: usize) -> Shares {
    let (tx, rx) = channel(capacity);
    let (ready, done) = (WaitGroup::new(), WaitGroup::new());
    let shares = Arc::new(Mutex::new(Shares::new()));
    ready.add(workers as isize);
    for _ in 0..workers {
        let (rx, ready, shares) = (rx.clone(), ready.clone(), Arc::clone(&shares));
        done.go(move || {
            ready.done();
            let done = rx.iter().map(|()| work(JOB)).count();
            let mut shares = shares.lock().unwrap();
            let (jobs, goroutines) = shares.entry(thread::current().id()).or_default();
            *jobs += done;
            *goroutines += 1;
        });
    }
    ready.wait();
    for _ in 0..jobs {
        tx.send(()).unwrap();
    }
    drop(tx);
    done.wait();
    let shares = shares.lock().unwrap().clone();
    assert_eq!(shares.values().map(|(jobs, _)| jobs).sum::<usize>(), jobs);
    shares
}

/// Both workers have goroutines of the pool, and no less than a quarter of the jobs.
fn is_fair(shares: Shares, jobs: usize) -> Result<(), Shares> {
    let fair = shares.len() == 2 && shares.values().all(|&(done, _)| done >= jobs / 4);
    if fair { Ok(()) } else { Err(shares) }
}

#[test]
fn a_pool_of_eight_blocked_on_an_unbuffered_channel_uses_both_workers() {
    usually(2, || is_fair(feed_pool(8, 0, 500), 500));
}

#[test]
fn a_pool_of_two_fed_through_a_buffer_uses_both_workers() {
    usually(2, || is_fair(feed_pool(2, 16, 500), 500));
}

/// On which threads `count` goroutines spawned by one line live.
fn homes_of_siblings(count: usize) -> HashMap<ThreadId, usize> {
    let goroutines: Vec<_> = (0..count)
        .map(|_| {
            go!(|| {
                yield_now();
                thread::current().id()
            })
        })
        .collect();
    let mut homes = HashMap::new();
    for goroutine in goroutines {
        *homes.entry(goroutine.join().unwrap()).or_default() += 1;
    }
    homes
}

#[test]
fn siblings_are_dealt_out_evenly() {
    for (procs, count) in [(2, 2), (2, 8), (4, 4), (4, 1000)] {
        usually(procs, || {
            let homes = homes_of_siblings(count);
            let fair = homes.len() == procs && homes.values().all(|&here| here >= count / procs / 2);
            if fair { Ok(()) } else { Err(homes) }
        });
    }
}

#[test]
fn siblings_do_not_live_on_many_more_workers_than_there_are_num_cpus() {
    let processors = num_cpus();
    usually_even_if_crowded(4 * processors, || {
        let homes = homes_of_siblings(16 * processors);
        // A part of a processor, which a quota may grant, is counted as a whole one by the runtime, and not here.
        if homes.len() <= processors + 1 { Ok(()) } else { Err(homes) }
    });
}

#[test]
fn spread_deals_goroutines_of_different_lines_as_well() {
    usually(2, || {
        let first = Go::new().spread().spawn(|| thread::current().id()).unwrap();
        let second = Go::new().spread().spawn(|| thread::current().id()).unwrap();
        let homes = (first.join().unwrap(), second.join().unwrap());
        if homes.0 != homes.1 { Ok(()) } else { Err(homes) }
    });
}

#[test]
fn local_keeps_goroutines_of_one_line_together() {
    usually(2, || {
        let goroutines = [(); 4].map(|()| Go::new().local().spawn(|| thread::current().id()).unwrap());
        let homes = goroutines.map(|goroutine| goroutine.join().unwrap());
        let here = thread::current().id();
        if homes.iter().all(|&home| home == here) { Ok(()) } else { Err(homes) }
    });
}

#[test]
fn a_pair_spawned_from_two_lines_shares_a_worker() {
    for procs in [2, 4] {
        usually(procs, || {
            let (tx, rx) = channel(0);
            let producer = go!(move || {
                (0..100).try_for_each(|n| tx.send(n)).unwrap();
                thread::current().id()
            });
            let consumer = go!(move || {
                rx.iter().for_each(drop);
                thread::current().id()
            });
            let homes = (producer.join().unwrap(), consumer.join().unwrap());
            if homes.0 == homes.1 { Ok(()) } else { Err(homes) }
        });
    }
}

#[test]
fn one_goroutine_at_a_time_stays_with_its_spawner() {
    usually(2, || {
        let here = thread::current().id();
        let away = (0..100).filter(|_| go!(|| thread::current().id()).join().unwrap() != here).count();
        if away == 0 { Ok(()) } else { Err(away) }
    });
}

#[test]
fn a_goroutine_spawned_while_its_parent_computes_runs_elsewhere_soon() {
    usually(2, || {
        let started = Arc::new(AtomicBool::new(false));
        let child = Arc::clone(&started);
        let spawned = Instant::now();
        let child = go!(move || {
            child.store(true, Ordering::Relaxed);
            thread::current().id()
        });
        while !started.load(Ordering::Relaxed) {
            hint::spin_loop();
        }
        let waited = spawned.elapsed();
        assert_ne!(child.join().unwrap(), thread::current().id());
        if waited < Duration::from_millis(2) { Ok(()) } else { Err(waited) }
    });
}

#[test]
fn those_who_yield_take_turns() {
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let turns: Arc<[AtomicUsize]> = (0..20).map(|_| AtomicUsize::new(0)).collect();
        let goroutines: Vec<_> = (0..20)
            .map(|me| {
                let turns = Arc::clone(&turns);
                go!(move || for turn in 1..=1000 {
                    turns[me].store(turn, Ordering::Relaxed);
                    let ahead = turns.iter().map(|turns| turns.load(Ordering::Relaxed)).max();
                    assert!(ahead.is_some_and(|ahead| ahead <= turn + 1), "someone is {ahead:?} turns far, not {turn}");
                    yield_now();
                })
            })
            .collect();
        goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    });
}

/// The pauses between ten turns of a goroutine that shares its worker with others who never rest.
fn pauses_beside(others: impl FnOnce(&Arc<AtomicBool>)) -> Vec<Duration> {
    let stop = Arc::new(AtomicBool::new(false));
    others(&stop);
    let mut last = Instant::now();
    let pauses = (0..10)
        .map(|_| {
            yield_now();
            let now = Instant::now();
            now - std::mem::replace(&mut last, now)
        })
        .collect();
    stop.store(true, Ordering::Relaxed);
    pauses
}

/// Half of the pauses last no longer than two time slices, and some noise.
fn are_short(mut pauses: Vec<Duration>) -> Result<(), Vec<Duration>> {
    pauses.sort();
    if pauses[pauses.len() / 2] < Duration::from_millis(30) { Ok(()) } else { Err(pauses) }
}

#[test]
fn a_chatting_pair_does_not_starve_a_third() {
    for capacity in [0, 1, 100] {
        usually(1, || {
            are_short(pauses_beside(|stop| {
                let (tx, rx) = channel(capacity);
                let (back, answers) = channel(capacity);
                let stop = Arc::clone(stop);
                go!(move || while !stop.load(Ordering::Relaxed) && tx.send(()).is_ok() && answers.recv().is_ok() {});
                go!(move || rx.iter().try_for_each(|()| back.send(())));
            }))
        });
    }
}

#[test]
fn a_chatting_pair_lets_a_third_have_a_turn_long_before_the_time_slice_is_over() {
    const MANY: usize = 100_000;
    let exchanged = Runtime::builder().procs(1).build().unwrap().run(|| {
        let (ping, pinged) = channel(0);
        let (pong, ponged) = channel(0);
        go!(move || pinged.iter().try_for_each(|()| pong.send(())));
        let seen = Arc::new(AtomicUsize::new(0));
        let (exchanges, third) = (Arc::clone(&seen), Arc::clone(&seen));
        // Has a turn as soon as somebody but the pair has one.
        let third = go!(move || third.load(Ordering::Relaxed));
        for _ in 0..MANY {
            ping.send(()).unwrap();
            ponged.recv().unwrap();
            exchanges.fetch_add(1, Ordering::Relaxed);
        }
        third.join().unwrap()
    });
    // One of 122 turns is the line's, and an exchange takes two.
    assert!(exchanged <= 122, "the third waited for {exchanged} exchanges");
}

#[test]
fn one_whose_operations_always_succeed_does_not_starve_a_third() {
    usually(1, || {
        are_short(pauses_beside(|stop| {
            let (tx, rx) = channel(1);
            let stop = Arc::clone(stop);
            go!(move || while !stop.load(Ordering::Relaxed) {
                tx.send(()).unwrap();
                rx.recv().unwrap();
            });
        }))
    });
}

#[test]
fn one_who_spawns_and_joins_without_end_does_not_starve_a_third() {
    usually(1, || {
        are_short(pauses_beside(|stop| {
            let stop = Arc::clone(stop);
            go!(move || while !stop.load(Ordering::Relaxed) {
                drop(go!(|| ()).join());
            });
        }))
    });
}

/// Computes for some time, and lets others have a turn, until `stop`.
fn take_long_turns(stop: &AtomicBool) -> usize {
    let mut turns = 0;
    while !stop.load(Ordering::Relaxed) {
        work(JOB);
        yield_now();
        turns += 1;
    }
    turns
}

#[test]
fn long_turns_beside_a_timer_do_not_starve_who_was_woken() {
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let yielding = Arc::clone(&stop);
        let yielder = go!(move || take_long_turns(&yielding));
        go!(|| sleep(PATIENCE));
        let (tx, rx) = channel(0);
        let receiver = go!(move || {
            rx.recv().unwrap();
            stop.store(true, Ordering::Relaxed);
        });
        (0..100).for_each(|_| yield_now());
        tx.send(()).unwrap();
        let (start, mut turns) = (Instant::now(), 0);
        while !receiver.is_finished() {
            assert!(start.elapsed() < PATIENCE, "not woken after {turns} turns");
            work(JOB);
            yield_now();
            turns += 1;
        }
        yielder.join().unwrap();
    });
}

#[test]
fn timers_fire_beside_one_whose_operations_never_wait() {
    const SLEEPS: u32 = 10;
    usually(1, || {
        let sleeper = go!(|| (0..SLEEPS).for_each(|_| sleep(Duration::from_millis(1))));
        let (_tx, rx) = channel::<()>(1);
        let start = Instant::now();
        while !sleeper.is_finished() {
            _ = rx.try_recv();
        }
        let each = start.elapsed() / SLEEPS;
        if each < Duration::from_millis(50) { Ok(()) } else { Err(each) }
    });
}

#[test]
fn workers_with_fewer_procs_than_there_are_of_them_take_turns() {
    usually(2, || {
        let stop = Arc::new(AtomicBool::new(false));
        let spread = || {
            let stop = Arc::clone(&stop);
            Go::new().spread().spawn(move || take_long_turns(&stop)).unwrap()
        };
        let yielders = [spread(), spread()];
        let before = set_max_procs(1);
        sleep(Duration::from_millis(200));
        stop.store(true, Ordering::Relaxed);
        let turns = yielders.map(|yielder| yielder.join().unwrap());
        set_max_procs(before);
        if turns[0].min(turns[1]) > turns[0].max(turns[1]) / 4 { Ok(()) } else { Err(turns) }
    });
}

/// A thief would only have to wait for the permit of whom it has robbed, and everybody from then on for messages from a thread
/// that does not run.
#[test]
fn with_fewer_procs_than_workers_nobody_is_taken_to_one_that_has_to_wait() {
    usually(2, || {
        let before = set_max_procs(1);
        let home = thread::current().id();
        let strays = (0..50).filter(|_| {
            let goroutine = go!(|| thread::current().id());
            // For so long that a thief would come.
            work(Duration::from_millis(1));
            goroutine.join().unwrap() != home
        });
        let strays = strays.count();
        set_max_procs(before);
        if strays < 5 { Ok(()) } else { Err(strays) }
    });
}

#[test]
fn under_migrate_those_who_work_are_shared_out() {
    if num_cpus() < 2 {
        return;
    }
    let attempt = || {
        let (tx, rx) = channel(2);
        let goroutines = [(); 2].map(|()| {
            let tx = tx.clone();
            let work_here_and_there = move || {
                tx.send(thread::current().id()).unwrap();
                (0..500).for_each(|_| {
                    work(JOB);
                    yield_now();
                });
                thread::current().id()
            };
            Go::new().local().spawn(work_here_and_there).unwrap()
        });
        let at_first = [(); 2].map(|()| rx.recv().unwrap());
        let at_last = goroutines.map(|goroutine| goroutine.join().unwrap());
        let shared_out = at_first[0] == at_first[1] && at_last[0] != at_last[1];
        if shared_out { Ok(()) } else { Err((at_first, at_last)) }
    };
    repeat(|| on_two_migrating_procs(attempt));
}
