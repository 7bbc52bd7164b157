//! A `Cond`: waits until a queue that holds two has room.
//!
//! To wait gives the lock up, and has it again afterwards. A signal says only that something has changed, and somebody else
//! may have come first; so `wait_while` looks again before it goes on.
//!
//! Prints, in any order, but never more than two more of the one than of the other:
//! ```text
//! Adding to queue
//! Adding to queue
//! Adding to queue
//! Adding to queue
//! Adding to queue
//! Adding to queue
//! Adding to queue
//! Adding to queue
//! Adding to queue
//! Adding to queue
//! Removed from queue
//! Removed from queue
//! Removed from queue
//! Removed from queue
//! Removed from queue
//! Removed from queue
//! Removed from queue
//! Removed from queue
//! Removed from queue
//! Removed from queue
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use gocsp::sync::{Cond, Mutex};
use gocsp::{scope, sleep};

#[gocsp::main]
fn main() {
    let queue = Mutex::new(VecDeque::new());
    let has_room = Cond::new();
    let remove_after = |delay: Duration| {
        sleep(delay);
        let mut items = queue.lock();
        items.pop_front();
        println!("Removed from queue");
        drop(items);
        has_room.signal();
    };
    scope(|s| {
        for item in 0..10 {
            let mut items = queue.lock();
            has_room.wait_while(&mut items, |items| items.len() == 2);
            println!("Adding to queue");
            items.push_back(item);
            s.go(|| remove_after(Duration::from_millis(10)));
        }
    });
}
