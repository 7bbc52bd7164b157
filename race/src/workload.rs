//! What a workload is made of. [`workloads`](crate::workloads) has the list.

use crate::task::Sizes;

/// Something that every contender does.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// As on the command line and in the table.
    pub name: &'static str,
    /// The function of the contenders.
    pub program: &'static str,
    /// In which table it stands.
    pub section: Section,
    /// For the reader.
    pub about: &'static str,
    /// The figures' names and units. One without a name may be the only one, or stand for all that are not named.
    pub units: &'static [(&'static str, Unit)],
    /// A number of workers of its own, instead of that of the command line.
    pub procs: Option<usize>,
    pub(crate) sizes: &'static [Size],
    pub(crate) answer: fn(&Sizes) -> u64,
}

/// How much of something there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) name: &'static str,
    pub(crate) full: u64,
    /// To try out whether everything works.
    pub(crate) tiny: u64,
}

/// Tables and charts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the title says it")]
pub enum Section {
    Channels,
    Goroutines,
    Locks,
    Work,
    Time,
    Network,
    Memory,
    Procs,
    Readers,
}

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "units")]
pub enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Bytes,
    /// How many of a thousand, or for a thousand.
    PerThousand,
}

impl Section {
    /// All, in their order.
    pub const ALL: [Self; 9] = [
        Self::Channels,
        Self::Goroutines,
        Self::Locks,
        Self::Work,
        Self::Time,
        Self::Network,
        Self::Memory,
        Self::Procs,
        Self::Readers,
    ];

    /// The heading of its table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Channels => "Channels and select",
            Self::Goroutines => "Starting and yielding",
            Self::Locks => "Locks",
            Self::Work => "Pools of workers",
            Self::Time => "Time",
            Self::Network => "Network",
            Self::Memory => "A million parked goroutines",
            Self::Procs => "By the number of procs",
            Self::Readers => "Readers against a writer",
        }
    }

    /// The name of its chart's file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Channels => "channels.svg",
            Self::Goroutines => "goroutines.svg",
            Self::Locks => "locks.svg",
            Self::Work => "work.svg",
            Self::Time => "time.svg",
            Self::Network => "network.svg",
            Self::Memory => "memory.svg",
            Self::Procs => "procs.svg",
            Self::Readers => "readers.svg",
        }
    }
}

impl Unit {
    /// As it is printed.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Bytes => "B",
            Self::PerThousand => "‰",
        }
    }
}

impl Workload {
    /// How much of it there is.
    pub fn sizes(&self, tiny: bool) -> Sizes {
        self.sizes.iter().map(|size| (size.name, if tiny { size.tiny } else { size.full })).collect()
    }

    /// What comes out of it if all the work is done.
    pub fn answer(&self, sizes: &Sizes) -> u64 {
        (self.answer)(sizes)
    }

    /// What the figure called `name` is measured in.
    pub fn unit(&self, name: &str) -> Option<Unit> {
        let named = |wanted: &str| self.units.iter().find(|(name, _)| *name == wanted).map(|&(_, unit)| unit);
        named(name).or_else(|| named(""))
    }
}
