//! A `Pool` saves memory: a million workers need 1 KiB each, but only for a moment.
//!
//! Four are in the pool from the beginning, and more are made only when so many are in use at the same time.
//! Without the pool, a gibibyte would be taken and given back.
//!
//! Prints, with another number each time:
//! ```text
//! … calculators were created.
//! ```

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use gocsp::scope;
use gocsp::sync::Pool;

const WORKERS: u32 = 1024 * 1024;

#[gocsp::main]
fn main() {
    let created = AtomicU32::new(0);
    let create = || {
        created.fetch_add(1, Ordering::Relaxed);
        vec![0_u8; 1024]
    };
    let pool = Pool::new(create);
    for _ in 0..4 {
        pool.put(create());
    }
    scope(|s| {
        for _ in 0..WORKERS {
            s.go(|| {
                // Put back at the end, when the guard is dropped.
                let mut memory = pool.lend();
                // Something interesting, but quick.
                memory[0] = black_box(1);
            });
        }
    });
    println!("{} calculators were created.", created.load(Ordering::Relaxed));
}
