//! The one place where atomics, cells and threads come from: `std`, or `loom` or `shuttle` when built with
//! `--cfg loom` or `--cfg shuttle`. Everything that is model-checked takes them from here.

#[cfg(not(any(loom, shuttle)))]
mod imp {
    pub(crate) use std::sync::atomic;
    pub(crate) use std::{hint, thread};
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::sync::atomic;
    pub(crate) use loom::{hint, thread};
}

#[cfg(shuttle)]
mod imp {
    pub(crate) use shuttle::sync::atomic;
    pub(crate) use shuttle::{hint, thread};
}

pub(crate) use imp::{atomic, hint, thread};
