//! Channels under load: producers, consumers, capacities and procs in every combination, goroutines and threads mixed,
//! every way to send and to receive, and closing at any moment.
//!
//! Of every value it is checked that it was received once or came back to its sender, that it was dropped once, and that
//! each consumer sees the values of each producer in order. What happens by chance follows from a seed, which is printed
//! when a test fails, and can be given in the variable `SEED`. The schedule is not part of it.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gocsp::sync::{Mutex, RwLock};
use gocsp::{
    Chan, Receiver, RecvTimeoutError, Runtime, Select, SendTimeoutError, Sender, TryRecvError, TrySendError, after,
    channel, scope, select, sleep, tick, yield_now,
};

/// xorshift64*.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        // The state may not be zero, and like seeds shall not give like numbers.
        let mut random = Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..4).for_each(|_| _ = random.below(2));
        random
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % bound
    }

    fn moment(&mut self) -> Duration {
        Duration::from_micros(self.below(60))
    }
}

/// Calls `test` with the seed of this run.
fn seeded(test: impl FnOnce(u64)) {
    /// Prints the seed if the test fails.
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if thread::panicking() {
                eprintln!("repeat with SEED={}", self.0);
            }
        }
    }
    let seed = match std::env::var("SEED") {
        Ok(seed) => seed.parse().expect("SEED is a number"),
        Err(_) => RandomState::new().hash_one(0_u8) >> 32,
    };
    println!("SEED={seed}");
    let seed = Seed(seed);
    test(seed.0);
}

/// What has become of the values of a run.
struct Ledger {
    per_producer: usize,
    /// For each value how often it was received, came back, and was dropped: two, two and four bits.
    fates: Vec<AtomicU8>,
}

const RECEIVED: u8 = 0b01;
const CAME_BACK: u8 = 0b01_00;
const DROPPED: u8 = 0b01_00_00;

struct Value<'a> {
    ledger: &'a Ledger,
    producer: usize,
    number: usize,
}

impl Ledger {
    fn new(producers: usize, per_producer: usize) -> Self {
        Self { per_producer, fates: (0..producers * per_producer).map(|_| AtomicU8::new(0)).collect() }
    }

    fn value(&self, producer: usize, number: usize) -> Value<'_> {
        Value { ledger: self, producer, number }
    }

    /// Checks the fate of every value that was made, `made` by each producer; gives how many were received. In a buffer
    /// that was `abandoned` values may have been dropped.
    fn settle(&self, made: &[AtomicUsize], abandoned: bool) -> usize {
        let mut received = 0;
        for (producer, made) in made.iter().enumerate() {
            for number in 0..self.per_producer {
                let fate = self.fates[producer * self.per_producer + number].load(Ordering::Relaxed);
                let expected = match fate {
                    0 => number >= made.load(Ordering::Relaxed),
                    DROPPED => abandoned,
                    _ => [RECEIVED | DROPPED, CAME_BACK | DROPPED].contains(&fate),
                };
                assert!(expected, "value {number} of producer {producer}: {fate:#b}");
                received += usize::from(fate & RECEIVED);
            }
        }
        received
    }
}

impl Value<'_> {
    fn note(&self, what: u8) {
        let place = self.producer * self.ledger.per_producer + self.number;
        self.ledger.fates[place].fetch_add(what, Ordering::Relaxed);
    }
}

impl Drop for Value<'_> {
    fn drop(&mut self) {
        self.note(DROPPED);
    }
}

/// Sends in one way or another until somebody takes the value; gives it back if the channel is closed.
fn send<T>(tx: &Sender<T>, mut value: T, random: &mut Random) -> Result<(), T> {
    loop {
        value = match random.below(7) {
            0 | 1 => return tx.send(value).map_err(|error| error.0),
            2 => match tx.try_send(value) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(value)) => return Err(value),
                Err(TrySendError::Full(value)) => value,
            },
            3 => match tx.send_timeout(value, random.moment()) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(value)) => return Err(value),
                Err(SendTimeoutError::Timeout(value)) => value,
            },
            4 => {
                select! {
                    send(tx, value) -> sent => return sent.map_err(|error| error.0),
                    default(random.moment()) => {}
                }
                value
            }
            5 => {
                select! {
                    send(tx, value) -> sent => return sent.map_err(|error| error.0),
                    recv(Receiver::<()>::nil()) => unreachable!(),
                }
            }
            _ => {
                let mut select = Select::new();
                let index = select.send(tx, value);
                if let Ok(selected) = select.select_timeout(random.moment()) {
                    return selected.send(tx).map_err(|error| error.0);
                }
                select.take_back(index, tx)
            }
        };
        yield_now();
    }
}

/// Receives in one way or another until there is a value; `None` if the channel is closed and drained.
fn recv<T>(rx: &Receiver<T>, random: &mut Random) -> Option<T> {
    loop {
        match random.below(7) {
            0 | 1 => return rx.recv().ok(),
            2 => match rx.try_recv() {
                Ok(value) => return Some(value),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            },
            3 => match rx.recv_timeout(random.moment()) {
                Ok(value) => return Some(value),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            },
            4 => select! {
                recv(rx) -> value => return value.ok(),
                default(random.moment()) => {}
            },
            5 => {
                // The same channel in two cases, beside one that never comes.
                return select! {
                    recv(rx) -> value => value.ok(),
                    recv(Chan::<()>::nil()) => unreachable!(),
                    recv(rx) -> value => value.ok(),
                };
            }
            _ => {
                let mut select = Select::new();
                select.recv(rx);
                if let Ok(selected) = select.select_timeout(random.moment()) {
                    return selected.recv(rx).ok();
                }
            }
        }
        yield_now();
    }
}

/// One combination.
#[derive(Clone, Copy, Debug)]
struct Plan {
    producers: usize,
    consumers: usize,
    capacity: usize,
    procs: usize,
    /// So many of the parties are threads, the others goroutines.
    threads: usize,
    per_producer: usize,
    /// Whether somebody closes the channel at some moment.
    closed: bool,
    /// Whether the consumers leave at some moment.
    abandoned: bool,
}

fn produce<'a>(
    plan: Plan,
    ledger: &'a Ledger,
    tx: &Sender<Value<'a>>,
    me: usize,
    made: &AtomicUsize,
    mut random: Random,
) {
    for number in 0..plan.per_producer {
        made.store(number + 1, Ordering::Relaxed);
        if let Err(value) = send(tx, ledger.value(me, number), &mut random) {
            value.note(CAME_BACK);
            return;
        }
    }
}

fn consume(plan: Plan, rx: &Receiver<Value<'_>>, mut random: Random) {
    let mut next = vec![0; plan.producers];
    let mut left = if plan.abandoned { random.below(plan.per_producer as u64) } else { u64::MAX };
    while left > 0
        && let Some(value) = recv(rx, &mut random)
    {
        value.note(RECEIVED);
        assert!(value.number >= next[value.producer], "a value was overtaken");
        next[value.producer] = value.number + 1;
        left -= 1;
    }
}

fn carry_out(plan: Plan, seed: u64) {
    let ledger = Ledger::new(plan.producers, plan.per_producer);
    let made: Vec<AtomicUsize> = (0..plan.producers).map(|_| AtomicUsize::new(0)).collect();
    let (tx, rx) = channel(plan.capacity);
    let mut parties: Vec<Box<dyn FnOnce() + Send + '_>> = Vec::new();
    for (me, made) in made.iter().enumerate() {
        let (tx, ledger, random) = (tx.clone(), &ledger, Random::new(seed ^ me as u64));
        parties.push(Box::new(move || produce(plan, ledger, &tx, me, made, random)));
    }
    for me in 0..plan.consumers {
        let (rx, random) = (rx.clone(), Random::new(seed ^ (1000 + me as u64)));
        parties.push(Box::new(move || consume(plan, &rx, random)));
    }
    let mut random = Random::new(seed);
    if plan.closed {
        let (tx, moment) = (tx.clone(), random.moment() * 50);
        parties.push(Box::new(move || {
            sleep(moment);
            tx.close().expect("nobody else closes");
        }));
    }
    drop((tx, rx));
    // Who is a thread and who comes first is a matter of chance.
    for last in (1..parties.len()).rev() {
        parties.swap(last, random.below(last as u64 + 1) as usize);
    }
    let goroutines = parties.split_off(plan.threads.min(parties.len()));
    let runtime = Runtime::builder().procs(plan.procs).build().expect("threads can be started");
    thread::scope(|threads| {
        let threads: Vec<_> = parties.into_iter().map(|party| threads.spawn(party)).collect();
        runtime.run(|| {
            scope(|s| {
                for party in goroutines {
                    s.go(party);
                }
            });
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let received = ledger.settle(&made, plan.abandoned && plan.capacity > 0);
    if !plan.closed && !plan.abandoned {
        assert_eq!(received, plan.producers * plan.per_producer, "{plan:?}");
    }
}

/// Carries out `plan` with every number of producers, consumers and procs and every capacity.
fn table(seed: u64, plan: Plan) {
    for capacity in [0, 1, 2, 16] {
        for (producers, consumers) in [(1, 1), (1, 6), (6, 1), (6, 6)] {
            for procs in [1, 2, 4] {
                let plan = Plan { capacity, producers, consumers, procs, ..plan };
                // So that what hangs or fails can be told.
                println!("{plan:?}");
                carry_out(plan, seed);
            }
        }
    }
}

const PLAN: Plan = Plan {
    producers: 1,
    consumers: 1,
    capacity: 0,
    procs: 1,
    threads: 0,
    per_producer: 1000,
    closed: false,
    abandoned: false,
};

#[test]
fn goroutines() {
    seeded(|seed| table(seed, PLAN));
}

#[test]
fn goroutines_and_threads() {
    seeded(|seed| table(seed, Plan { threads: 2, per_producer: 300, ..PLAN }));
}

#[test]
fn a_close_at_any_moment() {
    seeded(|seed| {
        for round in 0..3 {
            table(seed ^ (round << 32), Plan { closed: true, threads: round as usize, ..PLAN });
        }
    });
}

#[test]
fn consumers_that_leave_at_any_moment() {
    seeded(|seed| {
        for round in 0..3 {
            table(seed ^ (round << 32), Plan { abandoned: true, threads: round as usize, ..PLAN });
        }
    });
}

#[test]
fn values_that_travel_round_a_ring() {
    const HOPS: usize = 2000;
    seeded(|seed| {
        for procs in [1, 2, 4] {
            for (members, capacity) in [(2, 0), (3, 1), (100, 0), (100, 3)] {
                let runtime = Runtime::builder().procs(procs).build().unwrap();
                let arrived = runtime.run(|| {
                    let links: Vec<Chan<usize>> = (0..members).map(|_| Chan::new(capacity)).collect();
                    let out = Chan::new(1);
                    scope(|s| {
                        for me in 0..members {
                            let (from, to, out) = (&links[me], &links[(me + 1) % members], &out);
                            let mut random = Random::new(seed ^ me as u64);
                            s.go(move || {
                                let (from, to) = (Receiver::from(from), Sender::from(to));
                                while let Some(hops) = recv(&from, &mut random) {
                                    if hops == HOPS {
                                        out.send(hops).unwrap();
                                    } else if send(&to, hops + 1, &mut random).is_err() {
                                        break;
                                    }
                                }
                            });
                        }
                        links[0].send(0).unwrap();
                        let arrived = out.recv();
                        links.iter().for_each(|link| link.close().unwrap());
                        arrived
                    })
                });
                assert_eq!(arrived, Ok(HOPS));
            }
        }
    });
}

#[test]
fn locks_of_goroutines_and_threads() {
    const ROUNDS: usize = 300;
    /// One more in each half of what is guarded, with the others let in between if the lock did not hold.
    fn count(halves: &mut (usize, usize)) {
        let seen = *halves;
        assert_eq!(seen.0, seen.1);
        halves.0 += 1;
        yield_now();
        halves.1 += 1;
    }
    fn party(me: u64, seed: u64, mutex: &Mutex<(usize, usize)>, rwlock: &RwLock<(usize, usize)>) {
        let mut random = Random::new(seed ^ me);
        for _ in 0..ROUNDS {
            match random.below(3) {
                0 => count(&mut mutex.lock()),
                1 => loop {
                    if let Some(mut guard) = mutex.try_lock_for(random.moment()) {
                        break count(&mut guard);
                    }
                },
                _ => loop {
                    if let Some(mut guard) = mutex.try_lock() {
                        break count(&mut guard);
                    }
                    yield_now();
                },
            }
            match random.below(4) {
                0 => count(&mut rwlock.write()),
                1 => loop {
                    if let Some(mut guard) = rwlock.try_write_for(random.moment()) {
                        break count(&mut guard);
                    }
                },
                2 => {
                    let halves = rwlock.read();
                    yield_now();
                    assert_eq!(halves.0, halves.1);
                }
                _ => {
                    if let Some(halves) = rwlock.try_read_for(random.moment()) {
                        assert_eq!(halves.0, halves.1);
                    }
                }
            }
        }
    }
    seeded(|seed| {
        for procs in [1, 2, 4] {
            let (mutex, rwlock) = (Mutex::new((0, 0)), RwLock::new((0, 0)));
            let runtime = Runtime::builder().procs(procs).build().unwrap();
            thread::scope(|threads| {
                let start = |me| {
                    let (mutex, rwlock) = (&mutex, &rwlock);
                    threads.spawn(move || party(me, seed, mutex, rwlock))
                };
                let threads = [0, 1].map(start);
                runtime.run(|| {
                    scope(|s| {
                        for me in 2..10 {
                            let (mutex, rwlock) = (&mutex, &rwlock);
                            s.go(move || party(me, seed, mutex, rwlock));
                        }
                    });
                });
                threads.into_iter().for_each(|thread| thread.join().unwrap());
            });
            assert_eq!(*mutex.lock(), (10 * ROUNDS, 10 * ROUNDS));
        }
    });
}

#[test]
fn timers_beside_busy_channels() {
    for procs in [1, 2, 4] {
        let runtime = Runtime::builder().procs(procs).build().unwrap();
        runtime.run(|| {
            let stop = AtomicBool::new(false);
            scope(|s| {
                for _ in 0..4 {
                    let (tx, rx) = channel(2);
                    let stop = &stop;
                    s.go(move || while !stop.load(Ordering::Relaxed) && tx.send(()).is_ok() {});
                    s.go(move || rx.iter().count());
                }
                s.go(|| {
                    let sleepers: [_; 20] = std::array::from_fn(|n| {
                        s.go(move || (0..10).for_each(|_| sleep(Duration::from_micros(50 * n as u64))))
                    });
                    let ticks = tick(Duration::from_millis(1));
                    for _ in 0..20 {
                        let due = select! {
                            recv(after(Duration::from_millis(1))) -> due => due,
                            recv(ticks) -> due => due,
                        };
                        assert!(due.unwrap() <= Instant::now());
                    }
                    sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
                    stop.store(true, Ordering::Relaxed);
                });
            });
        });
    }
}

#[test]
fn timers_of_ordinary_threads() {
    thread::scope(|threads| {
        for n in 0..4 {
            threads.spawn(move || {
                for round in 0..50 {
                    let (start, delay) = (Instant::now(), Duration::from_micros(20 * (n + round % 7)));
                    assert!(after(delay).recv().unwrap() >= start + delay);
                    assert!(start.elapsed() >= delay);
                    sleep(delay);
                }
            });
        }
    });
}

#[test]
fn a_sieve_of_goroutines() {
    for procs in [1, 2, 4] {
        let runtime = Runtime::builder().procs(procs).build().unwrap();
        let primes = runtime.run(|| {
            let (tx, mut rx) = channel(0);
            gocsp::go!(move || (2..).try_for_each(|n: u32| tx.send(n)));
            let mut primes = Vec::new();
            for _ in 0..150 {
                let prime = rx.recv().unwrap();
                primes.push(prime);
                let (to_next, next) = channel(0);
                let from = std::mem::replace(&mut rx, next);
                gocsp::go!(move || from.iter().filter(|n| n % prime != 0).try_for_each(|n| to_next.send(n)));
            }
            primes
        });
        assert_eq!(primes.last(), Some(&863));
    }
}
