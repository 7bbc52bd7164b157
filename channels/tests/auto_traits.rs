//! What may cross threads, and what may cross a caught panic.

use std::cell::Cell;
use std::error::Error;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::time::Instant;

use gocsp_channels::*;

/// `Probe::<T>::SEND` is the inherent constant if `T: Send`, and else the one of the trait.
struct Probe<T>(PhantomData<T>);

trait Otherwise {
    const SEND: bool = false;
    const SYNC: bool = false;
}

impl<T> Otherwise for Probe<T> {}

impl<T: Send> Probe<T> {
    const SEND: bool = true;
}

impl<T: Sync> Probe<T> {
    const SYNC: bool = true;
}

macro_rules! table {
    ($($type:ty: $send:literal $sync:literal;)*) => {
        $(
            assert_eq!(<Probe<$type>>::SEND, $send, "{}: Send", stringify!($type));
            assert_eq!(<Probe<$type>>::SYNC, $sync, "{}: Sync", stringify!($type));
        )*
    };
}

#[test]
fn handles_cross_threads_if_their_values_may() {
    table! {
        // Sent, and shared.
        Sender<i32>: true true;
        Receiver<i32>: true true;
        Chan<i32>: true true;
        IntoIter<i32>: true true;
        Iter<'static, i32>: true true;
        TryIter<'static, i32>: true true;
        Receiver<Instant>: true true;
        // Values that may be sent but not shared: a channel only ever moves them.
        Sender<Cell<i32>>: true true;
        Receiver<Cell<i32>>: true true;
        Chan<Cell<i32>>: true true;
        // Values bound to their thread.
        Sender<Rc<i32>>: false false;
        Receiver<Rc<i32>>: false false;
        Chan<Rc<i32>>: false false;
        IntoIter<Rc<i32>>: false false;
        Iter<'static, Rc<i32>>: false false;
        Sender<*const i32>: false false;
        // Errors are as their values are.
        SendError<Cell<i32>>: true false;
        SendError<Rc<i32>>: false false;
        RecvError: true true;
        CloseError: true true;
        // A case of a select refers to the frame that it stands in.
        case::RecvCase<'static, i32>: false false;
        case::SendCase<'static, i32>: false false;
    }
}

#[test]
fn handles_cross_caught_panics() {
    fn check<T: UnwindSafe + RefUnwindSafe>() {}
    check::<Sender<Cell<i32>>>();
    check::<Receiver<Cell<i32>>>();
    check::<Chan<Cell<i32>>>();
}

#[test]
fn every_error_is_an_error_whatever_its_value() {
    fn check<E: Error + 'static>(error: E, message: &str) {
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").is_empty());
    }
    struct Opaque;
    check(SendError(Opaque), "send on a closed channel");
    check(TrySendError::Full(Opaque), "send on a full channel");
    check(TrySendError::Disconnected(Opaque), "send on a closed channel");
    check(SendTimeoutError::Timeout(Opaque), "timed out sending");
    check(SendTimeoutError::Disconnected(Opaque), "send on a closed channel");
    check(RecvError, "receive from a closed and drained channel");
    check(TryRecvError::Empty, "receive from an empty channel");
    check(RecvTimeoutError::Timeout, "timed out receiving");
    check(CloseError, "close of a closed or nil channel");
}

#[test]
fn a_handle_takes_one_word() {
    assert_eq!(size_of::<Sender<[u64; 9]>>(), size_of::<usize>());
    assert_eq!(size_of::<Receiver<[u64; 9]>>(), size_of::<usize>());
}
