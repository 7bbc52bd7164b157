//! The list in which a node keeps its children: places that are numbered and used again, so that one is entered and taken
//! out in constant time, without unsafe code.
//!
//! It has room for as many as there have been at one time, until it is dropped.
//!
//! Rejected: a list linked through the children. It needs no room of its own, but then each child's links belong to its
//! parent's lock and not to its own, and that cannot be said in safe Rust.

use std::mem;
use std::sync::Arc;

use crate::function::Function;
use crate::node::Node;

/// What is to be told that a node ends.
pub(crate) enum Child {
    Node(Arc<Node>),
    Function(Arc<Function>),
}

enum Place {
    Taken(Child),
    /// Free, as is the next one, if any.
    Free(Option<usize>),
}

#[derive(Default)]
pub(crate) struct Children {
    places: Vec<Place>,
    first_free: Option<usize>,
    len: usize,
}

impl Children {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Enters a child, and gives the number of its place.
    pub(crate) fn insert(&mut self, child: Child) -> usize {
        self.len += 1;
        let Some(free) = self.first_free else {
            self.places.push(Place::Taken(child));
            return self.places.len() - 1;
        };
        match mem::replace(&mut self.places[free], Place::Taken(child)) {
            Place::Free(next) => self.first_free = next,
            Place::Taken(_) => unreachable!("a place is free or taken"),
        }
        free
    }

    /// Takes out the child in a place that was given for it, unless all have been taken out.
    pub(crate) fn remove(&mut self, place: usize) -> Option<Child> {
        match mem::replace(self.places.get_mut(place)?, Place::Free(self.first_free)) {
            Place::Taken(child) => {
                self.first_free = Some(place);
                self.len -= 1;
                Some(child)
            }
            Place::Free(_) => unreachable!("a child is taken out once"),
        }
    }
}

impl IntoIterator for Children {
    type Item = Child;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter(self.places.into_iter())
    }
}

/// The children, in the order of their places.
pub(crate) struct IntoIter(std::vec::IntoIter<Place>);

impl Iterator for IntoIter {
    type Item = Child;

    fn next(&mut self) -> Option<Child> {
        self.0.find_map(|place| match place {
            Place::Taken(child) => Some(child),
            Place::Free(_) => None,
        })
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn child() -> Child {
        Child::Function(Arc::new(Function::new(|| ())))
    }

    #[test]
    fn places_are_used_again() {
        let mut children = Children::default();
        assert!(children.is_empty());
        assert_eq!([0; 4].map(|_| children.insert(child())), [0, 1, 2, 3]);
        assert!(children.remove(1).is_some() && children.remove(3).is_some());
        assert_eq!([0; 3].map(|_| children.insert(child())), [3, 1, 4]);
        assert!(children.remove(0).is_some());
        assert_eq!(children.into_iter().count(), 4);
    }

    #[test]
    fn it_is_empty_when_all_are_taken_out() {
        let mut children = Children::default();
        for place in [children.insert(child()), children.insert(child())] {
            assert!(!children.is_empty());
            children.remove(place);
        }
        assert!(children.is_empty());
        assert!(mem::take(&mut children).into_iter().next().is_none());
        assert!(children.remove(0).is_none(), "taken out with all the others");
    }
}
