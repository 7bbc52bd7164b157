//! What reports tell of the primitives of this crate: where each was made, and who has it.
//!
//! Every operation that may wait passes the place of its caller down to the wait. The [`Way`](park::Way) of each
//! stands beside what it is a way of waiting for.

#![forbid(unsafe_code)]

use std::panic::Location;
use std::ptr;
// Not from `sync`: nothing depends on it, so that models need not see it.
use std::sync::atomic::{AtomicUsize, Ordering};

use gocsp_runtime::park::{self, Description, Partner, Subject};

/// Where in the user's program somebody called.
pub(crate) type Caller = &'static Location<'static>;

/// What was just taken, by who is at this place, and is seen there by others from now on.
#[inline(always)]
pub(crate) fn held<G>(guard: G, place: Caller) -> G {
    park::point_holding(place);
    guard
}

/// Who holds something, or held it the last time: an address on the stack of that goroutine or thread. So to note it takes no
/// more than the store of a register, and nothing has to be known of who calls.
///
/// Relaxed throughout: a report that is made while nobody can go on finds the last note.
pub(crate) struct Holder(AtomicUsize);

impl Holder {
    pub(crate) const fn nobody() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// The caller holds it from now on.
    #[inline(always)]
    pub(crate) fn note(&self) {
        self.0.store(park::stack_address(), Ordering::Relaxed);
    }

    /// The one on whose stack this lies holds it from now on.
    pub(crate) fn note_owner_of<T>(&self, on_stack: &T) {
        self.0.store(ptr::from_ref(on_stack).addr(), Ordering::Relaxed);
    }

    /// Who could end a wait for it.
    pub(crate) fn partner(&self, is_held: bool) -> Partner {
        match self.0.load(Ordering::Relaxed) {
            // Between two holders: it is on its way to somebody.
            0 => Partner::Others,
            _ if !is_held => Partner::Others,
            address => Partner::Holder(address),
        }
    }
}

/// Tells of the primitive that is waited for.
pub(crate) fn tell<S>(what: &'static str, it: &S, made_at: Option<Caller>, partner: Partner, to: &mut Description) {
    to.subjects.push(Subject { what, address: ptr::from_ref(it).addr(), made_at, partner });
}
