//! The workloads: what each of them does, its sizes, its units, and the answer that only the whole work leads to.
//!
//! "Goroutine" stands for whatever a contender has in its place: a task, a coroutine, a thread. All figures are such that
//! less is better. Where it is not said otherwise, the time includes starting the goroutines, and goes until all have ended.

use crate::task::Sizes;
use crate::work::compute;
use crate::workload::{Section, Size, Unit, Workload};

/// The workload called `name`.
pub fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|workload| workload.name == name)
}

const NS: &[(&str, Unit)] = &[("", Unit::Nanoseconds)];
const US: &[(&str, Unit)] = &[("", Unit::Microseconds)];
const MS: &[(&str, Unit)] = &[("", Unit::Milliseconds)];
const PARKED: &[(&str, Unit)] = &[("bytes", Unit::Bytes), ("spawn", Unit::Nanoseconds), ("wake", Unit::Nanoseconds)];

const fn size(name: &'static str, full: u64, tiny: u64) -> Size {
    Size { name, full, tiny }
}

/// A size that is the same for every run.
const fn fixed(name: &'static str, number: u64) -> Size {
    Size { name, full: number, tiny: number }
}

const MESSAGES: Size = size("messages", 1_000_000, 1_000);
/// Arithmetic of some 20 µs.
const STEPS: Size = fixed("steps", 10_000);
const SLEEPERS: Size = size("goroutines", 100_000, 100);
/// Before the client begins to measure.
const ECHO_WARM: Size = size("warm_ms", 300, 5);
/// For so long it measures.
const ECHO_TIME: Size = size("millis", 1_500, 20);
const JOBS: Size = size("jobs", 40_000, 100);

const FLOW: &str =
    "producers send numbers on one channel until all are sent, consumers receive until it is closed; per message";
const POOL: &str = "one hands out jobs of 20 µs of arithmetic on an unbuffered channel; in all";
const READERS: &str = "a writer locks five times, 1 ns of sleep apart, beside readers that lock once each, for all powers of two up \
    to 2^19 readers. \"exclusive\": the readers lock for writing";

const ECHO_UNITS: &[(&str, Unit)] = &[("", Unit::Microseconds), ("waits", Unit::PerThousand)];
const ECHO: &str = "a server sends back what comes, on so many connections, to one client that is the same for all: on each, 64 bytes \
    go there and come back before the next do. Per request, of all connections together; p50, p99: how long a request takes, \
    for half of them and for 99 of a hundred; cpu: for how long the server computes, per request; waits: how often a \
    thread of the server goes to sleep, per thousand requests";

/// All workloads, in the order in which they are run.
pub const ALL: &[Workload] = &[
    Workload {
        name: "ctxswitch",
        program: "ctxswitch",
        section: Section::Channels,
        about: "two wait for `begin` to be closed, then pass empty messages over an unbuffered channel; per message, from the close",
        units: NS,
        procs: None,
        sizes: &[MESSAGES],
        answer: |sizes| sizes.get("messages"),
    },
    Workload {
        name: "pingpong",
        program: "pingpong",
        section: Section::Channels,
        about: "a number goes back and forth over two unbuffered channels; per round trip",
        units: NS,
        procs: None,
        sizes: &[MESSAGES],
        answer: |sizes| sum_below(sizes.get("messages")),
    },
    flow(
        "flow-0-1x1",
        Section::Channels,
        None,
        &[MESSAGES, fixed("capacity", 0), fixed("producers", 1), fixed("consumers", 1)],
    ),
    flow(
        "flow-0-4x4",
        Section::Channels,
        None,
        &[MESSAGES, fixed("capacity", 0), fixed("producers", 4), fixed("consumers", 4)],
    ),
    flow(
        "flow-128-1x1",
        Section::Channels,
        None,
        &[MESSAGES, fixed("capacity", 128), fixed("producers", 1), fixed("consumers", 1)],
    ),
    flow(
        "flow-128-4x4",
        Section::Channels,
        None,
        &[MESSAGES, fixed("capacity", 128), fixed("producers", 4), fixed("consumers", 4)],
    ),
    Workload {
        name: "select3",
        program: "select3",
        section: Section::Channels,
        about: "a consumer selects on the unbuffered channels of two producers, and on one on which nothing comes; per message",
        units: NS,
        procs: None,
        sizes: &[MESSAGES],
        answer: |sizes| sum_below(sizes.get("messages")),
    },
    Workload {
        name: "ring1000",
        program: "ring",
        section: Section::Channels,
        about: "a token goes round a thousand goroutines over unbuffered channels, after one lap that is not timed; per hop",
        units: NS,
        procs: None,
        sizes: &[size("hops", 1_000_500, 1_500), fixed("nodes", 1_000)],
        // Where the token stops.
        answer: |sizes| sizes.get("hops") % sizes.get("nodes"),
    },
    Workload {
        name: "sieve",
        program: "sieve",
        section: Section::Channels,
        about: "numbers run through a chain of filters, one for each prime, until the 1500th prime comes out; every stage selects \
            between the number and a channel that tells it to end; in all",
        units: MS,
        procs: None,
        sizes: &[size("nth", 1_500, 20)],
        answer: |sizes| nth_prime(sizes.get("nth")),
    },
    Workload {
        name: "spawn",
        program: "spawn",
        section: Section::Goroutines,
        about: "two million goroutines that do nothing are started, and waited for with one wait group; each",
        units: NS,
        procs: None,
        sizes: &[size("goroutines", 2_000_000, 1_000)],
        answer: |sizes| sizes.get("goroutines"),
    },
    Workload {
        name: "spawnjoin",
        program: "spawnjoin",
        section: Section::Goroutines,
        about: "one goroutine after the other is started, and waited for; each",
        units: NS,
        procs: None,
        sizes: &[size("goroutines", 200_000, 1_000)],
        answer: |sizes| sum_below(sizes.get("goroutines")),
    },
    Workload {
        name: "skynet",
        program: "skynet",
        section: Section::Goroutines,
        about: "a tree of goroutines with ten children each and a million leaves, which sends the sum of its leaves' numbers to \
            its root over unbuffered channels; in all",
        units: MS,
        procs: None,
        sizes: &[size("leaves", 1_000_000, 1_000)],
        answer: |sizes| sum_below(sizes.get("leaves")),
    },
    Workload {
        name: "fib27",
        program: "fib",
        section: Section::Goroutines,
        about: "Fibonacci's 27th number by recursion: each call has a goroutine make its left call, which sends the result over a \
            channel with one place; in all",
        units: MS,
        procs: None,
        sizes: &[size("n", 27, 10)],
        answer: |sizes| fib(sizes.get("n")),
    },
    yields("yield1", &[size("yields", 2_000_000, 1_000), fixed("goroutines", 1)]),
    yields("yield100", &[size("yields", 2_000_000, 1_000), fixed("goroutines", 100)]),
    mutex("mutex1", &[size("locks", 4_000_000, 1_000), fixed("goroutines", 1)]),
    mutex("mutex8", &[size("locks", 4_000_000, 1_000), fixed("goroutines", 8)]),
    pool("pool2", Section::Work, None, &[JOBS, STEPS, fixed("workers", 2)]),
    pool("pool8", Section::Work, None, &[JOBS, STEPS, fixed("workers", 8)]),
    Workload {
        name: "sleep50us",
        program: "sleep",
        section: Section::Time,
        about: "one goroutine sleeps for 50 µs, again and again, and nobody else runs; how long it takes, in the median",
        units: US,
        procs: None,
        sizes: &[size("sleeps", 2_000, 10), fixed("nanos", 50_000)],
        answer: |sizes| sizes.get("sleeps"),
    },
    Workload {
        name: "timerstop",
        program: "timerstop",
        section: Section::Time,
        about: "a timer of a minute is made and stopped, beside ten thousand of an hour; each",
        units: NS,
        procs: None,
        sizes: &[size("timers", 1_000_000, 1_000), fixed("armed", 10_000)],
        answer: |sizes| sizes.get("timers"),
    },
    sleepers(
        "sleepers",
        "a hundred thousand goroutines are started, to sleep until moments that are spread over the 100 ms from the first start; from \
            when the last is due until the last is awake",
        &[SLEEPERS, fixed("lead_ms", 0), fixed("within_ms", 100)],
    ),
    sleepers(
        "sleepers-asleep",
        "the same, but the first is due half a second after the first start, when all are asleep",
        &[SLEEPERS, fixed("lead_ms", 500), fixed("within_ms", 100)],
    ),
    Workload {
        name: "hogs",
        program: "hogs",
        section: Section::Time,
        about: "one ticks every millisecond, beside as many goroutines as there are procs, which compute without ever calling the \
            runtime; the longest time without a tick, of two seconds",
        units: MS,
        procs: None,
        sizes: &[size("millis", 2_000, 50), STEPS],
        answer: |_| 1,
    },
    echo("echo-1", &[fixed("connections", 1), ECHO_WARM, ECHO_TIME]),
    echo("echo-64", &[fixed("connections", 64), ECHO_WARM, ECHO_TIME]),
    echo("echo-1024", &[fixed("connections", 1024), ECHO_WARM, ECHO_TIME]),
    Workload {
        name: "parked",
        program: "parked",
        section: Section::Memory,
        about: "a million goroutines receive from one channel, until it is closed. Bytes: what the process grew by, with page \
            tables. Spawn: from the first start until all wait. Wake: from the close until all have ended; each",
        units: PARKED,
        procs: None,
        sizes: &[size("goroutines", 1_000_000, 1_000)],
        answer: |sizes| sizes.get("goroutines"),
    },
    flow(
        "flow-0-4x4-p1",
        Section::Procs,
        Some(1),
        &[MESSAGES, fixed("capacity", 0), fixed("producers", 4), fixed("consumers", 4)],
    ),
    flow(
        "flow-0-4x4-p2",
        Section::Procs,
        Some(2),
        &[MESSAGES, fixed("capacity", 0), fixed("producers", 4), fixed("consumers", 4)],
    ),
    flow(
        "flow-0-4x4-p4",
        Section::Procs,
        Some(4),
        &[MESSAGES, fixed("capacity", 0), fixed("producers", 4), fixed("consumers", 4)],
    ),
    flow(
        "flow-0-4x4-p8",
        Section::Procs,
        Some(8),
        &[MESSAGES, fixed("capacity", 0), fixed("producers", 4), fixed("consumers", 4)],
    ),
    pool("pool8-p1", Section::Procs, Some(1), &[JOBS, STEPS, fixed("workers", 8)]),
    pool("pool8-p2", Section::Procs, Some(2), &[JOBS, STEPS, fixed("workers", 8)]),
    pool("pool8-p4", Section::Procs, Some(4), &[JOBS, STEPS, fixed("workers", 8)]),
    pool("pool8-p8", Section::Procs, Some(8), &[JOBS, STEPS, fixed("workers", 8)]),
    Workload {
        name: "rwlock",
        program: "rwlock",
        section: Section::Readers,
        about: READERS,
        units: US,
        procs: None,
        sizes: &[size("powers", 20, 8), fixed("writes", 5)],
        // How often the writer has locked: in tests with a lock for readers, and in those without.
        answer: |sizes| 2 * sizes.get("powers") * sizes.get("writes"),
    },
];

const fn flow(name: &'static str, section: Section, procs: Option<usize>, sizes: &'static [Size]) -> Workload {
    let answer = |sizes: &Sizes| sum_below(sizes.get("messages"));
    Workload { name, program: "flow", section, about: FLOW, units: NS, procs, sizes, answer }
}

const fn yields(name: &'static str, sizes: &'static [Size]) -> Workload {
    let about = "so many goroutines yield in turn; per yield, of the total";
    let answer = |sizes: &Sizes| sizes.get("yields");
    Workload { name, program: "yields", section: Section::Goroutines, about, units: NS, procs: None, sizes, answer }
}

const fn mutex(name: &'static str, sizes: &'static [Size]) -> Workload {
    let about = "so many goroutines count under one lock; per lock and unlock, of the total";
    let answer = |sizes: &Sizes| sizes.get("locks");
    Workload { name, program: "mutex", section: Section::Locks, about, units: NS, procs: None, sizes, answer }
}

const fn sleepers(name: &'static str, about: &'static str, sizes: &'static [Size]) -> Workload {
    let answer = |sizes: &Sizes| sizes.get("goroutines");
    Workload { name, program: "sleepers", section: Section::Time, about, units: MS, procs: None, sizes, answer }
}

const fn echo(name: &'static str, sizes: &'static [Size]) -> Workload {
    // On how many connections all came back as it was sent.
    let answer = |sizes: &Sizes| sizes.get("connections");
    let (about, units) = (ECHO, ECHO_UNITS);
    Workload { name, program: "echo", section: Section::Network, about, units, procs: None, sizes, answer }
}

const fn pool(name: &'static str, section: Section, procs: Option<usize>, sizes: &'static [Size]) -> Workload {
    let answer = |sizes: &Sizes| {
        (0..sizes.get("jobs")).fold(0, |sum: u64, job| sum.wrapping_add(compute(job, sizes.get("steps"))))
    };
    Workload { name, program: "pool", section, about: POOL, units: MS, procs, sizes, answer }
}

/// 0 + 1 + 2 + ... + (n - 1)
fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

fn fib(n: u64) -> u64 {
    (0..n).fold((0, 1), |(this, next), _| (next, this + next)).0
}

fn nth_prime(n: u64) -> u64 {
    let mut primes: Vec<u64> = Vec::new();
    for number in 2.. {
        if primes.len() as u64 == n {
            break;
        }
        if primes.iter().take_while(|&prime| prime * prime <= number).all(|prime| number % prime != 0) {
            primes.push(number);
        }
    }
    primes[primes.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, workload) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != workload.name), "{}", workload.name);
        }
    }

    #[test]
    fn answers_are_right() {
        let answer = |name| find(name).map(|workload| workload.answer(&workload.sizes(false)));
        assert_eq!(answer("sieve"), Some(12_553));
        assert_eq!(answer("fib27"), Some(196_418));
        assert_eq!(answer("skynet"), Some(499_999_500_000));
        assert_eq!(answer("ring1000"), Some(500));
    }

    #[test]
    fn figures_have_units() {
        let unit = |workload, figure| find(workload).and_then(|workload| workload.unit(figure));
        assert_eq!(unit("parked", "bytes"), Some(Unit::Bytes));
        assert_eq!(unit("parked", ""), None);
        assert_eq!(
            (unit("echo-1", "p99"), unit("echo-1", "waits")),
            (Some(Unit::Microseconds), Some(Unit::PerThousand))
        );
        assert_eq!(unit("rwlock", "readers=8"), Some(Unit::Microseconds));
    }

    #[test]
    fn work_divides_evenly() {
        for workload in ALL {
            for sizes in [workload.sizes(false), workload.sizes(true)] {
                match workload.program {
                    "select3" => assert_eq!(sizes.get("messages") % 2, 0),
                    "yields" => assert_eq!(sizes.get("yields") % sizes.get("goroutines"), 0),
                    "mutex" => assert_eq!(sizes.get("locks") % sizes.get("goroutines"), 0),
                    _ => {}
                }
            }
        }
    }
}
