//! Select, as in Go: waiting on several channels at once, and carrying out the first operation that can be.
//!
//! [`select!`] has its cases in the source; [`Select`] is for a number of them that is known only at run time.
//! Each has examples.
//!
//! - Among several cases that are ready, each is as likely as the others.
//! - All cases are judged at one instant. A `default` is chosen only if at that instant none was ready.
//! - What is chosen is completed, and nothing else is touched: no value is taken out of a channel and then dropped, and
//!   a value that was not sent is still its owner's.
//! - The case of a nil channel is never chosen. One on a closed channel is ready, and its result says so.
//! - A select may name a channel several times, also to send and to receive; it never deals with itself.
//!
//! Selects work from goroutines and from ordinary threads alike. One takes as many locks as there are distinct channels
//! in it, and allocates no memory.
#![deny(unsafe_code)]

#[doc(hidden)]
#[expect(unsafe_code, reason = "the value of a send stays in a variable of the caller")]
#[path = "expansion.rs"]
pub mod __private;
mod cases;
mod dynamic;
#[expect(unsafe_code, reason = "operations of any type stand in one list")]
mod operation;
mod order;
#[expect(unsafe_code, reason = "locks are held across calls, and a commit outlives the borrows of its frame")]
mod run;

pub use dynamic::{Select, SelectTimeoutError, SelectedOperation, TrySelectError};

/// Waits on several channels, and carries out the first case that can be; if several can, chance decides.
///
/// # Syntax
/// Any number of cases, in any order, separated by commas; after a block the comma may be left out.
/// ```text
/// recv(channel) -> pattern => expression,          the pattern takes a Result<T, RecvError>
/// send(channel, value) -> pattern => expression,   the pattern takes a Result<(), SendError<T>>
/// default => expression,                           if no case is ready
/// default(duration) => expression,                 if no case is ready for so long
/// ```
/// `-> pattern` may be left out; then the result is dropped. There is at most one `default`. Without it the select waits
/// until a case is ready, and without any case for ever, which is what `select! {}` is for.
///
/// A channel is a `Receiver`, a `Sender` or a `Chan`, or a reference to one. The select is an expression, and has the
/// value of the arm that is chosen. Arms are ordinary code of the function they stand in: `break`, `return` and `?`
/// work.
///
/// # Evaluation
/// Channels, values and the duration are evaluated once, in the order in which they are written, whichever case is
/// chosen then. What was only evaluated for the select (anything but a variable, a field, or the like) is dropped before
/// the arm runs.
///
/// # The value of a send
/// If it is a *variable*, it is moved only if this case is chosen. In every other arm, and afterwards, it is as it was:
/// the loop in the second example offers the same value again and again. A value made by any other expression is dropped
/// if it is not sent; to have that with a variable, write `{ variable }`. Names with an upper-case initial are taken as
/// constants, not variables, and lower-case constants are refused.
///
/// The variable has exactly the type that the channel carries; only other expressions are coerced. As its receiver may
/// drop it at once, the variable must not own what another operand borrows: beside `send(tx, request)`, write
/// `recv(request.cancel.clone())`.
///
/// If the channel is closed, or no receiver is left, the result has the value: `Err(SendError(value))`.
///
/// # Panics
/// If the goroutine's runtime shuts down, a select that waits unwinds without a message. In a destructor that runs while
/// the goroutine unwinds already it does not wait: it chooses its `default(duration)`, or else its first case, which
/// fails as if the channel were closed. A destructor that waits without any case panics.
///
/// # Cost
/// One lock for each distinct channel, and if it has to wait, one more for each that did not win. No heap allocation.
/// The clock is read only if it has to wait and there is a duration.
///
/// # Examples
/// The first answer:
/// ```
/// use std::time::Duration;
/// use gocsp_channels::channel;
/// use gocsp_select::select;
///
/// let (cache, from_cache) = channel(1);
/// let (_database, from_database) = channel::<&str>(1);
/// cache.send("a book")?;
/// let book = select! {
///     recv(from_cache) -> book => book.ok(),
///     recv(from_database) -> book => book.ok(),
///     default(Duration::from_secs(1)) => None,
/// };
/// assert_eq!(book, Some("a book"));
/// # Ok::<(), gocsp_channels::SendError<&str>>(())
/// ```
/// To give a value away, and meanwhile take what comes:
/// ```
/// use gocsp_channels::channel;
/// use gocsp_select::select;
///
/// let (tx, rx) = channel(0);
/// let (news, incoming) = channel(3);
/// for n in 0..3 {
///     news.send(n)?;
/// }
/// let reader = gocsp_runtime::spawn(move || rx.recv());
///
/// let value = String::from("something that is not Clone");
/// let mut seen = Vec::new();
/// loop {
///     select! {
///         send(tx, value) -> result => break result.expect("the reader listens"),
///         recv(incoming) -> n => seen.extend(n),
///     }
/// }
/// assert!(reader.join().unwrap().is_ok());
/// # Ok::<(), gocsp_channels::SendError<i32>>(())
/// ```
#[macro_export]
macro_rules! select {
    ($($cases:tt)*) => { $crate::__private::select_cases!($crate $($cases)*) };
}
