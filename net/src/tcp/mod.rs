//! TCP.

mod connect;
mod keep_alive;
mod listener;
mod stream;

pub use keep_alive::KeepAlive;
pub use listener::TcpListener;
pub use stream::TcpStream;
