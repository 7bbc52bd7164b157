//! The state that all handles of a channel share.
//!
//! # Vocabulary
//! - A *slot* is the place through which a value passes between two parties: it stands in the frame of the one
//!   that blocks ([`SendSlot`], [`RecvSlot`]).
//! - A *route* is what an operation finds under the lock: where its value may go to or come from.
//! - A channel is *closed* when somebody closed it or its last sender is gone, *abandoned* when its last receiver
//!   is gone. It may be both.
//! - What a receiving task was called for is *handed*: it is nobody's yet, and not in the buffer any more. See
//!   [`future`](crate::future).
//!
//! # Invariants, whenever the lock is free
//! - **C1** Where a receiver waits unclaimed, the buffer is empty; where a sender waits unclaimed, it is full.
//!   (For a channel of capacity 0 both are true by itself.) So there never wait both, except that both belong to one
//!   select, which does not pair with itself.
//! - **C2** In a closed or abandoned channel nobody waits unclaimed, and in an abandoned one the buffer is empty.
//! - **C3** The slot of a sender holds its value until a receiver takes it; the slot of a receiver is empty until
//!   a sender fills it. So a sender that is woken with its value, or a receiver without one, learns from that
//!   alone that the channel was closed.
//! - **C4** The buffer never grows beyond the capacity, for which its memory was reserved at the beginning, except in the
//!   channel of a timer, and by values that come back from tasks. What is above the capacity is not filled up again.
//! - **C5** No more values are handed than there are tasks which were called and have not looked since. They are in the
//!   order in which they were sent, and before those in the buffer.
//!
//! # Protocol
//! 1. An operation takes the lock and asks for its route. A waiting counterpart found there is claimed.
//! 2. If the counterpart is to be served directly, the lock is released first, then the value is moved through its
//!    slot, then it is woken. Only the refilling of a full buffer moves a value from slot to buffer under the lock,
//!    since otherwise a later sender could overtake. A task is served under the lock as well, since afterwards it may
//!    be gone.
//! 3. Without a route the operation parks on the list of its side, with the lock handed over to the park seam
//!    ([`wait`]), or returns if it was not to wait.
//! 4. Closing marks the channel, claims everyone under the lock, releases it and wakes them in order.
//!
//! An operation begins by yielding if the time slice is over, for with a buffer it may succeed again and again, and a loop
//! of `try_` may fail again and again. Without a buffer `send` and `recv` can save that: they park, or wake somebody and
//! [look then](WakeToken::hand_off), or fail and look then.
//!
//! Without a buffer the whole of `send` and `recv` is inlined into the caller, the park included: the processor has lost
//! track of where to return to when a goroutine comes back, so each function that returns between one park and the next
//! costs two mispredicted jumps, together a quarter of the time of a rendezvous. With a buffer parks are rare, and one
//! function is better. What waits is therefore called from where the lock was taken, and not passed in as a closure, which
//! the compiler may make a function of.
//!
//! Under the lock values are moved, never dropped, cloned or compared: no code of the user runs there.
//!
//! The place of the caller is passed all the way down, and written down by who parks: together with the [header] it is all that
//! reports need.
//!
//! # Rejected
//! - A lock-free ring for buffered channels: four atomic read-modify-writes a message where the lock needs one.
//! - Counting the handles under the lock: cloning a handle would contend with traffic.
//! - A type of its own for the channels of timers: it would save one word in every channel, and stand in the
//!   signature of every receiver.

mod header;
mod locked;
mod recv;
mod send;
#[expect(unsafe_code, reason = "a select's value stays in a variable of its caller")]
mod slot;
#[expect(unsafe_code, reason = "whoever parks vouches for the list that it names")]
pub(crate) mod wait;

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::Ordering;
use std::time::Instant;

use gocsp_runtime::park::{self, Batch, Claimed, Lock, LockGuard, Popped, Reason, WaitList, WakeToken};

use crate::timers::Timing;

pub(crate) use header::{Caller, Header, ReceivingFromNil, SendingToNil, Source, nil};
use header::{Closing, DroppingReceiver, DroppingSender};
pub(crate) use recv::take_over;
pub(crate) use send::hand_over;
pub(crate) use slot::{RecvSlot, SendSlot};

/// A channel, as its handles see it. In this order, what every operation needs stands together.
#[repr(C)]
pub(crate) struct Shared<T> {
    state: Lock<State<T>>,
    header: Header,
}

/// What the lock guards.
pub(crate) struct State<T> {
    closed: bool,
    abandoned: bool,
    senders: WaitList<SendSlot<T>>,
    receivers: WaitList<RecvSlot<T>>,
    buffer: VecDeque<T>,
    /// `None` for most channels.
    extra: Option<Box<Extra<T>>>,
}

/// What few channels have.
struct Extra<T> {
    /// Of a timer which can be set again.
    timing: Option<Timing>,
    /// What tasks were called for (C5).
    handed: VecDeque<T>,
}

/// Where a value to be sent may go.
pub(crate) enum SendRoute<T> {
    /// To this receiver, which waits for it.
    Receiver(Claimed<RecvSlot<T>>),
    /// To the task for which this token is, and which looks for what it was [handed](State::hand).
    Task(WakeToken),
    /// To the tail of the buffer, where there is room.
    Buffer,
    /// Nowhere yet: the sender has to wait.
    Full,
    /// Nowhere ever: the channel is closed or abandoned.
    Disconnected,
}

/// Where a value to be received comes from.
pub(crate) enum RecvRoute<T> {
    /// From the head of the buffer.
    Buffer,
    /// From this sender, which waits for somebody to take it.
    Sender(Claimed<SendSlot<T>>),
    /// From this task, which does as well. It has to be taken over before the lock is released.
    Task(Claimed<SendSlot<T>>),
    /// From nowhere yet: the receiver has to wait.
    Empty,
    /// From nowhere ever: the channel is closed and drained.
    Disconnected,
}

/// A channel's state, with the lock held.
pub(crate) type Locked<'a, T> = LockGuard<'a, State<T>>;

/// How far an operation has come without waiting.
enum Progress<D, W> {
    /// To its end.
    Done(D),
    /// To where it has to wait, with the lock held, and with what is left to be done.
    Waits(W),
}

impl<T> Shared<T> {
    /// An open channel for the given number of handles.
    ///
    /// # Panics
    /// If there is no memory for `capacity` values.
    pub(crate) fn new(capacity: usize, senders: usize, receivers: usize, made_at: Caller) -> Self {
        Self { state: Lock::new(State::new(capacity)), header: Header::new(capacity, senders, receivers, made_at) }
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    #[inline]
    pub(crate) fn state(&self) -> &Lock<State<T>> {
        &self.state
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.header.capacity
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().buffer.len()
    }

    /// True when nothing can be sent any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().refuses()
    }

    /// As [`close`](Self::close), for a user at this place.
    pub(crate) fn close_at(&self, place: Caller) -> bool {
        park::point(|| Reason::new::<Closing, _>(place, &self.header));
        self.close()
    }

    /// Closes the channel; false if it was closed before.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.state.lock();
        if mem::replace(&mut state.closed, true) {
            return false;
        }
        let receivers = state.receivers.take_some();
        let senders = state.senders.take_some();
        drop(state);
        self.wake_all(receivers, |state| &mut state.receivers);
        self.wake_all(senders, |state| &mut state.senders);
        true
    }

    /// Wakes the `first` of a list that nobody joins any more, and the rest.
    fn wake_all<P>(&self, first: Batch<P>, list: impl Fn(&mut State<T>) -> &mut WaitList<P>) {
        let mut batch = first;
        while !batch.is_empty() {
            batch.wake_all();
            batch = list(&mut self.state.lock()).take_some();
        }
    }

    /// Marks that no receiver is left: gives the blocked senders their values back and drops what is buffered.
    fn abandon(&self) {
        let mut state = self.state.lock();
        state.abandoned = true;
        let unread = mem::take(&mut state.buffer);
        let senders = state.senders.take_some();
        drop(state);
        self.wake_all(senders, |state| &mut state.senders);
        // Last, since the destructor of a value may panic.
        drop(unread);
    }

    /// Counts one more handle that can send. The caller has cloned its `Arc` before, which would have aborted
    /// the process long before this count could overflow.
    ///
    /// Relaxed: a handle is only ever made from another one, which keeps the count above zero.
    pub(crate) fn retain_sender(&self) {
        self.header.senders.fetch_add(1, Ordering::Relaxed);
    }

    /// As [`retain_sender`](Self::retain_sender), for receiving.
    pub(crate) fn retain_receiver(&self) {
        self.header.receivers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one handle less that can send; the last one closes.
    ///
    /// AcqRel: pairs with itself in the other handles, so that whatever they sent comes before the close.
    pub(crate) fn release_sender(&self) {
        if self.header.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.header.point_of_drop::<DroppingSender>();
            self.close();
        }
    }

    /// Counts one handle less that can receive; the last one abandons.
    ///
    /// Without senders there is nothing to abandon: nobody waits to have his value back, and what is buffered is
    /// dropped with the channel. So nothing is counted there.
    ///
    /// AcqRel: pairs with itself in the other handles, so that whatever they received is out of the buffer.
    #[inline]
    pub(crate) fn release_receiver(&self) {
        if self.header.counts_senders() && self.header.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.header.point_of_drop::<DroppingReceiver>();
            self.abandon();
        }
    }
}

impl Shared<()> {
    /// A channel that carries nothing, with one receiver.
    pub(crate) fn of_signal(made_at: Caller) -> Self {
        Self { state: Lock::new(State::new(0)), header: Header::with_source(0, Source::SIGNAL, made_at) }
    }
}

impl Shared<Instant> {
    /// A channel of one place for a timer, with one receiver. Most timers never fire, so there is no memory for the value
    /// until it comes.
    pub(crate) fn of_timer(timing: Option<Timing>, made_at: Caller) -> Self {
        let source = if timing.is_some() { Source::STOPPED_TIMER } else { Source::TIMER };
        let extra = timing.map(|timing| Box::new(Extra { timing: Some(timing), handed: VecDeque::new() }));
        let state = State { extra, ..State::new(0) };
        Self { state: Lock::new(state), header: Header::with_source(1, source, made_at) }
    }

    /// What comes of its timer from now on. Under the lock, unless that is nothing.
    #[inline]
    pub(crate) fn set_source(&self, source: Source) {
        self.header.set_source(source);
    }
}

impl State<Instant> {
    /// When the timer whose channel this is will fire, if that can be changed.
    pub(crate) fn timing(&mut self) -> Option<&mut Timing> {
        self.extra.as_deref_mut()?.timing.as_mut()
    }

    /// Takes back what the timer has sent, unless somebody has received it. Whether there was anything.
    pub(crate) fn take_back(&mut self) -> bool {
        // Tasks that were called for it look in vain, and wait again.
        let handed = self.extra.as_deref_mut().map(|extra| &mut extra.handed);
        let places = handed.into_iter().chain([&mut self.buffer]);
        places.map(|sent| sent.drain(..).count()).sum::<usize>() > 0
    }
}

impl<T> State<T> {
    fn new(capacity: usize) -> Self {
        let mut buffer = VecDeque::new();
        if let Err(error) = buffer.try_reserve_exact(capacity) {
            panic!("cannot make a channel of capacity {capacity}: {error}");
        }
        let (senders, receivers) = (WaitList::new(), WaitList::new());
        Self { closed: false, abandoned: false, senders, receivers, buffer, extra: None }
    }

    #[inline]
    fn refuses(&self) -> bool {
        self.closed | self.abandoned
    }

    /// Where the next value may go. If to the buffer, the caller pushes it before it releases the lock.
    #[inline]
    pub(crate) fn route_send(&mut self, capacity: usize) -> SendRoute<T> {
        if self.refuses() {
            return SendRoute::Disconnected;
        }
        match self.receivers.pop_any() {
            Some(Popped::Blocked(receiver)) => return SendRoute::Receiver(receiver),
            Some(Popped::Task(receiver)) => return SendRoute::Task(receiver.finish()),
            None => {}
        }
        if self.buffer.len() < capacity { SendRoute::Buffer } else { SendRoute::Full }
    }

    /// Whether [`route_send`](Self::route_send) may find something other than [`SendRoute::Full`].
    #[inline]
    pub(crate) fn may_send(&self, capacity: usize) -> bool {
        (self.buffer.len() < capacity) | !self.receivers.is_empty() | self.refuses()
    }

    /// Whether [`route_recv`](Self::route_recv) may find something other than [`RecvRoute::Empty`].
    #[inline]
    pub(crate) fn may_recv(&self) -> bool {
        !self.buffer.is_empty() | !self.senders.is_empty() | self.closed
    }

    /// Puts a value where [`SendRoute::Buffer`] said.
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        self.buffer.push_back(value);
    }

    /// Where the next value comes from. If from the buffer, the caller takes it out before it releases the lock.
    #[inline]
    pub(crate) fn route_recv(&mut self) -> RecvRoute<T> {
        if !self.buffer.is_empty() {
            return RecvRoute::Buffer;
        }
        match self.senders.pop_any() {
            Some(Popped::Blocked(sender)) => return RecvRoute::Sender(sender),
            Some(Popped::Task(sender)) => return RecvRoute::Task(sender),
            None => {}
        }
        if self.closed { RecvRoute::Disconnected } else { RecvRoute::Empty }
    }

    /// Takes out the value that [`RecvRoute::Buffer`] promised.
    #[inline]
    pub(crate) fn pop(&mut self) -> T {
        self.buffer.pop_front().expect("the buffer was seen not to be empty")
    }

    /// Moves the value of the sender that has waited longest into the place that a [`pop`](Self::pop) has left, if it
    /// has left one. The sender is to be woken after the unlock.
    #[inline]
    pub(crate) fn refill(&mut self, capacity: usize) -> Option<WakeToken> {
        if self.senders.is_empty() || self.buffer.len() >= capacity {
            return None;
        }
        let (Popped::Blocked(sender) | Popped::Task(sender)) = self.senders.pop_any()?;
        self.buffer.push_back(sender.payload().take());
        Some(sender.finish())
    }

    /// Leaves a value for the task that [`SendRoute::Task`] said, before the lock is released.
    #[cold]
    pub(crate) fn hand(&mut self, value: T) {
        let none = || Box::new(Extra { timing: None, handed: VecDeque::new() });
        self.extra.get_or_insert_with(none).handed.push_back(value);
    }

    /// Takes the oldest of what was handed: for a task that was called, and looks.
    pub(crate) fn take_handed(&mut self) -> Option<T> {
        self.extra.as_deref_mut()?.handed.pop_front()
    }

    /// The oldest of what is handed, if anything is, in exchange for a younger value: for a task that has found one
    /// without waiting.
    pub(crate) fn exchange_handed(&mut self, value: T) -> T {
        match self.extra.as_deref_mut().and_then(|extra| extra.handed.pop_front()) {
            Some(oldest) => {
                self.hand(value);
                oldest
            }
            None => value,
        }
    }

    /// Takes the youngest of what was handed: for a task that was called, and goes instead.
    pub(crate) fn give_up_handed(&mut self) -> Option<T> {
        self.extra.as_deref_mut()?.handed.pop_back()
    }

    /// Puts a value that was handed back to the head of the buffer.
    pub(crate) fn push_first(&mut self, value: T) {
        self.buffer.push_front(value);
    }

    pub(crate) fn senders(&mut self) -> &mut WaitList<SendSlot<T>> {
        &mut self.senders
    }

    pub(crate) fn receivers(&mut self) -> &mut WaitList<RecvSlot<T>> {
        &mut self.receivers
    }
}
