//! Receiving in loops.
//!
//! Where somebody waits who does it in a loop is where the loop begins: what calls `next` is often an adapter of the standard
//! library, which says nothing to anybody.

use std::fmt;
use std::iter::FusedIterator;

use crate::Receiver;
use crate::shared::Caller;

/// What [`Receiver::iter`] gives: blocks for each value, ends when the channel is closed and drained.
///
/// ```
/// let (tx, rx) = gocsp_channels::channel(1);
/// gocsp_runtime::spawn(move || (0..3).try_for_each(|n| tx.send(n)));
/// let mut sum = 0;
/// for n in &rx {
///     sum += n;
/// }
/// assert_eq!(sum, 3);
/// ```
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
    place: Caller,
}

/// What [`Receiver::try_iter`] gives: never blocks, ends when nothing is there.
///
/// ```
/// let (tx, rx) = gocsp_channels::channel(1);
/// tx.send(7)?;
/// let mut now = rx.try_iter();
/// assert_eq!(now.next(), Some(7));
/// assert_eq!(now.next(), None);
/// # Ok::<(), gocsp_channels::SendError<i32>>(())
/// ```
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// What a loop over a [`Receiver`] by value uses: as [`Iter`], and the receiver is gone afterwards.
///
/// ```
/// let (tx, rx) = gocsp_channels::channel(1);
/// tx.send(7)?;
/// drop(tx);
/// assert_eq!(rx.into_iter().collect::<Vec<_>>(), [7]);
/// # Ok::<(), gocsp_channels::SendError<i32>>(())
/// ```
pub struct IntoIter<T> {
    receiver: Receiver<T>,
    place: Caller,
}

impl<'a, T> Iter<'a, T> {
    pub(crate) fn new(receiver: &'a Receiver<T>, place: Caller) -> Self {
        Self { receiver, place }
    }
}

impl<'a, T> TryIter<'a, T> {
    pub(crate) fn new(receiver: &'a Receiver<T>) -> Self {
        Self { receiver }
    }
}

impl<T> IntoIter<T> {
    pub(crate) fn new(receiver: Receiver<T>, place: Caller) -> Self {
        Self { receiver, place }
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[inline(always)]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv_at(self.place).ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[inline(always)]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv_at(self.place).ok()
    }
}

// Once a channel is closed and drained it stays so.
impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Iter { .. }")
    }
}

impl<T> fmt::Debug for TryIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TryIter { .. }")
    }
}

impl<T> fmt::Debug for IntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntoIter { .. }")
    }
}
