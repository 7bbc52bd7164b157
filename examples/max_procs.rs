//! How many goroutines run at the same time: as many as there are procs, by default one for each processor.
//!
//! It can be changed while the program runs. `set_max_procs` returns what was set before.
//!
//! Prints:
//! ```text
//! as many procs as processors: true
//! and now: 1
//! ```

use gocsp::{max_procs, num_cpus, set_max_procs};

#[gocsp::main]
fn main() {
    let before = set_max_procs(1);
    println!("as many procs as processors: {}", before == num_cpus());
    println!("and now: {}", max_procs());
}
