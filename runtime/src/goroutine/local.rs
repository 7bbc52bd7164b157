//! Values of which every goroutine has its own.
//!
//! # Invariant
//! **V1** A value stays in its box, at its address, until the goroutine whose it is ends, or the thread. So a reference to it
//! may be used as long as code of that goroutine runs that was called before: `with` returns before the goroutine ends, and
//! the destructors that run at its end are told apart from the values that are still there. The values of one that is left on
//! its stack for ever, and so may still be inside of `with`, are left as well.
//!
//! The values of a goroutine hang on its stack's frame, so they cost those nothing that have none.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::ptr::{self, NonNull};

use super::cell::drop_quietly;
use crate::scheduler;
use crate::stack::Stack;

/// A value of which every goroutine has its own. Declared by [`goroutine_local!`](crate::goroutine_local).
///
/// It is made when its goroutine first uses it, and dropped when the goroutine ends, before anybody learns of the end. An
/// ordinary thread has its own as well, as with `std::thread_local!`.
///
/// A value of the standard library's `thread_local!` is shared by all goroutines of a worker, and each sees what another has
/// left there as soon as it waits for something. That is what this is for. Goroutines do not inherit it: what
/// a goroutine is to know it is told when it is spawned, or by a context.
///
/// # Cost
/// A goroutine that uses none pays nothing. A use takes a search among those that the goroutine has used; the first one
/// allocates.
///
/// ```
/// use std::cell::Cell;
/// use gocsp_runtime::{goroutine_local, spawn};
///
/// goroutine_local! {
///     static COUNT: Cell<u32> = Cell::new(0);
/// }
///
/// COUNT.with(|count| count.set(5));
/// assert_eq!(spawn(|| COUNT.with(Cell::get)).join().unwrap(), 0);
/// assert_eq!(COUNT.with(Cell::get), 5);
/// ```
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

/// The value of a [`LocalKey`] cannot be used any more: the destructors of the goroutine's values, or the thread's, are
/// running, and it has been dropped.
///
/// ```
/// use gocsp_runtime::{LocalAccessError, goroutine_local};
///
/// goroutine_local! {
///     static NAME: String = "nobody".to_owned();
/// }
///
/// /// May also be called by a destructor.
/// fn length() -> Result<usize, LocalAccessError> {
///     NAME.try_with(String::len)
/// }
/// assert_eq!(length(), Ok(6));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalAccessError;

impl fmt::Display for LocalAccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the goroutine ends, and this value of its own has been dropped")
    }
}

impl Error for LocalAccessError {}

impl<T: 'static> LocalKey<T> {
    /// For the macro. Each key has to be a `static`: it is known by its address.
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> Self {
        Self { init }
    }

    /// Calls `f` with the value that belongs to the caller.
    ///
    /// # Panics
    /// If the value has been dropped, for the goroutine or thread ends; and with the panics of `f` and of the value's making.
    ///
    /// # Examples
    /// ```
    /// use std::cell::Cell;
    /// use gocsp_runtime::{go, goroutine_local};
    ///
    /// goroutine_local! {
    ///     static DEPTH: Cell<u32> = Cell::new(0);
    /// }
    ///
    /// DEPTH.with(|depth| depth.set(7));
    /// assert_eq!(go!(|| DEPTH.with(Cell::get)).join().unwrap(), 0);
    /// assert_eq!(DEPTH.with(Cell::get), 7);
    /// ```
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`with`](Self::with), for destructors.
    ///
    /// # Errors
    /// If the value has been dropped, for the goroutine or thread ends.
    ///
    /// # Examples
    /// ```
    /// gocsp_runtime::goroutine_local! {
    ///     static NAME: String = "gopher".to_owned();
    /// }
    ///
    /// assert_eq!(NAME.try_with(|name| name.len()), Ok(6));
    /// ```
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, LocalAccessError> {
        let value = with_own(|locals| locals.find(self.address()))?;
        let value = match value {
            Some(value) => value,
            // Made before it has a place: it may use other values.
            None => {
                let made = (self.init)();
                with_own(|locals| Ok(locals.insert(self.address(), made)))?
            }
        };
        // SAFETY: it stays there while `f` runs (V1).
        Ok(f(unsafe { value.as_ref() }))
    }

    fn address(&'static self) -> *const () {
        ptr::from_ref(self).cast()
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// The values of one goroutine or thread.
#[derive(Default)]
pub(crate) struct Locals(RefCell<Vec<Local>>);

struct Local {
    key: *const (),
    /// Of the value. Keys that are no statics, and are told apart by nothing else, might share an address.
    type_id: TypeId,
    /// `None` once it has been dropped.
    value: Option<Box<dyn Any>>,
}

impl Locals {
    /// The value of `key`, if it has been made.
    fn find<T: 'static>(&self, key: *const ()) -> Result<Option<NonNull<T>>, LocalAccessError> {
        match self.0.borrow().iter().find(|local| local.key == key && local.type_id == TypeId::of::<T>()) {
            Some(local) => {
                let value = local.value.as_ref().and_then(|value| value.downcast_ref());
                value.map(|value| Some(NonNull::from(value))).ok_or(LocalAccessError)
            }
            None => Ok(None),
        }
    }

    /// Makes `value` that of `key`, unless it has got one meanwhile: by who made this one.
    fn insert<T: 'static>(&self, key: *const (), value: T) -> NonNull<T> {
        if let Ok(Some(value)) = self.find(key) {
            return value;
        }
        let value = Box::new(value);
        let place = NonNull::from(&*value);
        self.0.borrow_mut().push(Local { key, type_id: TypeId::of::<T>(), value: Some(value) });
        place
    }

    /// Drops all, the last made first, and those that come up meanwhile.
    fn clear(&self) {
        while let Some(value) = self.take_last() {
            drop_quietly(value);
        }
    }

    fn take_last(&self) -> Option<Box<dyn Any>> {
        self.0.borrow_mut().iter_mut().rev().find_map(|local| local.value.take())
    }
}

impl Drop for Locals {
    fn drop(&mut self) {
        self.clear();
    }
}

thread_local! {
    /// Those of an ordinary thread.
    static THREAD: Locals = Locals::default();
}

/// Calls `f` with the values of the caller.
fn with_own<R>(f: impl FnOnce(&Locals) -> Result<R, LocalAccessError>) -> Result<R, LocalAccessError> {
    match scheduler::running_stack() {
        Some(stack) => f(of_stack(stack)),
        None => THREAD.try_with(f).unwrap_or(Err(LocalAccessError)),
    }
}

fn of_stack<'a>(stack: Stack) -> &'a Locals {
    let place = stack.frame().locals();
    let locals = place.get().unwrap_or_else(|| {
        let locals = NonNull::from(Box::leak(Box::default()));
        place.set(Some(locals));
        locals
    });
    // SAFETY: the goroutine on this stack calls, and they are freed when it ends.
    unsafe { locals.as_ref() }
}

/// Leaves the values of the goroutine on `stack`, which calls, where they are, for ever: it does not return to those who use
/// them (V1).
pub(crate) fn leak(stack: Stack) {
    stack.frame().locals().set(None);
}

/// Drops the values of the goroutine on `stack`, which calls, as the last of what it does.
#[inline]
pub(super) fn clear(stack: Stack) {
    if let Some(locals) = stack.frame().locals().get() {
        clear_some(stack, locals);
    }
}

#[cold]
fn clear_some(stack: Stack, locals: NonNull<Locals>) {
    // SAFETY: as in `of_stack`.
    unsafe { locals.as_ref() }.clear();
    stack.frame().locals().set(None);
    // SAFETY: they came from a box, and nothing leads to them any more.
    drop(unsafe { Box::from_raw(locals.as_ptr()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_different_types_are_told_apart_even_at_one_address() {
        let (locals, key) = (Locals::default(), ptr::null());
        locals.insert(key, 2_u8);
        assert_eq!(locals.find::<bool>(key), Ok(None));
        let truth = locals.insert(key, true);
        assert_eq!(locals.find(key), Ok(Some(truth)));
        assert!(locals.find::<u8>(key).unwrap().is_some());
    }
}
