//! The rules for values of which every goroutine has its own, one test each.

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use gocsp::{LocalAccessError, Runtime, channel, go, goroutine_local, yield_now};

goroutine_local! {
    static COUNT: Cell<u32> = const { Cell::new(1) };
    static TRACE: RefCell<Vec<Tell>> = RefCell::default();
}

/// Tells when it is dropped.
struct Tell(mpsc::Sender<u32>, u32);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.send(self.1).unwrap();
    }
}

/// Makes a value in the trace of the caller that tells when it is dropped.
fn keep(told: &mpsc::Sender<u32>, number: u32) {
    TRACE.with(|trace| trace.borrow_mut().push(Tell(told.clone(), number)));
}

#[test]
fn each_goroutine_and_each_thread_has_its_own() {
    COUNT.with(|count| count.set(100));
    let goroutines: Vec<_> = (2..50)
        .map(|number| {
            go! {
                assert_eq!(COUNT.with(|count| count.replace(number)), 1);
                // Others of the same worker set theirs meanwhile.
                yield_now();
                assert_eq!(COUNT.with(Cell::get), number);
            }
        })
        .collect();
    goroutines.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    assert_eq!(thread::spawn(|| COUNT.with(Cell::get)).join().unwrap(), 1);
    assert_eq!(COUNT.with(Cell::get), 100);
}

#[test]
fn it_is_made_when_it_is_first_used() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    goroutine_local! {
        static LAZY: usize = MADE.fetch_add(1, Ordering::Relaxed);
    }
    go!(|| ()).join().unwrap();
    assert_eq!(MADE.load(Ordering::Relaxed), 0);
    go!(|| LAZY.with(|lazy| LAZY.with(|again| assert_eq!(lazy, again)))).join().unwrap();
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
}

#[test]
fn it_is_dropped_before_anybody_learns_of_the_end() {
    let (tx, rx) = mpsc::channel();
    let told = tx.clone();
    go!(move || keep(&told, 1)).join().unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
    let told = tx.clone();
    assert!(go! { keep(&told, 2); panic!("with a value") }.join().is_err());
    assert_eq!(rx.try_recv(), Ok(2));
    thread::spawn(move || keep(&tx, 3)).join().unwrap();
    assert_eq!(rx.recv(), Ok(3));
}

/// The next goroutine on the same stack finds nothing.
#[test]
fn what_a_result_leaves_is_dropped_as_well() {
    struct Leave(mpsc::Sender<u32>);
    impl Drop for Leave {
        fn drop(&mut self) {
            keep(&self.0, 4);
        }
    }
    let ((tx, rx), (handle_is_gone, until)) = (mpsc::channel(), channel::<()>(0));
    let handle = go!(move || {
        // Else the result would be dropped where the handle is.
        until.recv().unwrap_err();
        Leave(tx)
    });
    drop(handle);
    drop(handle_is_gone);
    assert_eq!(rx.recv(), Ok(4));
    for _ in 0..100 {
        assert!(go!(|| TRACE.with(|trace| trace.borrow().is_empty())).join().unwrap());
    }
}

#[test]
fn a_destructor_may_wait_and_use_others_but_not_what_is_gone() {
    struct Last(gocsp::Receiver<u32>, mpsc::Sender<(u32, Option<LocalAccessError>)>);
    impl Drop for Last {
        fn drop(&mut self) {
            let received = self.0.recv().unwrap();
            let own = LAST.try_with(|_| ()).err();
            COUNT.with(|count| count.set(count.get() + received));
            self.1.send((COUNT.with(Cell::get), own)).unwrap();
        }
    }
    goroutine_local! {
        static LAST: RefCell<Option<Last>> = RefCell::default();
    }
    let ((tx, rx), (told, dropped)) = (channel(0), mpsc::channel());
    let goroutine = go!(move || LAST.with(|last| *last.borrow_mut() = Some(Last(rx, told))));
    tx.send(6).unwrap();
    goroutine.join().unwrap();
    let (count, own) = dropped.try_recv().unwrap();
    assert_eq!(count, 7);
    assert!(own.expect("it is gone").to_string().contains("has been dropped"));
}

#[test]
fn those_of_the_parked_are_dropped_at_shutdown() {
    let (tx, rx) = mpsc::channel();
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(move || {
        let (begun, all) = channel(0);
        for number in 0..10 {
            let (tx, begun) = (tx.clone(), begun.clone());
            go! {
                keep(&tx, number);
                begun.send(()).unwrap();
                gocsp::Receiver::<()>::nil().recv().unwrap();
            };
        }
        (0..10).for_each(|_| all.recv().unwrap());
    });
    drop(runtime);
    let mut dropped: Vec<_> = rx.iter().collect();
    dropped.sort_unstable();
    assert_eq!(dropped, (0..10).collect::<Vec<_>>());
}

/// Who catches the unwinding by which its runtime ends it, again and again, is left on its stack. What it has lent from there
/// may be in use by others, for ever.
#[test]
fn what_a_goroutine_has_lent_that_is_left_on_its_stack_is_not_dropped() {
    let (tx, rx) = mpsc::channel();
    let (begun, has_begun) = mpsc::channel();
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(move || {
        go!(move || {
            keep(&tx, 1);
            TRACE.with(|_lent| {
                begun.send(()).unwrap();
                loop {
                    drop(catch_unwind(|| gocsp::Receiver::<()>::nil().recv()));
                }
            });
        });
        while has_begun.try_recv().is_err() {
            yield_now();
        }
    });
    drop(runtime);
    assert_eq!(rx.try_recv(), Err(mpsc::TryRecvError::Empty), "it is neither dropped nor gone");
}

#[test]
fn what_is_made_while_it_is_made_counts() {
    goroutine_local! {
        static OUTER: Arc<u32> = Arc::new(COUNT.with(|count| count.replace(5)));
    }
    go! {
        assert_eq!(OUTER.with(|outer| **outer), 1);
        assert_eq!(COUNT.with(Cell::get), 5);
    }
    .join()
    .unwrap();
}
