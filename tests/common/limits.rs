//! Limits of the system, for a child process that is to meet them.

use std::io;
use std::mem::MaybeUninit;
use std::thread;
use std::time::Duration;

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
