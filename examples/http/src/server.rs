//! Accepting connections, and ending in good order.

use std::sync::Arc;
use std::time::Duration;

use gocsp::context::Context;
use gocsp::net::{TcpListener, is_closed};
use gocsp::sync::{Semaphore, WaitGroup};

use crate::Limits;
use crate::connection::Connection;

/// How long nobody is accepted after that has failed, as it does when there are no descriptors left: others may end
/// meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// Answers requests until the context ends, or the listener is closed, and closes the listener. Returns when all
/// connections have ended.
///
/// # Panics
/// If `limits` allow no connection.
///
/// # Examples
/// See the [crate].
pub fn serve(context: &Context, listener: &TcpListener, limits: &Limits) {
    let limits = Arc::new(limits.clone());
    let permits = Semaphore::new(limits.connections);
    let connections = WaitGroup::new();
    // Of all connections. It ends when the time of grace is over.
    let (life, end) = Context::background().with_cancel();
    while let Ok(permit) = permits.acquire_context(context, 1) {
        match listener.accept_context(context) {
            Ok((stream, _)) => {
                let (context, life, limits) = (context.clone(), life.clone(), Arc::clone(&limits));
                connections.go(move || {
                    let _permit = permit;
                    let _bound = stream.cancel_on(&life);
                    // That it breaks is the client's affair, or that of the time of grace.
                    let _ = Connection::new(&stream, &context, &limits).serve();
                });
            }
            Err(error) if is_closed(&error) => break,
            // The context tells whether to go on.
            Err(_) => _ = context.done().recv_timeout(PAUSE),
        }
    }
    listener.close();
    if !connections.wait_timeout(limits.grace) {
        end.cancel();
        connections.wait();
    }
}
