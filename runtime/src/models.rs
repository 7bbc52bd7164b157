//! How the tests of all crates run a model: they collect what it gives under every schedule that the checker tries.
//!
//! Checkers may skip schedules without saying so. So a test compares what was seen with all that has to be possible.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Runs `model` in every schedule with at most `preemptions` preemptions, and collects what it gives.
#[cfg(loom)]
pub fn outcomes<T, F>(preemptions: usize, model: F) -> BTreeSet<T>
where
    T: Ord + Send + 'static,
    F: Fn() -> T + Send + Sync + 'static,
{
    let mut checker = loom::model::Builder::new();
    checker.preemption_bound = Some(preemptions);
    checker.max_branches = 10_000;
    collect(model, |noted| checker.check(move || noted()))
}

/// Runs `model` in random schedules, and in such as need few preemptions to go wrong (PCT), and collects what it gives.
#[cfg(shuttle)]
pub fn outcomes<T, F>(model: F) -> BTreeSet<T>
where
    T: Ord + Send + 'static,
    F: Fn() -> T + Send + Sync + 'static,
{
    const ROUNDS: usize = 10_000;
    collect(model, |noted| {
        let again = Arc::clone(&noted);
        shuttle::check_random(move || noted(), ROUNDS);
        shuttle::check_pct(move || again(), ROUNDS / 2, 3);
    })
}

/// Has `check` call the model, and collects what it gives.
fn collect<T, F>(model: F, check: impl FnOnce(Arc<dyn Fn() + Send + Sync>)) -> BTreeSet<T>
where
    T: Ord + Send + 'static,
    F: Fn() -> T + Send + Sync + 'static,
{
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let note = Arc::clone(&seen);
    check(Arc::new(move || {
        let outcome = model();
        note.lock().expect("no model panics under this lock").insert(outcome);
    }));
    std::mem::take(&mut *seen.lock().expect("no model panics under this lock"))
}
