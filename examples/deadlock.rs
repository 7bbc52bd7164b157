//! A deadlock: two goroutines take the same two locks, in opposite order.
//!
//! When each holds one lock and waits for the other, neither ever goes on. All four conditions of Coffman hold: a lock is
//! held by one goroutine alone; who holds one waits for another; nobody takes a lock away; and the waiting goes round in a
//! circle. Here each waits for a limited time, so that the program can tell. The cure breaks the circle: everybody takes
//! the locks in the same order.
//!
//! Prints, in any order:
//! ```text
//! who holds a has waited for b in vain
//! who holds b has waited for a in vain
//! ```
//! and then
//! ```text
//! sum=3
//! sum=3
//! ```

use std::time::Duration;

use gocsp::scope;
use gocsp::sync::{Barrier, Mutex};

struct Value {
    name: char,
    number: Mutex<i32>,
}

fn print_sum(v1: &Value, v2: &Value, both: &Barrier) {
    let first = v1.number.lock();
    both.wait(); // Now each holds one.
    match v2.number.try_lock_for(Duration::from_millis(100)) {
        Some(second) => println!("sum={}", *first + *second),
        None => println!("who holds {} has waited for {} in vain", v1.name, v2.name),
    }
    both.wait(); // Nobody frees a lock while the other may still get it.
}

fn print_sum_in_order(v1: &Value, v2: &Value) {
    let (v1, v2) = if v1.name < v2.name { (v1, v2) } else { (v2, v1) };
    let (first, second) = (v1.number.lock(), v2.number.lock());
    println!("sum={}", *first + *second);
}

#[gocsp::main]
fn main() {
    let a = Value { name: 'a', number: Mutex::new(1) };
    let b = Value { name: 'b', number: Mutex::new(2) };
    let both = Barrier::new(2);
    scope(|s| {
        s.go(|| print_sum(&a, &b, &both));
        s.go(|| print_sum(&b, &a, &both));
    });
    scope(|s| {
        s.go(|| print_sum_in_order(&a, &b));
        s.go(|| print_sum_in_order(&b, &a));
    });
}
