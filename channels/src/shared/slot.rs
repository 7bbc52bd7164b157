//! The places through which values pass between two parties, of which one is blocked.
//!
//! A slot is reached by one party at a time: by its owner before it links the slot's node and after it has been
//! woken or has unlinked it, by the claimer in between (P2 of the [park protocol](gocsp_runtime::park)). Its
//! content is therefore a plain cell.

use std::cell::Cell;
use std::ptr::NonNull;

/// Holds what a sender offers, until somebody takes it.
pub(crate) struct SendSlot<T>(Cell<Offer<T>>);

enum Offer<T> {
    Owned(T),
    /// The value stands in a variable of the sender and is moved out bitwise.
    Borrowed(NonNull<T>),
    Taken,
}

// SAFETY: whoever gets at the slot gets a `T` out of it, borrowed or not, and nothing else.
unsafe impl<T: Send> Send for SendSlot<T> {}

impl<T> SendSlot<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        Self(Cell::new(Offer::Owned(value)))
    }

    /// A slot that offers the value in a variable.
    ///
    /// # Safety
    /// Until the slot is dropped the variable stays valid and untouched. Once the value has been taken it counts
    /// as moved out.
    #[inline]
    pub(crate) unsafe fn borrowed(value: NonNull<T>) -> Self {
        Self(Cell::new(Offer::Borrowed(value)))
    }

    /// Takes the value out of a slot in which it still is.
    #[inline]
    pub(crate) fn take(&self) -> T {
        self.try_take().expect("a sender offers its value until it is taken")
    }

    /// Takes the value, unless somebody has done so before.
    #[inline]
    pub(crate) fn try_take(&self) -> Option<T> {
        match self.0.replace(Offer::Taken) {
            Offer::Owned(value) => Some(value),
            // SAFETY: the variable is valid, and this is the only time its value is read: the slot forgets it.
            Offer::Borrowed(value) => Some(unsafe { value.read() }),
            Offer::Taken => None,
        }
    }

    /// Whether the value has been taken.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        let offer = self.0.replace(Offer::Taken);
        let taken = matches!(offer, Offer::Taken);
        self.0.set(offer);
        taken
    }
}

/// Where a receiver finds what it was sent.
pub(crate) struct RecvSlot<T>(Cell<Option<T>>);

impl<T> RecvSlot<T> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self(Cell::new(None))
    }

    /// Puts a value into the empty slot.
    #[inline]
    pub(crate) fn fill(&self, value: T) {
        self.0.set(Some(value));
    }

    /// What is in the slot, if anything is.
    #[inline]
    pub(crate) fn take(&self) -> Option<T> {
        self.0.take()
    }
}

#[cfg(test)]
mod tests {
    use std::mem::ManuallyDrop;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn an_owned_value_is_taken_once() {
        let value = Rc::new(());
        let slot = SendSlot::new(value.clone());
        assert!(!slot.is_taken());
        assert_eq!(Rc::strong_count(&value), 2);
        drop(slot.take());
        assert!(slot.is_taken());
        assert!(slot.try_take().is_none());
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn an_owned_value_that_nobody_takes_is_dropped_with_the_slot() {
        let value = Rc::new(());
        drop(SendSlot::new(value.clone()));
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn a_borrowed_value_is_left_alone_until_taken() {
        let value = Rc::new(());
        let mut variable = ManuallyDrop::new(value.clone());
        // SAFETY: the variable outlives the slot and is not used before the slot is gone.
        let slot = unsafe { SendSlot::borrowed(NonNull::from(&mut *variable)) };
        assert!(!slot.is_taken());
        drop(slot);
        assert_eq!(Rc::strong_count(&value), 2);

        // SAFETY: as above.
        let slot = unsafe { SendSlot::borrowed(NonNull::from(&mut *variable)) };
        let moved = slot.take();
        assert!(slot.is_taken());
        drop(slot);
        assert_eq!(Rc::strong_count(&value), 2);
        drop(moved);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn what_fills_a_receiving_slot_is_found_once() {
        let slot = RecvSlot::new();
        assert_eq!(slot.take(), None);
        slot.fill(7);
        assert_eq!(slot.take(), Some(7));
        assert_eq!(slot.take(), None);
    }
}
