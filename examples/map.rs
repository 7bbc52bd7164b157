//! A `Map` that goroutines share: each key is stored and loaded by itself, and no lock is seen.
//!
//! `range` calls a function for each key, until that says no. For most programs a `HashMap` in an `RwLock` is enough, and lets
//! several changes be made as one.
//!
//! Prints
//! ```text
//! the square of 3: Some(9)
//! the square of 100: None
//! ```
//! and then, in any order:
//! ```text
//! 0 squared is 0
//! 1 squared is 1
//! 2 squared is 4
//! 3 squared is 9
//! 4 squared is 16
//! ```

use gocsp::scope;
use gocsp::sync::Map;

#[gocsp::main]
fn main() {
    let squares = Map::new();
    scope(|s| {
        for n in 0..5 {
            let squares = &squares;
            s.go(move || squares.store(n, n * n));
        }
    });
    println!("the square of 3: {:?}", squares.load(&3));
    println!("the square of 100: {:?}", squares.load(&100));
    squares.range(|n, square| {
        println!("{n} squared is {square}");
        true
    });
}
