//! How often a busy worker looks at the clock.
//!
//! A look costs some 30 ns, a turn as little as 10, or 3 if a goroutine yields alone; but a turn may also last
//! milliseconds, and timers should not wait for sixty of those. So the number of turns between looks follows the turns: it is
//! doubled while looks come less than [`SHORT`] apart, and halved when they come more than [`LONG`] apart.

use std::cell::Cell;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_micros(4);
const LONG: Duration = Duration::from_micros(16);

/// The interval between looks, in turns. See the [module](self).
#[derive(Debug)]
pub(super) struct Look {
    last: Cell<Option<Instant>>,
    turns: Cell<u32>,
}

impl Default for Look {
    fn default() -> Self {
        Self { last: Cell::new(None), turns: Cell::new(1) }
    }
}

impl Look {
    /// The most turns between two looks, however short. At every second look the first in line comes before `next`.
    pub(super) const MOST_TURNS: u32 = 61;

    /// To be called at a look, with the time; gives the number of turns until the next.
    pub(super) fn turns_until_next(&self, now: Instant) -> u32 {
        let turns = self.turns.get();
        let turns = match self.last.replace(Some(now)).map(|last| now.saturating_duration_since(last)) {
            Some(apart) if apart < SHORT => Self::MOST_TURNS.min(turns * 2),
            Some(apart) if apart > LONG => 1.max(turns / 2),
            _ => turns,
        };
        self.turns.set(turns);
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_follows_the_turns() {
        let (look, mut now) = (Look::default(), Instant::now());
        for _ in 0..20 {
            now += Duration::from_micros(1);
            look.turns_until_next(now);
        }
        assert_eq!(look.turns.get(), Look::MOST_TURNS);
        for _ in 0..20 {
            now += Duration::from_millis(1);
            look.turns_until_next(now);
        }
        assert_eq!(look.turns.get(), 1);
    }
}
