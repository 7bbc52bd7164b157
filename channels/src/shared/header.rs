//! What is to be known of a channel whatever it carries.
//!
//! Who makes a report does not know the type of a channel's values, may come at any time and on any thread, and must not wait for
//! anybody. So what it tells is here, and is read without the lock.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp_runtime::park::{Description, Partner, Subject, Way};

/// Where in the program somebody called.
pub(crate) type Caller = &'static Location<'static>;

/// See the [module](self).
///
/// The capacity does not come first: the compiler would keep its address, which is that of the header then, in a register from the
/// beginning of an operation to its park, and what does not fit there any more on the stack.
#[repr(C)]
pub(crate) struct Header {
    made_at: Caller,
    pub(super) capacity: usize,
    /// How many handles can send, or a [`Source`].
    pub(super) senders: AtomicUsize,
    /// How many handles can receive. Not kept where there are no senders.
    pub(super) receivers: AtomicUsize,
}

/// In place of the number of senders: the channel has none, and does not close by itself. This is where what is received comes
/// from.
///
/// The timer's change with its schedule, under the lock of the channel.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Source {
    /// Whoever can raise the signal.
    Signal = Self::FIRST,
    /// A timer that will fire.
    Timer,
    /// A timer that was stopped or has fired, and may be set again.
    StoppedTimer,
    /// A timer that has fired, and cannot be set again.
    SpentTimer,
}

impl Source {
    /// Less than this is a number of senders.
    const FIRST: usize = usize::MAX - 3;
}

impl Header {
    pub(super) fn new(capacity: usize, senders: usize, receivers: usize, made_at: Caller) -> Self {
        let (senders, receivers) = (AtomicUsize::new(senders), AtomicUsize::new(receivers));
        Self { capacity, senders, receivers, made_at }
    }

    /// Whether there are senders to be counted.
    ///
    /// Relaxed: for a channel that never changes.
    #[inline]
    pub(super) fn counts_senders(&self) -> bool {
        self.senders.load(Ordering::Relaxed) < Source::FIRST
    }

    /// What is received comes from there now. For a channel without senders.
    ///
    /// Relaxed: it says all by itself.
    #[inline]
    pub(super) fn set_source(&self, source: Source) {
        debug_assert!(!self.counts_senders());
        self.senders.store(source as usize, Ordering::Relaxed);
    }

    /// What somebody waits for who sends here.
    pub(crate) fn to_sender(&self) -> Subject {
        self.subject("channel", Partner::Receivers(self.receivers.load(Ordering::Relaxed)))
    }

    /// What somebody waits for who receives here.
    pub(crate) fn to_receiver(&self) -> Subject {
        const SIGNAL: usize = Source::Signal as usize;
        const TIMER: usize = Source::Timer as usize;
        const STOPPED_TIMER: usize = Source::StoppedTimer as usize;
        const SPENT_TIMER: usize = Source::SpentTimer as usize;
        match self.senders.load(Ordering::Relaxed) {
            SIGNAL => self.subject("done channel", Partner::Others),
            TIMER => self.subject("timer", Partner::Time),
            STOPPED_TIMER => self.subject("timer", Partner::Others),
            SPENT_TIMER => self.subject("timer", Partner::Nobody),
            senders => self.subject("channel", Partner::Senders(senders)),
        }
    }

    fn subject(&self, what: &'static str, partner: Partner) -> Subject {
        Subject { what, address: ptr::from_ref(self).addr(), made_at: Some(self.made_at), partner }
    }
}

/// What somebody waits for who sends or receives on a nil channel.
pub(crate) fn nil() -> Subject {
    Subject { what: "nil channel", address: 0, made_at: None, partner: Partner::Nobody }
}

/// To wait for a receiver, or for room in the buffer.
pub(crate) enum Sending {}

impl Way<Header> for Sending {
    const STATE: &'static str = "chan send";

    fn describe(channel: &Header, to: &mut Description) {
        to.subjects.push(channel.to_sender());
    }
}

/// To wait for a value.
pub(crate) enum Receiving {}

impl Way<Header> for Receiving {
    const STATE: &'static str = "chan receive";

    fn describe(channel: &Header, to: &mut Description) {
        to.subjects.push(channel.to_receiver());
    }
}

/// To wait for a receiver where there will be none.
pub(crate) enum SendingToNil {}

impl Way<()> for SendingToNil {
    const STATE: &'static str = "chan send (nil chan)";

    fn describe((): &(), to: &mut Description) {
        to.subjects.push(nil());
    }
}

/// To wait for a value where there will be none.
pub(crate) enum ReceivingFromNil {}

impl Way<()> for ReceivingFromNil {
    const STATE: &'static str = "chan receive (nil chan)";

    fn describe((): &(), to: &mut Description) {
        to.subjects.push(nil());
    }
}
