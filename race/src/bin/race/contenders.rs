//! Who takes part.

/// Somebody who does the workloads.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Contender {
    /// As on the command line and in the tables.
    pub(crate) name: &'static str,
    /// For the reader.
    pub(crate) about: &'static str,
    pub(crate) program: Program,
}

/// What has to be built for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Program {
    /// A binary of this package, and the feature that it needs.
    Rust { binary: &'static str, feature: Option<&'static str> },
    /// The one in `go/`.
    Go,
}

/// Whom the others are compared with.
pub(crate) const HOME: &str = "gocsp";
/// Its other mode.
pub(crate) const MIGRATE: &str = "gocsp-migrate";
/// Whom everybody is compared with.
pub(crate) const GO: &str = "go";

const GOCSP: Program = Program::Rust { binary: "race-gocsp", feature: None };
const TOKIO: Program = Program::Rust { binary: "race-tokio", feature: Some("tokio") };
const MAY: Program = Program::Rust { binary: "race-may", feature: Some("may") };
const THREADS: Program = Program::Rust { binary: "race-threads", feature: Some("threads") };

/// The client of the contenders that are servers.
pub(crate) const LOAD: Program = Program::Rust { binary: "race-load", feature: None };

/// All, in the order in which they take turns.
pub(crate) const ALL: &[Contender] = &[
    Contender { name: HOME, about: "gocsp in its default mode", program: GOCSP },
    Contender { name: MIGRATE, about: "gocsp with `migrate()`", program: GOCSP },
    Contender { name: GO, about: "Go", program: Program::Go },
    Contender {
        name: "tokio",
        about: "tokio's multi-thread scheduler; channels are tokio's own `mpsc` and `oneshot`, or kanal's if they have no \
            buffer or several receivers; locks are tokio's",
        program: TOKIO,
    },
    Contender { name: "tokio-kanal", about: "the same, with kanal's channel in the place of `mpsc`", program: TOKIO },
    Contender {
        name: "tokio-current",
        about: "tokio's current-thread scheduler, on one thread whatever the number of procs",
        program: TOKIO,
    },
    Contender { name: "may", about: "may's stackful coroutines", program: MAY },
    Contender {
        name: "threads",
        about: "threads of the system, with the standard library's locks and crossbeam-channel",
        program: THREADS,
    },
];

/// The contender called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Contender> {
    ALL.iter().find(|contender| contender.name == name)
}

impl Contender {
    /// Whether it is gocsp, in whichever mode.
    pub(crate) fn is_gocsp(&self) -> bool {
        self.program == GOCSP
    }
}
