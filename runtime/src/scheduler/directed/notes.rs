//! What is written down of a schedule while it is being run, for who reads of it when it has failed.

use std::any::Any;

use super::{Directed, here, id_of, running_here};
use crate::goroutine::{Cancelled, Goroutine, GoroutineId, text_of};
use crate::park::RawReason;
use crate::testing::Event;

/// Writes down what the goroutine that calls does.
pub(crate) fn note(event: impl FnOnce() -> Event) {
    if let Some((_, Directed { director, .. }, running)) = running_here()
        && director.records()
    {
        director.record(id_of(running), event());
    }
}

/// The goroutine that calls is about to wait.
pub(in crate::scheduler) fn note_wait(reason: &RawReason) {
    note(|| Event::Waits(reason.kind.state, reason.place));
}

/// Writes down what happens to a goroutine that waits.
pub(in crate::scheduler) fn note_of(goroutine: &Goroutine, event: Event) {
    if let Some((_, directed)) = here() {
        directed.director.record(goroutine.goroutine_id(), event);
    }
}

/// The goroutine that calls has ended by a panic, or a destructor that the runtime has called for it has panicked.
pub(crate) fn note_panic(payload: &(dyn Any + Send)) {
    if let Some((_, Directed { director, .. }, running)) = running_here()
        && !payload.is::<Cancelled>()
    {
        let message = text_of(payload).to_owned();
        director.record(id_of(running), Event::Panics(message.clone()));
        director.panics(id_of(running), message);
    }
}

/// Somebody has got what a goroutine ended by.
pub(crate) fn note_join(goroutine: GoroutineId) {
    if let Some((_, directed)) = here() {
        directed.director.joins(goroutine);
    }
}
