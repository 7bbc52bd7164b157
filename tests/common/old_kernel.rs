//! An older kernel, for a child process: a filter of system calls refuses what it would not know. So no switch for tests is
//! needed in what is tested.

use std::io::{self, Write};
use std::ptr;

/// `MADV_GUARD_INSTALL`, Linux 6.13.
const MADV_GUARD_INSTALL: libc::c_int = 102;

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes the kernel one without `MADV_GUARD_INSTALL` for this process. False if it can be given no filter: that it then says
/// on stderr.
#[must_use]
pub(crate) fn refuse_guards() -> bool {
    if !has_guards() {
        return true;
    }
    if let Err(error) = install_filter() {
        // Not by a macro, whose output tests collect.
        let message =
            format!("NOT TESTED: the kernel has MADV_GUARD_INSTALL, and takes no filter to refuse it: {error}\n");
        io::stderr().write_all(message.as_bytes()).expect("stderr is open");
        return false;
    }
    assert!(!has_guards(), "the filter does not work");
    true
}

fn install_filter() -> io::Result<()> {
    /// Where a filter finds the number of the system call, and the lower half of its third argument.
    const NUMBER: u32 = 0;
    const THIRD: u32 = 16 + 2 * 8 + if cfg!(target_endian = "big") { 4 } else { 0 };
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let compare = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let give = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        step(load, NUMBER, 0, 0),
        step(compare, libc::SYS_madvise as u32, 0, 3),
        step(load, THIRD, 0, 0),
        step(compare, MADV_GUARD_INSTALL as u32, 0, 1),
        step(give, libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32, 0, 0),
        step(give, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: this option takes numbers, and takes nothing from a test.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: the kernel copies the program, which is as long as it says.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            // For the threads that there are already.
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const program,
        )
    };
    // With that flag a positive number is that of a thread that cannot have it.
    if result > 0 { Err(io::Error::other("a thread has another filter")) } else { check(result as libc::c_int) }
}

/// Whether the kernel knows `MADV_GUARD_INSTALL`.
fn has_guards() -> bool {
    const BYTES: usize = 1 << 16;
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
    let page = unsafe { libc::mmap(ptr::null_mut(), BYTES, protection, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: the mapping is ours.
    let known = unsafe { libc::madvise(page, BYTES, MADV_GUARD_INSTALL) } == 0;
    // SAFETY: as above.
    check(unsafe { libc::munmap(page, BYTES) }).expect("what was mapped can be unmapped");
    known
}
