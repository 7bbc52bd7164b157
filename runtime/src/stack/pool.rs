//! The stock of stacks: a small pool per worker, without locks, in front of one per runtime.
//!
//! A stack goes back to the pool of the worker on which its goroutine ended, and is the first to be used again:
//! its top is in the cache, and its pages are there. What a worker has too much of is trimmed and goes to the shared
//! pool. New stacks are cut from a slab in order of address, and get their guard then.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{io, mem};

use super::slab::{Slab, install_guard};
use super::{SizeClass, Stack};

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

#[derive(Default)]
struct SharedClass {
    /// Trimmed, with their guards.
    free: Vec<Stack>,
    slabs: Vec<Slab>,
    /// How much of the last slab has been cut into stacks, in bytes.
    cut: usize,
    /// How many stacks have been cut, from all slabs.
    stacks: usize,
}

impl StackPool {
    /// A stack with a guard, trimmed or new.
    ///
    /// # Errors
    /// What the system says when it has no memory or no mapping left.
    fn take(&self, class: SizeClass) -> io::Result<Stack> {
        let mut shared = self.classes[class.index()].lock().expect("no panic happens under this lock");
        if let Some(stack) = shared.free.pop() {
            return Ok(stack);
        }
        if shared.slabs.last().is_none_or(|slab| shared.cut == slab.bytes()) {
            let slab = reserve_slab(class, shared.slabs.last().map_or(FIRST_SLAB, |last| last.bytes() * 2))?;
            shared.slabs.push(slab);
            shared.cut = 0;
        }
        let cut = shared.cut;
        let slab = shared.slabs.last().expect("a slab has just been made sure of");
        // SAFETY: the page is the lowest of a stack that has not been handed out.
        unsafe { install_guard(slab.at(cut)) }?;
        // SAFETY: the memory from `cut` on is nobody's stack yet.
        let stack = unsafe { Stack::ending_at(slab.at(cut + class.bytes())) };
        shared.cut = cut + class.bytes();
        shared.stacks += 1;
        Ok(stack)
    }

    /// Takes stacks that a worker has too much of.
    fn give_back(&self, class: SizeClass, stacks: impl Iterator<Item = Stack>) {
        let trimmed: Vec<Stack> = stacks.collect();
        // SAFETY: the stacks come from a pool, so nobody runs on them.
        unsafe { Stack::discard(&trimmed) };
        self.classes[class.index()].lock().expect("no panic happens under this lock").free.extend(trimmed);
        self.returned.fetch_add(1, Ordering::SeqCst);
    }

    /// How often stacks have come back to this pool.
    pub(crate) fn returned(&self) -> u64 {
        self.returned.load(Ordering::SeqCst)
    }

    /// Whether there is no stack of `class`, neither here nor with anybody who might give it back.
    pub(crate) fn is_hopeless(&self, class: SizeClass) -> bool {
        self.classes[class.index()].lock().expect("no panic happens under this lock").stacks == 0
    }

    /// Every stack that was ever handed out. Used by shutdown to find who is parked.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(Stack)) {
        for (index, class) in self.classes.iter().enumerate() {
            let class_bytes = SizeClass(index as u8).bytes();
            let shared = class.lock().expect("no panic happens under this lock");
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

/// A slab of `bytes`, or of as much as there is, down to a single stack.
fn reserve_slab(class: SizeClass, bytes: usize) -> io::Result<Slab> {
    let mut bytes = bytes.min(LARGEST_SLAB).max(class.bytes());
    loop {
        match Slab::reserve(bytes) {
            Ok(slab) => return Ok(slab),
            Err(error) if bytes == class.bytes() => return Err(error),
            Err(_) => bytes /= 2,
        }
    }
}

/// The stacks that one worker has in stock. Used by that worker alone.
#[derive(Default)]
pub(crate) struct LocalPool {
    classes: [LocalClass; SizeClass::COUNT],
}

#[derive(Default)]
struct LocalClass {
    head: Cell<Option<Stack>>,
    len: Cell<usize>,
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
        if let Some(stack) = self.classes[class.index()].pop() {
            return Ok(stack);
        }
        let stack = shared.take(class)?;
        // SAFETY: the stack was just taken from the pool of this class, where all is new or trimmed.
        unsafe { stack.make_frame(class) };
        Ok(stack)
    }

    /// Takes back a stack on which nobody runs any more.
    #[inline]
    pub(crate) fn put(&self, stack: Stack, shared: &StackPool) {
        let class = &self.classes[stack.class().index()];
        class.push(stack);
        if class.len.get() > Self::keep(stack.class()) {
            self.shrink(stack.class(), Self::keep(stack.class()) / 2, shared);
        }
    }

    /// Whether there is nothing in stock.
    pub(crate) fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.len.get() == 0)
    }

    /// Gives everything back to the shared pool, and so the memory to the system.
    pub(crate) fn clear(&self, shared: &StackPool) {
        for index in 0..SizeClass::COUNT {
            self.shrink(SizeClass(index as u8), 0, shared);
        }
    }

    #[cold]
    fn shrink(&self, class: SizeClass, keep: usize, shared: &StackPool) {
        let stock = &self.classes[class.index()];
        let surplus = stock.len.get().saturating_sub(keep);
        if surplus > 0 {
            shared.give_back(class, (0..surplus).map_while(|_| stock.pop()));
        }
    }
}

impl LocalClass {
    #[inline]
    fn pop(&self) -> Option<Stack> {
        let stack = self.head.get()?;
        self.head.set(stack.next_free());
        self.len.set(self.len.get() - 1);
        Some(stack)
    }

    #[inline]
    fn push(&self, stack: Stack) {
        stack.set_next_free(self.head.get());
        self.head.set(Some(stack));
        self.len.set(self.len.get() + 1);
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
        assert_eq!(local.classes[CLASS.index()].len.get(), keep / 2);
        let other = LocalPool::default();
        let cut = || shared.classes[CLASS.index()].lock().unwrap().stacks;
        assert_eq!(cut(), keep + 1);
        for _ in 0..keep + 1 - keep / 2 {
            other.take(CLASS, &shared).unwrap();
        }
        assert_eq!(cut(), keep + 1);
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
