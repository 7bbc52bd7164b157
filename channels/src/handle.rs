//! What a handle tells of its channel, whichever direction it has. The channel of a nil handle is `None`.

use std::panic::Location;
use std::{fmt, ptr};

use gocsp_runtime::park;

use crate::shared::Shared;

#[track_caller]
pub(crate) fn is_closed<T>(channel: Option<&Shared<T>>) -> bool {
    park::point_of("chan is_closed", Location::caller());
    channel.is_some_and(Shared::is_closed)
}

#[track_caller]
pub(crate) fn len<T>(channel: Option<&Shared<T>>) -> usize {
    park::point_of("chan len", Location::caller());
    channel.map_or(0, Shared::len)
}

pub(crate) fn capacity<T>(channel: Option<&Shared<T>>) -> usize {
    channel.map_or(0, Shared::capacity)
}

#[track_caller]
pub(crate) fn is_empty<T>(channel: Option<&Shared<T>>) -> bool {
    len(channel) == 0
}

#[track_caller]
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
