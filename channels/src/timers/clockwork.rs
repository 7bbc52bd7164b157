//! What a timer and a ticker have in common: a channel that is made when somebody asks for it.
//!
//! As long as nobody can receive from a timer, it need not do anything when its time comes. So there is only a *plan* at first:
//! when it is to fire. Who asks for the receiver turns the plan into a channel and a timer of the runtime; if the time has come
//! by then, it is sent at once. Nobody can tell that from a timer that has been running all the time, except that a timer that
//! is stopped, as most are, before anybody has waited for it costs one reading of the clock.
//!
//! The plan's lock is held while the channel takes its place, and is taken before the channel's own. Who finds no channel looks
//! once more under the lock. So a plan is either changed before it has become the channel's, or not at all.

use std::time::Instant;

use gocsp_runtime::park::Lock;
use gocsp_runtime::std_sync::OnceLock;

use super::channel::{self, Plan};
use crate::Receiver;
use crate::shared::Caller;

pub(super) struct Clockwork {
    /// `None` if it is stopped, and as soon as there is a channel.
    plan: Lock<Option<Plan>>,
    channel: OnceLock<Receiver<Instant>>,
    made_at: Caller,
}

impl Clockwork {
    #[inline]
    pub(super) fn new(plan: Plan, made_at: Caller) -> Self {
        Self { plan: Lock::new(Some(plan)), channel: OnceLock::new(), made_at }
    }

    #[inline]
    pub(super) fn receiver(&self) -> &Receiver<Instant> {
        self.channel.get().unwrap_or_else(|| self.make_channel())
    }

    #[inline(never)]
    fn make_channel(&self) -> &Receiver<Instant> {
        let channel = channel::stopped(self.made_at);
        let mut plan = self.plan.lock();
        let arming = plan.take().and_then(|plan| channel.set(plan).1);
        // If another was first, the plan was taken, and this one is dropped.
        let refused = self.channel.set(Receiver::of(channel));
        drop(plan);
        drop(refused);
        if let Some(arming) = arming {
            arming.carry_out();
        }
        self.channel.get().expect("it was just set")
    }

    /// Has it fire as planned, or not at all. Whether it was running, or what it had sent was not received yet.
    #[inline]
    pub(super) fn set(&self, new: Option<Plan>) -> bool {
        if self.channel.get().is_none() {
            let mut plan = self.plan.lock();
            if self.channel.get().is_none() {
                return std::mem::replace(&mut *plan, new).is_some();
            }
        }
        self.set_channel(new)
    }

    #[inline(never)]
    fn set_channel(&self, new: Option<Plan>) -> bool {
        let channel = self.receiver().shared_arc().expect("a timer's channel is not nil");
        let Some(plan) = new else { return channel.stop() };
        let (was_running, arming) = channel.set(plan);
        if let Some(arming) = arming {
            arming.carry_out();
        }
        was_running
    }
}
