//! Sockets of the Unix domain.

mod connect;
mod listener;
mod stream;

pub use listener::UnixListener;
pub use stream::UnixStream;
