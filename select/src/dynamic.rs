//! The dynamic select.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use gocsp_channels::case::{AsReceiver, AsSender, Case};
use gocsp_channels::{RecvError, SendError};
use smallvec::SmallVec;

use crate::operation::Operation;
use crate::order::Place;
use crate::run::{self, Wait};

/// Up to so many operations need no heap allocation.
const FEW: usize = 8;

/// A select over a number of channels that is known only at run time. Where it is known before, prefer
/// [`select!`](crate::select!).
///
/// Operations are added by [`recv`](Self::recv) and [`send`](Self::send), which return an index. [`select`](Self::select)
/// and its kin carry out one of them, and say which; its result is taken from the [`SelectedOperation`]. A receive then
/// stands there as before, for the next selection. A send is used up, and its index free for another operation.
///
/// The rules are those of [`select!`](crate::select!): among several that are ready chance decides, all are judged at
/// one instant, an operation on a nil channel is never selected, one on a closed channel is ready and fails.
///
/// # Differences from crossbeam-channel
/// There, a selected operation is completed by the caller afterwards, and a send gets its value only then. Here an
/// operation is complete when it is selected, as in Go: in a rendezvous the other side goes on at once, and it is never
/// left with a promise that is not kept. So a send needs its value [beforehand](Self::send), and
/// [`take_back`](Self::take_back) returns it if something else was selected.
///
/// # Cost
/// Up to eight operations take no heap allocation, unless their values are larger than six words.
///
/// # Examples
/// The sum of what comes from any number of channels, until all are closed:
/// ```
/// use gocsp_channels::{Receiver, channel};
/// use gocsp_select::Select;
///
/// fn sum(sources: &[Receiver<u32>]) -> u32 {
///     let mut select = Select::new();
///     for rx in sources {
///         select.recv(rx);
///     }
///     let mut sum = 0;
///     while !select.is_empty() {
///         let operation = select.select();
///         let index = operation.index();
///         match operation.recv(&sources[index]) {
///             Ok(n) => sum += n,
///             Err(_) => select.remove(index),
///         }
///     }
///     sum
/// }
///
/// let sources = [1, 2, 3].map(|n| {
///     let (tx, rx) = channel(0);
///     gocsp_runtime::spawn(move || tx.send(n));
///     rx
/// });
/// assert_eq!(sum(&sources), 6);
/// ```
#[derive(Default)]
pub struct Select<'a> {
    /// By index; `None` where an operation was removed or used up.
    operations: SmallVec<[Option<Operation<'a>>; FEW]>,
    /// The operation that was selected last, if its result has not been asked for.
    unasked: Option<usize>,
}

impl<'a> Select<'a> {
    /// A select without operations.
    ///
    /// ```
    /// assert!(gocsp_select::Select::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a receive from `rx`, a [`Receiver`](gocsp_channels::Receiver) or [`Chan`](gocsp_channels::Chan), and returns
    /// its index: the lowest one that is free. The receive stays until it is [removed](Self::remove).
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (tx, rx) = channel(2);
    /// let mut select = Select::new();
    /// let index = select.recv(&rx);
    /// for n in 0..2 {
    ///     tx.send(n)?;
    ///     let operation = select.select();
    ///     assert_eq!(operation.index(), index);
    ///     assert_eq!(operation.recv(&rx), Ok(n));
    /// }
    /// # Ok::<(), gocsp_channels::SendError<i32>>(())
    /// ```
    pub fn recv<T: 'a>(&mut self, rx: &'a impl AsReceiver<T>) -> usize {
        self.add(Operation::recv(rx.as_receiver()))
    }

    /// Adds a send of `value` to `tx`, a [`Sender`](gocsp_channels::Sender) or [`Chan`](gocsp_channels::Chan), and returns
    /// its index: the lowest one that is free. The send stays until it has been selected, [taken back](Self::take_back),
    /// or [removed](Self::remove).
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (tx, rx) = channel(1);
    /// let mut select = Select::new();
    /// select.send(&tx, "hello");
    /// assert_eq!(select.select().send(&tx), Ok(()));
    /// assert_eq!(rx.recv(), Ok("hello"));
    /// assert!(select.is_empty());
    /// ```
    pub fn send<T: 'a>(&mut self, tx: &'a impl AsSender<T>, value: T) -> usize {
        self.add(Operation::send(tx.as_sender(), value))
    }

    fn add(&mut self, operation: Operation<'a>) -> usize {
        self.settle();
        let free = self.operations.iter().position(Option::is_none);
        let index = free.unwrap_or_else(|| {
            self.operations.push(None);
            self.operations.len() - 1
        });
        self.operations[index] = Some(operation);
        index
    }

    /// How many operations there are.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (_tx, rx) = channel::<u32>(0);
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        let used_up = self.unasked.and_then(|index| self.operations[index].as_ref()).is_some_and(Operation::is_send);
        self.operations.iter().flatten().count() - usize::from(used_up)
    }

    /// Whether there is no operation.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (_tx, rx) = channel::<u32>(0);
    /// let mut select = Select::new();
    /// let index = select.recv(&rx);
    /// assert!(!select.is_empty());
    /// select.remove(index);
    /// assert!(select.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes an operation. A value that it was to send is dropped.
    ///
    /// # Panics
    /// If there is no operation of this index.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (tx, rx) = channel(1);
    /// tx.send(1)?;
    /// let (_idle, other) = channel::<u32>(0);
    /// let mut select = Select::new();
    /// let ready = select.recv(&rx);
    /// select.recv(&other);
    /// select.remove(ready);
    /// assert!(select.try_select().is_err());
    /// assert_eq!(rx.recv(), Ok(1)); // Still there.
    /// # Ok::<(), gocsp_channels::SendError<u32>>(())
    /// ```
    pub fn remove(&mut self, index: usize) {
        self.settle();
        self.operation(index);
        self.operations[index] = None;
    }

    /// Removes the send of index `index` through the handle `tx`, and gives its value back.
    ///
    /// # Panics
    /// If there is no operation of this index, or it is not a send through this handle.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (tx, _rx) = channel(0);
    /// let mut select = Select::new();
    /// let index = select.send(&tx, String::from("nobody listens"));
    /// assert!(select.try_select().is_err());
    /// assert_eq!(select.take_back(index, &tx), "nobody listens");
    /// ```
    pub fn take_back<T: 'a>(&mut self, index: usize, tx: &impl AsSender<T>) -> T {
        self.settle();
        let value = self.operation(index).unsent(tx.as_sender());
        self.operations[index] = None;
        value
    }

    fn operation(&mut self, index: usize) -> &mut Operation<'a> {
        let operation = self.operations.get_mut(index).and_then(Option::as_mut);
        operation.unwrap_or_else(|| panic!("the select has no operation {index}"))
    }

    /// Carries out one operation, and blocks until one can be. Without any, or on nil channels only, it blocks for ever.
    ///
    /// # Panics
    /// Without any, if the goroutine is unwinding already while its runtime shuts down.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (tx, rx) = channel(0);
    /// gocsp_runtime::spawn(move || tx.send("hello"));
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.select().recv(&rx), Ok("hello"));
    /// ```
    #[track_caller]
    pub fn select(&mut self) -> SelectedOperation<'_, 'a> {
        let index = self.run(Wait::Forever, Location::caller()).expect("a select without a limit ends with a winner");
        SelectedOperation { select: self, index }
    }

    /// Carries out one operation if that needs no waiting.
    ///
    /// # Errors
    /// If none is ready.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::{Select, TrySelectError};
    ///
    /// let (tx, rx) = channel(1);
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.try_select().unwrap_err(), TrySelectError);
    /// tx.send(7)?;
    /// assert_eq!(select.try_select().expect("there is a value").recv(&rx), Ok(7));
    /// # Ok::<(), gocsp_channels::SendError<u32>>(())
    /// ```
    #[track_caller]
    pub fn try_select(&mut self) -> Result<SelectedOperation<'_, 'a>, TrySelectError> {
        match self.run(Wait::Never, Location::caller()) {
            Some(index) => Ok(SelectedOperation { select: self, index }),
            None => Err(TrySelectError),
        }
    }

    /// Carries out one operation, and blocks until one can be, but no longer than `timeout`.
    ///
    /// # Errors
    /// If none was ready in time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (_tx, rx) = channel::<()>(0);
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert!(select.select_timeout(Duration::from_millis(1)).is_err());
    /// ```
    #[track_caller]
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'_, 'a>, SelectTimeoutError> {
        self.select_within(Wait::AtMost(timeout), Location::caller())
    }

    /// Carries out one operation, and blocks until one can be, but not beyond `deadline`.
    ///
    /// # Errors
    /// If none was ready in time.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (_tx, rx) = channel::<()>(0);
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// assert!(select.select_deadline(deadline).is_err() && Instant::now() >= deadline);
    /// ```
    #[track_caller]
    pub fn select_deadline(&mut self, deadline: Instant) -> Result<SelectedOperation<'_, 'a>, SelectTimeoutError> {
        self.select_within(Wait::Until(deadline), Location::caller())
    }

    fn select_within(
        &mut self,
        wait: Wait,
        place: &'static Location<'static>,
    ) -> Result<SelectedOperation<'_, 'a>, SelectTimeoutError> {
        match self.run(wait, place) {
            Some(index) => Ok(SelectedOperation { select: self, index }),
            None => Err(SelectTimeoutError),
        }
    }

    /// The index of the operation that completed.
    fn run(&mut self, wait: Wait, place: &'static Location<'static>) -> Option<usize> {
        self.settle();
        let mut cases: SmallVec<[&mut dyn Case; FEW]> =
            self.operations.iter_mut().flatten().map(Operation::case).collect();
        let mut places: SmallVec<[Place; FEW]> = cases.iter().map(|_| Place::empty()).collect();
        let winner = run::select(&mut *cases, &mut places, wait, place)?;
        drop(cases);
        let mut present = (0..self.operations.len()).filter(|&index| self.operations[index].is_some());
        self.unasked = present.nth(winner);
        self.unasked
    }

    /// Makes the operation that was selected last ready for the next time, or removes it if there is none.
    fn settle(&mut self) {
        let Some(index) = self.unasked.take() else { return };
        let operation = self.operation(index);
        if operation.is_send() {
            self.operations[index] = None;
        } else {
            operation.renew();
        }
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The operation that a [`Select`] has carried out, to be asked for its result.
///
/// If it is dropped unasked, the result, be it a value that was received or one that a closed channel refused, is dropped
/// when the select is used next, or with it.
///
/// ```
/// use gocsp_channels::channel;
/// use gocsp_select::Select;
///
/// let (tx, rx) = channel(1);
/// let mut select = Select::new();
/// let (sends, receives) = (select.send(&tx, 1), select.recv(&rx));
/// let selected = select.select(); // There is room, and nothing to receive.
/// assert_eq!(selected.index(), sends);
/// assert_eq!(selected.send(&tx), Ok(()));
/// let selected = select.select();
/// assert_eq!(selected.index(), receives);
/// assert_eq!(selected.recv(&rx), Ok(1));
/// ```
#[must_use = "the operation is complete, and its result is lost with this"]
pub struct SelectedOperation<'s, 'a> {
    select: &'s mut Select<'a>,
    index: usize,
}

impl<'a> SelectedOperation<'_, 'a> {
    /// Which one it was: what [`Select::recv`] or [`Select::send`] returned.
    ///
    /// ```
    /// use gocsp_channels::channel;
    /// use gocsp_select::Select;
    ///
    /// let (tx, rx) = channel(1);
    /// tx.send(7)?;
    /// let receivers = [rx];
    /// let mut select = Select::new();
    /// receivers.iter().for_each(|rx| _ = select.recv(rx));
    /// let selected = select.select();
    /// let from = selected.index();
    /// assert_eq!(selected.recv(&receivers[from]), Ok(7));
    /// # Ok::<(), gocsp_channels::SendError<u32>>(())
    /// ```
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The result of a receive through the handle `rx`.
    ///
    /// # Errors
    /// If the channel was closed and drained.
    ///
    /// # Panics
    /// If it was another operation: one through another handle, be it of the same channel, or a send.
    ///
    /// ```
    /// use gocsp_channels::{RecvError, channel};
    /// use gocsp_select::Select;
    ///
    /// let (tx, rx) = channel::<u32>(0);
    /// drop(tx);
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.select().recv(&rx), Err(RecvError)); // It is closed.
    /// ```
    pub fn recv<T: 'a>(self, rx: &impl AsReceiver<T>) -> Result<T, RecvError> {
        let result = self.select.operation(self.index).received(rx.as_receiver());
        self.select.settle();
        result
    }

    /// The result of a send through the handle `tx`.
    ///
    /// # Errors
    /// The value comes back if the channel was closed, or no receiver was left.
    ///
    /// # Panics
    /// If it was another operation: one through another handle, be it of the same channel, or a receive.
    ///
    /// ```
    /// use gocsp_channels::{SendError, channel};
    /// use gocsp_select::Select;
    ///
    /// let (tx, rx) = channel(0);
    /// drop(rx);
    /// let mut select = Select::new();
    /// select.send(&tx, "a letter");
    /// assert_eq!(select.select().send(&tx), Err(SendError("a letter")));
    /// ```
    pub fn send<T: 'a>(self, tx: &impl AsSender<T>) -> Result<(), SendError<T>> {
        let result = self.select.operation(self.index).sent(tx.as_sender());
        self.select.settle();
        result
    }
}

impl fmt::Debug for SelectedOperation<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation").field("index", &self.index).finish_non_exhaustive()
    }
}

/// No operation of a [`Select`] was ready.
///
/// ```
/// use gocsp_select::{Select, TrySelectError};
///
/// let mut nothing = Select::new();
/// assert_eq!(nothing.try_select().unwrap_err(), TrySelectError);
/// assert_eq!(TrySelectError.to_string(), "no operation of the select is ready");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrySelectError;

impl fmt::Display for TrySelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no operation of the select is ready")
    }
}

impl Error for TrySelectError {}

/// No operation of a [`Select`] was ready in time.
///
/// ```
/// use std::time::Duration;
/// use gocsp_select::{Select, SelectTimeoutError};
///
/// let mut nothing = Select::new();
/// assert_eq!(nothing.select_timeout(Duration::from_millis(1)).unwrap_err(), SelectTimeoutError);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectTimeoutError;

impl fmt::Display for SelectTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no operation of the select was ready in time")
    }
}

impl Error for SelectTimeoutError {}
