//! A select allocates no memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use gocsp_channels::{Chan, Receiver};
use gocsp_select::{Select, select};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u32> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(act: impl Fn()) -> u32 {
    // The first time may set up what belongs to the thread.
    act();
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

#[test]
fn the_macro_allocates_nothing() {
    let chan = Chan::new(1);
    let none = Receiver::<String>::nil();
    let counted = allocations(|| {
        for _ in 0..10 {
            select! {
                send(chan, [1_u64; 100]) => {}
                recv(chan) -> value => assert_eq!(value, Ok([1; 100])),
                recv(none) => {}
            }
        }
        select! { recv(none) => {}, default(Duration::from_micros(10)) => {} }
    });
    assert_eq!(counted, 0);
}

#[test]
fn the_dynamic_select_allocates_nothing_for_up_to_eight_operations() {
    let chan = Chan::new(1);
    let none = Receiver::<String>::nil();
    let counted = allocations(|| {
        let mut select = Select::new();
        for _ in 0..6 {
            select.recv(&none);
        }
        select.recv(&chan);
        select.send(&chan, [1_u64; 5]);
        assert!(select.select().send(&chan).is_ok());
        assert_eq!(select.select().recv(&chan), Ok([1; 5]));
        assert!(select.select_timeout(Duration::from_micros(10)).is_err());
    });
    assert_eq!(counted, 0);
}
