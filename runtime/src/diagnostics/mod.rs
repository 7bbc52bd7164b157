//! What the runtime tells of itself.

mod os;

pub(crate) use os::thread_number;
