//! The one place where atomics, mutexes and threads come from: `std`, or `loom` or `shuttle` when built with
//! `--cfg loom` or `--cfg shuttle`. Everything that is model-checked takes them from here; the rest, which the models
//! replace by something simpler, uses `std`.

#[cfg(not(any(loom, shuttle)))]
mod imp {
    pub(crate) use crate::std_sync::Mutex;
    pub(crate) use std::sync::atomic;
    pub(crate) use std::{hint, thread};
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::sync::{Mutex, atomic};
    pub(crate) use loom::thread;
}

#[cfg(shuttle)]
mod imp {
    pub(crate) use shuttle::sync::{Mutex, atomic};
    pub(crate) use shuttle::thread;
}

#[cfg(not(any(loom, shuttle)))]
pub(crate) use imp::hint;
pub(crate) use imp::{Mutex, atomic, thread};

/// Defines a function that is `const`, except in models: their atomics cannot be made in constants.
macro_rules! const_except_in_models {
    ($(#[$meta:meta])* $visible:vis const fn $name:ident($($argument:ident: $type:ty)?) -> Self $body:block) => {
        $(#[$meta])*
        #[cfg(not(any(loom, shuttle)))]
        $visible const fn $name($($argument: $type)?) -> Self $body

        $(#[$meta])*
        #[cfg(any(loom, shuttle))]
        $visible fn $name($($argument: $type)?) -> Self $body
    };
}

pub(crate) use const_except_in_models;
