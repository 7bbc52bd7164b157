//! The threads of the process: which of them are the runtime's own, and whether any other could act.

use std::cell::Cell;
use std::io;
#[cfg(target_os = "linux")]
use std::mem::MaybeUninit;
use std::ops::Range;
#[cfg(target_os = "linux")]
use std::ptr;
use std::sync::PoisonError;

use crate::std_sync::{Mutex, MutexGuard};

/// The number of the calling thread in the system; 0 if that is not known.
pub(crate) fn thread_number() -> u64 {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the call has no preconditions.
        let number = unsafe { libc::gettid() };
        number.unsigned_abs().into()
    }
    #[cfg(not(target_os = "linux"))]
    0
}

/// Writes a report to the standard error stream. Not through that of the standard library: its lock may be held by one who waits,
/// and whom the report is about. What the stream does not take is lost.
pub(crate) fn write_report(text: &str) {
    #[cfg(unix)]
    {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: the bytes are there to be read.
            let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(0) => return,
                Ok(written) => rest = &rest[written..],
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = io::Write::write_all(&mut io::stderr(), text.as_bytes());
    }
}

/// The addresses of the calling thread's stack; empty if they are not known. Asked of the system once in a thread.
#[inline(never)]
pub(crate) fn thread_stack() -> Range<usize> {
    thread_local! {
        static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    }
    let known = STACK.try_with(Cell::get).ok().flatten();
    let (start, end) = known.unwrap_or_else(|| {
        let found = stack_by_system().unwrap_or_default();
        // A thread that ends may have lost its variables.
        let _ = STACK.try_with(|stack| stack.set(Some(found)));
        found
    });
    start..end
}

#[cfg(target_os = "linux")]
fn stack_by_system() -> Option<(usize, usize)> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the call has no preconditions.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: the thread lives, and there is room for its attributes.
    if unsafe { libc::pthread_getattr_np(this, attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut start, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes were filled in.
    let read = unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size) };
    // SAFETY: they were, and are not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    (read == 0).then(|| (start.addr(), start.addr() + size))
}

#[cfg(not(target_os = "linux"))]
fn stack_by_system() -> Option<(usize, usize)> {
    None
}

/// Threads that do nothing of their own accord, by number.
static OWN: Mutex<Vec<u64>> = Mutex::new(Vec::new());

fn own() -> MutexGuard<'static, Vec<u64>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says, as long as it lives, that the thread that made it only does what the runtime has it do.
pub(crate) struct OwnThread(u64);

impl OwnThread {
    pub(crate) fn begin() -> Self {
        let number = thread_number();
        own().push(number);
        Self(number)
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        let mut own = own();
        if let Some(place) = own.iter().position(|thread| *thread == self.0) {
            own.swap_remove(place);
        }
    }
}

/// Whether every thread of the process is the runtime's own or among those that wait, by number. False where that cannot be known.
pub(super) fn is_alone_with(waiting: &[u64]) -> bool {
    let Some(threads) = threads() else { return false };
    let own = own();
    threads.iter().all(|thread| own.contains(thread) || waiting.contains(thread))
}

/// The threads of the process, by number.
#[cfg(target_os = "linux")]
fn threads() -> Option<Vec<u64>> {
    let entries = std::fs::read_dir("/proc/self/task").ok()?;
    entries.map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(not(target_os = "linux"))]
fn threads() -> Option<Vec<u64>> {
    None
}
