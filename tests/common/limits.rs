//! Limits of the system, for a child process that is to meet them. All can be lifted again but that on descriptors.

use std::io;
use std::mem::MaybeUninit;
use std::thread;
use std::time::Duration;

/// A user that is not root, and has no processes besides.
const NOT_ROOT: libc::uid_t = 54_321;

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The address space that this process has, in bytes.
fn address_space() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells the size of a process");
    let pages: usize = statm.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages << 12
}

/// Leaves this process `room` bytes of address space beyond what it has.
pub(crate) fn limit_address_space(room: usize) {
    // Threads that have just been started go on to map their signal stacks and heaps: lets them come to rest.
    let (mut bytes, mut unchanged) = (address_space(), 0);
    while unchanged < 30 {
        thread::sleep(Duration::from_millis(1));
        let now = address_space();
        unchanged = if now == bytes { unchanged + 1 } else { 0 };
        bytes = now;
    }
    set_limit(libc::RLIMIT_AS, (bytes + room) as libc::rlim_t).expect("a limit can be lowered");
}

/// Takes [`limit_address_space`] back.
pub(crate) fn lift_address_space() {
    set_limit(libc::RLIMIT_AS, libc::RLIM_INFINITY).expect("a limit can be raised up to the hard one");
}

/// Lets this process open no descriptors any more.
pub(crate) fn refuse_descriptors() {
    set_limit(libc::RLIMIT_NOFILE, 0).expect("a limit can be lowered");
    assert!(std::fs::File::open("/dev/null").is_err(), "a descriptor was to be had");
}

/// Lets this process start no threads any more. As root does not heed the limit, the process is root no more afterwards.
pub(crate) fn refuse_threads() {
    // SAFETY: the call has no preconditions.
    if unsafe { libc::getuid() } == 0 {
        // SAFETY: as above.
        check(unsafe { libc::setuid(NOT_ROOT) }).expect("root may become another user");
    }
    set_limit(libc::RLIMIT_NPROC, 0).expect("a limit can be lowered");
    assert!(!can_start_threads(), "a thread was to be had: this process has the capability to ignore the limit");
}

/// Takes [`refuse_threads`] back.
pub(crate) fn allow_threads() {
    // SAFETY: all zeroes is a valid rlimit, to be overwritten.
    let mut limits: libc::rlimit = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the kernel writes one struct.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NPROC, &raw mut limits) }).expect("limits can be asked for");
    set_limit(libc::RLIMIT_NPROC, limits.rlim_max).expect("a limit can be raised up to the hard one");
    assert!(can_start_threads());
}

fn can_start_threads() -> bool {
    thread::Builder::new().spawn(|| ()).map(|thread| thread.join().expect("it does nothing")).is_ok()
}

/// Sets the soft limit, and leaves the hard one.
fn set_limit(resource: libc::__rlimit_resource_t, soft: libc::rlim_t) -> io::Result<()> {
    // SAFETY: all zeroes is a valid rlimit, to be overwritten.
    let mut limits: libc::rlimit = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the kernel writes one struct.
    check(unsafe { libc::getrlimit(resource, &raw mut limits) })?;
    limits.rlim_cur = soft.min(limits.rlim_max);
    // SAFETY: the kernel reads one struct.
    check(unsafe { libc::setrlimit(resource, &raw const limits) })
}
