//! Channels that carry nothing and are closed once: what a context says that it is done by.
//!
//! Such a channel has no senders. So it is closed only when somebody says so, and not when the one who could have said it
//! is gone: then nothing has happened, nor can it any more, and who receives waits as on a nil channel.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::Receiver;
use crate::shared::Shared;

/// The side that closes. For the crates of gocsp.
pub struct Signal {
    channel: Arc<Shared<()>>,
    receiver: Receiver<()>,
}

impl Signal {
    /// An open channel. Takes one allocation.
    #[expect(clippy::new_without_default, reason = "each is a channel of its own, of which none is the usual one")]
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let channel = Arc::new(Shared::of_signal(Location::caller()));
        Self { receiver: Receiver::of(Arc::clone(&channel)), channel }
    }

    /// The side that everybody may clone and wait on.
    #[inline]
    #[must_use]
    pub fn receiver(&self) -> &Receiver<()> {
        &self.receiver
    }

    /// Closes the channel, if it is not closed yet, and wakes all who wait.
    pub fn raise(&self) {
        self.channel.close();
    }

    /// Whether there are clones of the receiver. If nobody can clone it meanwhile, no is for ever.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        Arc::strong_count(&self.channel) > 2
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use crate::{RecvError, TryRecvError};

    use super::*;

    #[test]
    fn it_closes_when_it_is_raised_and_only_then() {
        let signal = Signal::new();
        let (one, other) = (signal.receiver().clone(), signal.receiver().clone());
        assert_eq!(one.try_recv(), Err(TryRecvError::Empty));
        signal.raise();
        signal.raise();
        assert_eq!(one.recv(), Err(RecvError));
        assert_eq!(other.recv(), Err(RecvError));

        let left = Signal::new();
        let receiver = left.receiver().clone();
        drop(left);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }

    #[test]
    fn it_knows_whether_anybody_could_be_waiting() {
        let signal = Signal::new();
        assert!(!signal.is_watched());
        let receiver = signal.receiver().clone();
        assert!(signal.is_watched());
        drop(receiver);
        assert!(!signal.is_watched());
    }
}
