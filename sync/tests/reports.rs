//! What dumps tell of those who wait for a primitive: the state in Go's words, the place in the program that waits, where the
//! primitive was made, and who could end the wait.

#![cfg(not(any(loom, shuttle)))]

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use gocsp_channels::{Receiver, Sender, channel};
use gocsp_context::Context;
use gocsp_runtime::{Go, GoroutineId, JoinHandle, Wait, dump, run, yield_now};
use gocsp_sync::lock_api::{RawMutex, RawRwLock};
use gocsp_sync::{
    Barrier, Cond, Map, Mutex, MutexGuard, Once, OnceCell, OnceFunc, OnceValue, RwLock, Semaphore, WaitGroup, errgroup,
    singleflight,
};
use lock_api::{RawMutex as _, RawMutexTimed as _, RawRwLock as _, RawRwLockTimed as _};

/// So long that no test sees its end.
const LONG: Duration = Duration::from_secs(600);

/// Has `operation` wait in a goroutine, and compares what a dump tells of that: its `state`, and for what and for whom it
/// `waits`, where `HERE` stands for a place in this file. Then `end` is to end the wait.
///
/// The operation stands near the call of this.
#[track_caller]
fn assert_waits(state: &str, waits: &str, operation: impl FnOnce() + Send + 'static, end: impl FnOnce()) {
    let here = Location::caller();
    let waiter = named("waiter", operation);
    let (wait, text) = wait_of(waiter.id(), |_| true);
    end();
    waiter.join().expect("it goes on");
    assert_eq!(wait.state(), state);
    assert_eq!(wait.place.file(), file!());
    assert!(wait.place.line().abs_diff(here.line()) < 16, "{} is not near {here}", wait.place);
    assert!(text.contains(waits), "{waits:?} is not in {text:?}");
}

/// What dumps tell of this goroutine when it waits `so`, and the text.
fn wait_of(id: GoroutineId, so: impl Fn(&Wait) -> bool) -> (Wait, String) {
    loop {
        let dump = dump();
        let waiter = dump.goroutines.iter().find(|goroutine| goroutine.id == id);
        if let Some(wait) = waiter.and_then(|waiter| waiter.wait()).filter(|wait| so(wait)) {
            return (wait.clone(), about(&format!("goroutine {id} "), &dump.to_string()));
        }
    }
}

fn named<T: Send + 'static>(name: &str, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Go::new().name(name).spawn(f).expect("its stack has the usual size")
}

/// What a dump says of the one whose title begins so. Without numbers, which count what is in the dump, and lines and columns.
fn about(title: &str, dump: &str) -> String {
    let part = dump.split("\n\n").find(|part| part.starts_with(title));
    let mut text = part.unwrap_or_else(|| panic!("{title} is not in {dump}")).replace(file!(), "HERE");
    text.retain(|letter| !letter.is_ascii_digit() && letter != '#' && letter != ':');
    text
}

/// Calls `test` in a goroutine of this name.
fn in_holder(test: fn()) {
    run(move || named("holder", test).join()).expect("the test does not panic");
}

/// Something that goroutines may refer to.
fn kept<T>(primitive: T) -> &'static T {
    Box::leak(Box::new(primitive))
}

fn soon() -> Instant {
    Instant::now() + LONG
}

#[test]
fn mutex() {
    in_holder(|| {
        let waits = "for mutex  (made at HERE), which goroutine  'holder' holds";
        let mutex = kept(Mutex::new(0));
        let guard = mutex.lock();
        assert_waits("sync.Mutex.Lock", waits, || drop(mutex.lock()), || drop(guard));
        let guard = mutex.try_lock().expect("nobody has it");
        assert_waits("sync.Mutex.Lock", waits, || drop(mutex.try_lock_for(LONG)), || drop(guard));
        let guard = MutexGuard::map(mutex.try_lock_for(LONG).expect("nobody has it"), |number| number);
        assert_waits("sync.Mutex.Lock", waits, || drop(mutex.try_lock_until(soon())), || drop(guard));
    });
}

#[test]
fn mutexes_made_in_other_ways() {
    static STATIC: Mutex<i32> = Mutex::new(0);
    in_holder(|| {
        let waits = "for mutex  (made at HERE), which goroutine  'holder' holds";
        for mutex in [&STATIC, kept(Mutex::default()), kept(Mutex::from(0))] {
            let guard = mutex.lock();
            assert_waits("sync.Mutex.Lock", waits, || drop(mutex.lock()), || drop(guard));
        }
    });
}

/// Who was handed a mutex holds it, though it has not locked anything since it waited.
#[test]
fn mutex_that_was_handed_off() {
    in_holder(|| {
        let mutex = kept(Mutex::new(0));
        let (go_on, may_go_on) = channel(0);
        let guard = mutex.lock();
        let heir = named("heir", move || {
            let _guard = mutex.try_lock_for(LONG);
            may_go_on.recv().expect("it is told to go on");
        });
        yield_now();
        // So long that it is not passed by any more.
        gocsp_runtime::sleep(Duration::from_millis(5));
        drop(guard);
        assert!(mutex.is_locked());
        let waits = "for mutex  (made at HERE), which goroutine  'heir' holds";
        assert_waits("sync.Mutex.Lock", waits, || drop(mutex.lock()), || go_on.send(()).expect("it listens"));
        heir.join().expect("it goes on");
    });
}

#[test]
fn threads() {
    let mutex = kept(Mutex::new(0));
    let (locked, is_locked) = mpsc::channel();
    let (unlock, may_unlock) = mpsc::channel::<()>();
    let holder = thread::Builder::new().name("thread that holds".into()).spawn(move || {
        let _guard = mutex.lock();
        locked.send(()).expect("it is awaited");
        // A wait of gocsp, so that it is in a dump.
        let group = WaitGroup::new();
        group.add(1);
        while may_unlock.try_recv().is_err() {
            group.wait_timeout(Duration::from_millis(50));
        }
    });
    is_locked.recv().expect("it locks");
    let waiter = thread::Builder::new().name("thread that waits".into()).spawn(|| drop(mutex.lock()));
    let text = loop {
        let dump = run(dump);
        let has = |name| dump.threads.iter().any(|thread| thread.name.as_deref() == Some(name));
        if has("thread that waits") && has("thread that holds") {
            let text = dump.to_string();
            let title = text.lines().find(|line| line.contains("'thread that waits' [")).expect("it is there");
            break about(title, &text);
        }
    };
    unlock.send(()).expect("it listens");
    for thread in [holder, waiter] {
        thread.expect("threads can be started").join().expect("they go on");
    }
    assert!(text.contains("[sync.Mutex.Lock,"), "{text}");
    assert!(text.contains("at HERE"), "{text}");
    assert!(text.contains("for mutex  (made at HERE), which thread  'thread that holds' holds"), "{text}");
}

#[test]
fn read_write_lock() {
    in_holder(|| {
        let held = "for read-write lock  (made at HERE), which goroutine  'holder' holds";
        let read = "for read-write lock  (made at HERE), which one reader has held";
        let lock = kept(RwLock::new(0));
        let guard = lock.write();
        assert_waits("sync.RWMutex.RLock", held, || drop(lock.read()), || drop(guard));
        let guard = lock.try_write().expect("nobody has it");
        assert_waits("sync.RWMutex.RLock", held, || drop(lock.try_read_for(LONG)), || drop(guard));
        let guard = lock.try_write_for(LONG).expect("nobody has it");
        assert_waits("sync.RWMutex.RLock", held, || drop(lock.try_read_until(soon())), || drop(guard));
        let guard = lock.try_write_until(soon()).expect("nobody has it");
        assert_waits("sync.RWMutex.Lock", held, || drop(lock.write()), || drop(guard));
        let guard = lock.write();
        assert_waits("sync.RWMutex.Lock", held, || drop(lock.try_write_for(LONG)), || drop(guard));
        let guard = lock.write();
        assert_waits("sync.RWMutex.Lock", held, || drop(lock.try_write_until(soon())), || drop(guard));
        let guard = lock.read();
        assert_waits("sync.RWMutex.Lock", read, || drop(lock.write()), || drop(guard));
        let guard = lock.read();
        assert_waits("sync.RWMutex.Lock", read, || drop(lock.try_write_for(LONG)), || drop(guard));
    });
}

/// A reader that waits for a writer that waits for another reader: so a dump shows who keeps whom.
#[test]
fn reader_behind_a_writer_that_waits() {
    in_holder(|| {
        let lock = kept(RwLock::new(0));
        let guard = lock.read();
        let writer = named("writer", || drop(lock.write()));
        while lock.try_read().is_some() {
            yield_now();
        }
        let waits = "for read-write lock  (made at HERE), which goroutine  'writer' holds";
        assert_waits("sync.RWMutex.RLock", waits, || drop(lock.read()), || drop(guard));
        writer.join().expect("it goes on");
    });
}

#[test]
fn cond() {
    in_holder(|| {
        let waits = "for cond  (made at HERE)";
        let (mutex, lock, cond) = (kept(Mutex::new(0)), kept(RwLock::new(0)), kept(Cond::new()));
        let signal = || cond.signal();
        assert_waits("sync.Cond.Wait", waits, || cond.wait(&mut mutex.lock()), signal);
        let mut again = [true, false].into_iter();
        let condition = move |_: &mut _| again.next().expect("it is asked twice");
        assert_waits("sync.Cond.Wait", waits, move || cond.wait_while(&mut lock.read(), condition), signal);
        assert_waits("sync.Cond.Wait", waits, || _ = cond.wait_timeout(&mut lock.write(), LONG), signal);
        assert_waits("sync.Cond.Wait", waits, || _ = cond.wait_deadline(&mut mutex.lock(), soon()), signal);
    });
}

/// Who has been woken waits for the lock.
#[test]
fn cond_whose_lock_is_held() {
    in_holder(|| {
        let waits = "for mutex  (made at HERE), which goroutine  'holder' holds";
        let (mutex, cond) = (kept(Mutex::new(false)), kept(Cond::new()));
        let waiting = named("waiting", || {
            let mut guard = mutex.lock();
            *guard = true;
            cond.wait(&mut guard);
        });
        while !*mutex.lock() {
            yield_now();
        }
        let guard = mutex.lock();
        cond.signal();
        let (wait, text) = wait_of(waiting.id(), |wait| wait.state() != "sync.Cond.Wait");
        drop(guard);
        assert_eq!((wait.state(), wait.place.file()), ("sync.Mutex.Lock", file!()));
        assert!(text.contains(waits), "{text}");
        waiting.join().expect("it goes on");
    });
}

#[test]
fn wait_group() {
    in_holder(|| {
        let waits = "for wait group  (made at HERE), for which  are still to be done";
        let group = kept(WaitGroup::new());
        let done = || group.add(-2);
        group.add(2);
        assert_waits("sync.WaitGroup.Wait", waits, || group.wait(), done);
        group.add(2);
        assert_waits("sync.WaitGroup.Wait", waits, || _ = group.wait_timeout(LONG), done);
        group.add(2);
        assert_waits("sync.WaitGroup.Wait", waits, || _ = group.wait_deadline(soon()), done);
    });
}

#[test]
fn barrier() {
    in_holder(|| {
        let barrier = kept(Barrier::new(2));
        let waits = "for barrier  (made at HERE), for which one is still to be done";
        assert_waits("sync.Barrier.Wait", waits, || _ = barrier.wait(), || _ = barrier.wait());
    });
}

/// Has somebody begin what `f` does, and go no further than the call of what it is given, until the result is told to.
fn begun(f: impl FnOnce(&dyn Fn()) + Send + 'static) -> Sender<()> {
    let (begun, has_begun) = channel(0);
    let (go_on, may_go_on) = channel(1);
    let wait = move || {
        begun.send(()).expect("it is awaited");
        may_go_on.recv().expect("it is told to go on");
    };
    drop(named("doer", move || f(&wait)));
    has_begun.recv().expect("it begins");
    go_on
}

fn go_on(doer: Sender<()>) -> impl FnOnce() {
    move || doer.send(()).expect("it listens")
}

#[test]
fn what_is_done_once() {
    in_holder(|| {
        let once = kept(Once::new());
        let waits = "for once  (made at HERE), which goroutine  'doer' holds";
        let doer = begun(|wait| once.call_once(wait));
        assert_waits("sync.Once.Do", waits, || once.call_once(|| ()), go_on(doer));

        let waits = "for once cell  (made at HERE), which goroutine  'doer' holds";
        let cell = || kept(OnceCell::new());
        let (one, other, third) = (cell(), cell(), cell());
        let ok = |wait: &dyn Fn()| {
            wait();
            Ok::<_, ()>(())
        };
        let doer = begun(|wait| _ = one.get_or_init(wait));
        assert_waits("sync.OnceCell", waits, || _ = one.get_or_init(|| ()), go_on(doer));
        let doer = begun(move |wait| _ = other.get_or_try_init(|| ok(wait)));
        assert_waits("sync.OnceCell", waits, || _ = other.get_or_try_init(|| Err(())), go_on(doer));
        let doer = begun(|wait| _ = third.get_or_init(wait));
        assert_waits("sync.OnceCell", waits, || assert_eq!(third.set(()), Err(())), go_on(doer));
    });
}

#[test]
fn functions_that_are_called_once() {
    in_holder(|| {
        let (begun, has_begun) = channel(0);
        let (go_on, may_go_on) = channel(1);
        let wait = kept(move || {
            begun.send(()).expect("it is awaited");
            may_go_on.recv().expect("it is told to go on");
        });
        let go_on = || go_on.send(()).expect("it listens");

        let waits = "for once value  (made at HERE), which goroutine  'doer' holds";
        let value = kept(OnceValue::new(wait));
        drop(named("doer", || value.get()));
        has_begun.recv().expect("it begins");
        assert_waits("sync.OnceValue", waits, || _ = value.get(), go_on);

        let waits = "for once func  (made at HERE), which goroutine  'doer' holds";
        let func = kept(OnceFunc::new(wait));
        drop(named("doer", || func.call()));
        has_begun.recv().expect("it begins");
        assert_waits("sync.OnceFunc", waits, || func.call(), go_on);
    });
}

#[test]
fn semaphore() {
    in_holder(|| {
        let waits = "for semaphore  (made at HERE)";
        let semaphore = kept(Semaphore::new(1));
        let context = kept(Context::background().with_cancel().0);
        let permit = semaphore.acquire(1);
        assert_waits("semaphore.Acquire", waits, || drop(semaphore.acquire(1)), || drop(permit));
        let permit = semaphore.acquire(1);
        assert_waits("semaphore.Acquire", waits, || drop(semaphore.acquire_timeout(1, LONG)), || drop(permit));
        let permit = semaphore.acquire(1);
        assert_waits("semaphore.Acquire", waits, || drop(semaphore.acquire_deadline(1, soon())), || drop(permit));
        let permit = semaphore.acquire(1);
        assert_waits("semaphore.Acquire", waits, || drop(semaphore.acquire_context(context, 1)), || drop(permit));
    });
}

#[test]
fn group_of_goroutines_that_may_fail() {
    in_holder(|| {
        let waits = "for errgroup  (made at HERE), for which one is still to be done";
        let mut group = errgroup::Group::<()>::new();
        group.set_limit(Some(1));
        let (go_on, may_go_on) = channel(0);
        let work = move || may_go_on.recv().map_err(drop);
        let go_on = || go_on.send(()).expect("it listens");
        group.go(work.clone());
        let group = kept(Mutex::new(Some(group)));
        let start = || group.lock().as_ref().expect("it is there").go(work);
        assert_waits("errgroup.Go", waits, start, go_on);
        assert_waits("errgroup.Wait", waits, || _ = group.lock().take().expect("it is there").wait(), go_on);
    });
}

#[test]
fn shared_call() {
    in_holder(|| {
        let waits = "for singleflight call  (made at HERE), which goroutine  'doer' holds";
        let group = kept(singleflight::Group::new());
        let doer = begun(|wait| _ = group.do_call("key", wait));
        assert_waits("singleflight.Do", waits, || _ = group.do_call("key", || ()), go_on(doer));
    });
}

/// A value that is cloned slowly, the first time.
struct Slow {
    begun: Sender<()>,
    may_go_on: Receiver<()>,
    is_first: AtomicBool,
}

impl Clone for Slow {
    fn clone(&self) -> Self {
        if self.is_first.swap(false, Ordering::Relaxed) {
            self.begun.send(()).expect("it is awaited");
            self.may_go_on.recv().expect("it is told to go on");
        }
        Self { begun: self.begun.clone(), may_go_on: self.may_go_on.clone(), is_first: AtomicBool::new(false) }
    }
}

impl PartialEq for Slow {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

/// While a value is being cloned.
#[test]
fn map() {
    /// Each operation is given a map, and a value.
    macro_rules! assert_each_waits {
        ($($operation:expr,)*) => {$(
            let ((begun, has_begun), (go_on, may_go_on)) = (channel(0), channel(0));
            let slow = kept(Slow { begun, may_go_on, is_first: AtomicBool::new(false) });
            let map = kept(Map::from_iter([(1, slow.clone())]));
            map.store(1, Slow { is_first: AtomicBool::new(true), ..slow.clone() });
            drop(named("doer", || drop(map.load(&1))));
            has_begun.recv().expect("it begins");
            let waits = "for map  (made at HERE), which goroutine  'doer' holds";
            let go_on = || go_on.send(()).expect("it listens");
            assert_waits("sync.Map", waits, move || ($operation)(map, slow), go_on);
        )*};
    }
    in_holder(|| {
        assert_each_waits!(
            |map: &Map<_, Slow>, _| _ = map.load(&1),
            |map: &Map<_, _>, value: &Slow| map.store(1, value.clone()),
            |map: &Map<_, _>, value: &Slow| _ = map.swap(1, value.clone()),
            |map: &Map<_, _>, value: &Slow| _ = map.load_or_store(1, value.clone()),
            |map: &Map<_, Slow>, _| _ = map.load_and_delete(&1),
            |map: &Map<_, Slow>, _| _ = map.delete(&1),
            |map: &Map<_, _>, value: &Slow| _ = map.compare_and_swap(&1, value, value.clone()),
            |map: &Map<_, _>, value| _ = map.compare_and_delete(&1, value),
            |map: &Map<_, Slow>, _| map.clear(),
            |map: &Map<_, Slow>, _| _ = map.len(),
            |map: &Map<_, Slow>, _| _ = map.is_empty(),
            |map: &Map<_, Slow>, _| map.range(|_, _| true),
            |map: &Map<_, Slow>, _| map.iter().for_each(drop),
            |map: &Map<_, Slow>, _| map.into_iter().for_each(drop),
        );
    });
}

/// Nobody knows where a lock is made that is a constant.
#[test]
fn locks_without_a_value() {
    in_holder(|| {
        let waits = "for mutex , which goroutine  'holder' holds";
        let mutex = kept(RawMutex::INIT);
        // SAFETY: whoever calls this has locked it.
        let unlock = || unsafe { mutex.unlock() };
        let lock = || mutex.lock();
        lock();
        assert_waits("sync.Mutex.Lock", waits, move || (mutex.lock(), unlock()).1, unlock);
        lock();
        assert_waits("sync.Mutex.Lock", waits, move || assert!((mutex.try_lock_for(LONG), unlock()).0), unlock);
        lock();
        assert_waits("sync.Mutex.Lock", waits, move || assert!((mutex.try_lock_until(soon()), unlock()).0), unlock);

        let waits = "for read-write lock , which goroutine  'holder' holds";
        let lock = kept(RawRwLock::INIT);
        // SAFETY: whoever calls this has locked it so.
        let read = || unsafe { lock.unlock_shared() };
        // SAFETY: as above.
        let write = || unsafe { lock.unlock_exclusive() };
        lock.lock_exclusive();
        assert_waits("sync.RWMutex.Lock", waits, move || (lock.lock_exclusive(), write()).1, write);
        lock.lock_exclusive();
        assert_waits("sync.RWMutex.RLock", waits, move || (lock.lock_shared(), read()).1, write);
        lock.lock_exclusive();
        let timed = move || assert!((lock.try_lock_shared_for(LONG), read()).0);
        assert_waits("sync.RWMutex.RLock", waits, timed, write);
        lock.lock_exclusive();
        let timed = move || assert!((lock.try_lock_exclusive_for(LONG), write()).0);
        assert_waits("sync.RWMutex.Lock", waits, timed, write);
    });
}
