//! Sending and receiving at once, as part of what is done under the lock: by selects, and by tasks.
//!
//! The slot tells how it went, as it does for who has waited (C3).

use gocsp_runtime::park::WakeToken;

use super::{RecvRoute, RecvSlot, SendRoute, SendSlot, State, hand_over, take_over};

impl<T> State<T> {
    /// Completes the receive into `slot`, which is empty, if that needs no waiting. `Some` tells that it has; the token
    /// inside is to be spent after the unlock.
    #[inline]
    pub(crate) fn try_recv_into(&mut self, slot: &RecvSlot<T>, capacity: usize) -> Option<Option<WakeToken>> {
        match self.route_recv() {
            RecvRoute::Buffer => {
                slot.fill(self.pop());
                Some(self.refill(capacity))
            }
            RecvRoute::Sender(sender) | RecvRoute::Task(sender) => {
                let (value, token) = take_over(sender);
                slot.fill(value);
                Some(Some(token))
            }
            RecvRoute::Empty => None,
            RecvRoute::Disconnected => Some(None),
        }
    }

    /// Completes the send out of `slot`, which holds the value, if that needs no waiting. Tells the same as
    /// [`try_recv_into`](Self::try_recv_into).
    #[inline]
    pub(crate) fn try_send_from(&mut self, slot: &SendSlot<T>, capacity: usize) -> Option<Option<WakeToken>> {
        match self.route_send(capacity) {
            SendRoute::Receiver(receiver) => Some(Some(hand_over(receiver, slot.take()))),
            SendRoute::Task(token) => {
                self.hand(slot.take());
                Some(Some(token))
            }
            SendRoute::Buffer => {
                self.push(slot.take());
                Some(None)
            }
            SendRoute::Full => None,
            SendRoute::Disconnected => Some(None),
        }
    }
}
