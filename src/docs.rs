//! The book of gocsp: the pages of the folder `docs`, which `mdbook build docs` makes a book of. Their examples are compiled and
//! run with those of the crate.
//!
//! To begin with: [start], [goroutines], [channels], [select]. Then [sync], [time], [context], [net], and [patterns], which has what Go's
//! concurrency is usually taught by. For those who know something similar: [from_go], [from_tokio]. In use: [safety], [testing],
//! [testing_schedules], [diagnosing], [tuning]. How it is made: [design], [benchmarks], [reliability], [sanitizers], [dependencies].

/// Where the links between pages lead in this documentation. These definitions come before those in the files, and the first
/// one of a name counts.
macro_rules! links {
    () => {
        "[benchmarks.md]: crate::docs::benchmarks
[channels.md]: crate::docs::channels
[context.md]: crate::docs::context
[diagnosing.md]: crate::docs::diagnosing
[from-go.md]: crate::docs::from_go
[goroutines.md]: crate::docs::goroutines
[net.md]: crate::docs::net
[patterns.md]: crate::docs::patterns
[patterns/cache.md]: crate::docs::patterns::cache
[patterns/channels.md]: crate::docs::patterns::channels
[patterns/contexts.md]: crate::docs::patterns::contexts
[patterns/faults.md]: crate::docs::patterns::faults
[patterns/once.md]: crate::docs::patterns::once
[patterns/sync.md]: crate::docs::patterns::sync
[safety.md]: crate::docs::safety
[sanitizers.md]: crate::docs::sanitizers
[select.md]: crate::docs::select
[sync.md]: crate::docs::sync
[testing.md]: crate::docs::testing
[testing-schedules.md]: crate::docs::testing_schedules
[time.md]: crate::docs::time
[tuning.md]: crate::docs::tuning
"
    };
}

/// What stands in the place of a picture in this documentation, which has no files beside its pages: a line of text. The definition
/// comes before that in the file, as those of links do.
macro_rules! instead {
    ($text:literal of $($picture:literal)*) => {
        concat!($(
            "[", $picture, "]: data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20width='420'%20height='22'%3E",
            "%3Ctext%20y='16'%20font-family='sans-serif'%20font-size='14'%20fill='gray'%3E", $text, "%3C/text%3E%3C/svg%3E\n",
        )*)
    };
}

/// The same for a picture that is put at the end of the page. An empty line has to be in front of it there.
macro_rules! below {
    ($picture:literal) => {
        instead!("The%20picture%20is%20at%20the%20end%20of%20this%20page." of $picture)
    };
}

#[doc = links!()]
#[doc = include_str!("../docs/start.md")]
pub mod start {}

#[doc = links!()]
#[doc = below!("life.svg")]
#[doc = include_str!("../docs/goroutines.md")]
#[doc = ""]
#[doc = include_str!("../docs/pictures/life.svg")]
pub mod goroutines {}

#[doc = links!()]
#[doc = below!("rendezvous.svg")]
#[doc = include_str!("../docs/channels.md")]
#[doc = ""]
#[doc = include_str!("../docs/pictures/rendezvous.svg")]
pub mod channels {}

#[doc = links!()]
#[doc = include_str!("../docs/select.md")]
pub mod select {}

#[doc = links!()]
#[doc = include_str!("../docs/sync.md")]
pub mod sync {}

#[doc = links!()]
#[doc = include_str!("../docs/time.md")]
pub mod time {}

#[doc = links!()]
#[doc = include_str!("../docs/context.md")]
pub mod context {}

#[doc = links!()]
#[doc = below!("poller.svg")]
#[doc = include_str!("../docs/net.md")]
#[doc = ""]
#[doc = include_str!("../docs/pictures/poller.svg")]
pub mod net {}

#[doc = links!()]
#[doc = include_str!("../docs/patterns.md")]
pub mod patterns {
    #[doc = links!()]
    #[doc = include_str!("../docs/patterns/faults.md")]
    pub mod faults {}

    #[doc = links!()]
    #[doc = include_str!("../docs/patterns/sync.md")]
    pub mod sync {}

    #[doc = links!()]
    #[doc = include_str!("../docs/patterns/once.md")]
    pub mod once {}

    #[doc = links!()]
    #[doc = include_str!("../docs/patterns/channels.md")]
    pub mod channels {}

    #[doc = links!()]
    #[doc = include_str!("../docs/patterns/contexts.md")]
    pub mod contexts {}

    #[doc = links!()]
    #[doc = include_str!("../docs/patterns/cache.md")]
    pub mod cache {}
}

#[doc = links!()]
#[doc = include_str!("../docs/safety.md")]
pub mod safety {}

#[doc = links!()]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = links!()]
#[doc = include_str!("../docs/testing-schedules.md")]
pub mod testing_schedules {}

#[doc = links!()]
#[doc = include_str!("../docs/diagnosing.md")]
pub mod diagnosing {}

#[doc = links!()]
#[doc = below!("scheduler.svg")]
#[doc = include_str!("../docs/tuning.md")]
#[doc = ""]
#[doc = include_str!("../docs/pictures/scheduler.svg")]
pub mod tuning {}

#[doc = links!()]
#[doc = include_str!("../docs/from-go.md")]
pub mod from_go {}

#[doc = links!()]
#[doc = include_str!("../docs/from-tokio.md")]
pub mod from_tokio {}

#[doc = links!()]
#[doc = include_str!("../docs/design.md")]
pub mod design {}

#[doc = links!()]
#[doc = instead!(
    "A%20chart,%20which%20stands%20in%20the%20book." of
    "benchmarks/channels.svg" "benchmarks/goroutines.svg" "benchmarks/locks.svg" "benchmarks/memory.svg"
    "benchmarks/network.svg" "benchmarks/procs.svg" "benchmarks/readers.svg" "benchmarks/time.svg" "benchmarks/work.svg"
)]
#[doc = include_str!("../docs/benchmarks.md")]
pub mod benchmarks {}

#[doc = links!()]
#[doc = include_str!("../docs/reliability.md")]
pub mod reliability {}

#[doc = links!()]
#[doc = include_str!("../docs/sanitizers.md")]
pub mod sanitizers {}

#[doc = links!()]
#[doc = include_str!("../docs/dependencies.md")]
pub mod dependencies {}
