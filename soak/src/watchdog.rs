//! The watchdog: a thread that notices trials that stand still. It uses nothing of gocsp, which might be what hangs.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::trial::Trial;

/// How often it looks, at least. More often if its patience is short.
const PACE: Duration = Duration::from_secs(1);

pub(crate) struct Watchdog {
    patience: Duration,
    watched: Mutex<Vec<Watched>>,
}

struct Watched {
    trial: Trial,
    steps: u64,
    /// Since when it has made so many.
    since: Instant,
}

impl Watchdog {
    fn new(patience: Duration) -> Self {
        Self { patience, watched: Mutex::default() }
    }

    /// One that looks until the program ends.
    pub(crate) fn start(patience: Duration) -> Arc<Self> {
        let watchdog = Arc::new(Self::new(patience));
        let looking = Arc::clone(&watchdog);
        thread::Builder::new()
            .name("watchdog".into())
            .spawn(move || {
                loop {
                    thread::sleep(PACE.min(looking.patience / 4));
                    if let Some((trial, violation)) = looking.look(Instant::now()) {
                        trial.fail(violation);
                    }
                }
            })
            .expect("a thread can be started");
        watchdog
    }

    /// Watches the trial until it is over.
    pub(crate) fn watch(&self, trial: &Trial) {
        let watched = Watched { trial: trial.clone(), steps: trial.steps(), since: Instant::now() };
        self.watched.lock().expect("no panic happens under this lock").push(watched);
    }

    /// The one that has stood still for longer than the others, if it is too long.
    fn look(&self, now: Instant) -> Option<(Trial, String)> {
        let mut watched = self.watched.lock().expect("no panic happens under this lock");
        watched.retain(|watched| !watched.trial.is_over());
        for watched in &mut *watched {
            let steps = watched.trial.steps();
            if steps != watched.steps {
                (watched.steps, watched.since) = (steps, now);
            }
        }
        watched.sort_by_key(|watched| watched.since);
        let stillest = watched.first()?;
        let still = now.saturating_duration_since(stillest.since);
        if still < self.patience {
            return None;
        }
        let mut violation = format!("it has stood still for {still:.0?}, after {} steps; beside it:", stillest.steps);
        for Watched { trial, steps, since } in &watched[1..] {
            let still = now.saturating_duration_since(*since);
            let _ = write!(violation, "\n    {}, {steps} steps, the last {still:.0?} ago", trial.scenario());
        }
        Some((stillest.trial.clone(), violation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{Host, Round};

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A watchdog, and the trials that it watches.
    fn watch<const N: usize>(scenarios: [&'static str; N]) -> (Watchdog, [Trial; N]) {
        let watchdog = Watchdog::new(PATIENCE);
        let round = Round { number: 1, repeat: "".into() };
        let trials = scenarios.map(|scenario| Trial::new(scenario, &round, Host::Thread));
        trials.iter().for_each(|trial| watchdog.watch(trial));
        (watchdog, trials)
    }

    #[test]
    fn who_stands_still_is_named_and_who_gets_on_is_not() {
        let (watchdog, [still, busy]) = watch(["still", "busy"]);
        let start = Instant::now();
        still.step();
        for second in 0..10 {
            busy.step();
            assert!(watchdog.look(start + Duration::from_secs(second)).is_none());
        }
        busy.step();
        let (trial, violation) = watchdog.look(start + PATIENCE).unwrap();
        assert_eq!(trial.scenario(), "still");
        assert!(violation.contains("10s, after 1 steps") && violation.contains("busy, 11 steps"), "{violation}");
    }

    #[test]
    fn a_step_is_enough_to_have_got_on() {
        let (watchdog, [trial]) = watch(["slow"]);
        let start = Instant::now();
        for look in 0..10 {
            trial.step();
            assert!(watchdog.look(start + look * PATIENCE).is_none());
        }
        assert!(watchdog.look(start + 10 * PATIENCE).is_some());
    }

    #[test]
    fn who_is_over_may_stand_still() {
        let (watchdog, [trial]) = watch(["over"]);
        trial.end();
        assert!(watchdog.look(Instant::now() + 2 * PATIENCE).is_none());
    }
}
