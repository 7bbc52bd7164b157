//! The memory of cells: a small stock per worker, without locks, in front of one per runtime.
//!
//! A goroutine that is short costs little more than its memory: the general allocator takes a lock for each block once its
//! small cache is full, as it is in a burst, and a second one when another thread frees the block, as it does when
//! goroutines are stolen; it also gives the memory of a burst back to the system at once, and has to have it again for the
//! next. Blocks of one [`Shape`] are all alike, so they are kept in [`Chain`]s: who has too many or too few gives or takes a
//! whole chain.
//!
//! What is kept is bounded by [`BlockPool::MOST_BYTES`] for a runtime and two chains of a shape for a worker. What nobody has
//! needed for a while is freed; see [`Stock`].
//!
//! # Invariant
//! **B1** A block is owned by one at a time: a cell, or a chain. The blocks of a chain have its shape.

use std::alloc::{self, Layout};
use std::array;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::prefetch::prefetch;
use crate::std_sync::{Mutex, MutexGuard};
use crate::stock::Stock;

/// The blocks that are kept are multiples of this in size and alignment.
const GRAIN: usize = 16;
/// The size of the largest blocks that are kept.
const LARGEST: usize = 512;
/// How many blocks a full chain has.
const FULL: usize = 64;

/// The size and alignment of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape(Layout);

impl Shape {
    const COUNT: usize = LARGEST / GRAIN;

    /// The shape of a block for a `T`.
    pub(super) const fn of<T>() -> Self {
        let layout = Layout::new::<T>();
        if layout.size() > LARGEST || layout.align() > GRAIN {
            return Self(layout);
        }
        Self::numbered(layout.size().saturating_sub(1) / GRAIN)
    }

    const fn numbered(number: usize) -> Self {
        match Layout::from_size_align((number + 1) * GRAIN, GRAIN) {
            Ok(layout) => Self(layout),
            Err(_) => unreachable!(),
        }
    }

    /// Its number, if blocks of this shape are kept.
    #[inline]
    const fn number(self) -> Option<usize> {
        if self.0.size() > LARGEST || self.0.align() > GRAIN { None } else { Some(self.0.size() / GRAIN - 1) }
    }

    /// A new block.
    pub(crate) fn allocate(self) -> NonNull<u8> {
        // SAFETY: a cell has a control block, so it is not empty.
        let block = unsafe { alloc::alloc(self.0) };
        NonNull::new(block).unwrap_or_else(|| alloc::handle_alloc_error(self.0))
    }

    /// Frees a block.
    ///
    /// # Safety
    /// The caller owns the block, which has this shape.
    pub(crate) unsafe fn free(self, block: NonNull<u8>) {
        // SAFETY: it was made by `allocate`, for this shape.
        unsafe { alloc::dealloc(block.as_ptr(), self.0) };
    }
}

/// Up to [`FULL`] blocks of one shape, linked through their first word.
struct Chain {
    shape: Shape,
    head: Cell<Option<NonNull<Link>>>,
    len: Cell<usize>,
}

/// What stands in a block that is kept.
struct Link(Option<NonNull<Self>>);

// SAFETY: the blocks are the chain's own (B1).
unsafe impl Send for Chain {}

impl Chain {
    #[inline]
    fn new(shape: Shape) -> Self {
        Self { shape, head: Cell::new(None), len: Cell::new(0) }
    }

    fn bytes(&self) -> usize {
        self.len.get() * self.shape.0.size()
    }

    #[inline]
    fn pop(&self) -> Option<NonNull<u8>> {
        let block = self.head.get()?;
        // SAFETY: a block in the chain is the chain's (B1), and `push` has written its link.
        let Link(next) = unsafe { block.read() };
        self.head.set(next);
        self.len.set(self.len.get() - 1);
        if let Some(next) = next {
            prefetch(next.as_ptr().cast(), self.shape.0.size());
        }
        Some(block.cast())
    }

    /// # Safety
    /// The caller owns the block, which has the chain's shape.
    #[inline]
    unsafe fn push(&self, block: NonNull<u8>) {
        let block = block.cast::<Link>();
        // SAFETY: the block is the caller's, and every shape has room for a link.
        unsafe { block.write(Link(self.head.get())) };
        self.head.set(Some(block));
        self.len.set(self.len.get() + 1);
    }

    fn swap(&self, other: &Self) {
        debug_assert_eq!(self.shape, other.shape);
        self.head.swap(&other.head);
        self.len.swap(&other.len);
    }

    /// What is in it, as a chain of its own.
    fn take(&self) -> Self {
        let taken = Self::new(self.shape);
        taken.swap(self);
        taken
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        while let Some(block) = self.pop() {
            // SAFETY: the block was the chain's, and has its shape (B1).
            unsafe { self.shape.free(block) };
        }
    }
}

/// The blocks that one worker has in stock. Used by that worker alone.
pub(crate) struct LocalBlocks {
    shapes: [LocalShape; Shape::COUNT],
}

struct LocalShape {
    first: Chain,
    /// Full or empty.
    spare: Chain,
}

impl Default for LocalBlocks {
    fn default() -> Self {
        let local = |number| {
            let shape = Shape::numbered(number);
            LocalShape { first: Chain::new(shape), spare: Chain::new(shape) }
        };
        Self { shapes: array::from_fn(local) }
    }
}

impl LocalBlocks {
    /// A block, which is the caller's.
    #[inline]
    pub(crate) fn take(&self, shape: Shape, shared: &BlockPool) -> NonNull<u8> {
        let Some(number) = shape.number() else { return shape.allocate() };
        let local = &self.shapes[number];
        local.first.pop().unwrap_or_else(|| local.refill(shared))
    }

    /// Takes a block.
    ///
    /// # Safety
    /// The caller owns the block, which has this shape.
    #[inline]
    pub(crate) unsafe fn put(&self, block: NonNull<u8>, shape: Shape, shared: &BlockPool) {
        let Some(number) = shape.number() else {
            // SAFETY: passed on.
            return unsafe { shape.free(block) };
        };
        let local = &self.shapes[number];
        if local.first.len.get() == FULL {
            local.make_room(shared);
        }
        // SAFETY: passed on.
        unsafe { local.first.push(block) };
    }

    /// Whether there is nothing in stock.
    pub(crate) fn is_empty(&self) -> bool {
        self.shapes.iter().all(|local| local.first.len.get() + local.spare.len.get() == 0)
    }

    /// Gives everything to the shared pool.
    pub(crate) fn clear(&self, shared: &BlockPool) {
        let chains = self.shapes.iter().flat_map(|local| [&local.first, &local.spare]);
        chains.filter(|chain| chain.len.get() > 0).for_each(|chain| shared.give(chain.take()));
    }
}

impl LocalShape {
    /// A block, when the first chain is empty.
    #[cold]
    fn refill(&self, shared: &BlockPool) -> NonNull<u8> {
        self.first.swap(&self.spare);
        if self.first.len.get() == 0
            && let Some(chain) = shared.take(self.first.shape)
        {
            self.first.swap(&chain);
        }
        self.first.pop().unwrap_or_else(|| self.first.shape.allocate())
    }

    /// Sees to it that the first chain, which is full, is not.
    #[cold]
    fn make_room(&self, shared: &BlockPool) {
        self.first.swap(&self.spare);
        if self.first.len.get() > 0 {
            shared.give(self.first.take());
        }
    }
}

/// The blocks of a runtime that no worker has in stock.
pub(crate) struct BlockPool {
    shapes: [Mutex<Stock<Chain>>; Shape::COUNT],
    /// How many bytes of blocks are kept here, or about to be.
    bytes: AtomicUsize,
}

impl Default for BlockPool {
    fn default() -> Self {
        Self { shapes: array::from_fn(|_| Mutex::default()), bytes: AtomicUsize::new(0) }
    }
}

impl BlockPool {
    /// How much is kept: what the goroutines need that a worker can spawn in one time slice.
    const MOST_BYTES: usize = 32 << 20;
    /// How many chains [`free_some`](Self::free_some) frees: it takes some 100 µs.
    const SOME: usize = 32;

    fn lock(mutex: &Mutex<Stock<Chain>>) -> MutexGuard<'_, Stock<Chain>> {
        mutex.lock().expect("no panic happens under this lock")
    }

    fn shape(&self, shape: Shape) -> MutexGuard<'_, Stock<Chain>> {
        Self::lock(&self.shapes[shape.number().expect("a chain has a shape that is kept")])
    }

    fn take(&self, shape: Shape) -> Option<Chain> {
        let chain = self.shape(shape).take()?;
        self.bytes.fetch_sub(chain.bytes(), Ordering::Relaxed);
        Some(chain)
    }

    /// Keeps a chain, or frees it if enough is kept.
    fn give(&self, chain: Chain) {
        if self.bytes.fetch_add(chain.bytes(), Ordering::Relaxed) > Self::MOST_BYTES {
            self.bytes.fetch_sub(chain.bytes(), Ordering::Relaxed);
            return;
        }
        self.shape(chain.shape).give([chain]);
    }

    /// Whether anything is kept.
    pub(crate) fn has_any(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// Makes those be freed that have not been needed since the last call.
    pub(crate) fn mark_unused(&self) {
        self.shapes.iter().for_each(|shape| Self::lock(shape).mark_unused());
    }

    /// Frees some unused blocks of one shape. Whether there were any.
    pub(crate) fn free_some(&self) -> bool {
        self.shapes.iter().any(|shape| {
            let freed = Self::lock(shape).take_unused(Self::SOME);
            self.bytes.fetch_sub(freed.iter().map(Chain::bytes).sum(), Ordering::Relaxed);
            !freed.is_empty()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const SHAPE: Shape = Shape::of::<[u64; 18]>();

    fn take(local: &LocalBlocks, shared: &BlockPool, count: usize) -> Vec<NonNull<u8>> {
        (0..count).map(|_| local.take(SHAPE, shared)).collect()
    }

    fn put(local: &LocalBlocks, shared: &BlockPool, blocks: Vec<NonNull<u8>>) {
        // SAFETY: the blocks were taken for this shape, by this test.
        blocks.into_iter().for_each(|block| unsafe { local.put(block, SHAPE, shared) });
    }

    #[test]
    fn shapes_are_rounded_up_and_large_ones_not_kept() {
        assert_eq!(Shape::of::<[u64; 17]>(), SHAPE);
        assert_eq!((Shape::of::<u8>().number(), SHAPE.number()), (Some(0), Some(8)));
        assert_eq!(Shape::of::<[u8; LARGEST]>().number(), Some(Shape::COUNT - 1));
        #[repr(align(64))]
        struct Aligned;
        assert_eq!((Shape::of::<[u8; LARGEST + 1]>().number(), Shape::of::<[Aligned; 1]>().number()), (None, None));
        let (local, shared) = (LocalBlocks::default(), BlockPool::default());
        let large = Shape::of::<[u8; LARGEST + 1]>();
        let block = local.take(large, &shared);
        // SAFETY: it was just taken.
        unsafe { local.put(block, large, &shared) };
        assert!(local.is_empty());
    }

    #[test]
    fn what_one_worker_puts_another_takes() {
        let shared = BlockPool::default();
        let (one, other) = (LocalBlocks::default(), LocalBlocks::default());
        let blocks = take(&one, &shared, 3 * FULL);
        let distinct: HashSet<_> = blocks.iter().copied().collect();
        assert_eq!(distinct.len(), blocks.len());
        put(&other, &shared, blocks);
        assert_eq!(shared.shape(SHAPE).len(), 1, "two chains stay with the worker");
        other.clear(&shared);
        assert!(other.is_empty() && shared.shape(SHAPE).len() == 3);
        assert_eq!(
            take(&one, &shared, 3 * FULL).into_iter().inspect(|block| assert!(distinct.contains(block))).count(),
            3 * FULL
        );
        assert!(!shared.has_any());
        put(&one, &shared, distinct.into_iter().collect());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (local, shared) = (LocalBlocks::default(), BlockPool::default());
        let blocks = take(&local, &shared, 2 * BlockPool::MOST_BYTES / SHAPE.0.size());
        put(&local, &shared, blocks);
        let kept = shared.bytes.load(Ordering::Relaxed);
        assert!(kept.abs_diff(BlockPool::MOST_BYTES) <= FULL * SHAPE.0.size(), "{kept}");
    }

    #[test]
    fn blocks_are_freed_once_nobody_has_needed_them_for_a_while() {
        let (local, shared) = (LocalBlocks::default(), BlockPool::default());
        let chains = 3 * BlockPool::SOME;
        let blocks = take(&local, &shared, chains * FULL);
        put(&local, &shared, blocks);
        local.clear(&shared);
        let length = || shared.shape(SHAPE).len();
        let free = || while shared.free_some() {};
        shared.mark_unused();
        free();
        assert_eq!(length(), chains, "they have just come");
        let needed = take(&local, &shared, FULL);
        shared.mark_unused();
        free();
        assert_eq!(length(), 0, "but for those that were taken");
        put(&local, &shared, needed);
        local.clear(&shared);
        shared.mark_unused();
        shared.mark_unused();
        free();
        assert!(!shared.has_any());
    }
}
