//! A goroutine: a function that runs on its own.
//!
//! `go!(f(x))` evaluates `x` here and now, and calls `f` in a new goroutine. The program ends when main returns, whatever
//! goroutines are doing; so main waits for this one, by its handle.
//!
//! Prints:
//! ```text
//! Hello from a goroutine
//! ```

use gocsp::go;

fn greet(whence: &str) {
    println!("Hello from {whence}");
}

#[gocsp::main]
fn main() {
    let greeter = go!(greet("a goroutine"));
    greeter.join().expect("it does not panic");
}
