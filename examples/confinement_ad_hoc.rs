//! Ad hoc confinement: everybody could use the data, and all have agreed that only one goroutine does.
//!
//! In Go nothing but the agreement keeps the others away. Here the data can be read by all, and to change it while they
//! might be reading does not compile. Still better is to give it away: see `owner_consumer`.
//!
//! Prints:
//! ```text
//! 1
//! 2
//! 3
//! 4
//! ```

use gocsp::{Sender, channel, scope};

fn send_all(data: &[u32], numbers: Sender<u32>) {
    for n in data {
        numbers.send(*n).expect("main receives all");
    }
}

#[gocsp::main]
fn main() {
    let data = [1, 2, 3, 4];
    let (tx, rx) = channel(0);
    scope(|s| {
        s.go(|| send_all(&data, tx));
        for n in &rx {
            println!("{n}");
        }
    });
}
