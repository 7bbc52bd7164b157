//! Operations for asynchronous tasks, of whatever executor, on the same channels as everybody else's.
//!
//! A task stands in the channel's list among goroutines and threads, and is served when its turn comes. It does so
//! through a [place](gocsp_runtime::park::TaskPlace) in its future: nothing is allocated. What is different is that the
//! future may be dropped at any moment, also when it has been served, and before the task has come to know of it.
//!
//! # Protocol
//! 1. A future that is polled does what the blocking operation does. Where that would park, it joins the list, with its
//!    waker.
//! 2. A receiver takes the value of a sending task out of its slot under the lock, and wakes the task, which learns
//!    from the empty slot that it has sent, as everybody does (C3 of [`shared`](crate::shared)).
//! 3. A sender that comes upon a receiving task takes it off the list, adds the value to what is *handed*, both under
//!    the lock, and wakes the task. The send is complete.
//! 4. A task that was called and is polled takes the oldest value that is handed. If there is none, because the channel
//!    was closed or somebody took the value back, it begins anew. One that was not called, and finds a value, exchanges
//!    it for the oldest that is handed, if any is.
//! 5. A future that is dropped leaves the list. One that was called leaves one value less to be taken: the *youngest*
//!    goes on, to who waits next, or, if nobody does, back to the head of the buffer, were it over the capacity.
//!
//! So a value belongs to the channel until a task has it, and none is lost with a task, however many were called and in
//! whatever order they are polled or dropped. As many as were called are served before all who wait.
//!
//! Values keep their order, in that nobody receives two of one sender the wrong way round. (Proof: what is handed was
//! sent before what is in the buffer and what is still to be sent. Tasks take the oldest of all. Goroutines and threads
//! take from the rest, in order.) There are two exceptions: a value that comes back may reach a goroutine or thread
//! that has received younger ones while it was handed; and so may one that is handed reach who receives now as a
//! goroutine or thread, now as a task.
//!
//! It need not be noted which task was called: by whoever takes one off the list. One that was taken off by a close may
//! take what another was called for; the other then finds the channel closed, as if it had come second.
//!
//! Polling neither parks nor yields, and so never leaves its thread: it may be that of a goroutine in
//! [`block_on`](gocsp_runtime::block_on), with something of another runtime entered around the poll.
//!
//! # Rejected
//! - To fill the slot of the receiving task, as for those that block. A future that is dropped with a value in its slot
//!   would have to move on the values of all that were called after it, or their order would be lost.
//! - To wake a task without serving it, and let it compete. A rendezvous takes two who are there, and a task that is
//!   slow to be polled would be overtaken for ever.
//! - To put what is handed back into the buffer when the channel is closed, so that nobody is told that it is drained while
//!   a task may still give a value up. It would reach who has received younger values, and not only when a task goes.
//! - To have the destructor wait until who has claimed the future is done with it, as goroutines and threads do. Two
//!   futures may be claimed by one close, and the waker of the first may drop the second.

mod recv;
mod send;
#[cfg(feature = "futures-core")]
mod stream;
mod task;

pub use recv::RecvFuture;
pub use send::SendFuture;
#[cfg(feature = "futures-core")]
pub use stream::RecvStream;
