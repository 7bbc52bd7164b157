//! A deadlock of two `Once`: each is done only when the other one is.
//!
//! `A` calls a function that calls `B`, whose function calls `A`, which waits for its first call to end. That does not end
//! before this one does. It happens in a goroutine, and main waits for it for a limited time. When main returns, the
//! goroutine is unwound.
//!
//! Prints:
//! ```text
//! A waits for B
//! B waits for A
//! nothing has come of it in 200ms
//! ```

use std::time::Duration;

use gocsp::sync::Once;
use gocsp::{channel, go, select};

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
    const PATIENCE: Duration = Duration::from_millis(200);
    let (done, is_done) = channel(0);
    go! {
        A.call_once(init_a);
        done.send(())
    };
    select! {
        recv(is_done) => println!("they are done"),
        default(PATIENCE) => println!("nothing has come of it in {PATIENCE:?}"),
    }
}
