//! What the watcher does: looks at the queues of the others, and takes what has waited there for too long. When somebody
//! watches at all is told in [`watch`](super::watch).

use std::mem;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::worker::{Signals, Worker, add, count};
use crate::clock;

/// How long a watcher pauses once it has seen somebody wait, or nobody at all, and how long at most.
const FIRST_PAUSE: Duration = Duration::from_micros(80);
const LONGEST_PAUSE: Duration = Duration::from_micros(160);
/// A watcher that has found nothing for this long goes to sleep.
const LONGEST_WATCH: Duration = Duration::from_millis(3);

/// So many looks in a row, about a millisecond, may find a worker that was roused still asleep. What others placed there
/// was dealt to it, and is not to be taken only because a thread takes its time to wake up.
const ROUSED: u32 = 12;

/// Of so few who wait, one may be about to be started, and to talk to the other: torn apart, they would have to cross from one
/// worker to the other for each message. Those are left to a worker that starts anybody, however long that takes, and for
/// two looks more.
const PAIR: usize = 2;

/// Under `migrate`: of those who have started and are ready, nobody waits for long if his worker takes so many turns
/// between two looks. They talk, and are left there, for torn apart they would be slower than one behind the other.
const TURNS_EACH: u64 = 16;

/// What a watcher sees at another worker where somebody waits.
#[derive(Clone, Copy, Default)]
struct Sight {
    /// How many wait that others may take.
    waiting: usize,
    /// Whether all of these have started, as they may have under `migrate`.
    have_started: bool,
    /// The number of the oldest of them.
    oldest: u64,
    /// How many the worker has started.
    started: u64,
    /// How many turns it has taken, as far as it has told.
    turns: u64,
    asleep: bool,
}

/// What a watcher has seen at another worker, as long as somebody waits there.
#[derive(Clone, Copy, Default)]
struct Seen {
    last: Sight,
    /// How often the worker was seen asleep, or awake, in a row, and those who wait of the same kind.
    looks: u32,
    /// At how many looks in a row it had started nobody since the one before; or had taken too few [turns](TURNS_EACH).
    idle: u32,
    /// At how many looks in a row nothing at all had happened since the one before.
    still: u32,
}

impl Seen {
    /// Takes another look. True if somebody there has waited for long enough.
    fn again(&mut self, now: Sight) -> bool {
        let before = mem::replace(&mut self.last, now);
        let same = before.asleep == now.asleep && before.have_started == now.have_started;
        self.looks = if same { self.looks + 1 } else { 1 };
        if now.asleep {
            return self.looks > ROUSED;
        }
        if now.have_started { self.started_waited(before) } else { self.unstarted_waited(before) }
    }

    /// Since the last look; or at a worker which, at the pace that it has had since then, would need longer than that for
    /// those who wait; or, if it is no more than a [`PAIR`], while it has started nobody.
    fn unstarted_waited(&mut self, before: Sight) -> bool {
        let Sight { waiting, oldest, started, .. } = self.last;
        self.idle = if self.looks > 1 && started == before.started { self.idle + 1 } else { 0 };
        if waiting <= PAIR {
            return self.idle >= 2;
        }
        self.looks > 1 && (oldest == before.oldest || waiting as u64 > started - before.started)
    }

    /// For two looks at a worker whose turns are too long for that; or longer if it takes none at all, for then it may only
    /// have lost its processor, and those who wait there may talk.
    fn started_waited(&mut self, before: Sight) -> bool {
        let Sight { waiting, oldest, turns, .. } = self.last;
        let taken = turns - before.turns;
        let still = self.looks > 1 && taken == 0 && oldest == before.oldest;
        let idle = self.looks > 1 && !still && taken < waiting as u64 * TURNS_EACH;
        self.still = if still { self.still + 1 } else { 0 };
        self.idle = if idle { self.idle + 1 } else { 0 };
        self.idle >= 2 || self.still > ROUSED
    }
}

/// What a watcher has found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Somebody waits, but not for long enough.
    Waiting,
    /// Goroutines that are now this worker's.
    Taken,
}

impl Worker {
    /// Looks at the queues of the others until something is found (true), or it is time to sleep.
    pub(super) fn keep_watch(&self) -> bool {
        let shared = self.shared();
        let mut seen = Vec::new();
        let mut pause = FIRST_PAUSE;
        let since = clock::now();
        loop {
            // Who watches for long is not hogged.
            count(&self.signals.slice);
            count(&self.counts.watches);
            let found = self.search(&mut seen);
            if found == Found::Taken || self.gather() {
                shared.watch.end();
                return true;
            }
            let alone = shared.running.load(Ordering::SeqCst) == 0;
            // Who has seen somebody wait goes on, without a look under the locks, which others use all the time.
            if found == Found::Nothing && (alone || clock::now().saturating_duration_since(since) > LONGEST_WATCH) {
                shared.watch.end();
                if !shared.has_work_to_steal(self.id) || !shared.watch.begin(self.id) {
                    return false;
                }
            }
            if shared.is_done() {
                shared.watch.end();
                return false;
            }
            pause = if found == Found::Waiting { FIRST_PAUSE } else { LONGEST_PAUSE.min(pause * 2) };
            self.pause(Some(clock::now() + pause), || false);
        }
    }

    /// Takes a batch from somebody where they have waited for long enough; unless all processors, or permits, are taken.
    fn search(&self, seen: &mut Vec<Seen>) -> Found {
        let shared = self.shared();
        let workers = shared.worker_count();
        seen.resize(workers, Seen::default());
        let mut found = Found::Nothing;
        let crowded = shared.are_processors_taken();
        let first = crate::random::below(workers as u32) as usize;
        for other in (first..workers).chain(0..first).filter(|&other| other != self.id) {
            let victim = shared.worker(other);
            let sight = self.look_at(victim);
            if sight.waiting == 0 {
                seen[other] = Seen::default();
                continue;
            }
            let waited = seen[other].again(sight);
            if crowded {
                continue;
            }
            if waited && self.steal_from(victim) {
                return Found::Taken;
            }
            found = Found::Waiting;
        }
        found
    }

    /// A watcher's look at `victim`.
    fn look_at(&self, victim: &Self) -> Sight {
        let Signals { started, turns, asleep, .. } = &*victim.signals;
        Sight {
            waiting: self.shared().waiting_at(victim),
            have_started: victim.fresh.have_started(),
            oldest: victim.fresh.oldest(),
            started: started.load(Ordering::Relaxed),
            turns: turns.load(Ordering::Relaxed),
            asleep: asleep.load(Ordering::Relaxed),
        }
    }

    pub(super) fn steal_from(&self, victim: &Self) -> bool {
        let batch = if self.shared().homes_are_final() { None } else { victim.fresh.steal() };
        let Some(batch) = batch else { return false };
        count(&self.counts.steals);
        add(&self.counts.stolen, batch.len() as u64);
        self.fresh.push_batch(batch);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that is awake, where so many wait to be started.
    fn unstarted(started: u64, oldest: u64, waiting: usize) -> Sight {
        Sight { started, oldest, waiting, ..Sight::default() }
    }

    /// A worker that is awake, where so many wait who have started.
    fn ready(turns: u64, oldest: u64, waiting: usize) -> Sight {
        Sight { turns, oldest, waiting, have_started: true, ..Sight::default() }
    }

    fn asleep(waiting: usize) -> Sight {
        Sight { waiting, asleep: true, ..Sight::default() }
    }

    #[test]
    fn who_waits_at_a_busy_worker_is_taken_at_the_second_look() {
        let mut seen = Seen::default();
        assert!(!seen.again(unstarted(7, 3, 3)));
        assert!(seen.again(unstarted(7, 3, 3)));
        assert!(seen.again(unstarted(100, 3, 3)), "others were started, the oldest still waits");
    }

    #[test]
    fn a_pair_is_left_to_a_worker_that_has_started_anybody() {
        let mut seen = Seen::default();
        assert!(!seen.again(unstarted(7, 3, 2)) && !seen.again(unstarted(7, 3, 2)));
        assert!(seen.again(unstarted(7, 3, 2)), "neither was started for two looks");
        assert!(
            !seen.again(unstarted(8, 3, 1)) && !seen.again(unstarted(8, 3, 1)),
            "one was, and the first start takes long"
        );
        assert!(seen.again(unstarted(8, 3, 1)));
    }

    #[test]
    fn a_backlog_is_taken_if_the_worker_does_not_keep_pace() {
        let mut seen = Seen::default();
        assert!(!seen.again(unstarted(0, 0, 64)));
        assert!(!seen.again(unstarted(1000, 1000, 64)), "it starts far more between two looks");
        assert!(seen.again(unstarted(1010, 1010, 64)));
    }

    #[test]
    fn what_was_dealt_to_a_worker_that_wakes_up_is_left_to_it_for_longer() {
        let mut seen = Seen::default();
        assert!((0..ROUSED).all(|_| !seen.again(asleep(100))));
        assert!(!seen.again(unstarted(0, 0, 3)), "it is up now");
        assert!(seen.again(unstarted(0, 0, 3)));
        let mut seen = Seen::default();
        assert_eq!((0..=ROUSED).find(|_| seen.again(asleep(1))), Some(ROUSED));
    }

    #[test]
    fn those_who_talk_are_left_to_their_worker() {
        let mut seen = Seen::default();
        for look in 0..100 {
            assert!(!seen.again(ready(1000 * look, 40 * look, 2)), "all have had many turns");
        }
        for look in 100..200 {
            assert!(!seen.again(ready(1000 * look, 40 * look, 50)));
        }
        assert!(
            !seen.again(ready(199_010, 7_960, 2)) && seen.again(ready(199_020, 7_961, 2)),
            "they do not talk any more"
        );
    }

    #[test]
    fn those_who_work_are_taken_at_the_third_look() {
        let mut seen = Seen::default();
        assert!(!seen.again(ready(0, 0, 1)) && !seen.again(ready(3, 3, 1)));
        assert!(seen.again(ready(6, 6, 1)));
        let mut seen = Seen::default();
        assert!(!seen.again(ready(0, 0, 10_000)) && !seen.again(ready(5000, 5000, 10_000)));
        assert!(seen.again(ready(10_000, 10_000, 10_000)), "turns are short, but too many wait");
    }

    #[test]
    fn a_worker_that_has_lost_its_processor_keeps_those_who_talk_there() {
        let mut seen = Seen::default();
        assert!(!seen.again(ready(0, 0, 1)) && !seen.again(ready(10, 1, 1)));
        assert!((0..ROUSED).all(|_| !seen.again(ready(10, 1, 1))));
        assert!(!seen.again(ready(20, 2, 1)), "it is back");
        assert!(!seen.again(ready(1000, 40, 1)));
        assert_eq!((0..=ROUSED).find(|_| seen.again(ready(1000, 40, 1))), Some(ROUSED));
    }

    #[test]
    fn those_who_wait_to_be_started_are_seen_anew() {
        let mut seen = Seen::default();
        assert!(!seen.again(ready(0, 0, 3)) && !seen.again(ready(0, 0, 3)));
        assert!(!seen.again(unstarted(0, 0, 3)));
        assert!(seen.again(unstarted(0, 0, 3)));
    }
}
