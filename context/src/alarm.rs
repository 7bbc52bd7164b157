//! The deadline of a node: what the runtime's timer refers to.
//!
//! A timer fires on a worker, outside any goroutine, where nothing may wait and no code of the user may run. To end a node
//! may set off much: wake thousands, start functions, and drop the last reference to something of the user's. So an alarm
//! that fires starts a goroutine, which does that. It costs nothing while the deadline is ahead.
//!
//! The alarm refers to its node and the node to its alarm. The circle is broken by the one who fires the alarm, or the runtime
//! that ends before, which takes the [`Charge`] out, or by the one who ends or releases the node, which takes the alarm out.
//! The timer knows the alarm weakly. If it has just begun to fire it and is the last to let go of it, there is no charge in it
//! any more: so it never drops anything of the user's.

use std::sync::Arc;
use std::time::Instant;

use gocsp_runtime::park::Lock;
use gocsp_runtime::timer::Expire;

use crate::error::{Cause, ContextError};
use crate::node::{End, Node};
use crate::sync::{arm, spawn_detached};

pub(crate) struct Alarm(Lock<Option<Charge>>);

/// What an alarm sets off.
struct Charge {
    node: Arc<Node>,
    cause: Option<Cause>,
}

impl Alarm {
    /// To be dropped where no lock is held: that may drop the node and the cause.
    pub(crate) fn new(node: Arc<Node>, cause: Option<Cause>) -> Arc<Self> {
        Arc::new(Self(Lock::new(Some(Charge { node, cause }))))
    }

    /// Has the timer fire it when it is `due`, unless it is dropped before.
    pub(crate) fn arm(alarm: &Arc<Self>, due: Instant) {
        let alarm: Arc<dyn Expire> = Arc::clone(alarm) as _;
        arm(due, Arc::downgrade(&alarm));
    }
}

impl Expire for Alarm {
    fn expire(&self, _due: Instant) -> Option<Instant> {
        let charge = self.0.lock().take();
        if let Some(Charge { node, cause }) = charge {
            spawn_detached(move || node.end(&End { error: ContextError::DeadlineExceeded, cause }));
        }
        None
    }

    fn abandon(&self, _due: Instant) {
        let charge = self.0.lock().take();
        // Not under the lock.
        drop(charge);
    }
}
