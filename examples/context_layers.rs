//! A context goes through all layers of a server: handler, repository, service.
//!
//! The handler gives each request 300 ms. The first is answered in time; the second is not, and all layers learn that they
//! can stop. The number of the request goes along with the context, so that no layer in between has to know of it.
//!
//! Prints:
//! ```text
//! request 1: 200 OK: 42 orders
//! request 2: 500 Internal Server Error: context deadline exceeded
//! ```

use std::time::Duration;

use gocsp::context::{Context, ContextError};
use gocsp::time::after;
use gocsp::{Receiver, channel, go, select};

struct RequestId(u32);

struct Statistics {
    orders: u32,
}

/// The handler: answers a request, by a service that takes so long.
fn handle(request: &Context, service_takes: Duration) {
    let (context, cancel) = request.with_timeout(Duration::from_millis(300));
    let _guard = cancel.drop_guard();
    let RequestId(id) = request.value().expect("every request has a number");
    match order_statistics(&context, service_takes) {
        Ok(Statistics { orders }) => println!("request {id}: 200 OK: {orders} orders"),
        Err(error) => println!("request {id}: 500 Internal Server Error: {error}"),
    }
}

/// The repository: waits for the service no longer than the context allows.
fn order_statistics(context: &Context, service_takes: Duration) -> Result<Statistics, ContextError> {
    let statistics = service(context.clone(), service_takes);
    select! {
        recv(statistics) -> statistics => statistics.map_err(|_| context.err().expect("the service stops with it")),
        recv(context.done()) => Err(context.err().expect("it has ended")),
    }
}

/// The service: computes in a goroutine of its own, which nobody has to wait for.
fn service(context: Context, takes: Duration) -> Receiver<Statistics> {
    let (answer, statistics) = channel(1);
    go! {
        let finished = after(takes);
        select! {
            recv(finished) => {
                // The repository may have left.
                let _ = answer.send(Statistics { orders: 42 });
            }
            recv(context.done()) => {}
        }
    };
    statistics
}

#[gocsp::main]
fn main() {
    for (id, service_takes) in [(1, Duration::from_millis(1)), (2, Duration::from_secs(60))] {
        handle(&Context::background().with_value(RequestId(id)), service_takes);
    }
}
