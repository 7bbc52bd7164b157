//! The stock of stacks: a small pool per worker, without locks, in front of one per runtime.
//!
//! A stack goes back to the pool of the worker on which its goroutine ended, and is the first to be used again:
//! its top is in the cache, and its pages are there. What a worker has too much of goes to the shared pool, as it is: to
//! give its memory back at once would cost more than everything else in a goroutine's life. That is done later, for those
//! that nobody has needed for a while; see [`Stock`]. New stacks are cut from a slab in order of address,
//! and get their guard then.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::{io, mem};

use super::slab::Slab;
use super::{SizeClass, Stack};
use crate::std_sync::{Mutex, MutexGuard};
use crate::stock::Stock;

/// The size of a class's first slab; each next one is twice as large, up to [`LARGEST_SLAB`].
const FIRST_SLAB: usize = 64 << 20;
const LARGEST_SLAB: usize = 1 << 30;

/// The stacks of a runtime that no worker has in stock.
#[derive(Default)]
pub(crate) struct StackPool {
    classes: [Mutex<SharedClass>; SizeClass::COUNT],
    /// How often stacks have come back.
    returned: AtomicU64,
    /// Somebody is left on one of the stacks for ever: the memory stays mapped.
    leaked: AtomicBool,
}

/// Address space that stacks take up, in bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct StackMemory {
    pub(crate) reserved: usize,
    /// Of the stacks that are not in stock, neither with their memory nor without.
    pub(crate) in_use: usize,
    /// Of those in stock with the memory that was used.
    pub(crate) in_stock: usize,
}

#[derive(Default)]
struct SharedClass {
    /// Those that came back, with the memory that was used.
    warm: Stock<Stack>,
    /// How many are being trimmed.
    being_trimmed: usize,
    /// Trimmed, with their guards.
    trimmed: Vec<Stack>,
    slabs: Vec<Slab>,
    /// How much of the last slab has been cut into stacks, in bytes.
    cut: usize,
    /// How many stacks have been cut, from all slabs.
    stacks: usize,
}

impl SharedClass {
    /// A new stack, with its guard.
    fn cut(&mut self, class: SizeClass) -> io::Result<Stack> {
        if self.slabs.last().is_none_or(|slab| self.cut == slab.bytes()) {
            let slab = reserve_slab(class, self.slabs.last().map_or(FIRST_SLAB, |last| last.bytes() * 2))?;
            self.slabs.push(slab);
            self.cut = 0;
        }
        let cut = self.cut;
        let slab = self.slabs.last_mut().expect("a slab has just been made sure of");
        // SAFETY: the page is the lowest of a stack that has not been handed out.
        unsafe { slab.install_guard(cut) }?;
        // SAFETY: the memory from `cut` on is nobody's stack yet.
        let stack = unsafe { Stack::ending_at(slab.at(cut + class.bytes())) };
        self.cut = cut + class.bytes();
        self.stacks += 1;
        Ok(stack)
    }
}

impl StackPool {
    /// How many stacks a worker takes at once.
    const BATCH: usize = 32;
    /// How many stacks [`trim_some`](Self::trim_some) trims: it takes from half a millisecond to three.
    const TRIM: usize = 512;

    fn class(&self, class: SizeClass) -> MutexGuard<'_, SharedClass> {
        self.classes[class.index()].lock().expect("no panic happens under this lock")
    }

    /// A stack with a guard; if some are warm, a few more for the caller's `stock`.
    ///
    /// # Errors
    /// What the system says when it has no memory or no mapping left.
    fn take(&self, class: SizeClass, stock: &LocalClass) -> io::Result<Stack> {
        let mut shared = self.class(class);
        if let Some(stack) = shared.warm.take() {
            (1..Self::BATCH).map_while(|_| shared.warm.take()).for_each(|stack| stock.push(stack));
            return Ok(stack);
        }
        let stack = match shared.trimmed.pop() {
            Some(stack) => stack,
            None => shared.cut(class)?,
        };
        drop(shared);
        // SAFETY: the stack is trimmed or new, so its memory is zero.
        unsafe { stack.make_frame(class) };
        Ok(stack)
    }

    /// Takes stacks that a worker has too much of, and may need again soon.
    fn give_back(&self, class: SizeClass, stacks: impl Iterator<Item = Stack>) {
        self.class(class).warm.give(stacks);
        self.returned.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes stacks that a worker has not needed for a while.
    fn give_back_unused(&self, class: SizeClass, stacks: impl Iterator<Item = Stack>) {
        self.class(class).warm.give_unused(stacks);
        self.returned.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether there are stacks that may have to be trimmed.
    pub(crate) fn has_warm(&self) -> bool {
        SizeClass::all().any(|class| !self.class(class).warm.is_empty())
    }

    /// Makes those be trimmed that have not been needed since the last call.
    pub(crate) fn mark_unused(&self) {
        SizeClass::all().for_each(|class| self.class(class).warm.mark_unused());
    }

    /// Gives the memory of some unused stacks of one class back to the system. Whether there were any. For the monitor only.
    pub(crate) fn trim_some(&self) -> bool {
        SizeClass::all().any(|class| self.trim_some_of(class))
    }

    fn trim_some_of(&self, class: SizeClass) -> bool {
        let mut shared = self.class(class);
        let stacks = shared.warm.take_unused(Self::TRIM);
        if stacks.is_empty() {
            return false;
        }
        shared.being_trimmed = stacks.len();
        drop(shared);
        // SAFETY: the stacks come from a pool, so nobody runs on them.
        unsafe { Stack::discard(&stacks) };
        let mut shared = self.class(class);
        shared.being_trimmed = 0;
        shared.trimmed.extend(stacks);
        true
    }

    /// How often stacks have come back to this pool.
    pub(crate) fn returned(&self) -> u64 {
        self.returned.load(Ordering::SeqCst)
    }

    /// Whether there is no stack of `class`, neither here nor with anybody who might give it back.
    pub(crate) fn is_hopeless(&self, class: SizeClass) -> bool {
        self.class(class).stacks == 0
    }

    /// What the stacks take up that are in no worker's stock.
    pub(crate) fn memory(&self) -> StackMemory {
        let of_class = |class: SizeClass| {
            let shared = self.class(class);
            let (cut, warm) = (shared.stacks * class.bytes(), shared.warm.len() * class.bytes());
            let reserved = shared.slabs.iter().map(Slab::bytes).sum();
            let trimmed = (shared.trimmed.len() + shared.being_trimmed) * class.bytes();
            StackMemory { reserved, in_use: cut - warm - trimmed, in_stock: warm }
        };
        SizeClass::all().map(of_class).fold(StackMemory::default(), |sum, class| StackMemory {
            reserved: sum.reserved + class.reserved,
            in_use: sum.in_use + class.in_use,
            in_stock: sum.in_stock + class.in_stock,
        })
    }

    /// The addresses of all stacks, also of those in stock.
    pub(crate) fn areas(&self) -> Vec<Range<usize>> {
        let area = |slab: &Slab| slab.at(0).addr().get()..slab.at(slab.bytes()).addr().get();
        SizeClass::all().flat_map(|class| self.class(class).slabs.iter().map(area).collect::<Vec<_>>()).collect()
    }

    /// Every stack that was ever handed out. Used by shutdown to find who is parked.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(Stack)) {
        for class in SizeClass::all() {
            let class_bytes = class.bytes();
            let shared = self.class(class);
            let last = shared.slabs.len().wrapping_sub(1);
            for (number, slab) in shared.slabs.iter().enumerate() {
                let cut = if number == last { shared.cut } else { slab.bytes() };
                for top in (class_bytes..=cut).step_by(class_bytes) {
                    // SAFETY: the memory below was cut into this stack; it is visited, not taken.
                    visit(unsafe { Stack::ending_at(slab.at(top)) });
                }
            }
        }
    }
}

impl StackPool {
    /// Leaves the memory of all stacks mapped when this is dropped.
    pub(crate) fn leak(&self) {
        self.leaked.store(true, Ordering::Relaxed);
    }
}

impl Drop for StackPool {
    fn drop(&mut self) {
        if !*self.leaked.get_mut() {
            return;
        }
        for class in &mut self.classes {
            let slabs = mem::take(&mut class.get_mut().expect("no panic happens under this lock").slabs);
            slabs.into_iter().for_each(mem::forget);
        }
    }
}

/// A slab of `bytes`, or of as much as there is, down to a single stack. Some room is left to others.
fn reserve_slab(class: SizeClass, bytes: usize) -> io::Result<Slab> {
    let mut bytes = bytes.min(LARGEST_SLAB).max(class.bytes());
    loop {
        match Slab::reserve_leaving_room(bytes) {
            Ok(slab) => return Ok(slab),
            Err(error) if bytes == class.bytes() => return Err(error),
            Err(_) => bytes /= 2,
        }
    }
}

/// The stacks that one worker has in stock. Used by that worker alone, but for [how many](Self::bytes) they are.
#[derive(Default)]
pub(crate) struct LocalPool {
    classes: [LocalClass; SizeClass::COUNT],
}

#[derive(Default)]
struct LocalClass {
    head: Cell<Option<Stack>>,
    /// Written by the worker, and read by anybody. Relaxed: a number is all that there is to see.
    len: AtomicUsize,
}

impl LocalPool {
    /// How many bytes of address space of one class a worker keeps in stock, at least one stack.
    const KEEP_BYTES: usize = 64 << 20;

    const fn keep(class: SizeClass) -> usize {
        let stacks = Self::KEEP_BYTES / class.bytes();
        if stacks == 0 { 1 } else { stacks }
    }

    /// A stack of `class`.
    ///
    /// # Errors
    /// As [`StackPool::take`].
    #[inline]
    pub(crate) fn take(&self, class: SizeClass, shared: &StackPool) -> io::Result<Stack> {
        let stock = &self.classes[class.index()];
        stock.pop().map_or_else(|| shared.take(class, stock), Ok)
    }

    /// Takes back a stack on which nobody runs any more.
    #[inline]
    pub(crate) fn put(&self, stack: Stack, shared: &StackPool) {
        let class = &self.classes[stack.class().index()];
        class.push(stack);
        if class.len() > Self::keep(stack.class()) {
            self.shrink(stack.class(), shared);
        }
    }

    /// The address space of what is in stock, in bytes. For any thread.
    pub(crate) fn bytes(&self) -> usize {
        SizeClass::all().zip(&self.classes).map(|(class, stock)| stock.len() * class.bytes()).sum()
    }

    /// Whether there is nothing in stock.
    pub(crate) fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.len() == 0)
    }

    /// Gives everything to the shared pool, as unused: its memory goes back to the system soon.
    pub(crate) fn clear(&self, shared: &StackPool) {
        for (class, stock) in SizeClass::all().zip(&self.classes).filter(|(_, stock)| stock.len() > 0) {
            shared.give_back_unused(class, std::iter::from_fn(|| stock.pop()));
        }
    }

    /// Gives half of the stock of a class to the shared pool.
    #[cold]
    fn shrink(&self, class: SizeClass, shared: &StackPool) {
        let stock = &self.classes[class.index()];
        let surplus = stock.len() - Self::keep(class) / 2;
        shared.give_back(class, (0..surplus).map_while(|_| stock.pop()));
    }
}

impl LocalClass {
    #[inline]
    fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    #[inline]
    fn pop(&self) -> Option<Stack> {
        let stack = self.head.get()?;
        self.head.set(stack.next_free());
        self.len.store(self.len() - 1, Ordering::Relaxed);
        Some(stack)
    }

    #[inline]
    fn push(&self, stack: Stack) {
        stack.set_next_free(self.head.get());
        self.head.set(Some(stack));
        self.len.store(self.len() + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: SizeClass = SizeClass::round_up(64 << 10);

    #[test]
    fn stacks_are_distinct_and_come_back_last_in_first_out() {
        let shared = StackPool::default();
        let local = LocalPool::default();
        let stacks: Vec<Stack> = (0..100).map(|_| local.take(CLASS, &shared).unwrap()).collect();
        for pair in stacks.windows(2) {
            assert!(pair[1].limit().abs_diff(pair[0].limit()) >= CLASS.bytes());
        }
        local.put(stacks[3], &shared);
        local.put(stacks[5], &shared);
        assert_eq!(local.take(CLASS, &shared).unwrap(), stacks[5]);
        assert_eq!(local.take(CLASS, &shared).unwrap(), stacks[3]);
    }

    #[test]
    fn a_stock_too_large_is_shared() {
        let shared = StackPool::default();
        let local = LocalPool::default();
        let keep = LocalPool::keep(CLASS);
        let stacks: Vec<Stack> = (0..keep + 1).map(|_| local.take(CLASS, &shared).unwrap()).collect();
        for stack in stacks {
            local.put(stack, &shared);
        }
        assert_eq!(local.classes[CLASS.index()].len(), keep / 2);
        let other = LocalPool::default();
        let cut = || shared.classes[CLASS.index()].lock().unwrap().stacks;
        assert_eq!(cut(), keep + 1);
        for _ in 0..keep + 1 - keep / 2 {
            other.take(CLASS, &shared).unwrap();
        }
        assert_eq!(cut(), keep + 1);
    }

    #[test]
    fn stacks_are_trimmed_once_nobody_has_needed_them_for_a_while() {
        let shared = StackPool::default();
        let (busy, other) = (LocalPool::default(), LocalPool::default());
        let peak = 2 * LocalPool::keep(CLASS);
        let stacks: Vec<Stack> = (0..peak).map(|_| busy.take(CLASS, &shared).unwrap()).collect();
        stacks.iter().for_each(|&stack| busy.put(stack, &shared));
        let lengths = || {
            let class = shared.class(CLASS);
            (class.warm.len(), class.trimmed.len())
        };
        let trim = || while shared.trim_some() {};
        let warm = lengths().0;
        shared.mark_unused();
        trim();
        assert_eq!(lengths(), (warm, 0), "they have just come");
        let needed = other.take(CLASS, &shared).unwrap();
        shared.mark_unused();
        trim();
        assert_eq!(lengths(), (0, warm - StackPool::BATCH), "but for those that were taken");
        assert!(!shared.has_warm());
        other.put(needed, &shared);
        other.clear(&shared);
        trim();
        assert_eq!(lengths(), (0, warm), "and those that a worker had no use for");
        for _ in 0..warm {
            let stack = other.take(CLASS, &shared).unwrap();
            assert_eq!(stack.class(), CLASS, "it has a frame again");
        }
        assert_eq!(shared.class(CLASS).stacks, peak);
    }

    #[test]
    fn every_stack_handed_out_is_visited() {
        let shared = StackPool::default();
        let local = LocalPool::default();
        for _ in 0..10 {
            local.take(CLASS, &shared).unwrap();
        }
        let mut seen = 0;
        shared.for_each(|stack| {
            assert!(stack.frame().goroutine().is_none());
            seen += 1;
        });
        assert_eq!(seen, 10);
    }
}
