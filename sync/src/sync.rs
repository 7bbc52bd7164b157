//! The one place where atomics come from, together with what a model checker has to see differently: how long somebody
//! has waited, what happens later, whether spinning is of use, and whether a constructor is `const`. `std`, or `loom`
//! or `shuttle` when built with `--cfg loom` or `--cfg shuttle`.

#[cfg(not(any(loom, shuttle)))]
mod imp {
    use std::time::{Duration, Instant};

    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic;

    /// Whether the time from `since` to `now` is over `limit`.
    #[inline]
    pub(crate) fn is_over(since: Instant, now: Instant, limit: Duration) -> bool {
        now.saturating_duration_since(since) > limit
    }

    /// Calls `f` in a goroutine of its own, `delay` from now; or drops it, if the runtime ends before.
    pub(crate) fn later(delay: Duration, f: impl Fn() + Send + Sync + 'static) {
        drop(gocsp_runtime::timer::after_func(delay, f));
    }

    /// Whether spinning can be of use.
    pub(crate) const SPINS: bool = true;
}

#[cfg(any(loom, shuttle))]
mod imp {
    use std::time::{Duration, Instant};

    #[cfg(loom)]
    pub(crate) use loom::{hint::spin_loop, sync::atomic};
    #[cfg(shuttle)]
    pub(crate) use shuttle::{hint::spin_loop, sync::atomic};

    /// A model has no time. shuttle draws the answer, so that both are explored, and replayed with the schedule.
    #[cfg(shuttle)]
    pub(crate) fn is_over(_since: Instant, _now: Instant, _limit: Duration) -> bool {
        shuttle::rand::Rng::r#gen(&mut shuttle::rand::thread_rng())
    }

    /// A model has no time. loom, which checks the orderings only, takes every wait for a short one.
    #[cfg(loom)]
    pub(crate) fn is_over(_since: Instant, _now: Instant, _limit: Duration) -> bool {
        false
    }

    /// A model has no time. It calls `f` at any moment.
    pub(crate) fn later(_delay: Duration, f: impl Fn() + Send + Sync + 'static) {
        #[cfg(loom)]
        loom::thread::spawn(f);
        #[cfg(shuttle)]
        shuttle::thread::spawn(f);
    }

    /// A spinning thread only adds schedules in which nothing happens.
    pub(crate) const SPINS: bool = false;
}

pub(crate) use imp::{SPINS, atomic, is_over, later, spin_loop};

/// Declares functions that are `const`, except in models, whose atomics and locks cannot be made at compile time.
macro_rules! const_unless_modelled {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),*) -> $ret:ty $body:block)*) => {$(
        #[cfg(not(any(loom, shuttle)))]
        $(#[$meta])* $vis const fn $name($($arg: $type),*) -> $ret $body

        #[cfg(any(loom, shuttle))]
        $(#[$meta])* $vis fn $name($($arg: $type),*) -> $ret $body
    )*};
}

pub(crate) use const_unless_modelled;
