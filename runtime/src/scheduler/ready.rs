//! How a parked goroutine becomes ready: at its home, on the home's own thread.
//!
//! Four things can make it so: a token spent here, a token spent elsewhere (which comes through the inbox), a deadline, and
//! the shutdown of the runtime. Whichever is first finds it parked, and puts it into a queue, once. A token that comes
//! second is only noted: the goroutine has come back early, finds that it was claimed, and looks for the note.
//!
//! Under `migrate` another worker may take the home's place if that is [`hogged`](super::hogged), and if only one of the first
//! three is possible.

use std::ptr::NonNull;

use super::worker::{Worker, count};
use crate::goroutine::{Goroutine, Status};
use crate::park::Unparked;

/// The ticket of one who was woken: nobody has to go first.
const WOKEN: u64 = 0;

impl Worker {
    /// A token of this home's goroutine was spent, here: puts it in line.
    #[inline(never)]
    pub(super) fn deliver(&self, goroutine: NonNull<Goroutine>) {
        if self.becomes_ready(goroutine) {
            self.push_woken(goroutine);
        }
    }

    /// A token of this home's goroutine was spent, here: makes it the next to run, or puts it in line if there is one.
    #[inline]
    pub(super) fn deliver_next(&self, goroutine: NonNull<Goroutine>) {
        // SAFETY: a goroutine with a token waits for it, so it has not ended.
        let control = unsafe { goroutine.as_ref() };
        let queues = &self.local().queues;
        if control.is_parked() && queues.has_no_next() {
            #[cfg(feature = "testing")]
            super::directed::note_of(control, crate::testing::Event::Woken);
            control.set_status(Status::Awake(Unparked::Woken));
            queues.set_next(goroutine);
        } else {
            self.deliver(goroutine);
        }
    }

    /// Notes that the token of this home's goroutine was spent; true if it is to be queued.
    #[inline]
    fn becomes_ready(&self, goroutine: NonNull<Goroutine>) -> bool {
        // SAFETY: a goroutine with a token waits for it, so it has not ended.
        let control = unsafe { goroutine.as_ref() };
        let parked = control.is_parked();
        #[cfg(feature = "testing")]
        super::directed::note_of(control, crate::testing::Event::Woken);
        if parked {
            control.set_status(Status::Awake(Unparked::Woken));
        } else {
            // It came back early, and will wait for this token as soon as it finds that it was claimed.
            control.set_token_arrived();
        }
        parked
    }

    /// Ends the wait of a parked goroutine early.
    pub(super) fn interrupt(&self, goroutine: NonNull<Goroutine>, reason: Unparked) {
        // SAFETY: a parked goroutine has not ended.
        let control = unsafe { goroutine.as_ref() };
        control.set_status(Status::Awake(reason));
        // Not to be stolen, even under `migrate`: a token may be on its way to this home.
        self.local().queues.push_ready(goroutine, WOKEN);
    }

    pub(super) fn drain_inbox(&self) {
        for goroutine in self.inbox.drain() {
            count(&self.counts.messages);
            let goroutine = NonNull::new(goroutine).expect("a message has an address");
            // The first of them runs next: on the worker that has woken it, somebody may be waiting for its answer.
            self.deliver_next(goroutine);
        }
    }

    /// Puts a goroutine that was woken in line.
    #[inline]
    pub(super) fn push_woken(&self, goroutine: NonNull<Goroutine>) {
        self.push_started(goroutine, WOKEN);
    }

    /// Puts a goroutine that yields last in line, behind everybody who is there now.
    #[inline]
    pub(super) fn push_last(&self, goroutine: NonNull<Goroutine>) {
        self.push_started(goroutine, self.fresh.pushed());
    }

    #[inline]
    fn push_started(&self, goroutine: NonNull<Goroutine>, ticket: u64) {
        if self.shared().options.migrate {
            self.push_started_migrating(goroutine, ticket);
        } else {
            self.local().queues.push_ready(goroutine, ticket);
        }
    }

    #[inline(never)]
    fn push_started_migrating(&self, goroutine: NonNull<Goroutine>, ticket: u64) {
        // SAFETY: a ready goroutine has not ended.
        let control = unsafe { goroutine.as_ref() };
        // While the runtime shuts down goroutines leave their stacks unwinding, and this thread counts their panics.
        if control.is_pinned() || self.shared().is_shutting_down() {
            return self.local().queues.push_ready(goroutine, ticket);
        }
        if let Some(stack) = control.stack() {
            // The timer of the wait that is over is this worker's, and must not find the goroutine on another.
            stack.frame().set_timed_park(0);
        }
        control.set_ticket(ticket);
        self.fresh.push_started(goroutine);
        self.announce_work();
    }
}
