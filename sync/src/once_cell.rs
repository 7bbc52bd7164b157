//! [`OnceCell`]: a value that is set once.
//!
//! The value is in a cell of the standard library, which is filled only under a mutex of this crate: so who waits for
//! somebody else's value parks, and that cell's own waiting is never used.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;

use gocsp_runtime::park::{self, Description, Way};
use gocsp_runtime::std_sync::OnceLock;

use crate::Mutex;
use crate::raw_mutex::RawMutex;
use crate::report::Caller;
use crate::sync::const_unless_modelled;

/// A value that is set once, by whoever needs it first, and shared from then on.
///
/// What `std::sync::OnceLock` is for threads: a goroutine that waits for the value is parked. Unlike a
/// [`Once`](crate::Once) it stays empty if who was to make the value panics; the next one tries again.
///
/// # Cost
/// Once it is set: a load. No allocation.
///
/// # Examples
/// ```
/// use gocsp_sync::OnceCell;
///
/// static NAME: OnceCell<String> = OnceCell::new();
///
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "gopher".to_owned()), "gopher");
/// assert_eq!(NAME.get_or_init(|| unreachable!("it is set")), "gopher");
/// ```
pub struct OnceCell<T> {
    value: OnceLock<T>,
    setting: Mutex<()>,
}

impl<T> OnceCell<T> {
    const_unless_modelled! {
        /// An empty cell.
        ///
        /// # Examples
        /// ```
        /// static CELL: gocsp_sync::OnceCell<u32> = gocsp_sync::OnceCell::new();
        /// assert_eq!(CELL.set(7), Ok(()));
        /// ```
        #[track_caller]
        pub fn new() -> Self {
            Self { value: OnceLock::new(), setting: Mutex::new(()) }
        }
    }

    /// The value, if it is set. Never waits.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(gocsp_sync::OnceCell::<u32>::new().get(), None);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        park::point_of("sync.OnceCell.get", Location::caller());
        self.value.get()
    }

    /// The value, if it is set.
    ///
    /// # Examples
    /// ```
    /// let mut cell = gocsp_sync::OnceCell::from(1);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.into_inner(), Some(2));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value. Waits if somebody is about to set another.
    ///
    /// # Errors
    /// Gives `value` back if there is one already.
    ///
    /// # Examples
    /// ```
    /// let cell = gocsp_sync::OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(2));
    /// ```
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let _setting = self.setting.lock_as::<Setting>(Location::caller());
        self.value.set(value)
    }

    /// The value, which `f` makes if it is not set. Waits if somebody else is making it.
    ///
    /// To call it from within `f`, on the same cell, is to wait for ever.
    ///
    /// # Panics
    /// With the panic of `f`; the cell stays empty.
    ///
    /// # Examples
    /// ```
    /// let cell = gocsp_sync::OnceCell::new();
    /// assert_eq!(*cell.get_or_init(|| 6 * 7), 42);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<_, Infallible>(f())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// As [`get_or_init`](Self::get_or_init), for an `f` that may fail.
    ///
    /// # Errors
    /// The error of `f`; the cell stays empty.
    ///
    /// # Panics
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Examples
    /// ```
    /// let cell = gocsp_sync::OnceCell::new();
    /// assert!(cell.get_or_try_init(|| "many".parse::<u32>()).is_err());
    /// assert_eq!(cell.get_or_try_init(|| "7".parse()), Ok(&7));
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_or_try_init<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        match self.get() {
            Some(value) => Ok(value),
            None => self.init::<Setting, _>(f, Location::caller()),
        }
    }

    /// `W` is what the caller does, for reports.
    #[cold]
    pub(crate) fn init<W: Way<RawMutex>, E>(&self, f: impl FnOnce() -> Result<T, E>, place: Caller) -> Result<&T, E> {
        let _setting = self.setting.lock_as::<W>(place);
        match self.value.get() {
            Some(value) => Ok(value),
            None => {
                let value = f()?;
                Ok(self.value.get_or_init(|| value))
            }
        }
    }

    /// Takes the value out, and leaves the cell empty.
    ///
    /// # Examples
    /// ```
    /// let mut cell = gocsp_sync::OnceCell::from(1);
    /// assert_eq!((cell.take(), cell.take()), (Some(1), None));
    /// ```
    pub fn take(&mut self) -> Option<T> {
        self.value.take()
    }

    /// The value, if it is set, and the end of the cell.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(gocsp_sync::OnceCell::from(1).into_inner(), Some(1));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

/// To wait for who is making the value.
enum Setting {}

impl Way<RawMutex> for Setting {
    const STATE: &'static str = "sync.OnceCell";

    fn describe(setting: &RawMutex, to: &mut Description) {
        setting.describe("once cell", to);
    }
}

impl<T> Default for OnceCell<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self { value: OnceLock::from(value), setting: Mutex::new(()) }
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), setting: Mutex::new(()) }
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value.get() == other.value.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.get() {
            Some(value) => f.debug_tuple("OnceCell").field(value).finish(),
            None => f.debug_tuple("OnceCell").field(&format_args!("<empty>")).finish(),
        }
    }
}
