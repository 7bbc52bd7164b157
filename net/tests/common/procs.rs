//! Runs a test where sockets are used from.

use gocsp_runtime::Runtime;

/// Calls `test` as the main goroutine of runtimes with one worker, with two, and with more than there are processors;
/// and on this thread.
pub(crate) fn everywhere(test: impl Fn() + Sync) {
    for procs in [1, 2, 5] {
        on_procs(procs, &test);
    }
    test();
}

/// Calls `test` as the main goroutine of a runtime of its own with `procs` workers.
pub(crate) fn on_procs<T: Send>(procs: usize, test: impl FnOnce() -> T + Send) -> T {
    let _blame = Blame(procs);
    Runtime::builder().procs(procs).build().expect("threads can be started").run(test)
}

/// Says with how many procs a test failed.
struct Blame(usize);

impl Drop for Blame {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with procs = {}", self.0);
        }
    }
}
