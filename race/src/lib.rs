//! The race: gocsp beside Go, tokio, may and threads of the system, on the same workloads.
//!
//! ```sh
//! cargo run --release -p race                                    # all of it, in some twenty minutes
//! cargo run --release -p race -- --only select3,sieve --rounds 9 # some of it
//! cargo run --release -p race -- --help
//! ```
//!
//! Go takes part if `go` is on the `PATH`. Whoever is missing, dies, takes too long or gives a wrong answer is shown as such.
//!
//! # Rules
//! 1. Each run is a process of its own, and does one workload once, from cold. The runs of a workload take turns: every
//!    contender once, then every contender again, beginning with another. What is shown is the median, and how far apart
//!    the runs were.
//! 2. All contenders get the same sizes, on their command lines, from one list: [`workloads::ALL`].
//! 3. Each run gives an answer, and the harness knows the right one: a sum of all messages, a prime, the number of those
//!    that did not wake early. Where work has no result, as that of goroutines that do nothing, all of it is waited for.
//! 4. All measure the same section, from inside, with their own clock. Starting the process and the runtime is outside.
//!    On the network it is the other way round: the contenders are servers, processes as before, and all that is measured is
//!    measured by one client, which is the same program for all of them.
//! 5. The workloads are written alike in all languages, and as somebody who knows the language would write them. Where
//!    a contender has to do something else, a note in the table says so; where it cannot, it says why.
//!
//! # Layout
//! ```text
//!   src/workloads.rs      what is done, with sizes, units and answers; src/workload.rs says what these are
//!   src/task.rs           what a contender is asked, and what it replies
//!   src/work.rs           arithmetic that contenders share; src/measure.rs: what they measure, and what it comes to
//!   src/bin/race-gocsp    contenders: a program each, all of the same structure,
//!   src/bin/race-tokio      with a function for each workload
//!   src/bin/race-may
//!   src/bin/race-threads
//!   go                    the same in Go
//!   src/served.rs         what servers and their client agree on, and src/bin/race-load: the client
//!   src/bin/race          the harness: builds the programs, runs them, and shows what came out
//! ```
//!
//! # Why programs of their own
//! So that nobody who builds or tests gocsp builds tokio and the others: `cargo test --workspace` builds this library, the
//! harness, the client of servers and gocsp's program. The other programs need features that are off by default. Nobody has to turn them
//! on: the harness builds the programs of those who take part, each with its feature, as it builds the one in Go. So
//! it takes no flags, and gocsp is measured as its users would build it, with nobody else's dependencies beside it.
//!
//! Rejected: one program with everything behind a default feature, which the tests of the workspace would build; the same
//! behind a feature that is off, which everybody who runs the race would have to know; a workspace of its own, with a
//! second `Cargo.lock` and without the lints and checks of the first.

#![forbid(unsafe_code)]

pub mod measure;
pub mod served;
pub mod task;
pub mod work;
pub mod workload;
pub mod workloads;
