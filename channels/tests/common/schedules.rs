//! Scenarios under many schedules.

const RUNS: usize = 3_000;

/// Runs a scenario under random schedules, and under such as need few preemptions to go wrong (PCT).
pub(crate) fn check(scenario: impl Fn() + Clone + Send + Sync + 'static) {
    shuttle::check_random(scenario.clone(), RUNS);
    shuttle::check_pct(scenario.clone(), RUNS / 2, 2);
    shuttle::check_pct(scenario, RUNS / 2, 4);
}
