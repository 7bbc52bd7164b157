//! [`Limits`].

use std::time::Duration;

/// How much a client may take of the server, of each thing. `Duration::MAX` is no limit.
///
/// # Examples
/// ```
/// let limits = httpd::Limits { body: 64, ..httpd::Limits::default() };
/// assert_eq!(limits.head, 8 << 10);
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of the line and the headers of a request, and of the trailers after chunks, in bytes. More gets 431.
    pub head: usize,
    /// Of the body of a request, in bytes. More gets 413.
    pub body: usize,
    /// So many connections at a time. Those beyond wait, in a queue of the system, until others end.
    pub connections: usize,
    /// From one request to the next. Then the connection is closed.
    pub idle: Duration,
    /// From the first byte of a request to the end of its head. Then it gets 408.
    pub head_time: Duration,
    /// From the head to the end of the body. Then it gets 408.
    pub body_time: Duration,
    /// From the first byte of an answer to the last. Then the connection is closed.
    pub write_time: Duration,
    /// From the end of the context until requests that have begun are given up.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 8 << 10,
            body: 1 << 20,
            connections: 10_000,
            idle: Duration::from_secs(60),
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            grace: Duration::from_secs(5),
        }
    }
}
