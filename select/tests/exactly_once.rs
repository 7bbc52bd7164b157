//! Many goroutines that select on both sides of a few channels: every value arrives once, and is dropped once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gocsp_channels::{Chan, channel};
use gocsp_runtime::spawn;
use gocsp_select::{Select, select};

/// A numbered value that counts how often it is dropped.
struct Numbered {
    number: usize,
    drops: Arc<Vec<AtomicUsize>>,
}

impl Drop for Numbered {
    fn drop(&mut self) {
        self.drops[self.number].fetch_add(1, Ordering::Relaxed);
    }
}

const CHANNELS: usize = 3;

fn exactly_once(producers: usize, consumers: usize, capacity: usize) {
    let per_producer = 600 / producers;
    let total = producers * per_producer;
    let drops: Arc<Vec<AtomicUsize>> = Arc::new((0..total).map(|_| AtomicUsize::new(0)).collect());
    let channels: Arc<[Chan<Numbered>; CHANNELS]> = Arc::new(std::array::from_fn(|_| Chan::new(capacity)));
    let (done, results) = channel(consumers);
    let (stop, stopping) = channel::<()>(0);

    let producing: Vec<_> = (0..producers)
        .map(|producer| {
            let (channels, drops) = (Arc::clone(&channels), Arc::clone(&drops));
            spawn(move || {
                for n in 0..per_producer {
                    let value = Numbered { number: producer * per_producer + n, drops: Arc::clone(&drops) };
                    if producer % 2 == 0 { offer(&channels, value) } else { offer_dynamically(&channels, value) }
                }
            })
        })
        .collect();
    for consumer in 0..consumers {
        let (channels, done, stopping) = (Arc::clone(&channels), done.clone(), stopping.clone());
        spawn(move || {
            let [a, b, c] = &*channels;
            let mut numbers = Vec::new();
            loop {
                let value = select! {
                    recv(a) -> value => value,
                    recv(b) -> value => value,
                    recv(c) -> value => value,
                    recv(stopping) -> _ => break,
                    default(Duration::from_micros(consumer as u64 + 1)) => continue,
                };
                numbers.push(value.expect("nobody closes").number);
            }
            done.send(numbers).unwrap();
        });
    }

    for goroutine in producing {
        goroutine.join().unwrap();
    }
    while channels.iter().any(|channel| !channel.is_empty()) {
        gocsp_runtime::yield_now();
    }
    drop(stop);
    let received: Vec<usize> = results.iter().take(consumers).flatten().collect();
    assert_eq!(received.len(), total);
    assert_eq!(received.iter().collect::<HashSet<_>>().len(), total);
    assert!(drops.iter().all(|count| count.load(Ordering::Relaxed) == 1));
}

/// Sends the value to any of the channels, in a hurry that makes it try again now and then.
fn offer([a, b, c]: &[Chan<Numbered>; CHANNELS], value: Numbered) {
    loop {
        select! {
            send(a, value) -> sent => break assert!(sent.is_ok()),
            send(b, value) -> sent => break assert!(sent.is_ok()),
            send(c, value) -> sent => break assert!(sent.is_ok()),
            default(Duration::from_micros(1)) => {}
        }
    }
}

/// The same with one channel after the other, and the dynamic select.
fn offer_dynamically(channels: &[Chan<Numbered>; CHANNELS], mut value: Numbered) {
    for channel in channels.iter().cycle() {
        let mut select = Select::new();
        let index = select.send(channel, value);
        match select.select_timeout(Duration::from_micros(1)) {
            Ok(operation) => return assert!(operation.send(channel).is_ok()),
            Err(_) => value = select.take_back(index, channel),
        }
    }
}

#[test]
fn in_a_rendezvous() {
    exactly_once(1, 1, 0);
    exactly_once(2, 2, 0);
    exactly_once(6, 3, 0);
    exactly_once(3, 6, 0);
}

#[test]
fn with_a_buffer() {
    exactly_once(1, 1, 1);
    exactly_once(4, 4, 1);
    exactly_once(6, 2, 5);
}
