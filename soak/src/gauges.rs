//! What the process uses when nothing goes on: memory, threads, files. It may not grow.
//!
//! It goes up and down all the same, for what has been used is kept for a while to be used again. So it is looked at in
//! rests, which are long enough for that while to pass. If it grows, even the least of the last rests is above the most
//! of the first ones; that is what is compared, with some [room](Gauge::most) between them. The [warm-up](WARM_UP) does
//! not count, for there everything grows.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::Duration;

use crate::heap;

/// How many rests are not counted.
const WARM_UP: usize = 2;
/// How many rests are the first ones, and how many the last.
const WINDOW: usize = 4;

/// All of them.
pub(crate) struct Gauges {
    gauges: Vec<Gauge>,
}

impl Gauges {
    pub(crate) fn new() -> Self {
        let gauge = |name, read, room| Gauge { name, read, room, rests: 0, first: 0, last: VecDeque::new() };
        Self {
            gauges: vec![
                gauge("KiB of memory", resident_kib, 4 << 10),
                gauge("KiB of heap", || heap::in_use() >> 10, 256),
                gauge("threads", || status("Threads:"), 16),
                gauge("files", files, 16),
                gauge("mappings", mappings, 256),
            ],
        }
    }

    /// Rests, and looks at all of them.
    ///
    /// # Errors
    /// If one has grown.
    pub(crate) fn rest(&mut self, time: Duration) -> Result<(), String> {
        thread::sleep(time);
        heap::trim();
        self.gauges.iter_mut().try_for_each(|gauge| gauge.note((gauge.read)()))
    }

    /// What they tell, in one line.
    pub(crate) fn readings(&self) -> String {
        let readings: Vec<_> = self.gauges.iter().map(|gauge| format!("{} {}", (gauge.read)(), gauge.name)).collect();
        readings.join(", ")
    }

    /// Whether there have been enough rests to tell first ones and last ones apart.
    pub(crate) fn can_tell(&self) -> bool {
        self.gauges.iter().all(Gauge::can_tell)
    }
}

struct Gauge {
    name: &'static str,
    read: fn() -> usize,
    /// By how much it may grow, and a quarter more.
    room: usize,
    rests: usize,
    /// The most in the first rests.
    first: usize,
    last: VecDeque<usize>,
}

impl Gauge {
    fn note(&mut self, value: usize) -> Result<(), String> {
        self.rests += 1;
        if self.rests <= WARM_UP {
            return Ok(());
        }
        if self.rests <= WARM_UP + WINDOW {
            self.first = self.first.max(value);
            return Ok(());
        }
        self.last.truncate(WINDOW - 1);
        self.last.push_front(value);
        let least = self.last.iter().copied().min().unwrap_or_default();
        if self.can_tell() && least > self.most() {
            let &mut Self { name, first, rests, .. } = self;
            return Err(format!(
                "in {WINDOW} of the first rests there were never more than {first} {name}, in the last {WINDOW} of {rests} \
                 never fewer than {least}"
            ));
        }
        Ok(())
    }

    fn can_tell(&self) -> bool {
        self.last.len() == WINDOW
    }

    fn most(&self) -> usize {
        self.first + self.first / 4 + self.room
    }
}

/// The memory that the process occupies.
pub(crate) fn resident_kib() -> usize {
    status("VmRSS:")
}

/// The most memory that the process has occupied.
pub(crate) fn peak_kib() -> usize {
    status("VmHWM:")
}

/// A number of `/proc/self/status`.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells the state of a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line for each number");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn files() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux tells the files of a process").count()
}

/// How many of the files are sockets.
pub(crate) fn sockets() -> usize {
    let files = fs::read_dir("/proc/self/fd").expect("Linux tells the files of a process").flatten();
    files
        .filter(|file| fs::read_link(file.path()).is_ok_and(|what| what.as_os_str().as_bytes().starts_with(b"socket:")))
        .count()
}

fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").expect("Linux tells the mappings of a process").lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes what `value` gives for each rest.
    fn rests(count: usize, value: impl Fn(usize) -> usize) -> Result<(), String> {
        let mut gauge = Gauge { name: "things", read: || 0, room: 100, rests: 0, first: 0, last: VecDeque::new() };
        (0..count).try_for_each(|rest| gauge.note(value(rest)))
    }

    #[test]
    fn what_goes_up_and_down_does_not_grow() {
        assert_eq!(rests(1000, |rest| if rest % 3 == 0 { 500 } else { rest * 7919 % 100_000 }), Ok(()));
    }

    #[test]
    fn what_grows_until_it_is_warm_does_not_grow() {
        assert_eq!(rests(1000, |rest| 1000 * rest.min(WARM_UP + 1)), Ok(()));
    }

    #[test]
    fn what_grows_slowly_is_noticed() {
        let error = rests(1000, |rest| 1000 + rest + rest * 7919 % 300).unwrap_err();
        assert!(error.contains("things"), "{error}");
    }

    #[test]
    fn growth_is_noticed_as_soon_as_can_be() {
        assert_eq!(rests(WARM_UP + 2 * WINDOW - 1, |rest| 100 << rest), Ok(()));
        assert!(rests(WARM_UP + 2 * WINDOW, |rest| 100 << rest).is_err());
    }

    #[test]
    fn everything_can_be_read() {
        for gauge in Gauges::new().gauges {
            assert!((gauge.read)() > 0, "{}", gauge.name);
        }
        assert!(peak_kib() >= resident_kib() / 2);
    }
}
