//! The lesson, step by step. Each module says what it adds to the one before, and what is still wrong with it. Each is
//! complete, and repeats what stays as it was, so that two of them can be laid side by side.
//!
//! 1. [`sequential`]: one thing after the other
//! 2. [`goroutines`]: everything at once, and nobody knows when it is done
//! 3. [`waitgroup`]: to know when it is done
//! 4. [`mutex`]: a cache that goroutines can share
//! 5. [`rwmutex`]: and that many can read at once
//! 6. [`select`]: the first answer wins, and the goroutine that looks for the other one is told to stop

mod goroutines;
mod mutex;
mod rwmutex;
#[cfg(all(test, feature = "testing"))]
mod schedules;
mod select;
mod sequential;
mod waitgroup;

use std::str::FromStr;
use std::sync::Arc;

use crate::clients::Clients;
use crate::library::Library;

/// How far the lesson has got.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Sequential,
    Goroutines,
    WaitGroup,
    Mutex,
    RwMutex,
    Select,
}

impl Stage {
    /// Lets the clients ask their queries, and answers them.
    pub(crate) fn run(self, library: &Arc<Library>, clients: &Clients) {
        match self {
            Self::Sequential => sequential::run(library, clients),
            Self::Goroutines => goroutines::run(library, clients),
            Self::WaitGroup => waitgroup::run(library, clients),
            Self::Mutex => mutex::run(library, clients),
            Self::RwMutex => rwmutex::run(library, clients),
            Self::Select => select::run(library, clients),
        }
    }
}

impl FromStr for Stage {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "sequential" => Ok(Self::Sequential),
            "goroutines" => Ok(Self::Goroutines),
            "waitgroup" => Ok(Self::WaitGroup),
            "mutex" => Ok(Self::Mutex),
            "rwmutex" => Ok(Self::RwMutex),
            "select" => Ok(Self::Select),
            _ => Err("expected sequential, goroutines, waitgroup, mutex, rwmutex or select"),
        }
    }
}
