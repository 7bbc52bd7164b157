//! A livelock: two people meet in a hallway, and each steps aside for the other, to the same side.
//!
//! Both are busy all the time, and neither gets any further. That takes two who are equally fast. A barrier sets the
//! cadence: nobody makes the next step before both have made this one.
//!
//! Prints, in any order:
//! ```text
//! Alice is trying to scoot: left right left right left right left right left right
//! Alice tosses her hands up in exasperation!
//! Barbara is trying to scoot: left right left right left right left right left right
//! Barbara tosses her hands up in exasperation!
//! ```

use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use gocsp::scope;
use gocsp::sync::Barrier;

/// A side of the hallway, and how many want to pass there.
struct Side {
    name: &'static str,
    people: AtomicU32,
}

impl Side {
    fn new(name: &'static str) -> Self {
        Self { name, people: AtomicU32::new(0) }
    }

    /// Steps to this side. Whether there was nobody else, so that the way is free.
    fn is_free(&self, cadence: &Barrier) -> bool {
        self.people.fetch_add(1, Ordering::SeqCst);
        cadence.wait();
        let alone = self.people.load(Ordering::SeqCst) == 1;
        cadence.wait();
        self.people.fetch_sub(1, Ordering::SeqCst);
        alone
    }
}

fn walk(name: &str, sides: &[Side], cadence: &Barrier) {
    let mut story = format!("{name} is trying to scoot:");
    for _ in 0..5 {
        for side in sides {
            write!(story, " {}", side.name).expect("a string takes everything");
            if side.is_free(cadence) {
                return println!("{story}. Success!");
            }
        }
    }
    println!("{story}\n{name} tosses her hands up in exasperation!");
}

#[gocsp::main]
fn main() {
    let sides = [Side::new("left"), Side::new("right")];
    let cadence = Barrier::new(2);
    scope(|s| {
        s.go(|| walk("Alice", &sides, &cadence));
        s.go(|| walk("Barbara", &sides, &cadence));
    });
}
