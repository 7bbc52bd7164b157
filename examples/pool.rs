//! A `Pool`: what was put back is used again, and only when there is nothing a new one is made.
//!
//! The first two are made; one of them is put back, and is the third.
//!
//! Prints:
//! ```text
//! Creating new instance.
//! Creating new instance.
//! ```

use gocsp::sync::Pool;

struct Instance;

#[gocsp::main]
fn main() {
    let pool = Pool::new(|| {
        println!("Creating new instance.");
        Instance
    });
    let _first = pool.get();
    let second = pool.get();
    pool.put(second);
    let _third = pool.get();
}
