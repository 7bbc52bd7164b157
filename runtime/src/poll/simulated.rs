//! What wakes those who wait for something that is simulated, at a time that is known before.

use std::io;
use std::time::Instant;

use super::slot::Slot;
use crate::scheduler;
use crate::timer::Expire;

/// The slot of what is simulated, as long as that is there: the timers refer to this, and so do nothing when the slot
/// may be somebody else's.
pub(super) struct Simulated(pub(super) &'static Slot);

impl Expire for Simulated {
    fn expire(&self, _due: Instant) -> Option<Instant> {
        self.0.wake_all();
        None
    }

    fn is_awaited(&self) -> bool {
        let mut state = self.0.lock();
        !state.readers().is_empty() || !state.writers().is_empty()
    }
}

/// # Errors
/// If the caller has no use for what it waits for: in a schedule that is not simulated, and elsewhere what is.
pub(super) fn admit(is_simulated: bool) -> io::Result<()> {
    let problem = match (scheduler::is_directed(), is_simulated) {
        (true, false) => "a test under chosen schedules has no descriptors",
        (false, true) => "a simulated socket has outlived its test",
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::Unsupported, problem))
}
