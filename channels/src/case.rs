//! The seam to select: channel operations that are tried and waited for together.
//!
//! # Protocol
//! The select makes one [`Waiter`] and one case for each of its operations, and then
//! 1. takes the locks of all channels in the order of their addresses, each distinct one once;
//! 2. tries the cases in random order. If one completes, it releases the locks, spends the token it was given,
//!    and finishes that case;
//! 3. enqueues every case, parks, and releases the locks once it can be woken. From then on each case can be
//!    claimed, and completed, by whoever comes along the other side of its channel; the waiter makes sure that
//!    only one is;
//! 4. takes all locks again, dequeues every case, and releases them. Then it finishes the case that won. The
//!    values of the others stay theirs.
//!
//! # Invariants
//! - A case stays in place from being enqueued until it is dequeued or its waiter woken: others refer to its slot
//!   and its node. A [`Node`] is `!Unpin`, and therefore so is a case: a `&mut` of one claims no exclusive access
//!   to what others may touch, which are cells anyway.
//! - The slot says how it went: a sending case that completed is successful if its value is gone, a receiving
//!   one if a value is there. Otherwise the channel was closed (C3 of `shared`).
//!
//! Locks are held here across calls, without guards: a list of cases of different types has no place to keep them.

use std::fmt;
use std::ptr::NonNull;

use gocsp_runtime::park::{Node, RawLock, Subject, WaitList, Waiter, WakeToken};

use crate::shared::{Header, RecvSlot, SendSlot, Shared, State, nil};
use crate::{Chan, Receiver, RecvError, SendError, Sender};

/// One channel operation that a select may carry out. See the [protocol](self).
///
/// # Safety
/// Implementors do what each method says, and nothing else with the lock.
pub unsafe trait Case {
    /// The lock of the channel, the same one each time. `None` for a nil channel, which may be treated like the others as if
    /// its lock were held: it never completes, and has no list.
    fn lock(&self) -> Option<&RawLock>;

    /// Whether [`try_now`](Self::try_now) may complete the operation; a false is certain.
    ///
    /// # Safety
    /// This thread has taken the [lock](Self::lock).
    unsafe fn may_complete(&self) -> bool;

    /// Completes the operation if that needs no waiting. `Some` tells that it has; the token inside is to be
    /// spent after all locks were released.
    ///
    /// # Safety
    /// This thread has taken the [lock](Self::lock), and no case of this select has completed.
    unsafe fn try_now(&mut self) -> Option<Option<WakeToken>>;

    /// Links the node of this case, as number `index` of the select `waiter`.
    ///
    /// # Safety
    /// This thread has taken the [lock](Self::lock). This case and `waiter` stay in place until the case was
    /// dequeued or the waiter woken, and afterwards the case is dequeued before it is moved or dropped.
    unsafe fn enqueue(&mut self, waiter: &Waiter, index: u32);

    /// Unlinks the node if it is still linked.
    ///
    /// # Safety
    /// This thread has taken the [lock](Self::lock).
    unsafe fn dequeue(&mut self);

    /// What is waited for here. Any thread may ask, also while others touch the slot and the node, and without the lock: only the
    /// channel's header is looked at, which may be shared.
    fn subject(&self) -> Subject;
}

/// What cases of both directions have in common: a place in one list of one channel.
struct Place<'a, T, P> {
    channel: Option<&'a Shared<T>>,
    slot: P,
    /// Made when the case is enqueued; it refers to the slot.
    node: Option<Node<P>>,
}

impl<'a, T, P> Place<'a, T, P> {
    #[inline]
    fn new(channel: Option<&'a Shared<T>>, slot: P) -> Self {
        Self { channel, slot, node: None }
    }

    #[inline(always)]
    fn lock(&self) -> Option<&RawLock> {
        self.channel.map(|channel| channel.state().raw())
    }

    fn header(&self) -> Option<&Header> {
        self.channel.map(Shared::header)
    }

    /// # Safety
    /// This thread has taken the [lock](Self::lock), and the state is not referred to otherwise.
    #[inline]
    unsafe fn state(&self) -> Option<&'a mut State<T>> {
        let channel = self.channel?;
        // SAFETY: by contract the lock is held and no other reference to the state is alive.
        Some(unsafe { channel.state().force_get() })
    }

    /// # Safety
    /// As for [`Case::enqueue`], and `list` gives the list of this direction.
    #[inline]
    unsafe fn enqueue(&mut self, list: fn(&mut State<T>) -> &mut WaitList<P>, waiter: &Waiter, index: u32) {
        // SAFETY: the lock is held by contract.
        let Some(state) = (unsafe { self.state() }) else { return };
        let node = self.node.insert(Node::of_case(&self.slot, waiter, index));
        // SAFETY: the node is new; it, its slot and its waiter stay in place by contract.
        unsafe { list(state).push(node) };
    }

    /// # Safety
    /// As for [`Case::dequeue`], with the list that the case was enqueued in.
    #[inline]
    unsafe fn dequeue(&mut self, list: fn(&mut State<T>) -> &mut WaitList<P>) {
        // SAFETY: the lock is held by contract.
        let Some(state) = (unsafe { self.state() }) else { return };
        if let Some(node) = &self.node {
            // SAFETY: the node is in no other list.
            unsafe { list(state).remove(node) };
        }
    }
}

/// `recv(rx)`.
pub struct RecvCase<'a, T>(Place<'a, T, RecvSlot<T>>);

impl<'a, T> RecvCase<'a, T> {
    /// The case that receives from `rx`.
    #[inline]
    pub fn new(rx: &'a Receiver<T>) -> Self {
        Self(Place::new(rx.shared(), RecvSlot::new()))
    }

    /// The result of this case, if it was the one that completed.
    ///
    /// # Errors
    /// [`RecvError`] if the channel was closed and drained.
    #[inline]
    pub fn finish(self) -> Result<T, RecvError> {
        self.0.slot.take().ok_or(RecvError)
    }
}

// SAFETY: the methods do what the trait says.
unsafe impl<T> Case for RecvCase<'_, T> {
    #[inline(always)]
    fn lock(&self) -> Option<&RawLock> {
        self.0.lock()
    }

    #[inline(always)]
    unsafe fn may_complete(&self) -> bool {
        // SAFETY: the lock is held by contract.
        unsafe { self.0.state() }.is_some_and(|state| state.may_recv())
    }

    #[inline]
    unsafe fn try_now(&mut self) -> Option<Option<WakeToken>> {
        let channel = self.0.channel?;
        // SAFETY: the lock is held by contract.
        unsafe { self.0.state() }?.try_recv_into(&self.0.slot, channel.capacity())
    }

    #[inline(always)]
    unsafe fn enqueue(&mut self, waiter: &Waiter, index: u32) {
        // SAFETY: the same contract; the list is that of the receivers.
        unsafe { self.0.enqueue(State::receivers, waiter, index) }
    }

    #[inline(always)]
    unsafe fn dequeue(&mut self) {
        // SAFETY: the same contract; the list is that of `enqueue`.
        unsafe { self.0.dequeue(State::receivers) }
    }

    fn subject(&self) -> Subject {
        self.0.header().map_or_else(nil, Header::to_receiver)
    }
}

impl<T> fmt::Debug for RecvCase<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvCase").finish_non_exhaustive()
    }
}

/// `send(tx, value)`.
pub struct SendCase<'a, T>(Place<'a, T, SendSlot<T>>);

impl<'a, T> SendCase<'a, T> {
    /// The case that sends `value` to `tx`.
    #[inline]
    pub fn new(tx: &'a Sender<T>, value: T) -> Self {
        Self(Place::new(tx.shared(), SendSlot::new(value)))
    }

    /// The case that sends the value in a variable of the caller, out of which it is read bitwise once the case
    /// completes.
    ///
    /// # Safety
    /// The variable holds a value, and is neither moved nor touched while this case lives. When the case ends the
    /// variable is to be forgotten if [`was_sent`](Self::was_sent), and is the caller's as before if not;
    /// [`finish`](Self::finish) and [`into_value`](Self::into_value) are not called.
    #[inline]
    pub unsafe fn borrowed(tx: &'a Sender<T>, value: *const T) -> Self {
        // SAFETY: a variable has an address.
        let value = unsafe { NonNull::new_unchecked(value.cast_mut()) };
        // SAFETY: the caller leaves the variable alone for as long as the case, and so the slot, lives.
        let slot = unsafe { SendSlot::borrowed(value) };
        Self(Place::new(tx.shared(), slot))
    }

    /// Whether the value has gone to the channel. To be asked when no other party can claim this case: before it
    /// was enqueued, or after it was dequeued.
    #[inline]
    pub fn was_sent(&self) -> bool {
        self.0.slot.is_taken()
    }

    /// The result of this case, if it was the one that completed.
    ///
    /// # Errors
    /// [`SendError`] with the value if the channel was closed.
    #[inline]
    pub fn finish(self) -> Result<(), SendError<T>> {
        self.0.slot.try_take().map_or(Ok(()), |value| Err(SendError(value)))
    }

    /// The value back, if this case was not the one that completed.
    #[inline]
    pub fn into_value(self) -> T {
        self.0.slot.take()
    }
}

// SAFETY: the methods do what the trait says.
unsafe impl<T> Case for SendCase<'_, T> {
    #[inline(always)]
    fn lock(&self) -> Option<&RawLock> {
        self.0.lock()
    }

    #[inline(always)]
    unsafe fn may_complete(&self) -> bool {
        let capacity = self.0.channel.map_or(0, Shared::capacity);
        // SAFETY: the lock is held by contract.
        unsafe { self.0.state() }.is_some_and(|state| state.may_send(capacity))
    }

    #[inline]
    unsafe fn try_now(&mut self) -> Option<Option<WakeToken>> {
        let channel = self.0.channel?;
        // SAFETY: the lock is held by contract.
        unsafe { self.0.state() }?.try_send_from(&self.0.slot, channel.capacity())
    }

    #[inline(always)]
    unsafe fn enqueue(&mut self, waiter: &Waiter, index: u32) {
        // SAFETY: the same contract; the list is that of the senders.
        unsafe { self.0.enqueue(State::senders, waiter, index) }
    }

    #[inline(always)]
    unsafe fn dequeue(&mut self) {
        // SAFETY: the same contract; the list is that of `enqueue`.
        unsafe { self.0.dequeue(State::senders) }
    }

    fn subject(&self) -> Subject {
        self.0.header().map_or_else(nil, Header::to_sender)
    }
}

impl<T> fmt::Debug for SendCase<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendCase").finish_non_exhaustive()
    }
}

/// What may stand as the channel of `send(channel, value)`.
pub trait AsSender<T> {
    /// The sending side.
    fn as_sender(&self) -> &Sender<T>;
}

impl<T> AsSender<T> for Sender<T> {
    #[inline]
    fn as_sender(&self) -> &Sender<T> {
        self
    }
}

impl<T> AsSender<T> for Chan<T> {
    #[inline]
    fn as_sender(&self) -> &Sender<T> {
        self.as_ref()
    }
}

impl<T, S: AsSender<T> + ?Sized> AsSender<T> for &S {
    #[inline]
    fn as_sender(&self) -> &Sender<T> {
        (**self).as_sender()
    }
}

impl<T, S: AsSender<T> + ?Sized> AsSender<T> for &mut S {
    #[inline]
    fn as_sender(&self) -> &Sender<T> {
        (**self).as_sender()
    }
}

/// What may stand as the channel of `recv(channel)`.
pub trait AsReceiver<T> {
    /// The receiving side.
    fn as_receiver(&self) -> &Receiver<T>;
}

impl<T> AsReceiver<T> for Receiver<T> {
    #[inline]
    fn as_receiver(&self) -> &Receiver<T> {
        self
    }
}

impl<T> AsReceiver<T> for Chan<T> {
    #[inline]
    fn as_receiver(&self) -> &Receiver<T> {
        self.as_ref()
    }
}

impl<T, R: AsReceiver<T> + ?Sized> AsReceiver<T> for &R {
    #[inline]
    fn as_receiver(&self) -> &Receiver<T> {
        (**self).as_receiver()
    }
}

impl<T, R: AsReceiver<T> + ?Sized> AsReceiver<T> for &mut R {
    #[inline]
    fn as_receiver(&self) -> &Receiver<T> {
        (**self).as_receiver()
    }
}
