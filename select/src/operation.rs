//! The operations of a dynamic select: of any type, and yet in one list and without a heap allocation.
//!
//! An [`Operation`] keeps what it consists of in a fixed room inside itself, or in a box of its own if the room is too
//! small. It is reached there as a `dyn` [`Recurring`], or, by an accessor that names the channel, under its own type.
//!
//! # Invariant
//! The room holds one value, of the type for which `view` was made: an `O`, or a `Box<O>` if `O` does not fit.
//!
//! # Which type that is
//! An accessor is given a reference to a handle, [`Sender`] or [`Receiver`], of a known type. It gets at the operation if
//! that borrows the handle at this very address. While it is borrowed there is nothing else there, and neither kind of
//! handle has another handle inside; so it is the same one. Not even a lifetime in its type can be seen differently,
//! since handles are invariant in it.

use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};

use gocsp_channels::case::{Case, RecvCase, SendCase};
use gocsp_channels::{Receiver, RecvError, SendError, Sender};

/// A case that can be carried out, and perhaps once more.
trait Recurring {
    fn case(&mut self) -> &mut dyn Case;

    /// Drops what has come of the last time.
    fn renew(&mut self);
}

struct Receiving<'a, T> {
    rx: &'a Receiver<T>,
    case: RecvCase<'a, T>,
}

impl<T> Recurring for Receiving<'_, T> {
    fn case(&mut self) -> &mut dyn Case {
        &mut self.case
    }

    fn renew(&mut self) {
        self.case = RecvCase::new(self.rx);
    }
}

struct Sending<'a, T> {
    /// `None` once the value has been sent or taken back. The operation is not used again.
    case: Option<SendCase<'a, T>>,
}

impl<T> Recurring for Sending<'_, T> {
    fn case(&mut self) -> &mut dyn Case {
        self.case.as_mut().expect("an operation without its value is not selected")
    }

    fn renew(&mut self) {
        self.case = None;
    }
}

impl<O: Recurring> Recurring for Box<O> {
    fn case(&mut self) -> &mut dyn Case {
        (**self).case()
    }

    fn renew(&mut self) {
        (**self).renew();
    }
}

/// Enough for values of six words.
type Room = MaybeUninit<[usize; 16]>;

/// Whether an `O` has its place in the room, not in a box.
const fn fits<O>() -> bool {
    size_of::<O>() <= size_of::<Room>() && align_of::<O>() <= align_of::<Room>()
}

/// One operation of a dynamic select.
pub(crate) struct Operation<'a> {
    room: Room,
    view: fn(&mut Room) -> NonNull<dyn Recurring + 'a>,
    /// The [`Sender`] or [`Receiver`] that the operation borrows.
    handle: *const (),
    is_send: bool,
    /// What is in the room may be bound to its thread.
    marker: PhantomData<*mut ()>,
}

impl<'a> Operation<'a> {
    pub(crate) fn recv<T: 'a>(rx: &'a Receiver<T>) -> Self {
        Self::new(Receiving { rx, case: RecvCase::new(rx) }, ptr::from_ref(rx).cast(), false)
    }

    pub(crate) fn send<T: 'a>(tx: &'a Sender<T>, value: T) -> Self {
        Self::new(Sending { case: Some(SendCase::new(tx, value)) }, ptr::from_ref(tx).cast(), true)
    }

    fn new<O: Recurring + 'a>(operation: O, handle: *const (), is_send: bool) -> Self {
        if fits::<O>() {
            Self::furnish(operation, handle, is_send)
        } else {
            Self::furnish(Box::new(operation), handle, is_send)
        }
    }

    fn furnish<O: Recurring + 'a>(content: O, handle: *const (), is_send: bool) -> Self {
        assert!(fits::<O>(), "what is larger is boxed");
        let mut room = Room::uninit();
        // SAFETY: the content fits, as was just asserted.
        unsafe { room.as_mut_ptr().cast::<O>().write(content) };
        let view = |room: &mut Room| NonNull::from(room).cast::<O>() as NonNull<dyn Recurring + 'a>;
        Self { room, view, handle, is_send, marker: PhantomData }
    }

    fn content(&mut self) -> &mut (dyn Recurring + 'a) {
        let mut content = (self.view)(&mut self.room);
        // SAFETY: by the invariant the room holds what the view says; the borrow is that of `self`.
        unsafe { content.as_mut() }
    }

    /// What is in the room, for an `O` that is known to be.
    ///
    /// # Safety
    /// The operation was made of an `O`.
    unsafe fn known<O: Recurring>(&mut self) -> &mut O {
        let content = self.room.as_mut_ptr();
        if fits::<O>() {
            // SAFETY: by contract and by the invariant it is there in place.
            unsafe { &mut *content.cast::<O>() }
        } else {
            // SAFETY: by contract and by the invariant its box is there.
            unsafe { &mut *content.cast::<Box<O>>() }
        }
    }

    fn receiving<T: 'a>(&mut self, rx: &Receiver<T>) -> &mut Receiving<'a, T> {
        let same = !self.is_send && ptr::addr_eq(self.handle, rx);
        assert!(same, "this operation does not receive through that handle");
        // SAFETY: the handles are the same, so the operation was made for values of type T; see the module.
        unsafe { self.known() }
    }

    fn sending<T: 'a>(&mut self, tx: &Sender<T>) -> &mut Sending<'a, T> {
        let same = self.is_send && ptr::addr_eq(self.handle, tx);
        assert!(same, "this operation does not send through that handle");
        // SAFETY: the handles are the same, so the operation was made for values of type T; see the module.
        unsafe { self.known() }
    }

    pub(crate) fn is_send(&self) -> bool {
        self.is_send
    }

    pub(crate) fn case(&mut self) -> &mut dyn Case {
        self.content().case()
    }

    /// Drops what has come of the last time.
    pub(crate) fn renew(&mut self) {
        self.content().renew();
    }

    /// What came of the receive that completed.
    pub(crate) fn received<T: 'a>(&mut self, rx: &Receiver<T>) -> Result<T, RecvError> {
        let receiving = self.receiving(rx);
        mem::replace(&mut receiving.case, RecvCase::new(receiving.rx)).finish()
    }

    /// What came of the send that completed.
    pub(crate) fn sent<T: 'a>(&mut self, tx: &Sender<T>) -> Result<(), SendError<T>> {
        self.sending(tx).case.take().expect("a send is finished once").finish()
    }

    /// The value of a send that has not completed.
    pub(crate) fn unsent<T: 'a>(&mut self, tx: &Sender<T>) -> T {
        self.sending(tx).case.take().expect("a send that was not selected has its value").into_value()
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        let content: *mut (dyn Recurring + '_) = self.content();
        // SAFETY: the room is not used again.
        unsafe { ptr::drop_in_place(content) };
    }
}
