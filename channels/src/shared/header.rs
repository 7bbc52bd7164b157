//! What is to be known of a channel whatever it carries.
//!
//! Who makes a report does not know the type of a channel's values, may come at any time and on any thread, and must not wait for
//! anybody. So what it tells is here, and is read without the lock.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp_runtime::park::{self, Description, Partner, Reason, Subject, Way};

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
/// The timers' change with the schedule, under the lock of the channel, until nothing will come any more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source(usize);

impl Source {
    /// Less than this is a number of senders.
    const FIRST: usize = usize::MAX - 3;
    /// Whoever can raise the signal.
    pub(crate) const SIGNAL: Self = Self(Self::FIRST);
    /// A timer that will fire.
    pub(crate) const TIMER: Self = Self(Self::FIRST + 1);
    /// A timer that was stopped or has fired, and may be set again.
    pub(crate) const STOPPED_TIMER: Self = Self(Self::FIRST + 2);
    /// A timer that has fired, and cannot be set again.
    pub(crate) const SPENT_TIMER: Self = Self(Self::FIRST + 3);
}

impl Header {
    pub(super) fn new(capacity: usize, senders: usize, receivers: usize, made_at: Caller) -> Self {
        let (senders, receivers) = (AtomicUsize::new(senders), AtomicUsize::new(receivers));
        Self { made_at, capacity, senders, receivers }
    }

    /// Of a channel without senders.
    pub(super) fn with_source(capacity: usize, source: Source, made_at: Caller) -> Self {
        Self::new(capacity, source.0, 1, made_at)
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
        self.senders.store(source.0, Ordering::Relaxed);
    }

    /// What somebody waits for who sends here.
    pub(crate) fn to_sender(&self) -> Subject {
        self.subject("channel", Partner::Receivers(self.receivers.load(Ordering::Relaxed)))
    }

    /// What somebody waits for who receives here.
    pub(crate) fn to_receiver(&self) -> Subject {
        match Source(self.senders.load(Ordering::Relaxed)) {
            Source::SIGNAL => self.subject("done channel", Partner::Others),
            Source::TIMER => self.subject("timer", Partner::Time),
            Source::STOPPED_TIMER => self.subject("timer", Partner::Others),
            Source::SPENT_TIMER => self.subject("timer", Partner::Nobody),
            Source(senders) => self.subject("channel", Partner::Senders(senders)),
        }
    }

    /// A point of a destructor, which has no caller: told with where the channel was made.
    #[inline(always)]
    pub(super) fn point_of_drop<W: Way<Self>>(&self) {
        park::point(|| Reason::new::<W, _>(self.made_at, self));
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

/// To close it. Nobody waits for that.
pub(crate) enum Closing {}

impl Way<Header> for Closing {
    const STATE: &'static str = "chan close";

    fn describe(channel: &Header, to: &mut Description) {
        to.subjects.push(channel.to_sender());
    }
}

/// To drop the last handle that can send. Nobody waits for that.
pub(crate) enum DroppingSender {}

impl Way<Header> for DroppingSender {
    const STATE: &'static str = "drop of the last sender";

    fn describe(channel: &Header, to: &mut Description) {
        Closing::describe(channel, to);
    }
}

/// To drop the last handle that can receive. Nobody waits for that.
pub(crate) enum DroppingReceiver {}

impl Way<Header> for DroppingReceiver {
    const STATE: &'static str = "drop of the last receiver";

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

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::signal::Signal;
    use crate::{Chan, Receiver, Sender, Ticker, Timer, after, channel, tick};

    const LONG: Duration = Duration::from_secs(3600);

    fn of_sender<T>(tx: &Sender<T>) -> Subject {
        tx.shared().map_or_else(nil, |channel| channel.header().to_sender())
    }

    fn of_receiver<T>(rx: &Receiver<T>) -> Subject {
        rx.shared().map_or_else(nil, |channel| channel.header().to_receiver())
    }

    #[test]
    fn each_side_waits_for_who_has_the_other() {
        let (tx, rx) = channel::<i32>(0);
        assert_eq!(of_receiver(&rx).partner, Partner::Senders(1));
        assert_eq!(of_sender(&tx).partner, Partner::Receivers(1));
        let other = (tx.clone(), rx.clone(), rx.clone());
        assert_eq!(of_receiver(&rx).partner, Partner::Senders(2));
        assert_eq!(of_sender(&tx).partner, Partner::Receivers(3));
        drop(other);
        assert_eq!(of_receiver(&rx).partner, Partner::Senders(1));
        assert_eq!(of_sender(&tx).partner, Partner::Receivers(1));
    }

    #[test]
    fn all_who_wait_for_a_channel_name_the_same() {
        let ((tx, rx), (_tx, other)) = (channel::<i32>(0), channel::<i32>(0));
        assert_eq!(of_sender(&tx).address, of_receiver(&rx.clone()).address);
        assert_ne!(of_receiver(&rx).address, of_receiver(&other).address);
        assert_eq!(of_sender(&tx).made_at, of_receiver(&rx).made_at);
    }

    #[test]
    fn a_channel_knows_where_it_was_made() {
        #[track_caller]
        fn assert_made<T>(rx: &Receiver<T>, line: u32) {
            let place = of_receiver(rx).made_at.expect("it was made somewhere");
            assert_eq!((place.file(), place.line()), (file!(), line));
        }
        assert_made(&channel::<i32>(0).1, line!());
        assert_made(&Chan::<i32>::new(0).into(), line!());
        assert_made(&after(LONG), line!());
        assert_made(&tick(LONG), line!());
        assert_made(Timer::new(LONG).receiver(), line!());
        assert_made(Ticker::new(LONG).receiver(), line!());
        assert_made(Signal::new().receiver(), line!());
    }

    #[test]
    fn a_nil_channel_has_no_other_side() {
        assert_eq!(of_receiver(&Receiver::<i32>::nil()).partner, Partner::Nobody);
        assert_eq!(of_sender(&Sender::<i32>::nil()).partner, Partner::Nobody);
    }

    #[test]
    fn who_waits_for_a_timer_waits_as_long_as_it_is_set() {
        let timer = Timer::new(LONG);
        assert_eq!(of_receiver(timer.receiver()).partner, Partner::Time);
        timer.stop();
        assert_eq!(of_receiver(timer.receiver()).partner, Partner::Others);
        timer.reset(Duration::from_micros(1));
        timer.receiver().recv().unwrap();
        assert_eq!(of_receiver(timer.receiver()).partner, Partner::Others);
        timer.reset(LONG);
        assert_eq!(of_receiver(timer.receiver()).partner, Partner::Time);
    }

    #[test]
    fn nobody_sets_again_what_has_only_a_receiver() {
        let rx = after(Duration::from_micros(1));
        rx.recv().unwrap();
        // The timer says so only when it has sent.
        while of_receiver(&rx).partner != Partner::Nobody {
            std::thread::yield_now();
        }
        assert_eq!(of_receiver(&after(LONG)).partner, Partner::Time);
    }

    #[test]
    fn a_ticker_goes_on_until_it_is_stopped() {
        let period = Duration::from_micros(100);
        let (ticker, ticks) = (Ticker::new(period), tick(period));
        for rx in [ticker.receiver(), &ticks] {
            rx.recv().unwrap();
            assert_eq!(of_receiver(rx).partner, Partner::Time);
        }
        ticker.stop();
        assert_eq!(of_receiver(ticker.receiver()).partner, Partner::Others);
    }

    #[test]
    fn a_runtime_that_ends_leaves_its_timers_to_others() {
        let (once, timer) = gocsp_runtime::Runtime::builder().build().unwrap().run(|| {
            let timer = Timer::new(LONG);
            timer.receiver();
            (after(LONG), timer)
        });
        assert_eq!(of_receiver(&once).partner, Partner::Nobody);
        assert_eq!(of_receiver(timer.receiver()).partner, Partner::Others);
    }

    #[test]
    fn a_signal_is_raised_by_somebody_else() {
        let signal = Signal::new();
        let clone = signal.receiver().clone();
        assert_eq!(of_receiver(&clone).partner, Partner::Others);
        drop(signal);
        assert_eq!(of_receiver(&clone).partner, Partner::Others);
    }
}
