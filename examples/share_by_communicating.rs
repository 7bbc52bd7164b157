//! Do not communicate by sharing memory; share memory by communicating.
//!
//! First two goroutines share a flag. Whether the second finds work depends on who comes first, and if it comes too early it
//! would have to ask again and again. Then the work itself goes from one to the other over a channel: the second waits for
//! it, and nobody else has it.
//!
//! Prints:
//! ```text
//! by sharing memory: …
//! by communicating: done
//! ```

use gocsp::sync::Mutex;
use gocsp::{channel, scope};

fn by_sharing_memory() -> &'static str {
    let has_work = Mutex::new(false);
    scope(|s| {
        s.go(|| *has_work.lock() = true);
        let worker = s.go(|| if *has_work.lock() { "done" } else { "nothing to do" });
        worker.join().expect("it does not panic")
    })
}

fn by_communicating() -> &'static str {
    let (work, queue) = channel(0);
    scope(|s| {
        s.go(move || work.send("done"));
        let worker = s.go(move || queue.recv().unwrap_or("nothing to do"));
        worker.join().expect("it does not panic")
    })
}

#[gocsp::main]
fn main() {
    println!("by sharing memory: {}", by_sharing_memory());
    println!("by communicating: {}", by_communicating());
}
