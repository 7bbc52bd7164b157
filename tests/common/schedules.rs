//! Runs a test on goroutines, on one worker and on several, and under chosen schedules where the feature `testing` is there.

use crate::procs::on_one_and_more_procs;

/// Calls `test` as [`on_one_and_more_procs`] does. And, if it can be chosen who goes on, under a hundred schedules, or as many as there
/// is time for: it leaves nobody behind, uses no thread, and asks the runtime for the time.
pub(crate) fn on_many_schedules(test: impl Fn() + Send + Sync + 'static) {
    on_one_and_more_procs(&test);
    #[cfg(feature = "testing")]
    gocsp::testing::Config::default().schedules(100).time(std::time::Duration::from_secs(1)).check(test);
}
