//! For `ci/asan.sh` and `ci/tsan.sh`: programs with a bug each, which the sanitizer has to report, and what they are without
//! it, which it must not. They are ignored, for what a bug does in other builds nobody knows.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gocsp::sync::Mutex;
use gocsp::{Go, Runtime, channel, go, yield_now};

/// An address that may go to another thread.
#[derive(Clone, Copy)]
struct Address(*mut u64);

// SAFETY: whether it may be used there is what this is about.
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}

impl Address {
    /// Adds one to the number there.
    ///
    /// # Safety
    /// Nobody else uses it meanwhile.
    unsafe fn increment(self) {
        // SAFETY: as the caller says.
        let number = unsafe { self.0.read() };
        // SAFETY: as the caller says.
        unsafe { self.0.write(number + 1) };
    }
}

/// Runs `this` in the main goroutine and `that` in one on another worker, at the same time.
fn on_two_workers(this: impl FnOnce() + Send, that: impl FnOnce() + Send + Clone + 'static) {
    Runtime::builder().procs(2).build().unwrap().run(move || {
        let here = thread::current().id();
        let other = loop {
            let (start, (tell, place)) = (channel::<bool>(0), channel(0));
            let that = that.clone();
            let waits = move || {
                tell.send(thread::current().id()).unwrap();
                if start.1.recv() == Ok(true) {
                    that();
                }
            };
            let other = Go::new().spread().spawn(waits).unwrap();
            let elsewhere = place.recv() != Ok(here);
            start.0.send(elsewhere).unwrap();
            if elsewhere {
                break other;
            }
        };
        this();
        other.join().unwrap();
    });
}

#[test]
#[ignore = "a data race"]
fn a_race() {
    static HERE: AtomicUsize = AtomicUsize::new(0);
    let mut number = 0;
    let address = Address(&raw mut number);
    let increment = move || {
        // Relaxed, both: nobody has seen what the other does.
        HERE.fetch_add(1, Ordering::Relaxed);
        while HERE.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
        // Of two accesses at the very same moment one may get lost to the sanitizer.
        for _ in 0..1000 {
            // SAFETY: not given.
            unsafe { address.increment() };
        }
    };
    on_two_workers(increment, increment);
    println!("{number}");
}

#[test]
#[ignore = "the same as the data race, without it"]
fn no_race_with_a_channel() {
    let mut number = 0;
    let address = Address(&raw mut number);
    let (token, tokens) = channel(1);
    token.send(address).unwrap();
    let increment = move || {
        for _ in 0..10_000 {
            let address = tokens.recv().unwrap();
            // SAFETY: who has the address has it alone.
            unsafe { address.increment() };
            token.send(address).unwrap();
        }
    };
    on_two_workers(increment.clone(), increment);
    assert_eq!(number, 20_000);
}

#[test]
#[ignore = "the same as the data race, without it"]
fn no_race_with_a_mutex() {
    static TURN: Mutex<()> = Mutex::new(());
    let mut number = 0;
    let address = Address(&raw mut number);
    let increment = move || {
        for _ in 0..10_000 {
            let _turn = TURN.lock();
            // SAFETY: it is this goroutine's turn.
            unsafe { address.increment() };
        }
    };
    on_two_workers(increment, increment);
    assert_eq!(number, 20_000);
}

/// Calls `f` in a goroutine, after it has parked and gone on.
fn in_a_goroutine(f: fn() -> u64) {
    let goroutine = go! {
        yield_now();
        f()
    };
    println!("{}", goroutine.join().unwrap());
}

/// The number at `place`, which the compiler knows nothing about.
///
/// # Safety
/// There is one.
unsafe fn read(place: *const u64) -> u64 {
    // SAFETY: as the caller says.
    unsafe { black_box(place).read() }
}

#[test]
#[ignore = "a use of memory that has been freed"]
fn a_use_after_free() {
    in_a_goroutine(|| {
        let boxed = Box::new(1);
        let place = &raw const *boxed;
        drop(boxed);
        yield_now();
        // SAFETY: not given.
        unsafe { read(place) }
    });
}

#[test]
#[ignore = "a read beyond the end of an array on a goroutine's stack"]
fn a_read_beyond_the_end() {
    in_a_goroutine(|| {
        let array = [1; 4];
        let place = black_box(&array).as_ptr();
        yield_now();
        // SAFETY: not given.
        unsafe { read(place.wrapping_add(array.len())) }
    });
}

#[test]
#[ignore = "a use of a variable on a goroutine's stack that has left its scope"]
fn a_use_after_scope() {
    in_a_goroutine(|| {
        let place = {
            let number = 1;
            &raw const *black_box(&number)
        };
        yield_now();
        // SAFETY: not given.
        unsafe { read(place) }
    });
}

#[test]
#[ignore = "the same as those with bugs in their use of memory, without them"]
fn no_wrong_use_of_memory() {
    in_a_goroutine(|| {
        let boxed = Box::new(1);
        let place = &raw const *boxed;
        yield_now();
        // SAFETY: the box is still there.
        unsafe { read(place) }
    });
    in_a_goroutine(|| {
        let array = [1; 4];
        let place = black_box(&array).as_ptr();
        yield_now();
        // SAFETY: it is the last of the array.
        unsafe { read(place.wrapping_add(array.len() - 1)) }
    });
    in_a_goroutine(|| {
        let number = 1;
        let place = &raw const *black_box(&number);
        yield_now();
        // SAFETY: the number is still there.
        unsafe { read(place) }
    });
}
