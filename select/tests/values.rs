//! What becomes of the values that sends offer and receives take.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use gocsp_channels::{Chan, Receiver, SendError, Sender, channel};
use gocsp_select::select;

/// Counts how often it is dropped.
struct Counted<'a>(&'a AtomicU32);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_variable_that_is_sent_is_dropped_by_its_receiver_alone() {
    let drops = AtomicU32::new(0);
    let (tx, rx) = channel(1);
    let value = Counted(&drops);
    select! {
        send(tx, value) -> sent => assert!(sent.is_ok()),
        recv(Receiver::<()>::nil()) => unreachable!(),
    }
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    drop(rx.recv());
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn a_variable_that_is_not_sent_is_dropped_by_its_owner() {
    let drops = AtomicU32::new(0);
    let (tx, _rx) = channel(0);
    {
        let value = Counted(&drops);
        select! {
            send(tx, value) => unreachable!(),
            default => {}
        }
        assert_eq!(drops.load(Ordering::Relaxed), 0);
    }
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn a_value_that_a_closed_channel_refuses_is_dropped_once() {
    let drops = AtomicU32::new(0);
    let (tx, _rx) = channel(1);
    tx.close().unwrap();
    let value = Counted(&drops);
    select! {
        send(tx, value) -> sent => {
            let Err(SendError(value)) = sent else { unreachable!() };
            assert_eq!(drops.load(Ordering::Relaxed), 0);
            drop(value);
        }
    }
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    // The same without a binding.
    let value = Counted(&drops);
    select! { send(tx, value) => assert_eq!(drops.load(Ordering::Relaxed), 2) }
}

#[test]
fn a_temporary_is_dropped_before_another_arm_runs() {
    let drops = AtomicU32::new(0);
    let (tx, _rx) = channel(0);
    let value = Counted(&drops);
    select! {
        send(tx, Counted(&drops)) => unreachable!(),
        send(tx, { value }) => unreachable!(),
        default => assert_eq!(drops.load(Ordering::Relaxed), 2),
    }
    assert_eq!(drops.load(Ordering::Relaxed), 2);
}

#[test]
fn a_temporary_that_is_sent_is_dropped_by_its_receiver_alone() {
    let drops = AtomicU32::new(0);
    let (tx, rx) = channel(1);
    select! { send(tx, Counted(&drops)) -> sent => assert!(sent.is_ok()) }
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    drop(rx);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn a_channel_made_for_the_select_is_dropped_before_the_arm_runs() {
    let (tx, rx) = channel::<i32>(0);
    let (_tx2, rx2) = channel::<i32>(0);
    select! {
        recv(std::convert::identity(rx)) => unreachable!(),
        recv(rx2) => unreachable!(),
        default => assert!(tx.is_closed(), "no receiver is left"),
    }
}

#[test]
fn go_s_loop_offers_the_same_value_again_and_again() {
    let (tx, rx) = channel(0);
    let (ticks, ticking) = channel(10);
    for n in 0..10 {
        ticks.send(n).unwrap();
    }
    let value = vec![1, 2, 3];
    let mut heard = 0;
    thread::scope(|scope| {
        scope.spawn(move || assert_eq!(rx.recv(), Ok(vec![1, 2, 3])));
        loop {
            select! {
                send(tx, value) -> sent => break sent.unwrap(),
                recv(ticking) -> _ => heard += 1,
            }
        }
    });
    assert!(heard <= 10);
}

#[test]
fn one_variable_may_be_offered_to_several_channels() {
    let drops = AtomicU32::new(0);
    let (a, from_a) = channel(1);
    let (b, from_b) = channel(1);
    for n in 1..=100 {
        let value = Counted(&drops);
        select! {
            send(a, value) -> sent => { assert!(sent.is_ok()); drop(from_a.recv()); }
            send(b, value) -> sent => { assert!(sent.is_ok()); drop(from_b.recv()); }
        }
        assert_eq!(drops.load(Ordering::Relaxed), n);
    }
}

#[test]
fn variables_may_be_copies_references_or_borrowed_by_a_pattern() {
    let (tx, rx) = channel(1);
    let n = 5;
    select! { send(tx, n) -> sent => sent.unwrap() }
    assert_eq!(rx.recv(), Ok(n));

    let text = String::from("text");
    let (tx, rx) = channel::<&String>(1);
    let shared = &text;
    select! { send(tx, shared) -> sent => sent.unwrap() }
    assert_eq!(rx.recv(), Ok(shared));
    let Some(ref bound) = Some(text.clone()) else { unreachable!() };
    let (tx, rx) = channel::<&String>(1);
    select! { send(tx, bound) -> sent => sent.unwrap() }
    assert_eq!(rx.recv(), Ok(bound));

    let mut number = 1;
    let (tx, rx) = channel::<&mut i32>(1);
    let exclusive = &mut number;
    select! { send(tx, exclusive) -> sent => sent.unwrap() }
    *rx.recv().unwrap() += 1;
    drop((tx, rx));
    assert_eq!(number, 2);
}

#[test]
fn a_mutable_variable_can_be_sent_and_refilled() {
    let (tx, rx) = channel(1);
    let mut value = String::new();
    for n in 0..3 {
        value.push('x');
        select! {
            send(tx, value) -> sent => { sent.unwrap(); value = rx.recv().unwrap(); }
        }
        assert_eq!(value.len(), n + 1);
    }
}

#[test]
fn self_and_parameters_are_variables() {
    struct Message(String);

    impl Message {
        fn offer(self, tx: &Sender<Self>) -> Option<Self> {
            select! {
                send(tx, self) -> sent => { sent.ok()?; None }
                default => Some(self),
            }
        }
    }

    let (tx, rx) = channel(1);
    assert!(Message(String::from("one")).offer(&tx).is_none());
    assert_eq!(Message(String::from("two")).offer(&tx).unwrap().0, "two");
    assert_eq!(rx.recv().unwrap().0, "one");
}

static DROPS: AtomicU32 = AtomicU32::new(0);

struct Token;

impl Drop for Token {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

const TOKEN: Token = Token;

#[test]
fn a_constant_and_a_unit_struct_are_made_and_dropped_once() {
    let (tx, rx) = channel(2);
    select! { send(tx, Token) -> sent => assert!(sent.is_ok()) }
    select! { send(tx, TOKEN) -> sent => assert!(sent.is_ok()) }
    assert_eq!(DROPS.load(Ordering::Relaxed), 0);
    drop((rx.recv(), rx.recv()));
    assert_eq!(DROPS.load(Ordering::Relaxed), 2);
    select! { send(Sender::nil(), Token) => unreachable!(), default => {} }
    assert_eq!(DROPS.load(Ordering::Relaxed), 3);
}

#[test]
fn a_static_that_is_copy_is_copied() {
    #[expect(non_upper_case_globals, reason = "named like a variable")]
    static limit: u32 = 7;
    const ZERO: Option<u32> = None;
    let (tx, rx) = channel(1);
    select! { send(tx, limit) -> sent => sent.unwrap() }
    assert_eq!(rx.recv(), Ok(limit));
    let (tx, rx) = channel(2);
    select! { send(tx, None) -> sent => sent.unwrap() }
    select! { send(tx, ZERO) -> sent => sent.unwrap() }
    assert_eq!((rx.recv(), rx.recv()), (Ok(None::<u32>), Ok(None)));
}

#[test]
fn values_of_size_zero_and_of_large_size() {
    let (tx, rx) = channel(0);
    let (big, from_big) = channel(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let nothing = ();
            select! { send(tx, nothing) -> sent => sent.unwrap() }
            let large = [9_u8; 4096];
            select! { send(big, large) -> sent => sent.unwrap() }
        });
        assert_eq!(rx.recv(), Ok(()));
        select! {
            recv(from_big) -> large => assert_eq!(large.unwrap(), [9; 4096]),
            recv(rx) => unreachable!(),
        }
    });
}

#[test]
fn an_expression_is_coerced_as_an_argument_of_send_is() {
    let (tx, rx) = channel::<Box<dyn Fn() -> i32 + Send>>(1);
    select! { send(tx, Box::new(|| 5)) -> sent => assert!(sent.is_ok()) }
    assert_eq!(rx.recv().unwrap()(), 5);
}

#[test]
fn a_panic_in_an_operand_leaves_values_alone() {
    let drops = AtomicU32::new(0);
    let (tx, rx) = channel(1);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let value = Counted(&drops);
        select! {
            send(tx, value) => unreachable!(),
            send(tx, Counted(&drops)) => unreachable!(),
            recv({ assert!(drops.load(Ordering::Relaxed) > 0, "operand"); Receiver::<()>::nil() }) => unreachable!(),
        }
    }));
    assert!(result.is_err());
    assert_eq!(drops.load(Ordering::Relaxed), 2);
    assert!(rx.is_empty());
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[test]
fn a_panicking_destructor_of_an_operand_does_not_drop_a_sent_value_again() {
    let drops = AtomicU32::new(0);
    let (tx, rx) = channel(1);
    let never = Chan::<Bomb>::nil();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let value = Counted(&drops);
        select! {
            send(tx, value) => {}
            send(never, Bomb) => unreachable!(),
        }
    }));
    assert!(result.is_err());
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    drop(rx);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn a_panic_in_an_arm_loses_nothing() {
    let drops = AtomicU32::new(0);
    let (tx, rx) = channel(1);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let value = Counted(&drops);
        select! { send(tx, value) -> sent => { assert!(sent.is_err(), "arm"); } }
    }));
    assert!(result.is_err());
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    assert!(rx.recv().is_ok());
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn a_value_survives_a_wait_that_ends_without_it() {
    let drops = AtomicU32::new(0);
    let (tx, _rx) = channel(0);
    let value = Counted(&drops);
    for _ in 0..3 {
        select! {
            send(tx, value) => unreachable!(),
            default(Duration::from_millis(1)) => {}
        }
    }
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    drop(value);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}
