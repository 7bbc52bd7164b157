//! Futures of others, waited for as one waits for anything here: the goroutine parks, and the thread goes on with
//! others.
//!
//! # Protocol
//! 1. The caller polls the future. If that is ready, this is the end.
//! 2. Otherwise it takes the lock of its notice. If the future has called for it since it was last looked at, it polls
//!    again, and lets others run before, for a future that does so at every poll may be waiting for one of them.
//! 3. Otherwise it parks in the notice's list, and polls again when it is woken.
//! 4. Who wakes takes the caller out of the list, if it stands there, or notes that it has called.
//!
//! All of it is decided under one lock, so no call is lost, however many there are and whenever they come. The notice
//! belongs to one `block_on`: a waker that is kept for longer keeps the notice, in which nobody waits any more.
//!
//! Rejected: to keep the notice from one `block_on` of a goroutine to the next, which would save the allocation. A
//! waker of the first would wake the second.

use std::panic::Location;
use std::pin::pin;
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::park::{self, Description, Lock, Outcome, Partner, Patience, Reason, Subject, WaitList, Way};
use crate::scheduler::yield_now;

/// Runs `future` to its end, and gives what it came to. Parks the calling goroutine while it is not ready, and blocks
/// an ordinary thread.
///
/// The future stays on the caller's stack, need not be `Send`, and may be woken from any thread. It takes one
/// allocation, for the waker, and none for a poll. Futures that need nothing but to be polled work here: those of
/// `futures`, `async-channel`, `async-lock`, `event-listener`, and the channels and locks of `tokio::sync`.
///
/// Others need a reactor, which must run somewhere: those of `async-io` start a thread for it by themselves. What is
/// tokio's own, its timers and sockets, looks for its runtime when it is made and when it is polled. So the runtime has
/// to be entered at every poll, and left after it:
/// ```text
/// fn on_tokio<F: Future>(handle: Handle, future: F) -> F::Output {
///     let mut future = pin!(future);
///     block_on(poll_fn(|context| {
///         let _entered = handle.enter();
///         future.as_mut().poll(context)
///     }))
/// }
/// ```
/// (`tokio_util::context::TokioContext` does the same.) The guard of `enter` belongs to the thread, not to the
/// goroutine. Held around `block_on`, it would stay there for other goroutines while this one is parked, and tokio
/// panics when two are dropped in another order than they were made. For the same reason a future that is polled like
/// this must not call what parks the goroutine, such as a blocking `recv`: it awaits instead.
///
/// A future that is always ready for more, such as a loop that receives what somebody else sends as fast, never leaves
/// its goroutine's time slice by itself; neither does one that computes.
///
/// # Panics
/// With the panic of the future. When the goroutine's runtime shuts down, this unwinds, and the future is dropped; but
/// who calls it while it is unwinding already, in a destructor, waits until the future is ready.
///
/// ```
/// use std::future::{poll_fn, ready};
/// use std::task::Poll;
/// use gocsp_runtime::{block_on, go};
///
/// let answer = go!(|| block_on(async {
///     let mut polls = 0;
///     poll_fn(|context| {
///         polls += 1;
///         context.waker().wake_by_ref();
///         if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
///     })
///     .await;
///     polls * ready(14).await
/// }));
/// assert_eq!(answer.join().unwrap(), 42);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let place = Location::caller();
    park::cooperate();
    let mut future = pin!(future);
    let notice = Arc::new(Notice { state: Lock::new(State { called: false, waiting: WaitList::new() }) });
    let waker = Waker::from(Arc::clone(&notice));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        notice.wait(place);
    }
}

/// See the [module](self).
struct Notice {
    state: Lock<State>,
}

struct State {
    /// Somebody has called for the caller, which did not stand in the list.
    called: bool,
    waiting: WaitList<()>,
}

impl Notice {
    /// Returns when somebody has called since the last time.
    fn wait(&self, place: &'static Location<'static>) {
        let reason = Reason::new::<BlockOn, _>(place, self);
        // Once it is unwinding, a cancelled wait would leave it with nothing to give.
        let mut patience = Patience { masked: park::is_unwinding(), ..Patience::FOREVER };
        loop {
            let mut state = self.state.lock();
            if state.called {
                state.called = false;
                drop(state);
                return yield_now();
            }
            // SAFETY: the list is part of the guarded state.
            match unsafe { park::wait(state, |state| &mut state.waiting, &(), patience, reason) } {
                Outcome::Woken => return,
                Outcome::TimedOut | Outcome::Cancelled => patience.masked = true,
            }
        }
    }
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let waiting = state.waiting.pop();
        if waiting.is_none() {
            state.called = true;
        }
        drop(state);
        if let Some(claimed) = waiting {
            claimed.finish().wake();
        }
    }
}

/// To wait until a future is worth another poll.
enum BlockOn {}

impl Way<Notice> for BlockOn {
    const STATE: &'static str = "block_on";

    fn describe(notice: &Notice, to: &mut Description) {
        let address = ptr::from_ref(notice).addr();
        to.subjects.push(Subject { what: "future", address, made_at: None, partner: Partner::Others });
    }
}

#[cfg(all(test, loom))]
#[path = "block_on_loom.rs"]
mod loom_tests;
