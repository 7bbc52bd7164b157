//! The tree along which contexts end.
//!
//! # Vocabulary
//! - A *node* is what can end: every context that was derived with a cancel function or a deadline has one of its own, and
//!   shares it with those that were derived from it by values only. Background contexts have none.
//! - The *children* of a node are the nodes that end with it, and the functions that run then.
//! - To *end* a node is to cancel it, or to find its deadline passed. To *mark* one is to write down how it has ended; to
//!   *settle* it, to do what follows from that.
//! - A node is *held* by the list of its parent, and by its alarm; a node that nobody needs any more is *released* by both.
//!
//! # State
//! | `status`                         | the list of children | the signal              | meaning                            |
//! |----------------------------------|----------------------|-------------------------|------------------------------------|
//! | [`OPEN`]                         | grows and shrinks    | made on demand, open    | it has not ended                   |
//! | [`CANCELLED`] or [`EXPIRED`]     | taken, none joins    | about to be closed      | marked; whoever looks may close it |
//! | the same and [`SETTLED`]         | taken                | closed, or made closed  | ended                              |
//!
//! The status leaves `OPEN` once, under the lock. What it says then stays: the first cause wins.
//!
//! # Who keeps whom
//! A parent holds its children, and a child knows its parent weakly. So whatever can still be set off by somebody is there,
//! down to the functions at the leaves; and what nobody can set off any more, since all cancel functions and deadlines above
//! it are gone, goes as well.
//!
//! Children that nobody has cancelled must not pile up in a long-lived parent. So contexts are counted, and a node is released
//! when the last of its contexts is dropped, if nobody listens to it: if it has no children, and there is no clone
//! of its receiver. When that is the last child of a parent without contexts, the same is asked of the parent. The answer
//! holds for ever, for all that could change it begins with a context. (Of a receiver that outlives the contexts nobody is
//! told when it is dropped. Its node then stays until it ends, by its parent at the latest.)
//!
//! # Protocol
//! 1. A child is entered in the list of an open parent under the parent's lock; under one that has ended it is ended at once.
//! 2. To end a node is to mark it, and then, *with its lock still held*, all its descendants, each under its own lock, level
//!    by level. The list of whoever is marked is taken. Nothing is done for a node that was marked before.
//! 3. Who finds the node marked that it wants to end waits until that marking is complete: it takes the lock of the node
//!    where that began. (If it began here, it has done so already.)
//! 4. When the lock is released, what was marked is settled, level by level: the signals are closed. The node is taken out
//!    of its parent's list. Then the functions are started, and at last everything is dropped, the alarms among it.
//! 5. Who finds a node marked and not settled closes the signal itself, before it says so: and so does [`Node::done`].
//!
//! # Invariants
//! - **N1** When [`Node::end`] returns, all descendants are marked, whoever has marked them. (Proof: if it marked the node
//!   itself, a descendant that it passes over was marked by one who began at that descendant, for none who began above it
//!   would have got past this node: it is marked, and who finds a marked node does not go on below it. And that one has
//!   released the lock of the descendant, which was taken to find it marked, and is done. If somebody else marked the node,
//!   step 3 waits for that one.)
//! - **N2** Who has seen that a node has ended finds its signal closed, and who has seen its signal closed finds that it has
//!   ended: by step 5, and since step 2 comes before step 4.
//! - **N3** `released` is set once, by the one who then takes the node out of its parent's list; if the parent was marked,
//!   which took the list, nothing is left to be done.
//!
//! # Order of locks
//! A lock is taken while another is held in step 2 only: that of a descendant, under that of the node where it began. Each
//! is the only one besides that, so there is no circle. Under them nobody is woken, and nothing of the user's is called,
//! dropped or compared.
//!
//! The lock that is held in step 2 is held for longer than others are: for some 30 ns for each descendant. Whoever needs it
//! meanwhile wants to end the same tree, to join it, or to leave it.
//!
//! Rejected:
//! - One lock for a whole tree. All requests of a server hang on one context; they would meet at each step, and not only
//!   when they come and go.
//! - To hold the locks of a whole path while marking, from node to child: no safe guard can be kept in a list beside what
//!   it locks, and recursion overflows the stack of a goroutine when a chain is long.
//! - To end a node when its last cancel function is dropped. See [`CancelFunc`](crate::CancelFunc).

use std::mem;
use std::sync::{Arc, Weak};
use std::time::Instant;

use gocsp_channels::Receiver;
use gocsp_channels::signal::Signal;
use gocsp_runtime::park::{Lock, LockGuard};
use gocsp_runtime::std_sync::OnceLock;

use crate::alarm::Alarm;
use crate::children::{Child, Children};
use crate::ending::Ending;
use crate::error::{Cause, ContextError};
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// It has not ended.
const OPEN: u8 = 0;
/// It was cancelled. Set in step 2.
const CANCELLED: u8 = 1;
/// Its deadline has passed, or that of an ancestor. Set in step 2, instead of `CANCELLED`.
const EXPIRED: u8 = 2;
/// Its signal is closed. Set in step 4, in addition to one of the two.
const SETTLED: u8 = 4;

/// A node of the tree. See the [module](self).
pub(crate) struct Node {
    /// Written under the lock, but for `SETTLED`.
    status: AtomicU8,
    /// How many contexts lead here.
    contexts: AtomicUsize,
    parent: Weak<Node>,
    /// Its place in the list of its parent, if it was ever there. Written under the parent's lock, when it is entered.
    ///
    /// Relaxed: who reads it has the node from the one who entered it, or from the list.
    place: AtomicUsize,
    deadline: Option<Instant>,
    /// Closed when it ends. Set under the lock, so nobody ever waits in it.
    signal: OnceLock<Signal>,
    state: Lock<State>,
}

/// What the lock guards.
#[derive(Default)]
pub(crate) struct State {
    children: Children,
    alarm: Option<Arc<Alarm>>,
    /// Why it has ended, if more is known than what the status says.
    cause: Option<Cause>,
    /// Where the marking began that has marked it, if not here.
    marked_from: Weak<Node>,
    /// No context leads here any more.
    abandoned: bool,
    /// No longer held by its parent and its alarm, or just about to be taken out there.
    released: bool,
}

/// How a node ends.
pub(crate) struct End {
    pub(crate) error: ContextError,
    pub(crate) cause: Option<Cause>,
}

/// What the one who has marked a node has taken from it. Not to be dropped under a lock.
pub(crate) struct Marked {
    pub(crate) children: Children,
    pub(crate) alarm: Option<Arc<Alarm>>,
    /// Whether its parent still held it.
    held: bool,
}

impl Node {
    /// A node that ends with `parent`, and reports the `deadline`, or the parent's if that is earlier.
    pub(crate) fn new(parent: Option<&Arc<Self>>, deadline: Option<Instant>) -> Arc<Self> {
        let inherited = parent.and_then(|parent| parent.deadline);
        let node = Arc::new(Self {
            status: AtomicU8::new(OPEN),
            contexts: AtomicUsize::new(0),
            parent: parent.map_or_else(Weak::new, Arc::downgrade),
            place: AtomicUsize::new(0),
            deadline: [inherited, deadline].into_iter().flatten().min(),
            signal: OnceLock::new(),
            state: Lock::default(),
        });
        if let Some(parent) = parent
            && let Err(end) = parent.add_child(Child::Node(Arc::clone(&node)), &node.place)
        {
            node.end(&end);
        }
        node
    }

    /// Step 1: how the node has ended, if it has.
    pub(crate) fn add_child(&self, child: Child, place: &AtomicUsize) -> Result<(), End> {
        let mut state = self.state.lock();
        match self.marked() {
            None => {
                place.store(state.children.insert(child), Ordering::Relaxed);
                Ok(())
            }
            Some(error) => Err(End { error, cause: state.cause.clone() }),
        }
    }

    /// Gives an open node an alarm, which is to be armed if there is one in return.
    pub(crate) fn set_alarm(self: &Arc<Self>, cause: Option<Cause>) -> Option<Arc<Alarm>> {
        let alarm = Alarm::new(Arc::clone(self), cause);
        let mut state = self.state.lock();
        if self.marked().is_none() {
            state.alarm = Some(Arc::clone(&alarm));
            return Some(alarm);
        }
        // The lock is released before the alarm is dropped.
        None
    }

    /// Steps 2 to 4.
    pub(crate) fn end(self: &Arc<Self>, end: &End) {
        let mut state = self.state.lock();
        let Some(mut marked) = self.mark(&mut state, end) else { return Self::wait_for_marking(state) };
        let ending = Ending::mark(self, mem::take(&mut marked.children), end);
        drop(state);
        self.settle();
        ending.settle();
        if marked.held {
            Self::remove_child(self.parent.upgrade(), &self.place);
        }
        ending.start_functions();
    }

    /// Step 3.
    fn wait_for_marking(state: LockGuard<'_, State>) {
        let from = Weak::clone(&state.marked_from);
        drop(state);
        if let Some(from) = from.upgrade() {
            drop(from.state.lock());
        }
    }

    /// Marks the node, if it is open, as one of those that end with `from`.
    pub(crate) fn mark_from(&self, from: &Arc<Self>, end: &End) -> Option<Marked> {
        let mut state = self.state.lock();
        let marked = self.mark(&mut state, end)?;
        state.marked_from = Arc::downgrade(from);
        Some(marked)
    }

    /// Release: pairs with the Acquire in `error`, so that who learns of the end sees the signal that was made before.
    fn mark(&self, state: &mut State, end: &End) -> Option<Marked> {
        if self.marked().is_some() {
            return None;
        }
        state.cause = end.cause.clone();
        let status = match end.error {
            ContextError::Cancelled => CANCELLED,
            ContextError::DeadlineExceeded => EXPIRED,
        };
        self.status.store(status, Ordering::Release);
        Some(Marked {
            children: mem::take(&mut state.children),
            alarm: state.alarm.take(),
            held: !mem::replace(&mut state.released, true),
        })
    }

    /// Step 4, for one node.
    ///
    /// Release: pairs with the Acquire in `error`, so that who sees it settled sees the signal closed.
    pub(crate) fn settle(&self) {
        self.close_signal();
        self.status.fetch_or(SETTLED, Ordering::Release);
    }

    fn close_signal(&self) {
        if let Some(signal) = self.signal.get() {
            signal.raise();
        }
    }

    /// How it has ended, if it has. To be called under the lock; or else it may have ended meanwhile.
    fn marked(&self) -> Option<ContextError> {
        ended(self.status.load(Ordering::Relaxed))
    }

    /// How it has ended, if it has. Then its signal is closed.
    ///
    /// Acquire: pairs with the Release in `mark` and `settle`.
    pub(crate) fn error(&self) -> Option<ContextError> {
        let status = self.status.load(Ordering::Acquire);
        if status == CANCELLED || status == EXPIRED {
            // Step 5.
            self.close_signal();
        }
        ended(status)
    }

    /// Why it has ended, if it has.
    pub(crate) fn cause(&self) -> Option<Cause> {
        let error = self.error()?;
        let cause = self.state.lock().cause.clone();
        Some(cause.unwrap_or_else(|| Arc::new(error)))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What closes when the node ends.
    #[inline]
    pub(crate) fn done(&self) -> &Receiver<()> {
        let signal = match self.signal.get() {
            Some(signal) => signal,
            None => self.make_signal(),
        };
        // Step 5.
        self.error();
        signal.receiver()
    }

    #[cold]
    fn make_signal(&self) -> &Signal {
        let signal = Signal::new();
        let mut state = self.state.lock();
        if self.marked().is_some() {
            // It may be settled, and then nobody else closes the signal. Nor may anybody see it open.
            drop(state);
            signal.raise();
            state = self.state.lock();
        }
        let surplus = self.signal.set(signal);
        drop(state);
        drop(surplus);
        self.signal.get().expect("it was just set, or before")
    }

    /// Counts one more context.
    ///
    /// Relaxed: it is made from another one, or with the node.
    pub(crate) fn retain(&self) {
        self.contexts.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one context less. After the last one the node is released, if nobody listens.
    ///
    /// AcqRel: pairs with itself in the other contexts, so that what was entered by them is seen.
    pub(crate) fn release(&self) {
        if self.contexts.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let mut state = self.state.lock();
        state.abandoned = true;
        let Some(alarm) = self.let_go(&mut state) else { return };
        drop(state);
        drop(alarm);
        Self::remove_child(self.parent.upgrade(), &self.place);
    }

    /// Releases the node, if nobody needs it any more. Then its alarm is to be dropped, after the lock, and the node to be taken
    /// out of its parent's list.
    fn let_go(&self, state: &mut State) -> Option<Option<Arc<Alarm>>> {
        let is_needed =
            !state.abandoned || !state.children.is_empty() || self.signal.get().is_some_and(Signal::is_watched);
        if is_needed || mem::replace(&mut state.released, true) {
            return None;
        }
        Some(state.alarm.take())
    }

    /// Takes a child out of the list of its parent, if both are there; and the parent out of the list of its own, if nobody
    /// needs it any more; and so on.
    pub(crate) fn remove_child(mut parent: Option<Arc<Self>>, place: &AtomicUsize) {
        let mut place = place.load(Ordering::Relaxed);
        while let Some(node) = parent {
            let mut state = node.state.lock();
            let child = state.children.remove(place);
            let released = node.let_go(&mut state);
            drop(state);
            drop(child);
            let Some(alarm) = released else { return };
            drop(alarm);
            place = node.place.load(Ordering::Relaxed);
            parent = node.parent.upgrade();
        }
    }
}

/// What a status says.
fn ended(status: u8) -> Option<ContextError> {
    match status & !SETTLED {
        CANCELLED => Some(ContextError::Cancelled),
        EXPIRED => Some(ContextError::DeadlineExceeded),
        _ => None,
    }
}

impl Drop for Node {
    /// One after the other: a long chain dropped from parent to child would overflow the stack.
    fn drop(&mut self) {
        let mut rest = vec![mem::take(&mut self.state.get_mut().children)];
        while let Some(children) = rest.pop() {
            for child in children {
                if let Child::Node(node) = child
                    && let Some(mut node) = Arc::into_inner(node)
                {
                    rest.push(mem::take(&mut node.state.get_mut().children));
                }
            }
        }
    }
}

#[cfg(all(test, shuttle))]
#[path = "node_shuttle.rs"]
mod shuttle_tests;
