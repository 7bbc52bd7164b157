//! In which order goroutines start: few at a time have a stack, and nobody is forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp::{Runtime, Sender, channel, go, num_goroutines, yield_now};

/// How many there are of something, and how many there have been at once.
#[derive(Default)]
struct Census {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Census {
    fn one_more(&self) {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn one_less(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}

/// A node of a tree of goroutines, which has `leaves` leaves, and sends their number to its parent.
fn grow_tree(census: &Arc<Census>, parent: Sender<usize>, leaves: usize) {
    census.one_more();
    if leaves == 1 {
        parent.send(1).unwrap();
    } else {
        let (tx, rx) = channel(0);
        for _ in 0..10 {
            let (census, tx) = (Arc::clone(census), tx.clone());
            go!(move || grow_tree(&census, tx, leaves / 10));
        }
        parent.send((0..10).map(|_| rx.recv().unwrap()).sum()).unwrap();
    }
    census.one_less();
}

fn tree(procs: usize, leaves: usize) -> usize {
    let census = Arc::new(Census::default());
    Runtime::builder().procs(procs).build().unwrap().run(|| {
        let (tx, rx) = channel(0);
        let root = Arc::clone(&census);
        go!(move || grow_tree(&root, tx, leaves));
        assert_eq!(rx.recv(), Ok(leaves));
    });
    census.most()
}

#[test]
fn who_spawns_in_a_loop_lets_the_others_start_meanwhile() {
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let most = (0..100_000).map(|_| {
            go!(|| ());
            num_goroutines()
        });
        let most = most.max().unwrap();
        assert!(most <= 2_000, "{most} at once");
    });
}

#[test]
fn a_tree_of_goroutines_is_walked_depth_first() {
    // Breadth first it would be a tenth of the leaves, at least.
    for (procs, leaves, most) in [(1, 10_000, 300), (1, 100_000, 500), (2, 100_000, 2_000)] {
        let started = tree(procs, leaves);
        assert!(started <= most, "{started} of a tree with {leaves} leaves had a stack, on {procs} procs");
    }
}

#[test]
fn a_tree_is_walked_depth_first_beside_one_who_yields() {
    let census = Arc::new(Census::default());
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let (tx, rx) = channel(1);
        let root = Arc::clone(&census);
        go!(move || grow_tree(&root, tx, 10_000));
        while rx.is_empty() {
            yield_now();
        }
    });
    assert!(census.most() <= 300, "{} had a stack", census.most());
}

#[test]
fn those_who_wait_are_started_although_others_keep_coming() {
    const WAITING: usize = 10;
    // Every 256th to start is the oldest.
    const MOST: usize = 256 * (WAITING + 1);
    Runtime::builder().procs(1).build().unwrap().run(|| {
        let started = Arc::new(AtomicUsize::new(0));
        for _ in 0..WAITING {
            let started = Arc::clone(&started);
            go!(move || started.fetch_add(1, Ordering::Relaxed));
        }
        let mut others = 0;
        while started.load(Ordering::Relaxed) < WAITING {
            go!(|| ()).join().unwrap();
            others += 1;
            assert!(others <= MOST, "{} of {WAITING} have been started", started.load(Ordering::Relaxed));
        }
    });
}
