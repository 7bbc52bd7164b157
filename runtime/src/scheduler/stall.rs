//! Reports, through `log`, of goroutines that keep their workers while others wait behind them.
//!
//! The [monitor](super::monitor) asks a goroutine to yield whose time slice is over. The request stays until the goroutine
//! leaves its stack; as long as it is there, it is the same goroutine that runs, so for so long it has kept its worker, or for
//! up to two looks longer. When that exceeds a [limit](Limit), it *stalls* those who wait behind it:
//! - who waits to be started, or has been taken over and not gone on;
//! - who is ready there, and who was woken by another thread;
//! - who sleeps there until a time that has passed, or a timer that is due.
//!
//! Only others than the worker's thread look for them, so there are numbers only where a queue has one that anybody may read. And
//! they have to be there at [two looks](SEEN) in a row: at the first somebody may have been sent to take them over.
//!
//! There is one report of each stall, and one a second of each runtime. A stall that was seen within the second waits for its
//! report; if it has ended by then, it is only counted, and the next report tells how many there were.
//!
//! Under `migrate` a spare worker takes over, unless there are too many already, or the system refuses another thread. If that
//! lasts for as long it is reported in the same way, as one stall of the whole runtime.
//!
//! What stands behind `log` is the user's. It is called by the monitor, with no lock held; if it panics nothing comes of it but
//! the message of the panic.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::watch::WorkerId;
use super::worker::Worker;
use crate::goroutine::title;
use crate::stack::Glimpse;

/// For how long a goroutine may keep its worker from others before it is reported; never, if that is `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) Option<Duration>);

impl Default for Limit {
    fn default() -> Self {
        Self(Some(Duration::from_millis(100)))
    }
}

/// The target of the reports.
const TARGET: &str = "gocsp::stall";
/// Between two reports.
const PAUSE: Duration = Duration::from_secs(1);
/// At how many looks in a row somebody has to be seen to wait.
const SEEN: u32 = 2;

/// What the monitor knows of the stalls of a runtime. See the [module](self).
#[derive(Debug)]
pub(super) struct Stalls {
    limit: Limit,
    /// By worker.
    stalls: Vec<Stall>,
    /// There is no spare worker for somebody.
    spares: Stall,
    reported: Option<Instant>,
    /// How many have ended since then without a report.
    missed: u64,
}

/// One, as far as it has come.
#[derive(Clone, Copy, Debug, Default)]
struct Stall {
    /// When the goroutine was first seen to have taken no notice of the request.
    since: Option<Instant>,
    /// At how many looks in a row others were seen to wait; from [`SEEN`] on there is a report to be made.
    seen: u32,
    reported: bool,
}

impl Stall {
    fn is_owed(&self) -> bool {
        self.seen >= SEEN && !self.reported
    }
}

impl Stalls {
    pub(super) fn new(limit: Limit) -> Self {
        Self { limit, stalls: Vec::new(), spares: Stall::default(), reported: None, missed: 0 }
    }

    /// `worker` is not kept by anybody.
    pub(super) fn ends(&mut self, worker: WorkerId) {
        if let Some(stall) = self.stalls.get_mut(worker) {
            self.missed += u64::from(stall.is_owed());
            *stall = Stall::default();
        }
    }

    /// `worker` is still kept by a goroutine that takes no notice of the request to yield.
    pub(super) fn goes_on(&mut self, shared: &Shared, worker: &Worker, now: Instant) {
        if let Some((lasted, behind)) = self.judge(worker.id, now, || Behind::of(shared, worker, now)) {
            let running = worker.running_stack().and_then(|stack| stack.frame().record().glimpse());
            // It may have left its stack just now, and another runs.
            if let Some(goroutine) = running.filter(|_| worker.signals.preempt.is_raised()) {
                let report = Report { goroutine, worker: worker.id, lasted, behind, missed: self.take_missed() };
                log(&report);
            }
        }
    }

    /// For how long the goroutine has kept the worker, and who waits, if that is to be reported now.
    fn judge(&mut self, worker: WorkerId, now: Instant, behind: impl FnOnce() -> Behind) -> Option<(Duration, Behind)> {
        let limit = self.limit.0?;
        if self.stalls.len() <= worker {
            self.stalls.resize(worker + 1, Stall::default());
        }
        let stall = &mut self.stalls[worker];
        let lasted = now.saturating_duration_since(*stall.since.get_or_insert(now));
        if stall.reported || lasted <= limit {
            return None;
        }
        let behind = behind();
        if !behind.is_anybody() {
            if !stall.is_owed() {
                stall.seen = 0;
            }
            return None;
        }
        stall.seen += 1;
        if stall.seen < SEEN || is_too_soon(self.reported, now) {
            return None;
        }
        stall.reported = true;
        self.reported = Some(now);
        Some((lasted, behind))
    }

    /// For those who wait behind hogs there was no spare worker, or there was no need of one.
    pub(super) fn note_spares(&mut self, refused: Option<NoSpare>, now: Instant) {
        let Some(refused) = refused else {
            self.missed += u64::from(self.spares.is_owed());
            self.spares = Stall::default();
            return;
        };
        let lasted = now.saturating_duration_since(*self.spares.since.get_or_insert(now));
        if self.limit.0.is_none_or(|limit| lasted <= limit) {
            return;
        }
        // They have been seen to wait ever since.
        self.spares.seen = SEEN;
        if self.spares.is_owed() && !is_too_soon(self.reported, now) {
            self.spares.reported = true;
            self.reported = Some(now);
            log(&refused);
        }
    }

    fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }
}

/// Whether the last report was made within the pause.
fn is_too_soon(last: Option<Instant>, now: Instant) -> bool {
    last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE)
}

fn log(report: &dyn fmt::Display) {
    // The panic hook has said what there is to say.
    let _ = catch_unwind(AssertUnwindSafe(|| log::warn!(target: TARGET, "{report}")));
}

/// Why those who wait behind hogs, under `migrate`, are not run by a spare worker.
#[derive(Debug)]
pub(super) enum NoSpare {
    /// There are so many workers, for so many procs.
    TooMany { workers: usize, procs: usize },
    /// The system gives no thread.
    Refused(io::Error),
}

impl fmt::Display for NoSpare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("goroutines wait behind others that keep their workers, and no spare worker takes them over: ")?;
        match self {
            Self::TooMany { workers, procs } => write!(
                f,
                "there are {workers} workers for {procs} procs already, which is the limit, and none is free. Run what \
                 blocks or computes for long in `blocking`, call `yield_now` in it now and then, or use more procs \
                 (GOCSP_MAXPROCS)"
            ),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

/// Who waits behind a goroutine.
#[derive(Clone, Copy, Debug, Default)]
struct Behind {
    /// How many wait that others could run: to be started, or under `migrate` also ready.
    queued: usize,
    /// Whether somebody waits who has started: who is ready, or was woken.
    ready: bool,
    due: bool,
    /// How many have started and not ended that are at home there; not under `migrate`, where nobody knows.
    residents: Option<u64>,
    migrate: bool,
}

impl Behind {
    fn of(shared: &Shared, worker: &Worker, now: Instant) -> Self {
        let migrate = shared.options.migrate;
        Self {
            queued: worker.fresh.len(),
            ready: worker.has_ready() || worker.inbox.has_messages(),
            due: worker.timers.lock().has_due(now),
            residents: (!migrate).then(|| worker.residents()),
            migrate,
        }
    }

    fn is_anybody(&self) -> bool {
        self.queued > 0 || self.ready || self.due
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = match (self.queued, self.migrate) {
            (0, _) => None,
            (1, false) => Some("1 goroutine that has not started".to_owned()),
            (1, true) => Some("1 goroutine".to_owned()),
            (many, false) => Some(format!("{many} goroutines that have not started")),
            (many, true) => Some(format!("{many} goroutines")),
        };
        let others = self.residents.map_or(0, |residents| residents.saturating_sub(1));
        let ready = self.ready.then(|| match others {
            0 => "a goroutine that is ready".to_owned(),
            1 => "the other goroutine that has started there".to_owned(),
            _ => format!("some of the {others} others that have started there"),
        });
        let due = self.due.then(|| "a sleep or a timer that is over".to_owned());
        let all: Vec<_> = [queued, ready, due].into_iter().flatten().collect();
        f.write_str(&all.join(", and "))
    }
}

/// What is said of a stall.
struct Report {
    goroutine: Glimpse,
    worker: WorkerId,
    lasted: Duration,
    behind: Behind,
    missed: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { goroutine: Glimpse { id, name, spawned_at, .. }, worker, lasted, behind, missed } = self;
        write!(
            f,
            "{} (spawned at {spawned_at}) has kept worker {worker} from all others for more than {} ms: it computes or \
             blocks, and takes no notice of the request to yield. What waits behind it: {behind}. Run what blocks or \
             computes for long in `blocking`, or call `yield_now` in it now and then",
            title(*id, name.as_deref()),
            lasted.as_millis()
        )?;
        if behind.queued > 0 && !behind.migrate {
            f.write_str("; with more procs (GOCSP_MAXPROCS) others could be started elsewhere")?;
        }
        if (behind.ready || behind.due) && !behind.migrate {
            f.write_str("; under `Builder::migrate` those that have started could go on elsewhere")?;
        }
        match missed {
            0 => Ok(()),
            1 => f.write_str(" (one more stall has ended without a report)"),
            _ => write!(f, " ({missed} more stalls have ended without a report)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goroutine::GoroutineId;

    const LIMIT: Duration = Duration::from_millis(100);
    const LOOK: Duration = Duration::from_millis(5);

    fn somebody() -> Behind {
        Behind { queued: 1, ..Behind::default() }
    }

    /// The look, counted from 1, at which a stall is first reported, of so many.
    fn reported_at(stalls: &mut Stalls, worker: WorkerId, start: Instant, looks: u32) -> Option<u32> {
        (1..=looks).find(|&look| stalls.judge(worker, start + LOOK * (look - 1), somebody).is_some())
    }

    #[test]
    fn a_stall_is_reported_once_when_it_exceeds_the_limit() {
        let (mut stalls, start) = (Stalls::new(Limit::default()), Instant::now());
        // The first look that is beyond the limit is the 22nd.
        assert_eq!(reported_at(&mut stalls, 0, start, 1000), Some(23));
        assert_eq!(reported_at(&mut stalls, 0, start + LIMIT * 20, 1000), None);
        stalls.ends(0);
        assert_eq!(reported_at(&mut stalls, 0, start + LIMIT * 40, 1000), Some(23));
        assert_eq!(stalls.missed, 0);
    }

    #[test]
    fn nothing_is_reported_while_nobody_waits_for_two_looks() {
        let (mut stalls, start) = (Stalls::new(Limit::default()), Instant::now());
        for look in 0..100 {
            let behind = || if look % 2 == 0 { somebody() } else { Behind::default() };
            assert!(stalls.judge(0, start + LOOK * look, behind).is_none());
        }
        stalls.ends(0);
        assert_eq!(stalls.missed, 0, "and it does not count");
    }

    #[test]
    fn without_a_limit_nobody_even_looks_who_waits() {
        let (mut stalls, start) = (Stalls::new(Limit(None)), Instant::now());
        for look in 0..100 {
            assert!(stalls.judge(0, start + LOOK * look, || unreachable!("nobody looks")).is_none());
            stalls.note_spares(Some(NoSpare::TooMany { workers: 2, procs: 1 }), start + LOOK * look);
        }
        assert_eq!(stalls.reported, None);
    }

    #[test]
    fn within_a_second_others_wait_for_their_report_or_are_counted() {
        let (mut stalls, start) = (Stalls::new(Limit::default()), Instant::now());
        assert_eq!(reported_at(&mut stalls, 0, start, 30), Some(23));
        let first = start + LOOK * 22;
        // These end within the second.
        for worker in [1, 2] {
            assert_eq!(reported_at(&mut stalls, worker, start, 100), None);
            stalls.ends(worker);
        }
        // This one goes on beyond it.
        let look = reported_at(&mut stalls, 3, start, 1000).expect("it is reported");
        assert_eq!(start + LOOK * (look - 1), first + PAUSE);
        assert_eq!(stalls.take_missed(), 2);
    }

    #[test]
    fn that_there_is_no_spare_worker_is_reported_once_until_there_is_one_again() {
        let (mut stalls, start) = (Stalls::new(Limit::default()), Instant::now());
        let mut note = |refused: bool, look: u32| {
            let refused = refused.then_some(NoSpare::TooMany { workers: 2, procs: 1 });
            let now = start + LOOK * look;
            stalls.note_spares(refused, now);
            stalls.reported == Some(now)
        };
        assert_eq!((0..1000).filter(|&look| note(true, look)).collect::<Vec<_>>(), [21]);
        assert!(!note(false, 1000));
        assert_eq!((1001..2000).filter(|&look| note(true, look)).collect::<Vec<_>>(), [1022]);
    }

    #[test]
    fn a_report_says_who_waits_and_what_to_do() {
        let place = std::panic::Location::caller();
        let report = |behind, missed| {
            let goroutine = Glimpse {
                id: GoroutineId::new(7).unwrap(),
                name: Some("crunch".to_owned()),
                spawned_at: place,
                wait: None,
            };
            Report { goroutine, worker: 1, lasted: Duration::from_millis(105), behind, missed }.to_string()
        };
        let text = report(Behind { queued: 3, ready: true, residents: Some(5), ..Behind::default() }, 0);
        for part in [
            &format!("goroutine 7 'crunch' (spawned at {place}) has kept worker 1"),
            "more than 105 ms",
            "3 goroutines that have not started, and some of the 4 others that have started there.",
            "`blocking`",
            "`yield_now`",
            "GOCSP_MAXPROCS",
            "`Builder::migrate`",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = report(Behind { queued: 1, due: true, migrate: true, ..Behind::default() }, 2);
        assert!(text.contains("behind it: 1 goroutine, and a sleep or a timer that is over. Run"), "{text}");
        assert!(text.ends_with("now and then (2 more stalls have ended without a report)"), "{text}");
    }
}
