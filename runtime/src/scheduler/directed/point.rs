//! Points: where it is decided whether the goroutine that runs goes on, or somebody else does.

use std::borrow::Cow;
use std::panic::Location;
use std::ptr::NonNull;

use super::super::worker::{Worker, count};
use super::super::{home_of, preempt};
use super::notes::note;
use super::{Directed, here, id_of, running_here};
use crate::goroutine::Goroutine;
use crate::park::{Description, Reason, held};
use crate::testing::Event;

/// Where every operation begins: somebody else may go on first.
#[inline(always)]
pub(crate) fn point<'a>(reason: impl FnOnce() -> Reason<'a>) {
    if preempt::is_anybody_asked() {
        let reason = reason();
        pass_point(reason.raw.place, || {
            // SAFETY: the reason borrows its subject, which is there during the call.
            unsafe { reason.raw.describe() }
        });
    }
}

/// As [`point`], of an operation that has nothing but a name.
#[inline(always)]
pub(crate) fn point_of(name: &'static str, place: &'static Location<'static>) {
    if preempt::is_anybody_asked() {
        pass_point(place, || Description { state: Cow::Borrowed(name), subjects: Vec::new() });
    }
}

/// Where an operation has taken something that others are kept from: somebody else may go on meanwhile.
#[inline(always)]
pub(crate) fn point_holding(place: &'static Location<'static>) {
    if preempt::is_anybody_asked() {
        pass_point_holding(place);
    }
}

#[cold]
#[inline(never)]
fn pass_point(place: &'static Location<'static>, describe: impl FnOnce() -> Description) {
    if let Some(point) = Point::here(place) {
        if point.directed.director.records() {
            point.record(Event::Does(describe(), place));
        }
        point.pass(Event::Preempted);
    }
}

#[cold]
#[inline(never)]
fn pass_point_holding(place: &'static Location<'static>) {
    if let Some(point) = Point::here(place) {
        point.pass(Event::PreemptedHolding);
    }
}

/// A goroutine of a schedule at a point.
struct Point<'a> {
    worker: &'a Worker,
    directed: &'a Directed,
    running: NonNull<Goroutine>,
}

impl<'a> Point<'a> {
    /// The point at which the caller is, at this place.
    fn here(place: &'static Location<'static>) -> Option<Self> {
        held::assert_none("a point");
        let (worker, directed, running) = running_here()?;
        if directed.is_in_panic_hook() {
            return None;
        }
        // SAFETY: the goroutine calls, so it has not ended.
        worker.note_whether_unwinding(unsafe { running.as_ref() });
        directed.director.passes(id_of(running), place.line());
        Some(Self { worker, directed, running })
    }

    fn record(&self, event: Event) {
        self.directed.director.record(id_of(self.running), event);
    }

    /// Something else happens first, if that is decided, which is then told as `preempted`.
    fn pass(self, preempted: Event) {
        let Directed { director, .. } = self.directed;
        self.worker.collect(director);
        if !director.stays(id_of(self.running), self.directed.is_any_due()) {
            self.record(preempted);
            leave_to_director(self.running);
        }
    }
}

/// Suspends the goroutine that calls, which stays ready.
fn leave_to_director(goroutine: NonNull<Goroutine>) {
    // SAFETY: the goroutine calls, so it has not ended.
    let control = unsafe { goroutine.as_ref() };
    home_of(control).leave_perhaps_unwinding(control, move || {
        if let Some((worker, directed)) = here() {
            count(&worker.counts.yields);
            directed.director.is_ready(goroutine, id_of(goroutine));
        }
    });
}

/// `goroutine`, which calls at this place, lets others run, if it belongs to a schedule. Whether it does.
pub(in crate::scheduler) fn yields(goroutine: NonNull<Goroutine>, place: &'static Location<'static>) -> bool {
    let Some((worker, Directed { director, .. })) = here() else { return false };
    note(|| Event::Yields(place));
    // Before it is ready itself: they are before it in line.
    worker.collect(director);
    director.yields(id_of(goroutine));
    leave_to_director(goroutine);
    true
}
