//! Faults that are no overflow: they end as they would without gocsp, whoever handles them.
#![cfg(target_os = "linux")]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/child.rs"]
mod child;

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::ptr;
use std::sync::OnceLock;

use cases::in_children;
use child::{Ended, in_child};
use gocsp::{go, run};

/// The status with which the handlers end the process.
const HANDLED: i32 = 7;

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// Calls `fault` in a goroutine.
fn in_goroutine<T: Send + 'static>(fault: fn() -> T) {
    run(|| drop(go!(fault()).join()));
}

fn touch_nothing() -> u8 {
    // SAFETY: none: that page is not mapped, and reading it raises a signal.
    unsafe { black_box(16 as *const u8).read_volatile() }
}

/// A page of a file that is shorter.
fn touch_beyond_a_file() -> u8 {
    // SAFETY: the name is a C string.
    let file = unsafe { libc::memfd_create(c"empty".as_ptr(), 0) };
    assert!(file >= 0);
    // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
    let page = unsafe { libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ, libc::MAP_SHARED, file, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: none: there is nothing behind that page, and reading it raises a signal.
    unsafe { page.cast::<u8>().read_volatile() }
}

fn overflow() -> u64 {
    fn recurse(depth: u64) -> u64 {
        let frame = black_box([depth; 8]);
        if black_box(true) { recurse(frame[0] + 1) + frame[1] } else { 0 }
    }
    recurse(0)
}

fn write(text: &str) {
    // SAFETY: the text is as long as it says.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

/// Installs an action for SIGSEGV, and gives the one before.
fn install(handler: usize, flags: libc::c_int) -> libc::sigaction {
    // SAFETY: all zeroes is a valid sigaction.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    let mut before = action;
    // SAFETY: the handler is one for these flags.
    assert_eq!(unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, &raw mut before) }, 0);
    before
}

extern "C" fn exit(_: libc::c_int) {
    write("the user's handler\n");
    // SAFETY: it may be called at any time.
    unsafe { libc::_exit(HANDLED) };
}

extern "C" fn exit_with_info(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo.
    let info = unsafe { &*info };
    // SAFETY: for this signal the address is set.
    if (signal, unsafe { info.si_addr() } as usize) == (libc::SIGSEGV, 16) {
        exit(signal);
    }
}

extern "C" fn come_back(_: libc::c_int) {
    write("the user's handler\n");
}

/// What was there before [`pass_on`].
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

extern "C" fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    write("the user's handler\n");
    let before = BEFORE.get().expect("it was set before the first fault").sa_sigaction;
    // SAFETY: that of the runtime takes three arguments.
    let before = unsafe { std::mem::transmute::<usize, Handler>(before) };
    before(signal, info, context);
}

fn assert_killed(ended: &Ended, signal: libc::c_int) {
    assert_eq!(ended.status.signal(), Some(signal), "{}\n{}{}", ended.status, ended.stdout, ended.stderr);
    assert!(!ended.stderr.contains("overflowed"), "{}", ended.stderr);
}

fn assert_handled(ended: &Ended) {
    assert_eq!(ended.status.code(), Some(HANDLED), "{}\n{}", ended.status, ended.stderr);
    assert_eq!(ended.stderr, "the user's handler\n");
}

#[test]
fn a_fault_that_is_no_overflow_ends_the_process_by_its_signal() {
    let faults = [(touch_nothing as fn() -> u8, libc::SIGSEGV), (touch_beyond_a_file, libc::SIGBUS)];
    let name = "a_fault_that_is_no_overflow_ends_the_process_by_its_signal";
    let ended = in_children(name, &faults, |&(fault, _)| in_goroutine(fault));
    ended.iter().zip(faults).for_each(|(ended, (_, signal))| assert_killed(ended, signal));
}

#[test]
fn the_handler_that_was_there_before_gets_the_fault() {
    let handlers = [
        (exit as *const () as usize, 0),
        (exit as *const () as usize, libc::SA_RESETHAND),
        (exit_with_info as *const () as usize, libc::SA_SIGINFO),
        (exit_with_info as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK),
    ];
    let ended = in_children("the_handler_that_was_there_before_gets_the_fault", &handlers, |&(handler, flags)| {
        install(handler, flags);
        in_goroutine(touch_nothing);
    });
    ended.iter().for_each(assert_handled);
}

#[test]
fn the_handler_that_was_there_before_does_not_get_the_overflow_of_a_goroutine() {
    let name = "the_handler_that_was_there_before_does_not_get_the_overflow_of_a_goroutine";
    let ended = in_child(name, || {
        install(exit as *const () as usize, 0);
        in_goroutine(overflow);
    });
    if let Some(ended) = ended {
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{}\n{}", ended.status, ended.stderr);
        assert!(ended.stderr.contains("has overflowed its stack") && !ended.stderr.contains("the user's"));
    }
}

#[test]
fn a_handler_that_is_to_be_called_once_is_called_once() {
    let ended = in_child("a_handler_that_is_to_be_called_once_is_called_once", || {
        install(come_back as *const () as usize, libc::SA_RESETHAND);
        in_goroutine(touch_nothing);
    });
    if let Some(ended) = ended {
        assert_killed(&ended, libc::SIGSEGV);
        assert_eq!(ended.stderr, "the user's handler\n");
    }
}

/// The kernel does not ignore faults either, whatever it was told: they would go on for ever.
#[test]
fn a_fault_ends_the_process_even_if_its_signal_is_ignored() {
    let ended = in_child("a_fault_ends_the_process_even_if_its_signal_is_ignored", || {
        install(libc::SIG_IGN, 0);
        in_goroutine(touch_nothing);
    });
    if let Some(ended) = ended {
        assert_killed(&ended, libc::SIGSEGV);
    }
}

#[test]
fn a_signal_that_somebody_sends_does_what_it_did_before() {
    let actions = [(libc::SIG_DFL, Some(libc::SIGSEGV)), (libc::SIG_IGN, None)];
    let name = "a_signal_that_somebody_sends_does_what_it_did_before";
    let ended = in_children(name, &actions, |&(action, _)| {
        install(action, 0);
        in_goroutine(|| {
            // SAFETY: there is nothing to be careful about.
            unsafe { libc::raise(libc::SIGSEGV) };
            write("alive\n");
        });
    });
    for (ended, (_, killed)) in ended.iter().zip(actions) {
        assert_eq!(ended.status.signal(), killed, "{}\n{}", ended.status, ended.stderr);
        assert_eq!(ended.stderr.contains("alive"), killed.is_none());
    }
}

#[test]
fn a_handler_that_was_installed_later_gets_every_fault_first() {
    let ended = in_child("a_handler_that_was_installed_later_gets_every_fault_first", || {
        run(|| go!(|| ()).join().unwrap());
        install(exit_with_info as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK);
        in_goroutine(touch_nothing);
    });
    if let Some(ended) = ended {
        assert_handled(&ended);
    }
}

#[test]
fn a_handler_that_was_installed_later_and_passes_on_what_is_not_his_leaves_all_as_it_was() {
    let name = "a_handler_that_was_installed_later_and_passes_on_what_is_not_his_leaves_all_as_it_was";
    let faults: [fn(); 2] = [|| in_goroutine(overflow), || in_goroutine(touch_nothing)];
    let ended = in_children(name, &faults, |fault| {
        run(|| go!(|| ()).join().unwrap());
        let handler = pass_on as *const () as usize;
        let before = install(handler, libc::SA_SIGINFO | libc::SA_ONSTACK);
        assert!(BEFORE.set(before).is_ok());
        fault();
    });
    if let [overflow, other] = &ended[..] {
        assert_eq!(overflow.status.signal(), Some(libc::SIGABRT), "{}\n{}", overflow.status, overflow.stderr);
        assert!(overflow.stderr.contains("has overflowed its stack") && overflow.stderr.contains(file!()));
        assert_killed(other, libc::SIGSEGV);
        assert!([overflow, other].iter().all(|ended| ended.stderr.contains("the user's handler")));
    }
}
