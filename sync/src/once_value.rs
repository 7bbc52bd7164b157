//! [`OnceValue`] and [`OnceFunc`]: a function whose result is kept.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::fmt;
use std::panic::{self, Location, RefUnwindSafe, UnwindSafe};

use gocsp_runtime::park::{Description, Way};

use crate::raw_mutex::RawMutex;
use crate::report::Caller;
use crate::shared_panic::{self, SharedPanic};
use crate::sync::const_unless_modelled;
use crate::{Mutex, OnceCell};

/// A value that a function makes when it is first asked for.
///
/// What `std::sync::LazyLock` is for threads: a goroutine that waits for the value is parked. If the function panics, so does
/// everybody who asks, each with the same message. The function, with all that it owns, is dropped as soon as it has been
/// called. So if the goroutine that calls it is ended meanwhile by the shutdown of its runtime, there will never be a value.
///
/// # Cost
/// Once it is made: a load. No allocation.
///
/// # Examples
/// ```
/// use gocsp_sync::OnceValue;
///
/// static PRIMES: OnceValue<Vec<u32>> =
///     OnceValue::new(|| (2..100).filter(|n| (2..*n).all(|d| n % d != 0)).collect());
///
/// assert_eq!(PRIMES.get()[..4], [2, 3, 5, 7]);
/// ```
pub struct OnceValue<T, F = fn() -> T> {
    value: OnceCell<Result<T, SharedPanic>>,
    make: Mutex<Option<F>>,
}

// A panic of the function is told to everybody who asks afterwards.
impl<T: RefUnwindSafe, F> RefUnwindSafe for OnceValue<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for OnceValue<T, F> {}

impl<T, F> OnceValue<T, F> {
    const_unless_modelled! {
        /// The value that `make` is going to make.
        ///
        /// # Examples
        /// ```
        /// let answer = gocsp_sync::OnceValue::new(|| 6 * 7);
        /// assert_eq!(*answer.get(), 42);
        /// ```
        #[track_caller]
        pub fn new(make: F) -> Self {
            Self { value: OnceCell::new(), make: Mutex::new(Some(make)) }
        }
    }
}

impl<T, F: FnOnce() -> T> OnceValue<T, F> {
    /// The value. Waits if somebody else is making it.
    ///
    /// To call it from within the function is to wait for ever.
    ///
    /// # Panics
    /// If the function has panicked: with its payload in the call that has called it, and with its message in all others.
    ///
    /// # Examples
    /// ```
    /// let greeting = gocsp_sync::OnceValue::new(|| "hello".to_owned());
    /// assert_eq!(greeting.get(), "hello");
    /// ```
    #[inline]
    #[track_caller]
    pub fn get(&self) -> &T {
        self.get_as::<Getting>(Location::caller())
    }

    /// As [`get`](Self::get), for who does something else in the eyes of the user, somewhere else.
    #[inline]
    #[track_caller]
    fn get_as<W: Way<RawMutex>>(&self, place: Caller) -> &T {
        match self.value.get().unwrap_or_else(|| self.make::<W>(place)) {
            Ok(value) => value,
            Err(panic) => panic.raise("the function of a OnceValue"),
        }
    }

    #[cold]
    fn make<W: Way<RawMutex>>(&self, place: Caller) -> &Result<T, SharedPanic> {
        let mut panicked = None;
        let make = || {
            let make = self.make.lock().take().expect("the cell is filled once");
            let made = shared_panic::catch(make).map_err(|(panic, payload)| {
                panicked = Some(payload);
                panic
            });
            Ok::<_, Infallible>(made)
        };
        let Ok(made) = self.value.init::<W, _>(make, place);
        if let Some(payload) = panicked {
            panic::resume_unwind(payload);
        }
        made
    }
}

/// To wait for who is making the value.
enum Getting {}

impl Way<RawMutex> for Getting {
    const STATE: &'static str = "sync.OnceValue";

    fn describe(making: &RawMutex, to: &mut Description) {
        making.describe("once value", to);
    }
}

impl<T: fmt::Debug, F> fmt::Debug for OnceValue<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("OnceValue");
        match self.value.get() {
            Some(Ok(value)) => debug.field(value),
            Some(Err(panic)) => debug.field(panic),
            None => debug.field(&format_args!("<not made>")),
        };
        debug.finish()
    }
}

/// A function that is called once, however often one calls this.
///
/// As [`OnceValue`] otherwise: if the function panics, so does every call.
///
/// # Examples
/// ```
/// use gocsp_sync::OnceFunc;
///
/// static SETUP: OnceFunc = OnceFunc::new(|| println!("printed once"));
///
/// SETUP.call();
/// SETUP.call();
/// ```
pub struct OnceFunc<F = fn()>(OnceValue<(), F>);

impl<F> OnceFunc<F> {
    const_unless_modelled! {
        /// What calls `f`, once.
        ///
        /// # Examples
        /// ```
        /// gocsp_sync::OnceFunc::new(|| println!("printed once")).call();
        /// ```
        #[track_caller]
        pub fn new(f: F) -> Self {
            Self(OnceValue::new(f))
        }
    }
}

impl<F: FnOnce()> OnceFunc<F> {
    /// Calls the function, unless it has been called. When this returns, it has returned. Waits if somebody else is calling it.
    ///
    /// # Panics
    /// As [`OnceValue::get`].
    ///
    /// # Examples
    /// ```
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let broken = gocsp_sync::OnceFunc::new(|| panic!("no"));
    /// for _ in 0..2 {
    ///     let payload = catch_unwind(AssertUnwindSafe(|| broken.call())).unwrap_err();
    ///     assert_eq!(payload.downcast_ref(), Some(&"no"));
    /// }
    /// ```
    #[inline]
    #[track_caller]
    pub fn call(&self) {
        self.0.get_as::<Calling>(Location::caller());
    }
}

/// To wait for who is calling the function.
enum Calling {}

impl Way<RawMutex> for Calling {
    const STATE: &'static str = "sync.OnceFunc";

    fn describe(calling: &RawMutex, to: &mut Description) {
        calling.describe("once func", to);
    }
}

impl<F> fmt::Debug for OnceFunc<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceFunc").field("called", &self.0.value.get().is_some()).finish()
    }
}
