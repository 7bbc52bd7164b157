//! Tasks of asynchronous executors, as waiters among others.
//!
//! A goroutine that waits stays until it is woken. A task does not: its future may be dropped at any moment, also
//! between being claimed and being woken, and must not have to wait for somebody then. So who claims a task leaves
//! nothing for later. While it still holds the lock it moves the payload and takes the waker out, which is the token;
//! after that it does not know the node any more. Since all this happens under one lock, a task either stands in the
//! list or is done with, whenever it or its destructor looks.
//!
//! # Protocol
//! 1. The task takes the lock, finds that it has to wait, and [joins](TaskPlace::wait) the list with its waker. If it
//!    did so at an earlier poll and still stands there, it leaves the new waker, if that is another one. Wakers are
//!    cloned before the lock is taken, and dropped after it was released, for they are the user's.
//! 2. Who pops its node [finishes](Claimed::finish) the claim under the lock. It spends the token afterwards.
//! 3. The task is polled, takes the lock, and finds that it no longer [stands](TaskPlace::is_waiting) in the list. What
//!    its operation has come to, the owner of the list has to have noted where the task finds it.
//! 4. A future that is dropped takes the lock and [leaves](TaskPlace::leave) the list. If it stands there no longer, a
//!    wake-up was sent to a task that is no more interested. To pass on what came with it is up to the owner of the
//!    list.
//!
//! # Invariant
//! - **T1** The node of a task is touched only under the lock of its list, and stays in place as long as it is linked.
//!
//! The place is pinned, and leaves the list before it is dropped. So a future that is forgotten does no harm: its
//! memory is never used for anything else, which is what being pinned means. What was meant for it is lost with it.
//!
//! Rejected: nodes on the heap, with a reference each for the task and for the list. It takes an allocation for each
//! wait, and still has to be decided under the lock who was first.

use std::cell::OnceCell;
use std::fmt;
use std::pin::Pin;
use std::task::Waker;

#[cfg(doc)]
use super::Claimed;
use super::{Node, WaitList, Waiter};

/// The place of a task in one list, with the payload. The head of `park/task.rs` tells how it is used.
///
/// A bell, for futures and whoever else stands in its list:
/// ```
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
/// use gocsp_runtime::park::{Lock, Popped, TaskPlace, WaitList};
/// use gocsp_runtime::{block_on, go, run, yield_now};
///
/// static BELL: Lock<WaitList<()>> = Lock::new(WaitList::new());
///
/// /// Is ready when the bell has rung.
/// struct Ring {
///     place: Pin<Box<TaskPlace<()>>>,
///     has_waited: bool,
/// }
///
/// impl Future for Ring {
///     type Output = ();
///
///     fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
///         let waker = context.waker().clone(); // It is the user's, so not under the lock.
///         let mut bell = BELL.lock();
///         // SAFETY: the lock of the list is held.
///         let waits = unsafe { self.place.is_waiting() };
///         if self.has_waited && !waits {
///             return Poll::Ready(());
///         }
///         // SAFETY: it is always this list, under its lock; `ring` finishes its claims under it; `drop` leaves it.
///         let before = unsafe { self.place.as_ref().wait(&mut bell, waker) };
///         drop(bell);
///         drop(before);
///         self.has_waited = true;
///         Poll::Pending
///     }
/// }
///
/// impl Drop for Ring {
///     fn drop(&mut self) {
///         let mut bell = BELL.lock();
///         // SAFETY: as in `poll`.
///         let waker = unsafe { self.place.leave(&mut bell) };
///         drop(bell);
///         drop(waker);
///     }
/// }
///
/// /// Whether anybody was there.
/// fn ring() -> bool {
///     let mut bell = BELL.lock();
///     let Some(Popped::Blocked(claimed) | Popped::Task(claimed)) = bell.pop_any() else { return false };
///     let token = claimed.finish(); // Under the lock, since it may be a task.
///     drop(bell);
///     token.wake();
///     true
/// }
///
/// run(|| {
///     let waits = go!(|| block_on(Ring { place: Box::pin(TaskPlace::new(())), has_waited: false }));
///     while !ring() {
///         yield_now();
///     }
///     waits.join().unwrap();
/// });
/// ```
pub struct TaskPlace<P> {
    payload: P,
    waiter: Waiter,
    /// Made when the task first waits: it refers to the other two.
    node: OnceCell<Node<P>>,
}

// SAFETY: what others may reach is touched under the lock of the list only (T1), and a waker may be sent.
unsafe impl<P: Send> Send for TaskPlace<P> {}

impl<P> TaskPlace<P> {
    /// A task that does not wait yet.
    ///
    /// See [the example](Self).
    pub fn new(payload: P) -> Self {
        Self { payload, waiter: Waiter::task(), node: OnceCell::new() }
    }

    /// What the task gives or wants.
    ///
    /// # Safety
    /// The lock of the list is held if the task has ever waited there.
    ///
    /// ```
    /// let place = gocsp_runtime::park::TaskPlace::new(7);
    /// // SAFETY: it has never waited anywhere.
    /// assert_eq!(*unsafe { place.payload() }, 7);
    /// ```
    pub unsafe fn payload(&self) -> &P {
        &self.payload
    }

    /// Whether the task stands in its list.
    ///
    /// # Safety
    /// The lock of the list is held if the task has ever waited there.
    ///
    /// See [the example](Self).
    pub unsafe fn is_waiting(&self) -> bool {
        self.node.get().is_some_and(Node::is_linked)
    }

    /// Whether the task stands in its list and is woken by a waker that does the same as this one.
    ///
    /// # Safety
    /// As [`is_waiting`](Self::is_waiting).
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::Waker;
    /// use gocsp_runtime::park::{Lock, TaskPlace, WaitList};
    ///
    /// let (list, place, waker) = (Lock::new(WaitList::new()), pin!(TaskPlace::new(())), Waker::noop());
    /// let mut list = list.lock();
    /// // SAFETY: it is always this list, under its lock, and left below.
    /// unsafe { place.as_ref().wait(&mut list, waker.clone()) };
    /// // SAFETY: the lock is held.
    /// assert!(unsafe { place.is_woken_by(waker) }, "another poll with this waker has nothing to do");
    /// // SAFETY: as above.
    /// unsafe { place.leave(&mut list) };
    /// ```
    pub unsafe fn is_woken_by(&self, waker: &Waker) -> bool {
        // SAFETY: passed on.
        if !unsafe { self.is_waiting() } {
            return false;
        }
        let current = self.waiter.waker().take();
        let same = current.as_ref().is_some_and(|current| current.will_wake(waker));
        self.waiter.waker().set(current);
        same
    }

    /// Waits at the end of `list`, or where the task stands in it already, to be woken by `waker`. Gives the waker that
    /// this one replaces, which is to be dropped when the lock was released.
    ///
    /// # Safety
    /// `list` is the same each time, and its lock is held, as it is whenever the list is used. Who pops a task from it
    /// finishes the claim before the lock is released. Before this place is dropped, the task [leaves](Self::leave) the
    /// list.
    ///
    /// See [the example](Self).
    pub unsafe fn wait(self: Pin<&Self>, list: &mut WaitList<P>, waker: Waker) -> Option<Waker> {
        let this = self.get_ref();
        let before = this.waiter.waker().replace(Some(waker));
        let node = this.node.get_or_init(|| Node::of_task(&this.payload, &this.waiter));
        if !node.is_linked() {
            // SAFETY: the node is not linked; it and what it points to are pinned, and it is unlinked before they are
            // dropped.
            unsafe { list.push(node) };
        }
        before
    }

    /// Takes the task out of `list` if it stands there, and gives what it would have been woken by, which is to be
    /// dropped when the lock was released. `None` if it does not.
    ///
    /// # Safety
    /// As [`wait`](Self::wait).
    ///
    /// See [the example](Self).
    pub unsafe fn leave(&self, list: &mut WaitList<P>) -> Option<Waker> {
        // SAFETY: the node has been in no other list.
        let left = self.node.get().is_some_and(|node| unsafe { list.remove(node) });
        if left { self.waiter.waker().take() } else { None }
    }
}

impl<P> fmt::Debug for TaskPlace<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPlace").finish_non_exhaustive()
    }
}
