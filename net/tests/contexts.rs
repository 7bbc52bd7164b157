//! Sockets that are bound to a context.
#![cfg(target_os = "linux")]

#[path = "common/pairs.rs"]
mod pairs;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/waiting.rs"]
mod waiting;

use std::io::{self, ErrorKind, Read, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{self, Wake, Waker};
use std::time::Duration;

use gocsp_context::{Context, ContextError};
use gocsp_net::{TcpStream, UdpSocket, context_error};
use gocsp_runtime::spawn;
use pairs::tcp_pair;
use procs::everywhere;
use waiting::waiting;

fn how<T>(result: io::Result<T>) -> Option<ContextError> {
    context_error(&result.err()?)
}

#[test]
fn a_context_that_has_ended_fails_every_call_as_long_as_it_is_bound() {
    everywhere(|| {
        let (mut client, server) = tcp_pair();
        client.write_all(b"x").unwrap();
        let (context, cancel) = Context::background().with_cancel();
        cancel.cancel();
        let bound = server.cancel_on(&context);
        let another = server.try_clone().unwrap();
        assert_eq!(how((&another).read(&mut [0])), Some(ContextError::Cancelled));
        assert_eq!(how((&server).write(b"x")), Some(ContextError::Cancelled));
        drop(bound);
        assert_eq!((&server).read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn the_end_of_a_context_wakes_who_waits() {
    everywhere(|| {
        let (_client, server) = tcp_pair();
        let (context, cancel) = Context::background().with_cancel();
        let _bound = server.cancel_on(&context);
        let readers = [(); 2].map(|()| {
            let mut server = server.try_clone().unwrap();
            waiting(move || server.read_exact(&mut [0]))
        });
        cancel.cancel();
        for reader in readers {
            let error = reader.join().unwrap().unwrap_err();
            assert_eq!((context_error(&error), error.kind()), (Some(ContextError::Cancelled), ErrorKind::Other));
        }
    });
}

#[test]
fn who_waits_already_is_bound_as_well() {
    everywhere(|| {
        let (_client, server) = tcp_pair();
        let reader = {
            let mut server = server.try_clone().unwrap();
            waiting(move || server.read(&mut [0]))
        };
        let (context, cancel) = Context::background().with_cancel();
        cancel.cancel();
        let _bound = server.cancel_on(&context);
        assert_eq!(how(reader.join().unwrap()), Some(ContextError::Cancelled));
    });
}

#[test]
fn the_deadline_of_a_context_is_a_timeout() {
    everywhere(|| {
        let (_client, server) = tcp_pair();
        let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(3));
        let _bound = server.cancel_on(&context);
        let error = (&server).read_exact(&mut [0]).unwrap_err();
        assert_eq!((context_error(&error), error.kind()), (Some(ContextError::DeadlineExceeded), ErrorKind::TimedOut));
        assert_eq!(error.to_string(), "context deadline exceeded");
    });
}

#[test]
fn the_first_of_several_contexts_ends_the_calls() {
    everywhere(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (first, cancel_first) = Context::background().with_cancel();
        let (second, cancel_second) = Context::background().with_cancel();
        let bound = [&first, &second, &Context::background()].map(|context| socket.cancel_on(context));
        cancel_second.cancel();
        assert!(how(socket.recv(&mut [0])).is_some());
        let [first, second, third] = bound;
        drop(second);
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        drop((first, third));
        cancel_first.cancel();
        assert_eq!(socket.recv(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn a_guard_does_not_keep_the_socket() {
    everywhere(|| {
        let (mut client, server) = tcp_pair();
        let (context, cancel) = Context::background().with_cancel();
        let bound = server.cancel_on(&context);
        let server = server.into_std().unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        cancel.cancel();
        drop(bound);
    });
}

#[test]
fn a_context_may_end_while_the_socket_is_given_back() {
    everywhere(|| {
        for _ in 0..100 {
            let (_client, server) = tcp_pair();
            let (context, cancel) = Context::background().with_cancel();
            let _bound = server.cancel_on(&context);
            let cancelling = spawn(move || cancel.cancel());
            server.into_std().unwrap();
            cancelling.join().unwrap();
        }
    });
}

/// Gives a socket back to std when it is dropped, and says whether that has worked.
struct GivesBack(Option<TcpStream>, Arc<AtomicBool>);

impl Drop for GivesBack {
    fn drop(&mut self) {
        let given = self.0.take().is_some_and(|socket| socket.into_std().is_ok());
        self.1.store(given, Ordering::Relaxed);
    }
}

#[test]
fn what_goes_with_a_context_that_is_bound_no_more_may_give_the_socket_back() {
    everywhere(|| {
        let (_client, server) = tcp_pair();
        let (parent, _cancel) = Context::background().with_cancel();
        let given = Arc::new(AtomicBool::new(false));
        let context = parent.with_value(GivesBack(Some(server.try_clone().unwrap()), Arc::clone(&given)));
        let bound = server.cancel_on(&context);
        drop((server, context));
        assert!(!given.load(Ordering::Relaxed));
        drop(bound);
        assert!(given.load(Ordering::Relaxed));
    });
}

/// Calls a function when a task is to be woken.
struct Calling<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Calling<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

#[test]
fn who_is_woken_by_a_call_that_finds_the_context_ended_may_use_the_socket() {
    let (_client, server) = tcp_pair();
    let (parent, cancel) = Context::background().with_cancel();
    let (child, _cancel) = parent.with_cancel();
    let _bound = server.cancel_on(&child);
    let (reader, other, found) = (server.try_clone().unwrap(), server, Arc::new(Mutex::new(None)));
    let read = Arc::clone(&found);
    // When this is called the child has ended, and nobody has been told of that.
    let on_parent = Waker::from(Arc::new(Calling(move || {
        let how = how((&reader).read(&mut [0]));
        *read.lock().unwrap() = how;
    })));
    let on_child = Waker::from(Arc::new(Calling(move || other.set_read_deadline(None))));
    let (parent_ends, child_ends) = (parent.done(), child.done());
    let (mut parent_ends, mut child_ends) = (pin!(parent_ends.recv_async()), pin!(child_ends.recv_async()));
    assert!(parent_ends.as_mut().poll(&mut task::Context::from_waker(&on_parent)).is_pending());
    assert!(child_ends.as_mut().poll(&mut task::Context::from_waker(&on_child)).is_pending());
    cancel.cancel();
    assert_eq!(*found.lock().unwrap(), Some(ContextError::Cancelled));
}
