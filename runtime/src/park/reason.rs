//! What somebody waits for, and where: told in reports, and used for nothing else.
//!
//! # Vocabulary
//! - A *reason* goes with a wait: the place in the program, the *way* of waiting, and its *subject*, the thing that the wait is
//!   about. A receiver and a sender that wait for the same channel do so in two ways.
//! - A [`Description`] is what the way tells of the subject when a report asks for it.
//!
//! # Protocol
//! 1. Who begins to wait writes the reason down: a goroutine in the frame of its stack, by a few plain stores; a thread in the
//!    [list](super::blocked) of threads that wait. It stays there when the wait is over, and means nothing then.
//! 2. Who makes a report looks at a reason only while it is certain that its owner waits and cannot go on meanwhile: a worker at
//!    those of its own goroutines that are parked, and anybody at those of threads, under the lock of that list.
//!
//! # Invariant
//! - **R1** The subject stays where it is as long as the wait for which the reason was given.
//!
//! The way and the place are never dropped, so anybody may look at these at any time.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::NonNull;

use crate::goroutine::GoroutineId;

/// A way of waiting for an `S`.
///
/// See [the example](super#an-example).
pub trait Way<S: Sync> {
    /// Its name, as Go has it where Go has it: `chan receive`, `sync.Mutex.Lock`.
    const STATE: &'static str;

    /// Tells what is to be known of the subject. It may take the subject's own [`Lock`](super::Lock), must not wait for anything
    /// else, and must not run code of the user's. It may be called on any thread.
    ///
    /// See [the example](super#an-example).
    fn describe(subject: &S, to: &mut Description);
}

/// What a [`Way`] says of what is waited for.
///
/// See [the example](super#an-example).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// What the waiter does, as [`Way::STATE`] or in more detail.
    pub state: Cow<'static, str>,
    /// What may end the wait, in the order of a select's cases: nothing if it has none.
    pub subjects: Vec<Subject>,
}

/// One thing that is waited for.
///
/// See [the example](super#an-example).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What kind of thing: `channel`, `mutex`.
    pub what: &'static str,
    /// Tells it from others that are there at the same time; 0 if there is no need to.
    pub address: usize,
    /// Where it was made, if that is known.
    pub made_at: Option<&'static Location<'static>>,
    /// Who could end the wait.
    pub partner: Partner,
}

/// Who could end a wait.
///
/// See [the example](super#an-example).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Partner {
    /// Nobody, ever: there is no other side.
    Nobody,
    /// Who has one of the so many handles that can send.
    Senders(usize),
    /// Who has one of the so many handles that can receive.
    Receivers(usize),
    /// Who holds the lock: the goroutine or thread on whose stack this [address](super::stack_address) lies.
    Holder(usize),
    /// So many who share the lock.
    Readers(usize),
    /// This goroutine, by ending.
    Goroutine(GoroutineId),
    /// So many who have something to finish.
    Workers(usize),
    /// So many children of this scope, by ending.
    Children(usize),
    /// Whoever else can reach it.
    Others,
    /// Whoever is at the other end of this descriptor.
    Descriptor(i32),
    /// It ends by itself.
    Time,
}

/// Why somebody waits: for reports. It is written down when the wait begins, and looked at only while it goes on.
///
/// See [the example](super#an-example).
#[derive(Clone, Copy)]
pub struct Reason<'a> {
    pub(crate) raw: RawReason,
    subject: PhantomData<&'a ()>,
}

/// A [`Reason`] that has been written down.
#[derive(Clone, Copy)]
pub(crate) struct RawReason {
    pub(crate) place: &'static Location<'static>,
    pub(crate) kind: &'static Kind,
    pub(crate) subject: NonNull<()>,
}

/// A [`Way`] without its types.
pub(crate) struct Kind {
    pub(crate) state: &'static str,
    /// The pointer leads to a subject of the way's type.
    describe: unsafe fn(NonNull<()>, &mut Description),
}

/// A way and what it is a way of waiting for.
struct Typed<W, S>(PhantomData<(W, S)>);

impl<W: Way<S>, S: Sync> Typed<W, S> {
    const KIND: Kind = Kind { state: W::STATE, describe: Self::describe };

    unsafe fn describe(subject: NonNull<()>, to: &mut Description) {
        // SAFETY: the caller passes a subject of this type that is still there, and it may be shared.
        W::describe(unsafe { subject.cast::<S>().as_ref() }, to);
    }
}

impl<'a> Reason<'a> {
    /// To wait at `place`, in the way `W`, for something about `subject`.
    ///
    /// See [the example](super#an-example).
    #[inline(always)]
    pub fn new<W: Way<S>, S: Sync>(place: &'static Location<'static>, subject: &'a S) -> Self {
        let raw = RawReason { place, kind: &Typed::<W, S>::KIND, subject: NonNull::from(subject).cast() };
        Self { raw, subject: PhantomData }
    }
}

impl RawReason {
    /// What the waiter waits for.
    ///
    /// # Safety
    /// The wait is not over, and does not end meanwhile (R1).
    pub(crate) unsafe fn describe(&self) -> Description {
        let mut description = Description { state: Cow::Borrowed(self.kind.state), subjects: Vec::new() };
        // SAFETY: the subject is of this type, and is there as long as the wait.
        unsafe { (self.kind.describe)(self.subject, &mut description) };
        description
    }
}

impl fmt::Debug for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reason").field("state", &self.raw.kind.state).field("place", &self.raw.place).finish()
    }
}
