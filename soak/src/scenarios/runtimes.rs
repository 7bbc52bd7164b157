//! Runtimes that do not last: they are dropped while goroutines wait in them for all that one can wait for. Each is unwound,
//! everything on its stack is dropped once, and nothing stays locked.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gocsp::context::Context;
use gocsp::sync::{Barrier, Cond, Mutex, RwLock, Semaphore, WaitGroup};
use gocsp::time::after_func;
use gocsp::{
    Receiver, Runtime, Select, Sender, blocking, channel, go, goroutine_local, scope, select, sleep, yield_now,
};

use crate::drops::{Counted, Drops};
use crate::random::Random;
use crate::trial::Trial;

goroutine_local! {
    static OWN: RefCell<Option<Counted>> = RefCell::new(None);
}

pub(super) fn run(trial: &Trial, random: &mut Random) {
    for _ in 0..random.amount(8) {
        trial.step();
        let (drops, common) = (Drops::default(), Arc::new(Common::new()));
        let (procs, stack) = (1 + random.below(4), *random.pick(&[64 << 10, 128 << 10, 256 << 10]));
        let runtime = trial.expect(Runtime::builder().procs(procs).stack_size(stack).build());
        let count = random.amount(400);
        trial.goroutines_start(1 + count);
        runtime.run(|| fill(&common, &drops, count, random));
        match random.below(3) {
            0 => drop(runtime),
            1 => thread::scope(|threads| _ = threads.spawn(|| drop(runtime))),
            _ => {
                end_in_background(trial, runtime, drops);
                continue;
            }
        }
        trial.expect(drops.balance());
        trial.check(common.is_free(), "a goroutine that was unwound has kept a lock, or permits");
    }
}

/// Starts goroutines that wait.
fn fill(common: &Arc<Common>, drops: &Drops, count: usize, random: &mut Random) {
    for _ in 0..count {
        let (common, kept, random, captured) = (Arc::clone(common), drops.clone(), random.fork(), drops.value());
        go! {
            let _captured = captured;
            OWN.with(|own| *own.borrow_mut() = Some(kept.value()));
            common.wait(&kept, random);
        };
    }
    // Otherwise most have not started when it ends.
    if random.one_in(2) {
        yield_now();
        sleep(random.micros(500));
    }
}

fn end_in_background(trial: &Trial, runtime: Runtime, drops: Drops) {
    // The round does not end before that is dropped.
    let (trial, ending) = (trial.clone(), trial.counted());
    blocking(|| drop(runtime));
    thread::spawn(move || {
        let _ending = ending;
        while drops.balance().is_err() {
            thread::sleep(Duration::from_millis(1));
        }
        trial.step();
    });
}

/// What they wait for. It does not come.
struct Common {
    mutex: Mutex<()>,
    lock: RwLock<()>,
    cond: Cond,
    group: WaitGroup,
    semaphore: Semaphore,
    barrier: Barrier,
    context: Context,
    channel: (Sender<Counted>, Receiver<Counted>),
}

const HOUR: Duration = Duration::from_secs(3600);

impl Common {
    fn new() -> Self {
        let group = WaitGroup::new();
        group.add(1);
        Self {
            mutex: Mutex::default(),
            lock: RwLock::default(),
            cond: Cond::new(),
            group,
            semaphore: Semaphore::new(1),
            barrier: Barrier::new(1_000_000),
            context: Context::background().with_cancel().0,
            channel: channel(0),
        }
    }

    /// Whether nobody has any of it.
    fn is_free(&self) -> bool {
        self.mutex.try_lock().is_some() && self.lock.try_write().is_some() && self.semaphore.available() == 1
    }

    fn wait(&self, drops: &Drops, mut random: Random) {
        let _kept = drops.value();
        let never = Receiver::<()>::nil();
        match random.below(16) {
            0 => _ = never.recv(),
            1 => _ = Sender::nil().send(drops.value()),
            2 => _ = never.recv_timeout(HOUR),
            3 => select! {
                recv(never) => {}
                send(Sender::nil(), drops.value()) => {}
                recv(self.context.done()) => {}
            },
            4 => {
                let (tx, _rx) = channel(0);
                let mut select = Select::new();
                select.send(&tx, drops.value());
                select.recv(&never);
                _ = select.select();
            }
            5 => sleep(HOUR),
            // The first has it, and the others wait for it.
            6 => {
                let _held = self.mutex.lock();
                _ = never.recv();
            }
            7 => {
                let _held = self.lock.write();
                _ = never.recv();
            }
            8 => {
                let _held = self.lock.read();
                _ = never.recv();
            }
            9 => {
                let mutex = Mutex::new(());
                self.cond.wait(&mut mutex.lock());
            }
            10 => self.group.wait(),
            11 => {
                let _held = self.semaphore.acquire(1);
                _ = never.recv();
            }
            12 => _ = self.barrier.wait(),
            13 => {
                let kept = drops.value();
                after_func(HOUR, move || _ = &kept);
                let child = go!(move || never.recv());
                _ = child.join();
            }
            14 => {
                // Some of these meet; the values of the others stay with them.
                if random.one_in(2) {
                    _ = self.channel.0.send(drops.value())
                } else {
                    _ = self.channel.1.recv()
                }
                blocking(|| thread::sleep(random.micros(200)));
                _ = never.recv();
            }
            _ => {
                let kept = drops.value();
                scope(|s| {
                    for _ in 0..3 {
                        s.go(|| {
                            let _mine = drops.value();
                            let _borrowed = &kept;
                            _ = never.recv();
                        });
                    }
                });
            }
        }
    }
}
