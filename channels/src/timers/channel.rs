//! The channel of a timer, as the timer sees it.
//!
//! The time is sent under the lock under which it was decided that the timer is due, and a timer is stopped or set again under
//! the same lock. So after that no earlier time is received: it is taken back out of the buffer, and none is sent any more. Who
//! was waiting, and has been claimed, has received it.
//!
//! The channel of [`after`](super::after) cannot be stopped. It has no [`Timing`], and its timer one entry, which is right.

use std::num::NonZeroU64;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gocsp_runtime::clock;
use gocsp_runtime::park::LockGuard;
use gocsp_runtime::timer::{Arming, Expire, Expiry, Schedule};

use crate::Receiver;
use crate::shared::{Caller, SendRoute, Shared, Source, State, hand_over};

/// When the timer fires.
pub(crate) struct Timing {
    schedule: Schedule,
    /// Nanoseconds from tick to tick, for a ticker.
    period: Option<NonZeroU64>,
}

/// When a timer is to fire.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    due: Instant,
    period: Option<NonZeroU64>,
}

impl Plan {
    /// Once, `delay` from now.
    #[inline]
    pub(super) fn once(delay: Duration) -> Self {
        Self { due: clock::deadline(delay), period: None }
    }

    /// Every so many nanoseconds.
    pub(super) fn ticks(period: NonZeroU64) -> Self {
        Self { due: clock::deadline(Duration::from_nanos(period.get())), period: Some(period) }
    }

    /// Makes the channel of a timer that fires as planned.
    pub(super) fn start(self, made_at: Caller) -> Receiver<Instant> {
        let channel = stopped(made_at);
        if let (_, Some(arming)) = channel.set(self) {
            arming.carry_out();
        }
        Receiver::of(channel)
    }
}

/// The channel of a timer that is not set, but can be.
pub(super) fn stopped(made_at: Caller) -> Arc<Shared<Instant>> {
    let timing = Timing { schedule: Schedule::new(), period: None };
    Arc::new(Shared::of_timer(Some(timing), made_at))
}

impl Shared<Instant> {
    /// Has the timer fire as planned, and not otherwise. Tells whether it was running, or what it had sent was not received
    /// yet. What is given besides has to be carried out, under no lock.
    pub(super) fn set(self: &Arc<Self>, plan: Plan) -> (bool, Option<Arming>) {
        let mut state = self.state().lock();
        let unreceived = state.take_back();
        let Some(timing) = state.timing() else { unreachable!("`after` gives a receiver only") };
        let running = timing.schedule.is_set();
        timing.period = plan.period;
        let arming = timing.schedule.set(plan.due, || {
            let channel: Weak<Self> = Arc::downgrade(self);
            channel
        });
        self.set_source(Source::TIMER);
        (running | unreceived, arming)
    }

    /// Has the timer not fire. Tells the same as [`set`](Self::set).
    pub(super) fn stop(&self) -> bool {
        let mut state = self.state().lock();
        let unreceived = state.take_back();
        let running = state.timing().is_some_and(|timing| timing.schedule.clear());
        self.set_source(Source::STOPPED_TIMER);
        running | unreceived
    }

    /// Sends the time at which it was `due`. A tick that finds its place taken is dropped.
    fn deliver(&self, mut state: LockGuard<'_, State<Instant>>, due: Instant) {
        match state.route_send(self.capacity()) {
            SendRoute::Receiver(receiver) => {
                drop(state);
                hand_over(receiver, due).hand_off();
            }
            SendRoute::Task(token) => {
                state.hand(due);
                drop(state);
                token.hand_off();
            }
            SendRoute::Buffer => state.push(due),
            SendRoute::Full | SendRoute::Disconnected => {}
        }
    }
}

impl Expire for Shared<Instant> {
    fn expire(&self, entry: Instant) -> Option<Instant> {
        let now = clock::now();
        let mut state = self.state().lock();
        let Some(timing) = state.timing() else {
            self.deliver(state, entry);
            // Last: who comes from now on waits for ever, and nobody else does.
            self.set_source(Source::SPENT_TIMER);
            return None;
        };
        let due = match timing.schedule.expire(entry, now) {
            Expiry::Stale => return None,
            Expiry::Early(due) => return Some(due),
            Expiry::Due(due) => due,
        };
        let again = timing.next_tick(due, now);
        if again.is_none() {
            self.set_source(Source::STOPPED_TIMER);
        }
        self.deliver(state, due);
        again
    }

    /// If somebody waits for it, and it was not stopped.
    fn is_awaited(&self) -> bool {
        let mut state = self.state().lock();
        let is_set = state.timing().is_none_or(|timing| timing.schedule.is_set());
        is_set && !state.receivers().is_empty()
    }

    fn abandon(&self, entry: Instant) {
        let mut state = self.state().lock();
        let Some(timing) = state.timing() else { return self.set_source(Source::SPENT_TIMER) };
        if timing.schedule.abandon(entry) {
            self.set_source(Source::STOPPED_TIMER);
        }
    }
}

impl Timing {
    /// Sets a ticker to its next tick, after the one that was `due`.
    fn next_tick(&mut self, due: Instant, now: Instant) -> Option<Instant> {
        let next = next_tick(due, now, self.period?);
        self.schedule.set_again(next);
        Some(next)
    }
}

/// The first instant after `now` that is a whole number of periods after `due`, and not `due` itself.
fn next_tick(due: Instant, now: Instant, period: NonZeroU64) -> Instant {
    let late = now.saturating_duration_since(due).as_nanos();
    let period = u128::from(period.get());
    let ahead = (late / period + 1) * period;
    clock::saturating_add(due, Duration::from_nanos(u64::try_from(ahead).unwrap_or(u64::MAX)))
}

#[cfg(all(test, shuttle))]
#[path = "channel_shuttle.rs"]
mod shuttle_tests;

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::panic::Location;

    use super::*;

    const PERIOD: NonZeroU64 = NonZeroU64::new(10).unwrap();

    fn nanos(nanos: u64) -> Duration {
        Duration::from_nanos(nanos)
    }

    #[test]
    fn ticks_keep_their_phase_whatever_they_miss() {
        let due = clock::now();
        assert_eq!(next_tick(due, due - nanos(3), PERIOD), due + nanos(10));
        assert_eq!(next_tick(due, due, PERIOD), due + nanos(10));
        assert_eq!(next_tick(due, due + nanos(9), PERIOD), due + nanos(10));
        assert_eq!(next_tick(due, due + nanos(10), PERIOD), due + nanos(20));
        assert_eq!(next_tick(due, due + nanos(1_005), PERIOD), due + nanos(1_010));
    }

    #[test]
    fn a_full_ticker_drops_ticks_and_a_one_shot_ends() {
        let due = clock::now();
        let ticker = stopped(Location::caller());
        _ = ticker.set(Plan { due, period: Some(PERIOD) });
        let next = ticker.expire(due).expect("a ticker goes on");
        assert!(ticker.expire(next).is_some());
        assert_eq!(ticker.try_recv(Location::caller()), Ok(due));
        assert!(ticker.try_recv(Location::caller()).is_err());

        let once = Shared::of_timer(None, Location::caller());
        assert_eq!(once.expire(due), None);
        assert_eq!(once.try_recv(Location::caller()), Ok(due));
    }

    #[test]
    fn an_entry_that_calls_after_a_stop_sends_nothing() {
        let due = clock::now();
        let channel = stopped(Location::caller());
        _ = channel.set(Plan { due, period: None });
        assert!(channel.stop());
        assert_eq!(channel.expire(due), None);
        assert!(channel.try_recv(Location::caller()).is_err());
        assert!(!channel.stop());
    }

    #[test]
    fn a_dropped_receiver_leaves_nothing_for_the_timer_to_find() {
        let channel = stopped(Location::caller());
        let weak = Arc::downgrade(&channel);
        drop(Receiver::of(channel));
        assert!(weak.upgrade().is_none());
    }
}
