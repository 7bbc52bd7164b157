//! Overflows of stacks: what the process says before it aborts, and whether it is true. How faults that are no overflows end
//! is tested in `faults.rs`.
#![cfg(unix)]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/child.rs"]
mod child;
#[cfg(target_os = "linux")]
#[path = "common/old_kernel.rs"]
mod old_kernel;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::hint::black_box;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cases::in_children;
use child::{Ended, in_child};
use gocsp::{Go, Receiver, Runtime, blocking, go, goroutine_local, run, scope, yield_now};

/// Recurses so deep, in frames of at least so many words.
fn recurse<const WORDS: usize>(depth: u64) -> u64 {
    let frame = black_box([depth; WORDS]);
    let deeper = if black_box(depth > 0) { recurse::<WORDS>(frame[0] - 1) } else { 0 };
    deeper + frame[WORDS - 1]
}

fn recurse_without_end() -> u64 {
    recurse::<8>(u64::MAX)
}

/// Needs more than so much of a stack, and less than twice that: of an optimised program as well as of one that is not.
fn use_bytes(bytes: usize) {
    const WORDS: usize = 8 << 10;
    const BYTES: usize = WORDS * size_of::<u64>();
    if bytes > 0 {
        let frame = black_box([1_u64; WORDS]);
        use_bytes(bytes.saturating_sub(BYTES));
        black_box(&frame);
    }
}

/// Overflows the stack of whoever drops it.
struct Bottomless;

impl Drop for Bottomless {
    fn drop(&mut self) {
        recurse_without_end();
    }
}

/// The process was aborted, and says which goroutine, spawned in this file, had overflowed a stack of how much.
fn assert_overflow(ended: &Ended, goroutine: &str, kib: usize) {
    let Ended { status, stdout, stderr } = ended;
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}\n{stdout}{stderr}");
    let message = format!("has overflowed its stack of {kib} KiB");
    let line = stderr.lines().find(|line| line.contains(&message)).unwrap_or_else(|| panic!("{stderr}"));
    assert!(line.starts_with("goroutine ") && line.contains(goroutine), "{line}");
    assert!(line.contains(file!()), "{line}");
    assert!(stderr.ends_with("fatal runtime error: stack overflow, aborting\n"), "{stderr}");
}

/// A goroutine of this name overflows a stack of the usual size by this.
fn spawn_and_join(name: &str, overflow: impl FnOnce() + Send + 'static) {
    run(|| drop(Go::new().name(name).spawn(overflow).unwrap().join()));
}

#[test]
fn endless_recursion_names_the_goroutine_and_aborts() {
    let ended = in_child("endless_recursion_names_the_goroutine_and_aborts", || {
        spawn_and_join("deep thought", || _ = recurse_without_end());
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "'deep thought'", 256);
    }
}

#[test]
fn endless_recursion_on_64_kib() {
    let ended = in_child("endless_recursion_on_64_kib", || {
        let runtime = Runtime::builder().stack_size(64 << 10).build().unwrap();
        // With others around it, on stacks next to its own.
        runtime.run(|| {
            for _ in 0..50 {
                go!(|| Receiver::<()>::nil().recv());
            }
            yield_now();
            drop(go!(recurse_without_end()).join());
        });
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "goroutine", 64);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn endless_recursion_where_the_kernel_has_no_light_guards() {
    let ended = in_child("endless_recursion_where_the_kernel_has_no_light_guards", || {
        if old_kernel::refuse_guards() {
            spawn_and_join("deep thought", || _ = recurse_without_end());
        }
    });
    match ended {
        Some(ended) if ended.status.success() => eprint!("{}", ended.stderr),
        Some(ended) => assert_overflow(&ended, "'deep thought'", 256),
        None => {}
    }
}

#[test]
fn large_frames_do_not_get_past_the_guard() {
    // From half a page to far more than the stack.
    let recursions = [
        recurse::<{ 1 << 8 }>,
        recurse::<{ 1 << 9 }>,
        recurse::<{ 1 << 10 }>,
        recurse::<{ 1 << 12 }>,
        recurse::<{ 1 << 13 }>,
        recurse::<{ 1 << 15 }>,
        recurse::<{ 1 << 17 }>,
        recurse::<{ 1 << 20 }>,
    ];
    let ended = in_children("large_frames_do_not_get_past_the_guard", &recursions, |&recursion| {
        spawn_and_join("large frames", move || _ = recursion(u64::MAX));
    });
    ended.iter().for_each(|ended| assert_overflow(ended, "'large frames'", 256));
}

#[test]
fn what_a_goroutine_takes_along_may_be_too_large_for_its_stack() {
    let ended = in_child("what_a_goroutine_takes_along_may_be_too_large_for_its_stack", || {
        // For the main goroutine's own, and a few copies.
        let runtime = Runtime::builder().stack_size(64 * MIB).build().unwrap();
        runtime.run(|| {
            let large = black_box([1_u8; 512 << 10]);
            let laden = Go::new().name("laden").stack_size(256 << 10).spawn(move || _ = black_box(&large));
            drop(laden.unwrap().join());
        });
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "'laden'", 256);
    }
}

/// How a goroutine is started that needs so much of a stack; what is said of one that needs more than it has; and how large
/// its stack is then, in KiB.
type Start = (fn(usize), &'static str, usize);

const MIB: usize = 1 << 20;

const SMALL: [Start; 5] = [
    (|bytes| run(|| go!(move || use_bytes(bytes)).join().unwrap()), "Go::new().stack_size(bytes), or for all", 256),
    (
        |bytes| run(|| Go::new().stack_size(64 << 10).spawn(move || use_bytes(bytes)).unwrap().join().unwrap()),
        "in Go::new().stack_size(bytes)\n",
        64,
    ),
    (
        |bytes| run(|| scope(|s| s.go(|| use_bytes(bytes)).join().unwrap())),
        "Go::new().stack_size(bytes).spawn_scoped(scope, ..), or for all",
        256,
    ),
    (|bytes| run(|| use_bytes(8 * bytes)), "Runtime::builder().stack_size(bytes).build()?.run(..)", 8 << 10),
    (
        |bytes| Runtime::builder().stack_size(64 << 10).build().unwrap().run(|| use_bytes(8 * bytes)),
        "Runtime::builder().stack_size(bytes).build()?.run(..)",
        8 << 10,
    ),
];

/// The same, as they were told to do it.
const RAISED: [fn(usize); 6] = [
    |bytes| run(|| Go::new().stack_size(4 * MIB).spawn(move || use_bytes(bytes)).unwrap().join().unwrap()),
    |bytes| {
        let runtime = Runtime::builder().stack_size(4 * MIB).build().unwrap();
        runtime.run(|| go!(move || use_bytes(bytes)).join().unwrap());
    },
    |bytes| {
        run(|| scope(|s| Go::new().stack_size(4 * MIB).spawn_scoped(s, || use_bytes(bytes)).unwrap().join().unwrap()));
    },
    |bytes| {
        let runtime = Runtime::builder().stack_size(4 * MIB).build().unwrap();
        runtime.run(|| scope(|s| s.go(|| use_bytes(bytes)).join().unwrap()));
    },
    |bytes| Runtime::builder().stack_size(32 * MIB).build().unwrap().run(|| use_bytes(8 * bytes)),
    |bytes| run(|| Go::new().stack_size(32 * MIB).spawn(move || use_bytes(8 * bytes)).unwrap().join().unwrap()),
];

#[test]
fn the_message_names_the_call_that_raises_the_size() {
    let ended = in_children("the_message_names_the_call_that_raises_the_size", &SMALL, |(start, ..)| start(MIB));
    for (ended, (_, help, kib)) in ended.iter().zip(&SMALL) {
        assert_overflow(ended, "goroutine", *kib);
        assert!(ended.stderr.contains("help: ") && ended.stderr.contains(help), "{}", ended.stderr);
    }
}

#[test]
fn the_call_that_the_message_names_raises_the_size() {
    for ended in in_children("the_call_that_the_message_names_raises_the_size", &RAISED, |start| start(MIB)) {
        assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
    }
}

#[test]
fn the_main_goroutine_is_named() {
    let ended = in_child("the_main_goroutine_is_named", || _ = run(recurse_without_end));
    if let Some(ended) = ended {
        assert_overflow(&ended, "'main'", 8192);
    }
}

/// An allocator that, when told so, overflows the stack of who allocates next, with its lock held.
struct Allocator;

static OVERFLOWS: AtomicBool = AtomicBool::new(false);
static LOCKED: AtomicBool = AtomicBool::new(false);

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        while LOCKED.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        if OVERFLOWS.swap(false, Ordering::Relaxed) {
            LOCKED.store(true, Ordering::Relaxed);
            recurse_without_end();
        }
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        while LOCKED.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[test]
fn an_overflow_inside_the_allocator_is_reported() {
    let ended = in_child("an_overflow_inside_the_allocator_is_reported", || {
        spawn_and_join("allocating", || {
            OVERFLOWS.store(true, Ordering::Relaxed);
            drop(black_box(Box::new(1)));
        });
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "'allocating'", 256);
    }
}

#[test]
fn an_overflow_while_unwinding_is_reported() {
    let ended = in_child("an_overflow_while_unwinding_is_reported", || {
        spawn_and_join("unwinding", || {
            let _bottomless = Bottomless;
            panic!("the reason");
        });
    });
    if let Some(ended) = ended {
        assert!(ended.stderr.contains("the reason"), "{}", ended.stderr);
        assert_overflow(&ended, "'unwinding'", 256);
    }
}

#[test]
fn an_overflow_in_the_panic_hook_is_reported() {
    let ended = in_child("an_overflow_in_the_panic_hook_is_reported", || {
        panic::set_hook(Box::new(|_| {
            // The message has to get past this.
            let _stderr = io::stderr().lock();
            recurse_without_end();
        }));
        spawn_and_join("panicking", || panic!("the reason"));
    });
    if let Some(ended) = ended {
        assert_overflow(&ended, "'panicking'", 256);
    }
}

#[test]
fn an_overflow_at_the_end_of_a_goroutine_is_reported() {
    goroutine_local! {
        static LAST: RefCell<Option<Bottomless>> = RefCell::new(None);
    }
    let ends: [fn(); 3] = [
        // The result that nobody wants.
        || drop(Go::new().name("ending").spawn(|| Bottomless).unwrap()),
        || {
            let ending = Go::new().name("ending").spawn(|| LAST.with(|last| *last.borrow_mut() = Some(Bottomless)));
            drop(ending.unwrap().join());
        },
        // When its runtime ends.
        || {
            let parked = Go::new().name("ending").spawn(|| {
                let _bottomless = Bottomless;
                Receiver::<()>::nil().recv()
            });
            drop(parked.unwrap());
            yield_now();
        },
    ];
    let ended = in_children("an_overflow_at_the_end_of_a_goroutine_is_reported", &ends, |end| {
        run(|| {
            end();
            gocsp::sleep(std::time::Duration::from_millis(50));
        });
    });
    ended.iter().for_each(|ended| assert_overflow(ended, "'ending'", 256));
}

#[test]
fn the_overflow_of_a_thread_still_has_the_message_of_std() {
    let threads: [fn(); 2] = [
        || drop(thread::Builder::new().name("ordinary".into()).spawn(recurse_without_end).unwrap().join()),
        || _ = run(|| blocking(recurse_without_end)),
    ];
    let ended = in_children("the_overflow_of_a_thread_still_has_the_message_of_std", &threads, |overflow| {
        run(|| go!(|| ()).join().unwrap());
        overflow();
    });
    for (ended, name) in ended.iter().zip(["thread 'ordinary'", "thread 'gocsp-blocking'"]) {
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{}\n{}", ended.status, ended.stderr);
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
        assert!(ended.stderr.contains("has overflowed its stack") && !ended.stderr.contains("goroutine"));
    }
}
