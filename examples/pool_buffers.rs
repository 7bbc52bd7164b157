//! A `Pool` of buffers: each line of a log is put together in one that others have used before.
//!
//! What comes from a pool is as it was left; so the buffer is cleared first.
//!
//! Prints, in any order:
//! ```text
//! path=/search?q=flowers
//! path=/search?q=books
//! path=/index.html
//! ```

use std::fmt::Write;

use gocsp::scope;
use gocsp::sync::Pool;

static BUFFERS: Pool<String> = Pool::new(String::new);

fn log(key: &str, value: &str) {
    let mut buffer = BUFFERS.lend();
    buffer.clear();
    write!(buffer, "{key}={value}").expect("a string takes everything");
    println!("{}", *buffer);
}

#[gocsp::main]
fn main() {
    scope(|s| {
        for path in ["/search?q=flowers", "/search?q=books", "/index.html"] {
            s.go(move || log("path", path));
        }
    });
}
