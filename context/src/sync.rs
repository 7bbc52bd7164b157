//! The one place where atomics, goroutines and timers come from: `std` and the runtime, or `shuttle` when built with
//! `--cfg shuttle`. In a model a goroutine is a thread, and no timer ever fires by itself: the model does it.

#[cfg(not(shuttle))]
mod imp {
    pub(crate) use gocsp_runtime::spawn_detached;
    pub(crate) use gocsp_runtime::timer::arm;
    pub(crate) use std::sync::atomic;
}

#[cfg(shuttle)]
mod imp {
    use std::sync::Weak;
    use std::time::Instant;

    use gocsp_runtime::timer::Expire;

    pub(crate) use shuttle::sync::atomic;

    pub(crate) fn spawn_detached(f: impl FnOnce() + Send + 'static) {
        shuttle::thread::spawn(f);
    }

    pub(crate) fn arm(_due: Instant, _what: Weak<dyn Expire>) {}
}

pub(crate) use imp::{arm, atomic, spawn_detached};
