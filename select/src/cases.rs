//! The cases of a select as one value, with or without knowledge of their types.

use gocsp_channels::case::Case;
use gocsp_runtime::park::Subject;

/// A list of cases.
pub trait Cases {
    /// How many cases there are.
    fn count(&self) -> usize;

    /// Does something with case `number`, which is below [`count`](Self::count).
    ///
    /// With a closure instead of a reference returned, the closure is compiled for the type of each case of a
    /// [`Pair`] by itself, and needs no virtual call.
    fn with<R>(&mut self, number: usize, act: impl FnOnce(&mut dyn Case) -> R) -> R;

    /// Does something with each case, of which the first one's number is `first`. For a [`Pair`] this takes neither a loop nor
    /// a look at the number.
    fn each(&mut self, first: usize, act: &mut impl FnMut(usize, &mut dyn Case));

    /// Adds what each case [waits for](Case::subject), in order.
    fn subjects(&self, to: &mut Vec<Subject>);
}

/// The end of a list.
#[derive(Debug)]
pub struct End;

/// One case, and those after it.
#[derive(Debug)]
pub struct Pair<'c, C, R>(pub &'c mut C, pub R);

impl Cases for End {
    #[inline(always)]
    fn count(&self) -> usize {
        0
    }

    #[inline(always)]
    fn with<R>(&mut self, number: usize, _act: impl FnOnce(&mut dyn Case) -> R) -> R {
        unreachable!("{number} cases too few")
    }

    #[inline(always)]
    fn each(&mut self, _first: usize, _act: &mut impl FnMut(usize, &mut dyn Case)) {}

    fn subjects(&self, _to: &mut Vec<Subject>) {}
}

impl<C: Case, Rest: Cases> Cases for Pair<'_, C, Rest> {
    #[inline(always)]
    fn count(&self) -> usize {
        1 + self.1.count()
    }

    #[inline(always)]
    fn with<R>(&mut self, number: usize, act: impl FnOnce(&mut dyn Case) -> R) -> R {
        match number.checked_sub(1) {
            None => act(self.0),
            Some(number) => self.1.with(number, act),
        }
    }

    #[inline(always)]
    fn each(&mut self, first: usize, act: &mut impl FnMut(usize, &mut dyn Case)) {
        act(first, self.0);
        self.1.each(first + 1, act);
    }

    fn subjects(&self, to: &mut Vec<Subject>) {
        to.push(self.0.subject());
        self.1.subjects(to);
    }
}

impl<'c> Cases for [&'c mut (dyn Case + 'c)] {
    #[inline]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn with<R>(&mut self, number: usize, act: impl FnOnce(&mut dyn Case) -> R) -> R {
        act(self[number])
    }

    #[inline]
    fn each(&mut self, first: usize, act: &mut impl FnMut(usize, &mut dyn Case)) {
        for (number, case) in (first..).zip(self) {
            act(number, *case);
        }
    }

    fn subjects(&self, to: &mut Vec<Subject>) {
        to.extend(self.iter().map(|case| case.subject()));
    }
}
