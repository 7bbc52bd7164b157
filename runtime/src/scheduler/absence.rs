//! For how long a worker's thread was off the processor.
//!
//! To a worker it looks the same whether a goroutine has computed for a while, or the system has given the processor to somebody
//! else. The system can tell.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

/// See the [module](self).
#[derive(Default)]
pub(super) struct Absence {
    /// When it was last asked for, and how long the thread had computed by then.
    last: Cell<Option<(Instant, Duration)>>,
    /// For how long it has slept since.
    slept: Cell<Duration>,
}

impl Absence {
    /// The thread was off the processor for so long, but of its own accord: that does not count.
    pub(super) fn slept(&self, time: Duration) {
        self.slept.set(self.slept.get().saturating_add(time));
    }

    /// For how long the calling thread, always the same, has been off the processor since this was last called; [`Duration::MAX`]
    /// if that is not known. A system call, of some 200 ns.
    pub(super) fn since_last(&self, now: Instant) -> Duration {
        let (Some(computed), slept) = (computed_by_thread(), self.slept.take()) else { return Duration::MAX };
        let last = self.last.replace(Some((now, computed)));
        last.map_or(Duration::MAX, |(then, by_then)| {
            let present = computed.saturating_sub(by_then).saturating_add(slept);
            now.saturating_duration_since(then).saturating_sub(present)
        })
    }
}

/// How long the calling thread has been on a processor.
fn computed_by_thread() -> Option<Duration> {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: there is room for the answer.
    let told = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr()) };
    // SAFETY: it was filled in.
    let time = (told == 0).then(|| unsafe { time.assume_init() })?;
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn who_sleeps_is_absent_and_who_computes_is_not() {
        let (absence, start) = (Absence::default(), Instant::now());
        assert_eq!(absence.since_last(start), Duration::MAX);
        thread::sleep(Duration::from_millis(20));
        let slept = Instant::now();
        let absent = absence.since_last(slept);
        assert!((Duration::from_millis(15)..=slept - start).contains(&absent), "{absent:?}");
        let (before, mut computed) = (computed_by_thread().unwrap(), Duration::ZERO);
        while computed < Duration::from_millis(5) {
            computed = computed_by_thread().unwrap() - before;
        }
        let now = Instant::now();
        let present = (now - slept).saturating_sub(absence.since_last(now));
        // The two clocks need not go at exactly the same speed.
        assert!(present >= computed * 9 / 10, "{present:?} of {:?}", now - slept);
    }

    #[test]
    fn who_sleeps_of_his_own_accord_is_not_absent() {
        let (absence, start) = (Absence::default(), Instant::now());
        absence.since_last(start);
        let began = Instant::now();
        thread::sleep(Duration::from_millis(20));
        let slept = began.elapsed();
        absence.slept(slept);
        let now = Instant::now();
        assert!(absence.since_last(now) <= (now - start) - slept);
        // It counts once.
        thread::sleep(Duration::from_millis(20));
        assert!(absence.since_last(Instant::now()) >= Duration::from_millis(15));
    }
}
