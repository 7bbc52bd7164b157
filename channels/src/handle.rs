//! What a handle tells of its channel, whichever direction it has. The channel of a nil handle is `None`.

use std::{fmt, ptr};

use crate::shared::Shared;

pub(crate) fn is_closed<T>(channel: Option<&Shared<T>>) -> bool {
    channel.is_some_and(Shared::is_closed)
}

pub(crate) fn len<T>(channel: Option<&Shared<T>>) -> usize {
    channel.map_or(0, Shared::len)
}

pub(crate) fn capacity<T>(channel: Option<&Shared<T>>) -> usize {
    channel.map_or(0, Shared::capacity)
}

pub(crate) fn is_empty<T>(channel: Option<&Shared<T>>) -> bool {
    len(channel) == 0
}

pub(crate) fn is_full<T>(channel: Option<&Shared<T>>) -> bool {
    len(channel) >= capacity(channel)
}

pub(crate) fn are_same<T>(one: Option<&Shared<T>>, other: Option<&Shared<T>>) -> bool {
    one.map(ptr::from_ref) == other.map(ptr::from_ref)
}

/// Writes the name of the type of the handle, and whether it is nil.
pub(crate) fn debug<T>(channel: Option<&Shared<T>>, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{name}{}", if channel.is_some() { " { .. }" } else { "(nil)" })
}
