//! The rules for the pool, one test each.

#![cfg(not(any(loom, shuttle)))]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use gocsp_runtime::{Runtime, go, run, sleep, yield_now};
use gocsp_sync::{Pool, PoolGuard, WaitGroup};

/// Counts those that are alive.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for what takes some seconds.
fn eventually(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        sleep(Duration::from_millis(10));
    }
    true
}

#[test]
fn get_makes_one_when_there_is_none() {
    let made = AtomicUsize::new(0);
    let pool = Pool::new(|| made.fetch_add(1, Ordering::Relaxed));
    assert_eq!((pool.get(), pool.get()), (0, 1));
    pool.put(7);
    assert_eq!((pool.get(), pool.get()), (7, 2));
}

#[test]
fn what_is_put_back_is_used_again() {
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let made = AtomicUsize::new(0);
        let pool = Pool::new(|| made.fetch_add(1, Ordering::Relaxed));
        for _ in 0..100 {
            let two = (pool.get(), pool.get());
            assert_ne!(two.0, two.1);
            pool.put(two.0);
            pool.put(two.1);
        }
        assert_eq!(made.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_guard_puts_back_when_dropped_also_by_a_panic() {
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let pool = Pool::new(Vec::new);
        pool.lend().push(1);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut lent = pool.lend();
            lent.push(2);
            panic!("with a guard");
        }));
        assert!(result.is_err());
        assert_eq!(*pool.lend(), [1, 2]);
        let mut kept = PoolGuard::detach(pool.lend());
        kept.push(3);
        assert!(pool.lend().is_empty());
    });
}

#[test]
fn what_one_worker_puts_another_may_get() {
    let (pool, start) = (Arc::new(Pool::new(|| 0)), Instant::now());
    for n in 1..=100 {
        let inside = Arc::clone(&pool);
        thread::spawn(move || inside.put(n)).join().unwrap();
    }
    let got: HashSet<_> = (0..100).map(|_| pool.get()).collect();
    // Nothing is dropped before the second trim.
    assert!((1..=100).all(|n| got.contains(&n)) || start.elapsed() > Duration::from_secs(2), "{got:?}");
}

#[test]
fn a_thing_is_lent_to_one_at_a_time() {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let pool = Arc::new(Pool::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        AtomicBool::new(false)
    }));
    let work = || {
        let pool = Arc::clone(&pool);
        move || {
            for _ in 0..2_000 {
                let lent = pool.lend();
                assert!(!lent.swap(true, Ordering::SeqCst), "lent twice");
                yield_now();
                assert!(lent.swap(false, Ordering::SeqCst));
            }
        }
    };
    let group = WaitGroup::new();
    (0..8).for_each(|_| group.go(work()));
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(work())).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    group.wait();
    assert!(made.load(Ordering::Relaxed) < 2_000);
}

#[test]
fn a_million_workers_need_few_objects() {
    const WORKERS: usize = 1024 * 1024;
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static POOL: Pool<Vec<u8>> = Pool::new(|| {
        MADE.fetch_add(1, Ordering::Relaxed);
        vec![0; 1024]
    });
    run(|| {
        (0..4).for_each(|_| POOL.put(vec![0; 1024]));
        let group = WaitGroup::new();
        for _ in 0..WORKERS {
            group.go(|| POOL.lend()[0] = 1);
        }
        group.wait();
    });
    let made = MADE.load(Ordering::Relaxed);
    println!("{made} were made");
    assert!(made <= 1_000);
}

#[test]
fn what_nobody_uses_is_dropped_in_two_steps() {
    let (alive, start) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let inside = Arc::clone(&alive);
    let pool = Pool::new(move || Counted::new(&inside));
    let all: Vec<_> = (0..100).map(|_| pool.get()).collect();
    all.into_iter().for_each(|thing| pool.put(thing));
    assert_eq!(alive.load(Ordering::SeqCst), 100);
    assert!(eventually(|| alive.load(Ordering::SeqCst) == 0), "what is idle was not dropped");
    assert!(start.elapsed() >= Duration::from_secs(2), "dropped at the first trim");
    // Again, since the alarm has to be set anew.
    pool.put(pool.get());
    assert!(eventually(|| alive.load(Ordering::SeqCst) == 0), "what is idle was not dropped the second time");
}

#[test]
fn what_is_used_stays() {
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let made = Arc::new(AtomicUsize::new(0));
        let pool = Pool::new(|| Counted::new(&made));
        let start = Instant::now();
        let mut last = start;
        let mut longest = Duration::ZERO;
        while start.elapsed() < Duration::from_secs(3) {
            drop(pool.lend());
            sleep(Duration::from_millis(20));
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        // Unless the machine has kept this from using it.
        assert!(made.load(Ordering::SeqCst) == 1 || longest > Duration::from_millis(900));
    });
}

#[test]
fn a_pool_outlives_the_runtime_that_was_to_trim_it() {
    let alive = Arc::new(AtomicUsize::new(0));
    let inside = Arc::clone(&alive);
    let pool = Arc::new(Pool::new(move || Counted::new(&inside)));
    for _ in 0..3 {
        let pool = Arc::clone(&pool);
        Runtime::builder().build().unwrap().run(move || drop((pool.lend(), pool.lend())));
    }
    assert_eq!(alive.load(Ordering::SeqCst), 2);
    Runtime::builder().build().unwrap().run(move || {
        drop(pool.lend());
        assert!(eventually(|| alive.load(Ordering::SeqCst) == 0), "no alarm was set in the next runtime");
    });
}

#[test]
fn a_pool_that_is_dropped_drops_what_it_holds() {
    let alive = Arc::new(AtomicUsize::new(0));
    let pool = Pool::new(|| Counted::new(&alive));
    drop((pool.lend(), pool.lend(), pool.lend()));
    assert!(alive.load(Ordering::SeqCst) >= 1);
    drop(pool);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn destructors_may_use_the_pool_and_wait() {
    struct Restless(Arc<Mutex<Vec<bool>>>);
    static POOL: Pool<Option<Restless>> = Pool::new(|| None);
    impl Drop for Restless {
        fn drop(&mut self) {
            POOL.put(POOL.get());
            sleep(Duration::from_millis(1));
            self.0.lock().unwrap().push(thread::panicking());
        }
    }
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let inside = Arc::clone(&dropped);
    go!(move || (0..10).for_each(|_| POOL.put(Some(Restless(Arc::clone(&inside)))))).join().unwrap();
    assert!(eventually(|| dropped.lock().unwrap().len() == 10));
}
