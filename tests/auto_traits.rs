//! What of the public types may cross threads, be shared between them, and cross a caught panic.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard as StdGuard;

use gocsp::context::{self, CancelCauseFunc, CancelFunc, Cause, Context, ContextError, DropGuard};
use gocsp::sync::singleflight::Group;
use gocsp::sync::{
    Map, MappedMutexGuard, Mutex, MutexGuard, Pool, RwLock, RwLockReadGuard, RwLockWriteGuard, WaitGroup,
};
use gocsp::time::{self, Ticker, Timer};
use gocsp::{
    Builder, Cancelled, Chan, CloseError, Go, GoroutineId, IntoIter, Iter, JoinHandle, OnPanic, OsThreadLock, Receiver,
    RecvError, RecvFuture, RecvTimeoutError, Runtime, Scope, ScopedJoinHandle, Select, SelectTimeoutError,
    SelectedOperation, SendError, SendFuture, SendTimeoutError, Sender, StackError, TryIter, TryRecvError,
    TrySelectError, TrySendError, channel,
};
use gocsp_channels::case::{RecvCase, SendCase};

/// `Probe::<T>::SEND` is the inherent constant if `T: Send`, else that of the trait.
struct Probe<T: ?Sized>(PhantomData<T>);

trait Otherwise {
    const SEND: bool = false;
    const SYNC: bool = false;
    const UNWIND_SAFE: bool = false;
    const REF_UNWIND_SAFE: bool = false;
}

impl<T: ?Sized> Otherwise for Probe<T> {}

impl<T: ?Sized + Send> Probe<T> {
    const SEND: bool = true;
}

impl<T: ?Sized + Sync> Probe<T> {
    const SYNC: bool = true;
}

impl<T: ?Sized + UnwindSafe> Probe<T> {
    const UNWIND_SAFE: bool = true;
}

impl<T: ?Sized + RefUnwindSafe> Probe<T> {
    const REF_UNWIND_SAFE: bool = true;
}

/// A row of the table: a type, and the answers for `Send`, `Sync`, `UnwindSafe` and `RefUnwindSafe`.
macro_rules! table {
    ($($type:ty: $send:literal $sync:literal $unwind:literal $ref_unwind:literal;)*) => {
        let mut wrong = Vec::new();
        $(
            let found = [
                <Probe<$type>>::SEND,
                <Probe<$type>>::SYNC,
                <Probe<$type>>::UNWIND_SAFE,
                <Probe<$type>>::REF_UNWIND_SAFE,
            ];
            if found.map(u8::from) != [$send, $sync, $unwind, $ref_unwind] {
                wrong.push((stringify!($type), found.map(u8::from)));
            }
        )*
        assert!(wrong.is_empty(), "found {wrong:?}");
    };
}

/// Bound to its thread.
type Bound = Rc<i32>;
/// May be sent, but not shared.
type Sendable = Cell<i32>;
/// May be shared, but not sent.
type Shareable = StdGuard<'static, i32>;
/// Shows whoever catches a panic what that has left half changed.
type Revealing = &'static Cell<i32>;

#[test]
fn the_runtime() {
    table! {
        // Send, Sync, UnwindSafe, RefUnwindSafe
        // A panic ends its goroutine, and leaves nothing of the runtime half changed.
        Runtime: 1 1 1 1;
        Builder: 1 1 1 1;
        OnPanic: 1 1 1 1;
        Go: 1 1 1 1;
        GoroutineId: 1 1 1 1;
        Cancelled: 1 1 1 1;
        StackError: 1 1 1 1;
        JoinHandle<i32>: 1 1 1 1;
        // Sharing the handle does not share the result.
        JoinHandle<Sendable>: 1 1 1 1;
        JoinHandle<Bound>: 0 1 1 1;
        // The result is whole, or a panic: there is none that a panic has left half changed.
        JoinHandle<Revealing>: 0 1 1 1;
        Scope<'static, 'static>: 1 1 1 1;
        ScopedJoinHandle<'static, Sendable>: 1 1 1 1;
        ScopedJoinHandle<'static, Bound>: 0 1 1 1;
        // Belongs to the goroutine that made it.
        OsThreadLock: 0 0 1 1;
    }
}

#[test]
fn channels() {
    table! {
        Sender<i32>: 1 1 1 1;
        Receiver<i32>: 1 1 1 1;
        Timer: 1 1 1 1;
        Ticker: 1 1 1 1;
        time::AfterFunc: 1 1 1 1;
        Chan<i32>: 1 1 1 1;
        Iter<'static, i32>: 1 1 1 1;
        TryIter<'static, i32>: 1 1 1 1;
        IntoIter<i32>: 1 1 1 1;
        // A channel moves its values whole, and never shares them.
        Sender<Sendable>: 1 1 1 1;
        Receiver<Sendable>: 1 1 1 1;
        Chan<Sendable>: 1 1 1 1;
        Receiver<Revealing>: 0 0 1 1;
        // Futures are polled by whoever has them.
        RecvFuture<'static, Sendable>: 1 0 1 1;
        RecvFuture<'static, Bound>: 0 0 1 1;
        SendFuture<'static, i32>: 1 0 1 1;
        SendFuture<'static, Sendable>: 1 0 1 0;
        SendFuture<'static, Bound>: 0 0 1 1;
        Sender<Bound>: 0 0 1 1;
        Receiver<Bound>: 0 0 1 1;
        Chan<Bound>: 0 0 1 1;
        IntoIter<Bound>: 0 0 1 1;
        Iter<'static, Bound>: 0 0 1 1;
        // Errors are as the values in them.
        SendError<Sendable>: 1 0 1 0;
        TrySendError<Bound>: 0 0 1 1;
        SendTimeoutError<i32>: 1 1 1 1;
        RecvError: 1 1 1 1;
        TryRecvError: 1 1 1 1;
        RecvTimeoutError: 1 1 1 1;
        CloseError: 1 1 1 1;
    }
}

#[test]
fn select() {
    table! {
        // It may hold values of any type, whose own traits it has forgotten.
        Select<'static>: 0 0 1 1;
        SelectedOperation<'static, 'static>: 0 0 0 1;
        TrySelectError: 1 1 1 1;
        SelectTimeoutError: 1 1 1 1;
        // A case refers to the frame that it stands in.
        RecvCase<'static, i32>: 0 0 0 0;
        SendCase<'static, i32>: 0 0 0 0;
    }
}

#[test]
fn contexts() {
    table! {
        // Values are shared only, and functions and causes go to whoever ends the context.
        Context: 1 1 1 1;
        CancelFunc: 1 1 1 1;
        CancelCauseFunc: 1 1 1 1;
        DropGuard: 1 1 1 1;
        context::AfterFunc: 1 1 1 1;
        ContextError: 1 1 1 1;
        // The error is of any type.
        Cause: 1 1 0 0;
    }
}

#[test]
fn locks() {
    table! {
        WaitGroup: 1 1 1 1;
        // Without poisoning nobody is told that a panic has left the value half changed: so a lock that is shared with
        // whoever panics is not safe, and one that is given away is as its value.
        Mutex<i32>: 1 1 1 0;
        Mutex<Sendable>: 1 1 1 0;
        Mutex<Shareable>: 0 0 1 0;
        Mutex<Bound>: 0 0 1 0;
        Mutex<Revealing>: 0 0 0 0;
        Mutex<str>: 1 1 1 0;
        Mutex<dyn Send>: 1 1 0 0;
        RwLock<i32>: 1 1 1 0;
        // Readers share.
        RwLock<Sendable>: 1 0 1 0;
        RwLock<Shareable>: 0 0 1 0;
        RwLock<Bound>: 0 0 1 0;
        RwLock<Revealing>: 0 0 0 0;
        // Guards belong to the goroutine that locked, and lead to the value of a shared lock.
        MutexGuard<'static, i32>: 0 1 0 0;
        MutexGuard<'static, Sendable>: 0 0 0 0;
        MappedMutexGuard<'static, i32>: 0 1 0 0;
        MappedMutexGuard<'static, Sendable>: 0 0 0 0;
        RwLockReadGuard<'static, i32>: 0 1 0 0;
        RwLockReadGuard<'static, Sendable>: 0 0 0 0;
        RwLockWriteGuard<'static, i32>: 0 1 0 0;
        RwLockWriteGuard<'static, Sendable>: 0 0 0 0;
        // What a guard puts back may be half changed.
        Pool<i32>: 1 1 1 0;
        Pool<Sendable>: 1 1 1 0;
        Pool<Bound>: 0 0 1 0;
        Pool<Revealing>: 0 0 0 0;
        // Values are replaced as a whole.
        Map<i32, i32>: 1 1 1 1;
        Map<i32, Sendable>: 1 1 1 0;
        Map<i32, Shareable>: 0 0 1 1;
        Map<Bound, i32>: 0 0 1 1;
        Map<i32, Revealing>: 0 0 0 0;
        // A result is whole, or a panic; those who share it may clone it at the same time.
        Group<i32, i32>: 1 1 1 1;
        Group<Sendable, i32>: 1 1 1 1;
        Group<i32, Sendable>: 0 0 1 1;
        Group<Bound, i32>: 0 0 1 1;
    }
}

#[cfg(target_os = "linux")]
#[test]
fn sockets() {
    use gocsp::net::*;

    table! {
        TcpListener: 1 1 1 1;
        TcpStream: 1 1 1 1;
        UdpSocket: 1 1 1 1;
        UnixListener: 1 1 1 1;
        UnixStream: 1 1 1 1;
        Incoming<'static, TcpListener>: 1 1 1 1;
        ReadHalf<'static, TcpStream>: 1 1 1 1;
        WriteHalf<'static, TcpStream>: 1 1 1 1;
        OwnedReadHalf<UnixStream>: 1 1 1 1;
        OwnedWriteHalf<UnixStream>: 1 1 1 1;
        ReuniteError<UnixStream>: 1 1 1 1;
        CancelGuard: 1 1 1 1;
        KeepAlive: 1 1 1 1;
        Closed: 1 1 1 1;
    }
}

#[test]
fn what_crosses_from_goroutine_to_goroutine_has_to_be_send_only() {
    fn goes<F: FnOnce() -> T + Send + 'static, T: Send + 'static>(_: F) {}
    let (tx, rx) = channel::<Sendable>(1);
    goes(move || {
        tx.send(Cell::new(1)).unwrap();
        rx
    });
}
