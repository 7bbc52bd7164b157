//! The blocking pool: threads for calls that block the thread, so that workers do not have to.
//!
//! A job is a closure on the stack of the goroutine that waits for it: handing it over allocates nothing but its place in
//! the queue. The wait is masked, so the stack stays while a thread works on it.
//!
//! Threads are started when a job finds none idle, up to [`MOST_THREADS`], and end when they have been idle for
//! [`KEEP_ALIVE`]. When none can be started, the job waits for one of those that there are; if there is none, its goroutine
//! does it itself, and keeps its worker meanwhile. The pool is the process's, not a runtime's.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::NonNull;
use std::time::Duration;

use crate::diagnostics::OwnThread;
use crate::goroutine::resume_unwind;
use crate::park::{Description, Lock, Outcome, Partner, Patience, Reason, Subject, WaitList, Way, wait};
use crate::scheduler;
use crate::std_sync::{Condvar, Mutex, MutexGuard};

const MOST_THREADS: usize = 512;
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Runs `f`, which may block the thread, on a thread of the blocking pool, while the calling goroutine is parked. On an
/// ordinary thread, just runs it.
///
/// For files, databases, name look-ups, `std::thread::sleep`, and anything else that keeps a thread waiting or computing
/// for long without calling gocsp. Costs two hand-overs between threads, about 10 µs.
///
/// There are at most 512 such threads; who finds all of them busy waits for one. So does who finds that no more threads can be
/// started; if there is none at all, `f` runs on the worker's thread, which has to wait for it.
///
/// # Panics
/// With the panic of `f`.
///
/// ```
/// let text = gocsp_runtime::run(|| gocsp_runtime::blocking(|| std::fs::read_to_string("Cargo.toml")));
/// assert!(text.unwrap().contains("[package]"));
/// ```
#[track_caller]
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if !scheduler::in_goroutine() {
        return f();
    }
    #[cfg(feature = "testing")]
    if scheduler::blocks_inline() {
        return f();
    }
    let job = Job { lock: Lock::new(Progress { done: false, waiting: WaitList::new() }) };
    let mut result = None;
    let mut work = Some(|| result = Some(catch_unwind(AssertUnwindSafe(f))));
    let mut run_once = || {
        if let Some(work) = work.take() {
            work();
        }
    };
    // SAFETY: this function waits until the job is done, masked, so the job and what it borrows outlive its work. The work
    // is `Send`, for `f` and its result are.
    POOL.submit(unsafe { Submitted::new(&mut run_once, &job) });
    job.wait(Location::caller());
    match result.expect("a job that is done has a result") {
        Ok(value) => value,
        Err(payload) => resume_unwind(payload),
    }
}

thread_local! {
    /// Whether this thread is one of the pool's.
    static OF_POOL: Cell<bool> = const { Cell::new(false) };
}

/// How many threads the pool has.
pub(crate) fn pool_threads() -> usize {
    POOL.state().threads
}

/// Whether the caller is a job on a thread of the pool: some goroutine waits for it.
pub(crate) fn is_pool_thread() -> bool {
    OF_POOL.get()
}

/// Whether any job has not been done.
pub(crate) fn is_busy() -> bool {
    let state = POOL.state();
    state.threads > state.idle || !state.jobs.is_empty()
}

/// The side of a job that its goroutine waits on.
struct Job {
    lock: Lock<Progress>,
}

struct Progress {
    done: bool,
    waiting: WaitList<()>,
}

impl Job {
    fn wait(&self, place: &'static Location<'static>) {
        let reason = Reason::new::<Job, _>(place, &());
        let progress = self.lock.lock();
        if !progress.done {
            // SAFETY: the list is part of the guarded state.
            let outcome = unsafe { wait(progress, |progress| &mut progress.waiting, &(), Patience::MASKED, reason) };
            debug_assert_eq!(outcome, Outcome::Woken);
        }
    }

    /// The last thing that a thread of the pool does with a job.
    fn finish(&self) {
        let mut progress = self.lock.lock();
        progress.done = true;
        let waiting = progress.waiting.pop();
        drop(progress);
        if let Some(claimed) = waiting {
            claimed.finish().wake();
        }
    }
}

/// To wait for one.
impl Way<()> for Job {
    const STATE: &'static str = "blocking call";

    fn describe((): &(), to: &mut Description) {
        to.subjects.push(Subject { what: "blocking call", address: 0, made_at: None, partner: Partner::Time });
    }
}

/// A job on its way to a thread. The pointers lead to the stack of the goroutine that waits.
struct Submitted {
    work: NonNull<dyn FnMut()>,
    job: NonNull<Job>,
}

// SAFETY: the work is `Send`, and its goroutine does not touch it before the job is done.
unsafe impl Send for Submitted {}

impl Submitted {
    /// # Safety
    /// What is passed stays in place, untouched by others, until the job has finished; and the work is `Send`.
    unsafe fn new<'a>(work: &'a mut (dyn FnMut() + 'a), job: &Job) -> Self {
        let work: NonNull<dyn FnMut() + 'a> = NonNull::from(work);
        // SAFETY: only the lifetime changes, and the caller keeps what it stands for.
        let work = unsafe { std::mem::transmute::<NonNull<dyn FnMut() + 'a>, NonNull<dyn FnMut()>>(work) };
        Self { work, job: NonNull::from(job) }
    }

    fn run(mut self) {
        // SAFETY: the goroutine waits, and nobody else has the job.
        let work = unsafe { self.work.as_mut() };
        work();
        // SAFETY: the goroutine waits for just this.
        unsafe { self.job.as_ref() }.finish();
    }
}

static POOL: Pool =
    Pool { state: Mutex::new(State { jobs: VecDeque::new(), threads: 0, idle: 0 }), work: Condvar::new() };

struct Pool {
    state: Mutex<State>,
    /// A job was queued for an idle thread.
    work: Condvar,
}

struct State {
    jobs: VecDeque<Submitted>,
    threads: usize,
    /// Threads that wait for a job. Some of those in the queue may be for them.
    idle: usize,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }

    /// Sees to it that a thread runs the job. If there is none and none can be started, the caller does.
    fn submit(&'static self, job: Submitted) {
        let mut state = self.state();
        if state.idle > state.jobs.len() {
            state.jobs.push_back(job);
            drop(state);
            self.work.notify_one();
        } else if state.threads < MOST_THREADS && self.start_thread().is_ok() {
            state.threads += 1;
            state.jobs.push_back(job);
        } else if state.threads > 0 {
            state.jobs.push_back(job);
        } else {
            drop(state);
            job.run();
        }
    }

    fn start_thread(&'static self) -> std::io::Result<()> {
        scheduler::start_thread("gocsp-blocking".into(), || self.work_off()).map(drop)
    }

    /// The life of a thread. It begins with a job of its own in the queue.
    fn work_off(&self) {
        OF_POOL.set(true);
        let _own = OwnThread::begin();
        let mut state = self.state();
        loop {
            while let Some(job) = state.jobs.pop_front() {
                drop(state);
                job.run();
                state = self.state();
            }
            state.idle += 1;
            let (next, timeout) = self
                .work
                .wait_timeout_while(state, KEEP_ALIVE, |state| state.jobs.is_empty())
                .expect("no panic happens under this lock");
            state = next;
            state.idle -= 1;
            if state.jobs.is_empty() && timeout.timed_out() {
                state.threads -= 1;
                return;
            }
        }
    }
}
