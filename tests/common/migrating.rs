//! Runs a test on goroutines that may change threads.

use gocsp::Runtime;

/// Calls `test` as the main goroutine of a runtime under `migrate`.
pub(crate) fn on_migrating_procs(procs: usize, test: impl FnOnce() + Send) {
    let builder = Runtime::builder().procs(procs);
    // SAFETY: the goroutines of these tests keep nothing that is bound to a thread across a call that may block.
    let runtime = unsafe { builder.migrate() }.build().unwrap();
    runtime.run(test);
}
