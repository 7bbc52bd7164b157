//! Runs a test on goroutines, on one worker and on several.

use gocsp::Runtime;

/// Calls `test` as the main goroutine of a runtime of its own: with one worker, with two, and with more than there are
/// processors. Whatever is left behind has to let itself be unwound, or the test does not end.
pub(crate) fn on_one_and_more_procs(test: impl Fn() + Sync) {
    for procs in [1, 2, 5] {
        on_procs(procs, &test);
    }
}

/// Calls `test` as the main goroutine of a runtime of its own with `procs` workers.
pub(crate) fn on_procs<T: Send>(procs: usize, test: impl FnOnce() -> T + Send) -> T {
    let _blame = Blame(procs);
    let runtime = Runtime::builder().procs(procs).build().expect("threads can be started");
    runtime.run(test)
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
