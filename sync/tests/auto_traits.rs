//! What may go to, and be shared with, other threads.

#![cfg(not(any(loom, shuttle)))]

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard as StdGuard;

use gocsp_sync::{MappedMutexGuard, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, WaitGroup};

/// Declares `$has::<T>::IT`, which says whether `T` is `$bound`: if so the inherent constant is found, else the one
/// of the trait.
macro_rules! probe {
    ($has:ident or $has_not:ident: $bound:ident) => {
        struct $has<T: ?Sized>(PhantomData<T>);

        trait $has_not {
            const IT: bool = false;
        }
        impl<T: ?Sized> $has_not for $has<T> {}

        impl<T: ?Sized + $bound> $has<T> {
            const IT: bool = true;
        }
    };
}

probe!(IsSend or NotSend: Send);
probe!(IsSync or NotSync: Sync);
probe!(IsUnwindSafe or NotUnwindSafe: UnwindSafe);
probe!(IsRefUnwindSafe or NotRefUnwindSafe: RefUnwindSafe);

/// The head names two probes, each row a type and what they have to say of it.
macro_rules! table {
    ($one:ident, $other:ident; $($type:ty, $is_one:literal, $is_other:literal;)*) => {$(
        assert_eq!($one::<$type>::IT, $is_one, concat!(stringify!($one), ": ", stringify!($type)));
        assert_eq!($other::<$type>::IT, $is_other, concat!(stringify!($other), ": ", stringify!($type)));
    )*};
}

/// `Cell<u8>` is `Send` only, a std guard is `Sync` only, an `Rc` is neither.
type SyncOnly = StdGuard<'static, u8>;

#[test]
fn send_and_sync() {
    table! {
        IsSend, IsSync;
        WaitGroup, true, true;
        Mutex<u8>, true, true;
        Mutex<Cell<u8>>, true, true;
        Mutex<SyncOnly>, false, false;
        Mutex<Rc<u8>>, false, false;
        Mutex<dyn Send>, true, true;
        RwLock<u8>, true, true;
        RwLock<Cell<u8>>, true, false;
        RwLock<SyncOnly>, false, false;
        RwLock<Rc<u8>>, false, false;
        MutexGuard<'static, u8>, false, true;
        MutexGuard<'static, Cell<u8>>, false, false;
        MappedMutexGuard<'static, u8>, false, true;
        MappedMutexGuard<'static, Cell<u8>>, false, false;
        RwLockReadGuard<'static, u8>, false, true;
        RwLockReadGuard<'static, Cell<u8>>, false, false;
        RwLockWriteGuard<'static, u8>, false, true;
        RwLockWriteGuard<'static, Cell<u8>>, false, false;
    }
}

/// Without poisoning a panic may leave a value half changed, for others to see; so a shared lock is not unwind safe.
#[test]
fn unwind_safety() {
    table! {
        IsUnwindSafe, IsRefUnwindSafe;
        WaitGroup, true, true;
        Mutex<u8>, true, false;
        Mutex<&'static Cell<u8>>, false, false;
        RwLock<u8>, true, false;
        RwLock<&'static Cell<u8>>, false, false;
    }
}
