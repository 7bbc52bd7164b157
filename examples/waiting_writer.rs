//! Who may read while a writer waits? An `RwLock` lets no new reader in then, so that readers who come and go cannot keep
//! the writer waiting for ever.
//!
//! The price: a short read has to wait behind a writer that waits behind a long read.
//!
//! Prints:
//! ```text
//! 10 readers hold the lock
//! a writer waits, and a new reader is not let in
//! the writer has the lock
//! the new reader has the lock
//! ```

use gocsp::sync::RwLock;
use gocsp::{scope, yield_now};

#[gocsp::main]
fn main() {
    let lock = RwLock::new(());
    let readers: Vec<_> = (0..10).map(|_| lock.read()).collect();
    println!("{} readers hold the lock", readers.len());
    scope(|s| {
        s.go(|| {
            let _held = lock.write();
            println!("the writer has the lock");
        });
        // That is how it shows from outside that the writer waits.
        while lock.try_read().is_some() {
            yield_now();
        }
        println!("a writer waits, and a new reader is not let in");
        s.go(|| {
            let _held = lock.read();
            println!("the new reader has the lock");
        });
        drop(readers);
    });
}
