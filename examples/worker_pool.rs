//! A worker pool: a few goroutines share the work that comes over one buffered channel.
//!
//! Each takes the next job when it is done with the last one. They end when the channel is closed and empty.
//!
//! Prints, in any order, and done by any of three workers:
//! ```text
//! worker …: 1 squared is 1
//! worker …: 2 squared is 4
//! worker …: 3 squared is 9
//! worker …: 4 squared is 16
//! worker …: 5 squared is 25
//! worker …: 6 squared is 36
//! worker …: 7 squared is 49
//! worker …: 8 squared is 64
//! worker …: 9 squared is 81
//! ```

use gocsp::{channel, scope};

const WORKERS: u32 = 3;

#[gocsp::main]
fn main() {
    let (jobs, queue) = channel(5);
    scope(|s| {
        for worker in 1..=WORKERS {
            let queue = queue.clone();
            s.go(move || {
                for n in &queue {
                    println!("worker {worker}: {n} squared is {}", n * n);
                }
            });
        }
        for n in 1..=9 {
            jobs.send(n).expect("there are workers");
        }
        drop(jobs); // Closes the channel.
    });
}
