//! A deadlock of two `Once`: each is done only when the other one is.
//!
//! `A` calls a function that calls `B`, whose function calls `A`, which waits for its first call to end. That does not end
//! before this one does.
//!
//! Prints:
//! ```text
//! A waits for B
//! B waits for A
//! ```
//! When all goroutines are asleep, and nothing is left that could wake one, the program ends with status 2 and a report. It
//! prints on the error stream:
//! ```text
//! fatal error: all goroutines are asleep - deadlock!
//!
//! goroutine 1 'main' [sync.Once.Do, … ms]:
//!     at examples/once_deadlock.rs:…
//!     waits for once #1 (made at examples/once_deadlock.rs:…), which it holds itself
//!     spawned at examples/once_deadlock.rs:…
//!
//! goroutine 1 'main' waits for itself:
//!     goroutine 1 'main' waits for once #1 (made at examples/once_deadlock.rs:…), which it holds itself
//!
//! ```

use gocsp::sync::Once;

static A: Once = Once::new();
static B: Once = Once::new();

fn init_a() {
    println!("A waits for B");
    B.call_once(init_b);
}

fn init_b() {
    println!("B waits for A");
    A.call_once(init_a);
}

#[gocsp::main]
fn main() {
    A.call_once(init_a);
}
