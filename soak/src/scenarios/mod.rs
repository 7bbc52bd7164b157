//! What programs do: a file for each.
//!
//! A scenario is given a trial and chance, and returns when all is done that it has started, except where something is
//! meant to end in the background. What it waits for comes; if not, that is what the watchdog is for. It counts a step
//! for each thing done, and takes half a second at most where it shares two processors with seven others.
//!
//! Under `--migrate`, nobody keeps what is bound to a thread across a call that may wait: in particular no guard of a
//! lock of the standard library. The guards of gocsp's own locks are bound to nothing; they only do not leave their
//! goroutine.

mod broadcast;
mod bursts;
mod clocks;
mod connections;
mod contexts;
mod deadlines;
mod fan;
mod flights;
mod groups;
mod jobs;
mod locals;
mod locks;
mod map;
mod messages;
mod once;
mod panics;
mod peers;
mod planted;
mod pool;
mod procs;
mod queue;
mod ring;
mod runtimes;
mod semaphore;
mod sieve;
mod sockets;
mod stacks;
mod tree;
mod ways;

use crate::random::Random;
use crate::trial::Trial;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Trial, &mut Random),
}

const fn scenario(name: &'static str, run: fn(&Trial, &mut Random)) -> Scenario {
    Scenario { name, run }
}

pub(crate) const ALL: &[Scenario] = &[
    scenario("broadcast", broadcast::run),
    scenario("bursts", bursts::run),
    scenario("clocks", clocks::run),
    scenario("connections", connections::run),
    scenario("contexts", contexts::run),
    scenario("deadlines", deadlines::run),
    scenario("fan", fan::run),
    scenario("flights", flights::run),
    scenario("groups", groups::run),
    scenario("jobs", jobs::run),
    scenario("locals", locals::run),
    scenario("locks", locks::run),
    scenario("map", map::run),
    scenario("messages", messages::run),
    scenario("once", once::run),
    scenario("panics", panics::run),
    scenario("peers", peers::run),
    scenario("pool", pool::run),
    scenario("procs", procs::run),
    scenario("queue", queue::run),
    scenario("ring", ring::run),
    scenario("runtimes", runtimes::run),
    scenario("semaphore", semaphore::run),
    scenario("sieve", sieve::run),
    scenario("stacks", stacks::run),
    scenario("tree", tree::run),
];

/// What may not happen, on purpose.
pub(crate) const PLANTED: &[Scenario] = &[
    scenario("swap", planted::swap),
    scenario("loss", planted::loss),
    scenario("hang", planted::hang),
    scenario("early", planted::early),
    scenario("goroutine", planted::goroutine),
    scenario("drop", planted::a_drop),
    scenario("leak", planted::leak),
    scenario("socket", planted::socket),
    scenario("panic", planted::panic),
];
