//! The control block at the head of every goroutine's [cell](super::cell).

use std::cell::Cell;
use std::fmt;
use std::num::{NonZeroU8, NonZeroU64};
use std::panic::Location;
use std::ptr;

use super::cell::VTable;
use super::spawn::Attributes;
use crate::park::{Unparked, WakeToken};
use crate::scheduler::{Linked, SiteId, Worker};
use crate::stack::Stack;
use crate::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, Ordering};

/// The number of a goroutine, unique within the process and never used twice.
///
/// ```
/// use gocsp_runtime::spawn;
///
/// let (first, second) = (spawn(|| ()), spawn(|| ()));
/// assert_ne!(first.id(), second.id());
/// println!("started goroutine {}", first.id());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoroutineId(pub(crate) NonZeroU64);

impl GoroutineId {
    pub(crate) fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number as such.
    ///
    /// ```
    /// assert!(gocsp_runtime::spawn(|| ()).id().get() > 0);
    /// ```
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

/// What messages and reports call a goroutine: by its number, and its name if it has one.
pub(crate) fn title(id: GoroutineId, name: Option<&str>) -> impl fmt::Display {
    fmt::from_fn(move |f| match name {
        Some(name) => write!(f, "goroutine {id} '{name}'"),
        None => write!(f, "goroutine {id}"),
    })
}

impl fmt::Debug for GoroutineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoroutineId({})", self.0)
    }
}

impl fmt::Display for GoroutineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a goroutine is doing, as its home knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// On the thread, or in one of its home's queues, exactly once. And why its last park ended.
    Awake(Unparked),
    /// In no queue; the shutdown of the runtime may make it ready.
    Parked,
    /// In no queue; only a token makes it ready.
    ParkedMasked,
    /// As `Parked`, but a deadline may make it ready as well as a token.
    ParkedUntil,
    /// As `ParkedMasked`, but a deadline may make it ready as well, or has done so already.
    ParkedMaskedUntil,
}

impl Status {
    /// That of a goroutine that waits.
    #[inline]
    pub(crate) const fn waiting(masked: bool, until: bool) -> Self {
        match (masked, until) {
            (false, false) => Self::Parked,
            (true, false) => Self::ParkedMasked,
            (false, true) => Self::ParkedUntil,
            (true, true) => Self::ParkedMaskedUntil,
        }
    }

    /// Whether the shutdown of the runtime ends the wait.
    pub(crate) const fn is_cancellable(self) -> bool {
        matches!(self, Self::Parked | Self::ParkedUntil)
    }

    /// Those of waits are the greatest.
    const fn code(self) -> u8 {
        match self {
            Self::Awake(Unparked::Woken) => 0,
            Self::Awake(Unparked::TimedOut) => 1,
            Self::Awake(Unparked::Cancelled) => 2,
            Self::Parked => 3,
            Self::ParkedMasked => 4,
            Self::ParkedUntil => 5,
            Self::ParkedMaskedUntil => 6,
        }
    }

    #[inline]
    fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Awake(Unparked::Woken),
            1 => Self::Awake(Unparked::TimedOut),
            2 => Self::Awake(Unparked::Cancelled),
            3 => Self::Parked,
            4 => Self::ParkedMasked,
            5 => Self::ParkedUntil,
            _ => Self::ParkedMaskedUntil,
        }
    }
}

/// Whether a goroutine's stack is being unwound. See [`shutdown`](crate::scheduler).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwinding {
    No,
    /// By the runtime.
    Cancelled,
    /// By a panic of its own.
    Panicking,
}

/// Who has determined the size of a goroutine's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StackSize {
    /// Its runtime.
    Usual,
    /// The same, for a child of a scope.
    Scoped,
    /// Whoever has spawned it.
    Own,
    /// It is the main goroutine.
    Main,
}

/// Who may touch what:
///
/// | field                                | written                              | read                          |
/// |--------------------------------------|--------------------------------------|-------------------------------|
/// | `vtable`, `id`, `spawned_at`, `attributes` | at spawn                       | by anyone                     |
/// | `join`, `joiner`                     | by the join protocol, see `cell`     | the same                      |
/// | `newer_link`, `older_link`, `number`, `ticket` | the owner of the queue that it is in, or of the queue's lock | the same |
/// | `inbox_link`                         | the thread that spends the token     | the home, draining its inbox  |
/// | `home`                               | the worker that starts it            | the home; holders of a token  |
/// | `status`                             | the home                             | the home; holders of a token  |
/// | all others                           | the home                             | the home; who has the only right to make it ready |
///
/// A holder of a token may read `home` although another thread wrote it: the goroutine parked after that, and the
/// lock under which it was claimed, or the token's own way to the holder, orders the two. The home changes as told in
/// `scheduler/hogged.rs`.
#[repr(C)]
pub(crate) struct Goroutine {
    pub(super) vtable: &'static VTable,
    /// The join protocol's state; see [`cell`](super::cell).
    pub(super) join: AtomicU32,
    /// A [`Status`], as a number.
    status: AtomicU8,
    /// A token was spent while the goroutine was not parked: it had come back early, and will look here.
    token_arrived: Cell<bool>,
    /// How often the shutdown of its runtime has unwound it, or a little less, plus one. `None` if it is not to be unwound: it is
    /// only dropped.
    cancellations: Cell<Option<NonZeroU8>>,
    /// While its runtime shuts down: whether it is unwinding, as far as is known.
    unwinding: Cell<Unwinding>,
    /// The number of the unwinding that began last, of those that were told of.
    unwindings: Cell<u16>,
    /// How many [`OsThreadLock`](super::OsThreadLock)s it holds: while it holds any, not even `migrate` moves it.
    pinned: Cell<u16>,
    /// The line that spawned it, as its home numbers it, while it is counted there as a resident.
    site: Cell<Option<SiteId>>,
    /// Who came after it into the queue that it is in, and before it.
    newer_link: Cell<*const Goroutine>,
    older_link: Cell<*const Goroutine>,
    inbox_link: AtomicPtr<Goroutine>,
    home: Cell<*const Worker>,
    stack: Cell<Option<Stack>>,
    /// Its place in line between the queue of started and the queue of unstarted goroutines.
    ticket: Cell<u64>,
    /// Its number in the queue of those whom others may take.
    number: Cell<u64>,
    id: GoroutineId,
    spawned_at: &'static Location<'static>,
    attributes: Option<Box<Attributes>>,
    pub(super) joiner: Cell<Option<WakeToken>>,
}

/// It is what a parked goroutine costs beside its stack.
#[cfg(all(target_pointer_width = "64", not(any(loom, shuttle))))]
const _: () = assert!(size_of::<Goroutine>() == 128);

impl Goroutine {
    #[inline]
    pub(super) fn new(
        vtable: &'static VTable,
        join: u32,
        id: GoroutineId,
        spawned_at: &'static Location<'static>,
        attributes: Option<Box<Attributes>>,
    ) -> Self {
        Self {
            vtable,
            join: AtomicU32::new(join),
            status: AtomicU8::new(Status::Awake(Unparked::Woken).code()),
            token_arrived: Cell::new(false),
            cancellations: Cell::new(Some(NonZeroU8::MIN)),
            unwinding: Cell::new(Unwinding::No),
            unwindings: Cell::new(0),
            pinned: Cell::new(0),
            site: Cell::new(None),
            newer_link: Cell::new(ptr::null()),
            older_link: Cell::new(ptr::null()),
            inbox_link: AtomicPtr::new(ptr::null_mut()),
            home: Cell::new(ptr::null()),
            stack: Cell::new(None),
            ticket: Cell::new(0),
            number: Cell::new(0),
            id,
            spawned_at,
            attributes,
            joiner: Cell::new(None),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id.get()
    }

    pub(crate) fn goroutine_id(&self) -> GoroutineId {
        self.id
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.attributes.as_ref()?.name.as_deref()
    }

    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// For messages: its number, its name if it has one, and where it was spawned.
    pub(crate) fn described(&self) -> impl fmt::Display {
        fmt::from_fn(|f| write!(f, "{} (spawned at {})", title(self.id, self.name()), self.spawned_at))
    }

    pub(crate) fn attributes(&self) -> Option<&Attributes> {
        self.attributes.as_deref()
    }

    /// Who has determined the size of its stack. Async-signal-safe.
    pub(crate) fn stack_size(&self) -> StackSize {
        match self.attributes() {
            Some(Attributes { borrows: true, scope: None, .. }) => StackSize::Main,
            Some(Attributes { stack: Some(_), .. }) => StackSize::Own,
            Some(Attributes { scope: Some(_), .. }) => StackSize::Scoped,
            _ => StackSize::Usual,
        }
    }

    /// Relaxed: the home sees its own writes; of what the home writes while there is a token, others need know no more than
    /// what each of the values says, and the token's way to them orders the writes before it was made.
    #[inline]
    pub(crate) fn status(&self) -> Status {
        Status::of_code(self.status.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn set_status(&self, status: Status) {
        self.status.store(status.code(), Ordering::Relaxed);
    }

    /// Whether the park that has just ended did so by a token.
    #[inline]
    pub(crate) fn was_woken(&self) -> bool {
        self.status.load(Ordering::Relaxed) == Status::Awake(Unparked::Woken).code()
    }

    /// Why the park that has just ended did so.
    #[cold]
    #[inline(never)]
    pub(crate) fn unparked(&self) -> Unparked {
        match self.status() {
            Status::Awake(reason) => reason,
            _ => unreachable!("a parked goroutine is resumed once it was made ready"),
        }
    }

    #[inline]
    pub(crate) fn is_parked(&self) -> bool {
        self.status.load(Ordering::Relaxed) >= Status::Parked.code()
    }

    #[inline]
    pub(crate) fn take_token_arrived(&self) -> bool {
        self.token_arrived.replace(false)
    }

    #[inline]
    pub(crate) fn set_token_arrived(&self) {
        debug_assert!(!self.token_arrived.get(), "a second token for one wait");
        self.token_arrived.set(true);
    }

    #[inline]
    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned.get() != 0
    }

    /// Whether it may go on on another thread, if its runtime lets goroutines do that.
    pub(crate) fn may_change_threads(&self) -> bool {
        !self.is_pinned() && self.unwinding() == Unwinding::No
    }

    /// From now on its waits fail, as those of one that unwinds, when its runtime shuts down.
    pub(super) fn forbid_unwinding(&self) {
        self.cancellations.set(None);
    }

    /// Whether a wait that the shutdown cancels unwinds it.
    pub(crate) fn may_be_unwound(&self) -> bool {
        self.cancellations.get().is_some()
    }

    /// Counts one more time that it is unwound, if it may be.
    pub(super) fn count_cancellation(&self) -> Option<u8> {
        let count = self.cancellations.get()?;
        self.cancellations.set(Some(count.saturating_add(1)));
        Some(count.get())
    }

    pub(crate) fn unwinding(&self) -> Unwinding {
        self.unwinding.get()
    }

    pub(crate) fn set_unwinding(&self, unwinding: Unwinding) {
        self.unwinding.set(unwinding);
    }

    /// Notes that an unwinding begins, and gives its number.
    pub(crate) fn begin_unwinding(&self, how: Unwinding) -> u16 {
        self.unwinding.set(how);
        self.unwindings.update(|number| number.wrapping_add(1));
        self.unwindings.get()
    }

    /// Notes that the unwinding with this number is over, and what was before it is again; unless another began meanwhile.
    pub(super) fn end_unwinding(&self, number: u16, before: Unwinding) {
        if self.unwindings.get() == number {
            self.unwinding.set(before);
            self.unwindings.set(number.wrapping_sub(1));
        }
    }

    /// Whether it may not count as ended while it is still on its stack.
    pub(super) fn borrows(&self) -> bool {
        self.attributes().is_some_and(|attributes| attributes.borrows)
    }

    /// Who does this more often than can be counted stays pinned.
    pub(super) fn pin(&self) {
        self.pinned.update(|count| count.saturating_add(1));
    }

    pub(super) fn unpin(&self) {
        self.pinned.update(|count| if count == u16::MAX { count } else { count - 1 });
    }

    #[inline]
    pub(crate) fn home(&self) -> *const Worker {
        self.home.get()
    }

    #[inline]
    pub(crate) fn set_home(&self, home: *const Worker) {
        self.home.set(home);
    }

    #[inline]
    pub(crate) fn stack(&self) -> Option<Stack> {
        self.stack.get()
    }

    /// The stack of a goroutine that has started.
    ///
    /// # Safety
    /// It has started.
    #[inline]
    pub(crate) unsafe fn started_stack(&self) -> Stack {
        debug_assert!(self.stack.get().is_some(), "a goroutine has a stack once it has started");
        // SAFETY: it is given its stack before it starts, and keeps it.
        unsafe { self.stack.get().unwrap_unchecked() }
    }

    pub(crate) fn set_stack(&self, stack: Stack) {
        self.stack.set(Some(stack));
    }

    #[inline]
    pub(crate) fn ticket(&self) -> u64 {
        self.ticket.get()
    }

    #[inline]
    pub(crate) fn set_ticket(&self, ticket: u64) {
        self.ticket.set(ticket);
    }

    #[inline]
    pub(crate) fn set_site(&self, site: Option<SiteId>) {
        self.site.set(site);
    }

    #[inline]
    pub(crate) fn take_site(&self) -> Option<SiteId> {
        self.site.take()
    }

    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.number.get()
    }

    #[inline]
    pub(crate) fn set_number(&self, number: u64) {
        self.number.set(number);
    }

    #[inline]
    pub(crate) fn newer_link(&self) -> &Cell<*const Goroutine> {
        &self.newer_link
    }

    #[inline]
    pub(crate) fn older_link(&self) -> &Cell<*const Goroutine> {
        &self.older_link
    }
}

// SAFETY: the link is the inbox's alone, and a goroutine is in an inbox at most once: it has one token.
unsafe impl Linked for Goroutine {
    fn link(&self) -> &AtomicPtr<Self> {
        &self.inbox_link
    }
}

impl fmt::Debug for Goroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Goroutine")
            .field("id", &self.id)
            .field("name", &self.name())
            .field("spawned_at", &self.spawned_at)
            .field("join", &self.join.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
