//! What happened in a schedule: as a number, always, and in words, if wanted.

use std::panic::Location;
use std::time::Duration;

use crate::park::Description;

/// Something that a goroutine did.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// It is about to do this.
    Does(Description, &'static Location<'static>),
    /// It cannot go on before something else happens.
    Waits(&'static str, &'static Location<'static>),
    /// It is woken.
    Woken,
    /// Its time is up.
    TimedOut,
    /// It lets others run.
    Yields(&'static Location<'static>),
    /// Somebody else runs, who could go on as well.
    Preempted,
    /// As `Preempted`, when it has taken what it was about to take.
    PreemptedHolding,
    Panics(String),
    /// What the program says of it.
    Says(String),
}

/// An event, and when and to whom it happened.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) time: Duration,
    /// The goroutine, by its number in the schedule.
    pub(crate) member: u32,
    pub(crate) event: Event,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    entries: Option<Vec<Entry>>,
}

impl Trace {
    pub(crate) fn new(records: bool) -> Self {
        Self { hash: Self::OFFSET, entries: records.then(Vec::new) }
    }

    /// FNV-1a, of 64 bits, over numbers instead of bytes.
    ///
    /// Source: G. Fowler, L. C. Noll, K.-P. Vo, "The FNV non-cryptographic hash algorithm" (1991).
    const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01B3;

    #[inline]
    fn mix(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(Self::PRIME);
    }

    #[inline]
    pub(crate) fn goes_on(&mut self, member: u32) {
        self.mix(member.into());
    }

    #[inline]
    pub(crate) fn passes(&mut self, member: u32, line: u32) {
        self.mix(u64::from(member) << 32 | u64::from(line));
    }

    pub(crate) fn draws(&mut self, choice: usize) {
        self.mix(choice as u64);
    }

    pub(crate) fn time_passes(&mut self, since_start: Duration) {
        self.mix(since_start.as_nanos() as u64);
    }

    pub(crate) fn record(&mut self, time: Duration, member: u32, event: Event) {
        if let Some(entries) = &mut self.entries {
            entries.push(Entry { time, member, event });
        }
    }

    /// A number that is the same for the same schedule of the same program, wherever it runs.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries.unwrap_or_default()
    }
}
