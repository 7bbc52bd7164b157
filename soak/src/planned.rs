//! Panics that belong to a scenario, and are not to be printed: there are thousands of them.

use std::any::Any;
use std::panic;

const PLANNED: &str = "a planned panic";
/// What a scope says whose child has panicked, which has said so itself if that was not planned.
const OF_A_SCOPE: &str = "a scoped goroutine panicked";

/// Panics, as it was planned.
pub(crate) fn panic() -> ! {
    panic!("{PLANNED}")
}

/// Whether somebody has panicked as it was planned, or because somebody else has.
pub(crate) fn is_planned(payload: &(dyn Any + Send)) -> bool {
    message(payload).is_some_and(is_planned_message)
}

/// The message of a panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref().copied())
}

fn is_planned_message(message: &str) -> bool {
    message.contains(PLANNED) || message == OF_A_SCOPE
}

/// Keeps planned panics from being printed. To be called when there has been a runtime, which makes panics name their
/// goroutines.
///
/// They do not get as far as the hook of the runtime then. It needs to know of panics if a destructor waits while the runtime
/// ends, and planned panics come to their end before.
pub(crate) fn keep_quiet() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.payload_as_str().is_some_and(is_planned_message) {
            hook(info);
        }
    }));
}
