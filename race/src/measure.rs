//! What workloads of time and of readers measure, and what it comes to: the same for all contenders in Rust.

use std::time::{Duration, Instant};

use crate::task::{Reply, Task};
use crate::work::{compute, median, shuffled};

/// What it comes to if sleeps of `duration` took this long: how many were not too short, and the median.
pub fn sleeps(duration: Duration, slept: Vec<Duration>) -> Reply {
    let not_early = slept.iter().filter(|&&slept| slept >= duration).count();
    Reply::micros(not_early as u64, median(slept))
}

/// When each of many sleepers is to wake up: in no order, evenly spread over a time.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    sleepers: u64,
    first: Instant,
    within: Duration,
}

impl Schedule {
    /// The schedule that `task` asks for, beginning now.
    pub fn begin(task: &Task) -> Self {
        Self {
            sleepers: task.size("goroutines"),
            first: Instant::now() + Duration::from_millis(task.size("lead_ms")),
            within: Duration::from_millis(task.size("within_ms")),
        }
    }

    /// When sleeper `number` is to wake up.
    pub fn due(&self, number: u64) -> Instant {
        let place = shuffled(number, self.sleepers) + 1;
        self.first + self.within.mul_f64(place as f64 / self.sleepers as f64)
    }

    /// What it comes to: how many did not wake too early, and how long after its time the last woke.
    ///
    /// # Panics
    /// If there are no sleepers.
    pub fn reply(&self, wakes: &[Wake]) -> Reply {
        let not_early = wakes.iter().filter(|wake| wake.not_early).count();
        let last = wakes.iter().map(|wake| wake.at).max().expect("there are sleepers");
        Reply::millis(not_early as u64, last.saturating_duration_since(self.first + self.within))
    }
}

/// That a sleeper has woken up.
#[derive(Clone, Copy, Debug)]
pub struct Wake {
    not_early: bool,
    at: Instant,
}

impl Wake {
    /// The caller wakes up now, and was to at `due`.
    pub fn now(due: Instant) -> Self {
        let at = Instant::now();
        Self { not_early: at >= due, at }
    }
}

/// The longest time without a tick.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    last: Instant,
    longest: Duration,
}

impl Ticks {
    /// None so far; the time begins at `start`.
    pub fn since(start: Instant) -> Self {
        Self { last: start, longest: Duration::ZERO }
    }

    /// Now there is one.
    pub fn tick(&mut self) {
        let now = Instant::now();
        self.longest = self.longest.max(now - self.last);
        self.last = now;
    }

    /// When the last was.
    pub fn last(&self) -> Instant {
        self.last
    }

    /// The longest time between two.
    pub fn longest(&self) -> Duration {
        self.longest
    }
}

/// Computes until `end`, and gives what came out.
pub fn hog(seed: u64, steps: u64, end: Instant) -> u64 {
    let mut number = seed;
    while Instant::now() < end {
        number = compute(number, steps);
    }
    number
}

/// The tests of readers against a writer: how many readers, and whether they lock as the writer does.
pub fn reader_tests(task: &Task) -> impl Iterator<Item = (u64, bool)> {
    (0..task.size("powers")).flat_map(|power| [false, true].map(|exclusive| (1 << power, exclusive)))
}

/// Adds to `reply` how long such a test took, and how often the writer wrote.
pub fn add_reader_test(reply: Reply, (readers, exclusive): (u64, bool), (elapsed, written): (Duration, u64)) -> Reply {
    let kind = if exclusive { " exclusive" } else { "" };
    let reply = reply.figure(format!("readers={readers}{kind}"), elapsed.as_secs_f64() * 1e6);
    Reply { answer: reply.answer + written, ..reply }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(sizes: &[(&str, u64)]) -> Task {
        let sizes = sizes.iter().copied().collect();
        Task { contender: "gocsp".into(), program: "sleepers".into(), procs: 2, sizes }
    }

    #[test]
    fn sleepers_are_due_within_the_time() {
        let schedule = Schedule::begin(&task(&[("goroutines", 10), ("lead_ms", 5), ("within_ms", 10)]));
        let mut due: Vec<_> = (0..10).map(|number| schedule.due(number) - schedule.first).collect();
        due.sort_unstable();
        assert_eq!(due, (1..=10).map(Duration::from_millis).collect::<Vec<_>>());
    }

    #[test]
    fn the_last_to_wake_counts_and_who_is_early_is_not_counted() {
        let schedule = Schedule::begin(&task(&[("goroutines", 2), ("lead_ms", 0), ("within_ms", 1)]));
        let end = schedule.first + schedule.within;
        let wakes = [
            Wake { not_early: false, at: schedule.first },
            Wake { not_early: true, at: end + Duration::from_millis(3) },
        ];
        assert_eq!(schedule.reply(&wakes), Reply::millis(1, Duration::from_millis(3)));
    }

    #[test]
    fn each_number_of_readers_is_tested_twice() {
        let tests: Vec<_> = reader_tests(&task(&[("powers", 2)])).collect();
        assert_eq!(tests, [(1, false), (1, true), (2, false), (2, true)]);
        let reply = add_reader_test(Reply::answer(5), tests[3], (Duration::from_micros(7), 5));
        assert_eq!((reply.answer, reply.figures[0].name.as_str()), (10, "readers=2 exclusive"));
    }
}
