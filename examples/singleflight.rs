//! Singleflight: those who ask for the same thing at the same time share one answer.
//!
//! Ten goroutines want the same page while it takes its time to be rendered. Then main asks by channels, twice for the same
//! page; and a third time after `forget`, which starts a call of its own.
//!
//! Prints:
//! ```text
//! rendered 1 time for 10 who asked
//! page 1, shared: true
//! page 1, shared: true
//! page 2, shared: false
//! ```

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gocsp::sync::singleflight::Group;
use gocsp::{channel, scope, sleep};

fn by_goroutines() {
    let group = Group::new();
    let rendered = AtomicU32::new(0);
    let render = || {
        sleep(Duration::from_millis(300));
        rendered.fetch_add(1, Ordering::Relaxed)
    };
    scope(|s| {
        for _ in 0..10 {
            s.go(|| group.do_call("front page", render));
        }
    });
    println!("rendered {} time for 10 who asked", rendered.into_inner());
}

fn by_channels() {
    let group = Group::new();
    let (begin, has_begun) = channel::<()>(0);
    let ask = |page: u32| {
        let has_begun = has_begun.clone();
        group.do_chan("front page", move || {
            // Not before all have asked.
            let _ = has_begun.recv();
            page
        })
    };
    let mut answers = vec![ask(1), ask(1)];
    group.forget("front page");
    answers.push(ask(2));
    drop(begin);
    for answer in answers {
        let answer = answer.recv().expect("the function does not panic");
        println!("page {}, shared: {}", answer.value, answer.shared);
    }
}

#[gocsp::main]
fn main() {
    by_goroutines();
    by_channels();
}
