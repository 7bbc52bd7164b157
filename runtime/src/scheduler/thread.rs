//! The threads of the workers, and how every thread of the runtime is started.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::shared::Shared;
use super::worker::Worker;
use crate::diagnostics::OwnThread;
use crate::stack::{SignalStack, look_for_room};

/// How much address space there has to be for a thread to be started, in bytes: for its stack, and for what it goes on to map.
/// The standard library aborts the process if that fails.
const ROOM: usize = 8 << 20;

/// Starts a thread.
///
/// # Errors
/// What the system says, and what to do about it.
pub(crate) fn start_thread(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let started = look_for_room(ROOM).and_then(|()| thread::Builder::new().name(name).spawn(body));
    started.map_err(|error| {
        let advice = "raise the limit on threads (ulimit -u, or the cgroup's pids.max) or on address space (ulimit -v), or use \
                      fewer procs (GOCSP_MAXPROCS)";
        io::Error::new(error.kind(), format!("a thread cannot be started: {error}; {advice}"))
    })
}

/// A worker on its way to its thread.
struct Assigned(NonNull<Worker>);

// SAFETY: the worker is shared by nature, and `local` is used by the new thread only.
unsafe impl Send for Assigned {}

/// Starts the thread of `worker`, which belongs to `shared`. It begins once it is unparked and counted among the workers.
pub(super) fn start_worker(shared: Arc<Shared>, worker: NonNull<Worker>) -> io::Result<JoinHandle<()>> {
    // SAFETY: the worker belongs to the runtime, which is alive.
    let id = unsafe { worker.as_ref() }.id;
    let assigned = Assigned(worker);
    let handle = start_thread(format!("gocsp-worker-{id}"), move || {
        let Assigned(worker) = { assigned };
        // SAFETY: `shared` owns the worker and lives until the end of this closure.
        run_worker(&shared, unsafe { worker.as_ref() });
        drop(shared);
    })?;
    // SAFETY: as above.
    let thread = &unsafe { worker.as_ref() }.thread;
    thread.set(handle.thread().clone()).expect("a worker has one thread");
    Ok(handle)
}

fn run_worker(shared: &Shared, worker: &Worker) {
    let _abort = AbortOnPanic;
    while shared.worker_count() <= worker.id {
        thread::park();
    }
    let _own = OwnThread::begin();
    sleep_precisely();
    // Without it there is that of the standard library, which is smaller, but for a program that is not Rust's: there an
    // overflow ends the process without its message.
    let _signal_stack = SignalStack::install();
    super::enter(worker);
    worker.resume();
    worker.run();
    worker.poller.abandon();
    super::leave();
}

/// A worker that panics leaves goroutines behind that nobody will ever run: better to end at once, with the message that
/// the panic has printed.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("fatal runtime error: a worker of gocsp panicked, aborting; this is a bug in gocsp");
            std::process::abort();
        }
    }
}

/// Lets timed waits of this thread end on time. By default Linux adds up to 50 µs to each, to save wake-ups.
fn sleep_precisely() {
    #[cfg(target_os = "linux")]
    // SAFETY: this option takes one number, and concerns the calling thread only.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong)
    };
}
