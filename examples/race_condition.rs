//! A race condition made safe: one goroutine changes a variable, another one looks at it.
//!
//! That both touch it at the same time, a data race, does not compile: what two goroutines share has to be behind a lock,
//! or be an atomic. The lock makes each access whole, but decides nothing about their order: the first line may show
//! either number. To wait for the goroutine decides it.
//!
//! Prints:
//! ```text
//! the value is ….
//! after the goroutine has ended, the value is 1.
//! ```

use gocsp::scope;
use gocsp::sync::Mutex;

#[gocsp::main]
fn main() {
    let value = Mutex::new(0);
    scope(|s| {
        let other = s.go(|| *value.lock() += 1);
        println!("the value is {}.", value.lock());
        other.join().expect("it does not panic");
        println!("after the goroutine has ended, the value is {}.", value.lock());
    });
}
