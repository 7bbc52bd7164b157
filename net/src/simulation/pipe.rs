//! One direction of a connection: what is on its way, and when it will be there.

use std::collections::VecDeque;
use std::time::Instant;

/// What travels.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// The connection is made.
    Open,
    Data(Vec<u8>),
    /// The other side has ended writing.
    Fin,
    /// The connection is broken off.
    Reset,
}

/// What is on its way to one end of a connection. It arrives in the order in which it was sent.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// Each with its arrival, which is not known while the pipe is held.
    segments: VecDeque<(Option<Instant>, Segment)>,
    /// When the last of all that were sent arrives, or has arrived.
    last: Option<Instant>,
    /// How many bytes of data there are.
    bytes: usize,
    /// Nothing arrives.
    held: bool,
    /// After a reset nothing is sent any more.
    ends: bool,
}

impl Pipe {
    /// Sends a segment that may arrive at `at`, and not before those that were sent earlier. When it arrives, if that
    /// is known.
    pub(super) fn push(&mut self, segment: Segment, at: Instant) -> Option<Instant> {
        if self.ends {
            return None;
        }
        self.ends = segment == Segment::Reset;
        if let Segment::Data(bytes) = &segment {
            self.bytes += bytes.len();
        }
        let at = self.last.map_or(at, |last| last.max(at));
        let arrival = if self.held { None } else { Some(at) };
        self.last = Some(at);
        self.segments.push_back((arrival, segment));
        arrival
    }

    /// The next segment, if it is there by now.
    pub(super) fn take_arrived(&mut self, now: Instant) -> Option<Segment> {
        self.segments.front()?.0.filter(|&arrival| arrival <= now)?;
        let (_, segment) = self.segments.pop_front()?;
        if let Segment::Data(bytes) = &segment {
            self.bytes -= bytes.len();
        }
        Some(segment)
    }

    /// When the next segment arrives, if there is any, and that is known.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.segments.front()?.0
    }

    /// When the segments arrive, as far as that is known.
    pub(super) fn arrivals(&self) -> impl Iterator<Item = Instant> {
        self.segments.iter().filter_map(|(arrival, _)| *arrival)
    }

    /// When the last of all arrives.
    pub(super) fn last_arrival(&self) -> Option<Instant> {
        self.last
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Throws away what is on its way.
    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.bytes = 0;
        self.ends = false;
    }

    /// Nothing that is not there by now arrives, until it is [released](Self::release).
    pub(super) fn hold(&mut self, now: Instant) {
        self.held = true;
        for (arrival, _) in &mut self.segments {
            *arrival = arrival.filter(|&arrival| arrival <= now);
        }
    }

    /// What was held arrives at `at`. Whether there is any.
    pub(super) fn release(&mut self, at: Instant) -> bool {
        self.held = false;
        let mut any = false;
        for (arrival, _) in &mut self.segments {
            any |= arrival.is_none();
            arrival.get_or_insert(at);
        }
        self.last = self.last.map(|last| if any { at } else { last });
        any
    }

    /// Whether nothing can be sent any more, for it would come after a reset.
    pub(super) fn has_ended(&self) -> bool {
        self.ends
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn data(text: &str) -> Segment {
        Segment::Data(text.into())
    }

    #[test]
    fn what_was_sent_first_arrives_first() {
        let (mut pipe, start) = (Pipe::default(), Instant::now());
        let later = start + Duration::from_millis(5);
        assert_eq!(pipe.push(data("one"), later), Some(later));
        assert_eq!(pipe.push(data("two"), start), Some(later));
        assert_eq!((pipe.bytes(), pipe.take_arrived(start)), (6, None));
        assert_eq!(pipe.take_arrived(later), Some(data("one")));
        assert_eq!(pipe.take_arrived(later), Some(data("two")));
        assert_eq!((pipe.bytes(), pipe.take_arrived(later)), (0, None));
    }

    #[test]
    fn what_is_held_arrives_when_it_is_released() {
        let (mut pipe, start) = (Pipe::default(), Instant::now());
        let [soon, later, last] = [1, 2, 3].map(|millis| start + Duration::from_millis(millis));
        pipe.push(data("there"), start);
        pipe.push(data("under way"), soon);
        pipe.hold(start);
        assert_eq!(pipe.push(data("sent now"), soon), None);
        assert_eq!(pipe.take_arrived(last), Some(data("there")));
        assert_eq!(pipe.take_arrived(last), None);
        assert!(pipe.release(later));
        assert_eq!(pipe.push(Segment::Fin, soon), Some(later));
        assert_eq!((pipe.next_arrival(), pipe.arrivals().count()), (Some(later), 3));
    }

    #[test]
    fn nothing_follows_a_reset() {
        let (mut pipe, start) = (Pipe::default(), Instant::now());
        pipe.push(Segment::Reset, start);
        assert_eq!(pipe.push(data("lost"), start), None);
        assert_eq!((pipe.take_arrived(start), pipe.take_arrived(start)), (Some(Segment::Reset), None));
    }
}
