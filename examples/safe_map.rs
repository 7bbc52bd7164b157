//! A map that goroutines share: a type of its own keeps the map behind a lock.
//!
//! Its users see neither the map nor the lock, and cannot get it wrong.
//!
//! Prints:
//! ```text
//! even: 50, odd: 50
//! ```

use std::collections::HashMap;

use gocsp::scope;
use gocsp::sync::Mutex;

#[derive(Default)]
struct SafeMap {
    counts: Mutex<HashMap<String, u32>>,
}

impl SafeMap {
    fn increment(&self, key: &str) {
        *self.counts.lock().entry(key.to_owned()).or_default() += 1;
    }

    fn get(&self, key: &str) -> u32 {
        self.counts.lock().get(key).copied().unwrap_or_default()
    }
}

#[gocsp::main]
fn main() {
    let map = SafeMap::default();
    scope(|s| {
        for n in 0..100 {
            let map = &map;
            s.go(move || map.increment(if n % 2 == 0 { "even" } else { "odd" }));
        }
    });
    println!("even: {}, odd: {}", map.get("even"), map.get("odd"));
}
