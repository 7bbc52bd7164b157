//! A `OnceFunc`: a function and its `Once` in one, which may be called ten times and runs once.
//!
//! Prints:
//! ```text
//! Hello, world!
//! ```

use gocsp::sync::OnceFunc;

#[gocsp::main]
fn main() {
    let hello = OnceFunc::new(|| println!("Hello, world!"));
    for _ in 0..10 {
        hello.call();
    }
}
