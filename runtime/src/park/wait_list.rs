//! The queue of those who wait on one thing, first in, first out. See the [protocol](super).

use std::cell::Cell;
use std::fmt;
use std::marker::{PhantomData, PhantomPinned};
use std::ptr::{self, NonNull};

use super::{Lock, LockGuard, Patience, Reason, Unparked, Waiter, WakeToken};
use crate::scheduler;

/// One place in one [`WaitList`], on the stack of the one who waits, or in its future.
///
/// See [the example](Waiter).
pub struct Node<P> {
    next: Cell<*const Node<P>>,
    prev: Cell<*const Node<P>>,
    linked: Cell<bool>,
    waiter: NonNull<Waiter>,
    payload: NonNull<P>,
    /// The number of the case, if `waiter` is a select's; [`TASK`](Self::TASK), if it is a task.
    case: Option<u32>,
    _pinned: PhantomPinned,
}

impl<P> Node<P> {
    /// No case has this number: see [`Waiter::winner`]. Not an enum of three, for goroutines and threads are to be told
    /// from the others by one comparison.
    const TASK: u32 = Waiter::OPEN;

    /// The only node of `waiter`.
    #[inline]
    fn single(payload: &P, waiter: &Waiter) -> Self {
        Self::new(payload, waiter, None)
    }

    /// The only node of `waiter`, which is a task.
    pub(super) fn of_task(payload: &P, waiter: &Waiter) -> Self {
        Self::new(payload, waiter, Some(Self::TASK))
    }

    /// Whether it stands in a list. To be asked under the lock of the list.
    pub(super) fn is_linked(&self) -> bool {
        self.linked.get()
    }

    /// The node of case number `case` of the select `waiter`, which is not `u32::MAX`.
    ///
    /// See [the example](Waiter).
    #[inline]
    pub fn of_case(payload: &P, waiter: &Waiter, case: u32) -> Self {
        Self::new(payload, waiter, Some(case))
    }

    #[inline]
    fn new(payload: &P, waiter: &Waiter, case: Option<u32>) -> Self {
        Self {
            next: Cell::new(ptr::null()),
            prev: Cell::new(ptr::null()),
            linked: Cell::new(false),
            waiter: NonNull::from(waiter),
            payload: NonNull::from(payload),
            case,
            _pinned: PhantomPinned,
        }
    }
}

impl<P> fmt::Debug for Node<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("case", &self.case).finish_non_exhaustive()
    }
}

/// Goroutines and threads that wait, each with a payload of its own to be filled or emptied. Lives in a [`Lock`].
///
/// See [the example](super#an-example).
pub struct WaitList<P> {
    head: *const Node<P>,
    tail: *const Node<P>,
}

// SAFETY: the list is reached under a lock only, and hands payloads from one thread to another.
unsafe impl<P: Send> Send for WaitList<P> {}

impl<P> WaitList<P> {
    /// How many [`take_some`](Self::take_some) takes.
    const BATCH: usize = 64;

    /// An empty list.
    ///
    /// See [the example](super#an-example).
    pub const fn new() -> Self {
        Self { head: ptr::null(), tail: ptr::null() }
    }

    /// True when nobody stands in the list. A false may still mean that every one of them is a select that has
    /// been claimed elsewhere: only [`pop`](Self::pop) knows.
    ///
    /// ```
    /// assert!(gocsp_runtime::park::WaitList::<()>::new().is_empty());
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// Takes out and claims the one who has waited longest, of a list that no tasks stand in.
    ///
    /// See [the second example](super#another-which-hands-something-over).
    ///
    /// # Panics
    /// If it is a task.
    #[inline]
    pub fn pop(&mut self) -> Option<Claimed<P>> {
        match self.pop_any()? {
            Popped::Blocked(claimed) => Some(claimed),
            Popped::Task(_) => unreachable!("only who expects tasks lets them wait here"),
        }
    }

    /// Takes out and claims the one who has waited longest.
    ///
    /// See [the example](super::TaskPlace).
    #[inline]
    pub fn pop_any(&mut self) -> Option<Popped<P>> {
        loop {
            let node = NonNull::new(self.head.cast_mut())?;
            // SAFETY: a linked node is alive (P1), and we hold the lock of its list.
            let head = unsafe { node.as_ref() };
            self.unlink(head);
            let claimed = Claimed { node, owns: PhantomData };
            match head.case {
                None => return Some(Popped::Blocked(claimed)),
                Some(Node::<P>::TASK) => return Some(Popped::Task(claimed)),
                Some(case) => {
                    // SAFETY: the waiter outlives its linked nodes: it takes this lock before it returns (P1).
                    let waiter = unsafe { head.waiter.as_ref() };
                    if waiter.try_claim(case) {
                        return Some(Popped::Blocked(claimed));
                    }
                }
            }
        }
    }

    /// Takes out and claims everyone, to be woken in order once the lock is released. For lists that no tasks stand in.
    ///
    /// See [the example](super#an-example).
    pub fn take_all(&mut self) -> Batch<P> {
        self.take(usize::MAX)
    }

    /// Takes out and claims the first few dozen: for lists that nobody joins any more, which can be emptied in
    /// several goes. The lock is not held for longer, then, and whoever is claimed is still in the cache when it is woken.
    ///
    /// No others after the first task, whose node cannot be chained to theirs.
    ///
    /// ```
    /// use gocsp_runtime::park::{Lock, WaitList};
    ///
    /// fn empty(list: &Lock<WaitList<()>>) {
    ///     loop {
    ///         let some = list.lock().take_some(); // The lock is released at the end of the line.
    ///         if some.is_empty() {
    ///             return;
    ///         }
    ///         some.wake_all();
    ///     }
    /// }
    /// # empty(&Lock::new(WaitList::new()));
    /// ```
    pub fn take_some(&mut self) -> Batch<P> {
        self.take(Self::BATCH)
    }

    fn take(&mut self, most: usize) -> Batch<P> {
        let mut batch = Batch { head: ptr::null(), tail: ptr::null(), task: None };
        for popped in std::iter::from_fn(|| self.pop_any()).take(most) {
            match popped {
                Popped::Blocked(claimed) => batch.push(claimed),
                Popped::Task(claimed) => {
                    batch.task = Some(claimed.finish());
                    break;
                }
            }
        }
        batch
    }

    /// Links `node` as the last.
    ///
    /// # Safety
    /// The node is not linked, and it and what it points to stay in place until it is unlinked by
    /// [`remove`](Self::remove) or its waiter has been woken by the token of a claim (P1). The list is under a
    /// held lock, here and whenever it is used.
    ///
    /// See [the example](Waiter).
    #[inline]
    pub unsafe fn push(&mut self, node: &Node<P>) {
        debug_assert!(!node.linked.get());
        node.linked.set(true);
        node.next.set(ptr::null());
        node.prev.set(self.tail);
        if self.tail.is_null() {
            self.head = node;
        } else {
            // SAFETY: the tail is linked, hence alive (P1).
            let tail = unsafe { &*self.tail };
            tail.next.set(node);
        }
        self.tail = node;
    }

    /// Takes `node` out again; false when somebody has popped it before.
    ///
    /// # Safety
    /// If the node is linked, it is linked in this list.
    ///
    /// See [the example](Waiter).
    #[inline]
    pub unsafe fn remove(&mut self, node: &Node<P>) -> bool {
        let linked = node.linked.get();
        if linked {
            self.unlink(node);
        }
        linked
    }

    #[inline]
    fn unlink(&mut self, node: &Node<P>) {
        let (prev, next) = (node.prev.get(), node.next.get());
        if prev.is_null() {
            self.head = next;
        } else {
            // SAFETY: a neighbour is linked, hence alive (P1).
            let prev = unsafe { &*prev };
            prev.next.set(next);
        }
        if next.is_null() {
            self.tail = prev;
        } else {
            // SAFETY: a neighbour is linked, hence alive (P1).
            let next = unsafe { &*next };
            next.prev.set(prev);
        }
        node.linked.set(false);
    }
}

impl<P> Default for WaitList<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> fmt::Debug for WaitList<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitList").field("is_empty", &self.is_empty()).finish()
    }
}

/// Who was taken out of a list.
///
/// See [the example](super::TaskPlace).
#[derive(Debug)]
pub enum Popped<P> {
    /// A goroutine or thread, which stays until its token has been spent.
    Blocked(Claimed<P>),
    /// A task, which may go as soon as the lock of the list is released: the claim is to be [finished](Claimed::finish)
    /// before. See [`TaskPlace`](super::TaskPlace).
    Task(Claimed<P>),
}

/// A waiter that has been taken off its list, to be completed and woken by the holder of this.
///
/// See [the second example](super#another-which-hands-something-over).
#[must_use = "a waiter that was claimed has to be woken"]
pub struct Claimed<P> {
    node: NonNull<Node<P>>,
    owns: PhantomData<P>,
}

// SAFETY: the payload goes with the claim (P2).
unsafe impl<P: Send> Send for Claimed<P> {}

impl<P> Claimed<P> {
    /// What the waiter gives or wants.
    ///
    /// See [the second example](super#another-which-hands-something-over).
    #[inline]
    pub fn payload(&self) -> &P {
        // SAFETY: a claimed waiter does not return before its token is spent, and that is not yet made (P1).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: as above; and only the claimer touches the payload now (P2).
        unsafe { node.payload.as_ref() }
    }

    /// The case that was won, if the waiter is a select.
    ///
    /// See [the example](Waiter).
    #[inline]
    pub fn case(&self) -> Option<u32> {
        // SAFETY: as in `payload`.
        unsafe { self.node.as_ref() }.case.filter(|&case| case != Node::<P>::TASK)
    }

    /// Ends the claim: what is left is to spend the token.
    ///
    /// See [the second example](super#another-which-hands-something-over).
    #[inline]
    pub fn finish(self) -> WakeToken {
        // SAFETY: as in `payload`.
        let waiter = unsafe { self.node.as_ref() }.waiter;
        // SAFETY: the waiter is alive for the same reason.
        let waiter = unsafe { waiter.as_ref() };
        // SAFETY: this is the one claim, consumed here.
        unsafe { waiter.token() }
    }
}

impl<P> fmt::Debug for Claimed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed").field("case", &self.case()).finish()
    }
}

/// Claimed waiters in order, chained through their own nodes, and perhaps a task as the last. They are woken when this
/// is dropped.
///
/// See [the example](super#an-example).
#[must_use = "dropping the batch wakes its waiters, which may not happen under a lock"]
pub struct Batch<P> {
    head: *const Node<P>,
    tail: *const Node<P>,
    task: Option<WakeToken>,
}

// SAFETY: as for `Claimed`.
unsafe impl<P: Send> Send for Batch<P> {}

impl<P> Batch<P> {
    fn push(&mut self, claimed: Claimed<P>) {
        let node = claimed.node;
        // SAFETY: a claimed node is alive until its token is spent (P1).
        unsafe { node.as_ref() }.next.set(ptr::null());
        if self.tail.is_null() {
            self.head = node.as_ptr();
        } else {
            // SAFETY: as above, for a node of this batch.
            unsafe { &*self.tail }.next.set(node.as_ptr());
        }
        self.tail = node.as_ptr();
    }

    fn pop(&mut self) -> Option<Claimed<P>> {
        let node = NonNull::new(self.head.cast_mut())?;
        // The link is read before the token is made: after that the node is gone.
        // SAFETY: as in `push`.
        self.head = unsafe { node.as_ref() }.next.get();
        Some(Claimed { node, owns: PhantomData })
    }

    /// True when nobody was waiting.
    ///
    /// See [`WaitList::take_some`].
    pub fn is_empty(&self) -> bool {
        self.head.is_null() && self.task.is_none()
    }

    /// Wakes all, in the order in which they waited.
    ///
    /// See [the example](super#an-example).
    pub fn wake_all(self) {
        drop(self);
    }
}

impl<P> Drop for Batch<P> {
    fn drop(&mut self) {
        while let Some(claimed) = self.pop() {
            claimed.finish().wake_in_turn();
        }
        if let Some(token) = self.task.take() {
            token.wake_in_turn();
        }
    }
}

impl<P> fmt::Debug for Batch<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("is_empty", &self.is_empty()).finish()
    }
}

/// How a [`wait`] ended.
///
/// See [the example](super#an-example).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Somebody claimed the waiter and completed its operation.
    Woken,
    /// The deadline passed and nobody had claimed it.
    TimedOut,
    /// The runtime is shutting down, nobody had claimed it, and the goroutine is unwinding already: the operation
    /// has to fail instead. (A goroutine that is not unwinding yet unwinds out of [`wait`].)
    Cancelled,
}

/// Waits at the end of `list(state)`, where `state` is what `guard` guards; the lock is released once the caller
/// can be woken, and is not held on return. The `reason` is for reports.
///
/// # Panics
/// Unwinds without a message when the goroutine's runtime shuts down, unless `patience` is masked.
///
/// # Safety
/// `list` gives a list inside the guarded state, the same one each time.
///
/// See [the example](super#an-example).
#[inline(always)]
pub unsafe fn wait<S, P>(
    guard: LockGuard<'_, S>,
    list: fn(&mut S) -> &mut WaitList<P>,
    payload: &P,
    patience: Patience,
    reason: Reason<'_>,
) -> Outcome {
    // SAFETY: passed on.
    unsafe { wait_and_drop(guard, list, payload, patience, reason, ()) }
}

/// As [`wait`], and drops `rest` as soon as the lock is released: for who has to wake others once it stands in the list.
///
/// A goroutine has left its stack by then, and may be on its way back. So the drop must not panic, park, or use what the
/// caller is to find when it goes on; and it must not need to be done by the caller's goroutine.
///
/// # Panics
/// As [`wait`].
///
/// # Safety
/// As [`wait`].
///
/// ```
/// use gocsp_runtime::park::{Lock, Outcome, Patience, Reason, WaitList, wait_and_drop};
///
/// /// Waits, and lets those go who have waited before.
/// fn relieve(post: &Lock<WaitList<()>>, reason: Reason<'_>) {
///     let mut waiting = post.lock();
///     let others = waiting.take_all();
///     // SAFETY: the list is the guarded state itself, each time.
///     let outcome = unsafe { wait_and_drop(waiting, |list| list, &(), Patience::FOREVER, reason, others) };
///     assert_eq!(outcome, Outcome::Woken);
/// }
/// #
/// # struct OnGuard;
/// #
/// # impl gocsp_runtime::park::Way<()> for OnGuard {
/// #     const STATE: &'static str = "on guard";
/// #
/// #     fn describe(_: &(), _: &mut gocsp_runtime::park::Description) {}
/// # }
/// #
/// # static POST: Lock<WaitList<()>> = Lock::new(WaitList::new());
/// #
/// # gocsp_runtime::run(|| {
/// #     let here = std::panic::Location::caller();
/// #     let guard = || gocsp_runtime::go!(move || relieve(&POST, Reason::new::<OnGuard, _>(here, &())));
/// #     let first = guard();
/// #     while POST.lock().is_empty() {
/// #         gocsp_runtime::yield_now();
/// #     }
/// #     let second = guard();
/// #     first.join().unwrap();
/// #     let last = POST.lock().take_all();
/// #     last.wake_all();
/// #     second.join().unwrap();
/// # });
/// ```
#[inline(always)]
pub unsafe fn wait_and_drop<S, P, D>(
    guard: LockGuard<'_, S>,
    list: fn(&mut S) -> &mut WaitList<P>,
    payload: &P,
    patience: Patience,
    reason: Reason<'_>,
    rest: D,
) -> Outcome {
    /// Dropped in this order, also by who unwinds.
    struct Step<'a, S, D> {
        guard: LockGuard<'a, S>,
        _rest: D,
    }
    let mut step = Step { guard, _rest: rest };
    let waiter = Waiter::current();
    let node = Node::single(payload, &waiter);
    let lock = LockGuard::lock_of(&step.guard);
    // SAFETY: this function returns only after the node was unlinked or its waiter woken, and neither moves.
    unsafe { list(&mut step.guard).push(&node) };
    // SAFETY: the waiter was just made here.
    match unsafe { waiter.park(patience, reason, move || drop(step)) } {
        Unparked::Woken => Outcome::Woken,
        early => retract(lock, list, &node, &waiter, early),
    }
}

/// Step 5 of the protocol.
#[cold]
fn retract<S, P>(
    lock: &Lock<S>,
    list: fn(&mut S) -> &mut WaitList<P>,
    node: &Node<P>,
    waiter: &Waiter,
    early: Unparked,
) -> Outcome {
    let mut guard = lock.lock();
    // SAFETY: `wait` linked the node in this list.
    let unlinked = unsafe { list(&mut guard).remove(node) };
    drop(guard);
    if !unlinked {
        // SAFETY: the waiter was made by the caller, which came back early.
        unsafe { waiter.park_claimed() };
        return Outcome::Woken;
    }
    if early == Unparked::TimedOut {
        return Outcome::TimedOut;
    }
    scheduler::unwind_cancelled();
    Outcome::Cancelled
}
