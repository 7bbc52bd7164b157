//! The dynamic select.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use gocsp_channels::{Chan, Receiver, RecvError, SendError, Sender, channel};
use gocsp_select::{Select, SelectTimeoutError, TrySelectError};

const SHORT: Duration = Duration::from_millis(3);

#[test]
fn operations_of_several_types_stand_side_by_side() {
    let (numbers, from_numbers) = channel(1);
    let (texts, from_texts) = channel(1);
    let (large, from_large) = channel(1);
    let mut select = Select::new();
    let number = select.recv(&from_numbers);
    let text = select.recv(&from_texts);
    let block = select.send(&large, [7_u64; 100]);
    let mut seen = Vec::new();
    numbers.send(1_u8).unwrap();
    texts.send(String::from("one")).unwrap();
    for _ in 0..3 {
        let operation = select.select();
        let index = operation.index();
        seen.push(index);
        if index == number {
            assert_eq!(operation.recv(&from_numbers), Ok(1));
        } else if index == text {
            assert_eq!(operation.recv(&from_texts).unwrap(), "one");
        } else {
            assert_eq!(operation.send(&large), Ok(()));
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [number, text, block]);
    assert_eq!(from_large.recv(), Ok([7; 100]));
    assert_eq!(select.len(), 2);
    assert_eq!(select.try_select().unwrap_err(), TrySelectError);
}

#[test]
fn it_waits_until_something_can_be_done() {
    let (tx, rx) = channel(0);
    let (back, from_back) = channel(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            tx.send(1).unwrap();
            assert_eq!(from_back.recv().unwrap(), "sent");
        });
        let mut select = Select::new();
        select.recv(&rx);
        select.recv(&rx);
        assert_eq!(select.select().recv(&rx), Ok(1));
        let index = select.send(&back, "sent");
        let operation = select.select();
        assert_eq!(operation.index(), index);
        assert_eq!(operation.send(&back), Ok(()));
    });
}

#[test]
fn closed_channels_are_ready_and_nil_ones_are_not() {
    let (tx, rx) = channel(1);
    tx.close().unwrap();
    let nil = Receiver::<i32>::nil();
    let mut select = Select::new();
    let never = select.recv(&nil);
    assert!(select.try_select().is_err());
    let refused = select.send(&tx, "value");
    assert_eq!(select.select().send(&tx), Err(SendError("value")));
    let drained = select.recv(&rx);
    assert_eq!(drained, refused, "the index of a send that was carried out is free");
    for _ in 0..2 {
        assert_eq!(select.select().recv(&rx), Err(RecvError));
    }
    select.remove(drained);
    assert!(select.try_select().is_err());
    select.remove(never);
    assert!(select.is_empty());
}

#[test]
fn timeouts_are_kept() {
    let (_tx, rx) = channel::<i32>(0);
    let mut select = Select::new();
    assert_eq!(select.select_timeout(SHORT).unwrap_err(), SelectTimeoutError);
    select.recv(&rx);
    let start = Instant::now();
    assert_eq!(select.select_timeout(SHORT).unwrap_err(), SelectTimeoutError);
    assert!(start.elapsed() >= SHORT);
    let deadline = Instant::now() + SHORT;
    assert_eq!(select.select_deadline(deadline).unwrap_err(), SelectTimeoutError);
    assert!(Instant::now() >= deadline);
    assert!(select.select_deadline(start).is_err());
    assert!(select.select_timeout(Duration::ZERO).is_err());
}

#[test]
fn unsent_values_come_back() {
    let (tx, _rx) = channel(0);
    let nil = Sender::nil();
    let value = Rc::new(());
    let mut select = Select::new();
    let first = select.send(&tx, Rc::clone(&value));
    let second = select.send(&nil, [(); 40].map(|()| Rc::clone(&value)));
    let third = select.send(&tx, Rc::clone(&value));
    assert!(select.try_select().is_err());
    assert_eq!(Rc::strong_count(&value), 43);
    drop(select.take_back(second, &nil));
    assert_eq!(Rc::strong_count(&value), 3);
    drop(select.take_back(first, &tx));
    select.remove(third);
    assert_eq!(Rc::strong_count(&value), 1);
    select.send(&tx, Rc::clone(&value));
    drop(select);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn results_that_nobody_asks_for_are_dropped() {
    let value = Rc::new(());
    let chan = Chan::new(1);
    chan.send(Rc::clone(&value)).unwrap();
    let mut select = Select::new();
    select.recv(&chan);
    let _unasked = select.select();
    chan.send(Rc::clone(&value)).unwrap();
    assert!(select.try_select().is_ok());
    assert_eq!(Rc::strong_count(&value), 2);
    assert_eq!(select.len(), 1);
    assert!(select.try_select().is_err());
    assert_eq!(Rc::strong_count(&value), 1);
    chan.send(Rc::clone(&value)).unwrap();
    assert!(select.select().recv(&chan).is_ok(), "the receive stands as before");
    chan.close().unwrap();
    let mut select = Select::new();
    select.send(&chan, Rc::clone(&value));
    let _unasked = select.select();
    assert!(select.is_empty());
    assert_eq!(Rc::strong_count(&value), 2);
    drop(select);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn asking_the_wrong_way_panics_and_breaks_nothing() {
    let chan = Chan::new(2);
    let (tx, rx): (Sender<i32>, Receiver<i32>) = (chan.clone().into(), chan.clone().into());
    let (_, other) = channel::<u8>(0);
    let mut select = Select::new();
    let index = select.recv(&rx);
    let mut wrong = |ask: &dyn Fn(&mut Select<'_>)| {
        chan.send(1).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| ask(&mut select))).is_err());
        assert!(chan.is_empty(), "the value is gone");
    };
    wrong(&|select| assert!(select.select().recv(&other).is_err()));
    wrong(&|select| assert!(select.select().send(&tx).is_err()));
    assert!(catch_unwind(AssertUnwindSafe(|| select.take_back(index, &tx))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| select.remove(index + 1))).is_err());
    chan.send(2).unwrap();
    assert_eq!(select.select().recv(&rx), Ok(2));
}

#[test]
fn values_may_borrow() {
    let text = String::from("borrowed");
    let (tx, rx) = channel(1);
    let mut select = Select::new();
    select.send(&tx, text.as_str());
    assert!(select.select().send(&tx).is_ok());
    let mut select = Select::new();
    select.recv(&rx);
    let received: &str = select.select().recv(&rx).unwrap();
    assert_eq!(received, text);
}
