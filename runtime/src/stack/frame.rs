//! One stack, and the record at its top.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering};

use super::SizeClass;
use super::record::Record;
use super::slab::{self, page_size};
use crate::goroutine::{Goroutine, Locals};
use crate::prefetch::prefetch;
use crate::scheduler::{Fiber, Switch, WayBack, Worker};

/// What the runtime keeps at the top of every stack. It is made when the stack leaves the shared pool; before, and after
/// it was trimmed, its memory is zero, and only `goroutine` may be read.
///
/// | field        | written by                             | read by                                   |
/// |--------------|----------------------------------------|-------------------------------------------|
/// | `switch`     | the worker that runs the goroutine     | the same                                  |
/// | `way_back`   | the goroutine, when it starts          | the same                                  |
/// | `goroutine`  | the same, when it starts and ends      | also shutdown and the overflow handler    |
/// | `home`       | the same, when it starts or is adopted | also shutdown, by every worker            |
/// | `timed_park` | the same, around a timed wait; who fires its timer| the worker whose timer fires              |
/// | `class`      | the pool, when it hands the stack out  | whoever has the stack, or makes a dump    |
/// | `record`     | the goroutine, when it waits; the worker that starts it | the worker; in part everybody |
/// | `fiber`      | the worker that runs the goroutine     | the same, and the goroutine               |
/// | `locals`     | the goroutine                          | the same                                  |
/// | `next_free`  | the pool that owns the stack           | the same                                  |
///
/// What every switch touches is in the first line of the cache, together with the sixteen bytes below, in which the coroutine
/// library keeps where the worker's stack was left; what a wait tells of itself is in the second.
#[repr(C, align(16))]
pub(crate) struct Frame {
    pub(crate) switch: UnsafeCell<MaybeUninit<Switch>>,
    pub(crate) way_back: WayBack,
    goroutine: AtomicPtr<Goroutine>,
    home: AtomicPtr<Worker>,
    timed_park: AtomicU64,
    record: Record,
    /// `None` when nobody runs on the stack.
    locals: Cell<Option<NonNull<Locals>>>,
    next_free: Cell<Option<Stack>>,
    class: AtomicU8,
    pub(crate) fiber: Fiber,
}

impl Frame {
    /// Who runs on this stack, if anybody. Acquire: pairs with the Release in [`set_goroutine`](Self::set_goroutine).
    #[inline]
    pub(crate) fn goroutine(&self) -> Option<NonNull<Goroutine>> {
        NonNull::new(self.goroutine.load(Ordering::Acquire))
    }

    /// What reports tell of the goroutine.
    #[inline(always)]
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    pub(crate) fn set_goroutine(&self, goroutine: Option<NonNull<Goroutine>>) {
        self.goroutine.store(goroutine.map_or(ptr::null_mut(), NonNull::as_ptr), Ordering::Release);
    }

    /// The worker that last ran a goroutine on this stack. It may be compared; whether it is still there is for the caller to
    /// know. Relaxed: a worker sees its own writes, and takes what others wrote for somebody else's.
    pub(crate) fn home(&self) -> *const Worker {
        self.home.load(Ordering::Relaxed)
    }

    pub(crate) fn set_home(&self, home: *const Worker) {
        self.home.store(home.cast_mut(), Ordering::Relaxed);
    }

    /// The number of the wait with a deadline that is under way, 0 for none. Relaxed: it is compared with a
    /// number that this worker has put there, or, if it has taken the timer over, one that the lock of the timers has brought.
    pub(crate) fn timed_park(&self) -> u64 {
        self.timed_park.load(Ordering::Relaxed)
    }

    /// The goroutine's own values, if it has any.
    #[inline]
    pub(crate) fn locals(&self) -> &Cell<Option<NonNull<Locals>>> {
        &self.locals
    }

    pub(crate) fn set_timed_park(&self, number: u64) {
        self.timed_park.store(number, Ordering::Relaxed);
    }
}

/// The size of a page, or what divides it.
const LAST_PAGE: usize = 4096;

/// How far below `top` the frame of the stack that ends there begins: one of sixteen distances, the same each time.
///
/// Stacks lie a power of two apart. If all were used from the same place on, the lines in use of all parked goroutines
/// would compete for the same few sets of the cache, and a thousand of them would not fit in.
#[inline]
fn stagger(top: NonZeroUsize) -> usize {
    /// The golden ratio as a fraction of 2^64: its multiples are far from each other, whatever the step.
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    const STEP: usize = 128;
    let sixteenth = (top.get() as u64).wrapping_mul(GOLDEN) >> 60;
    sixteenth as usize * STEP
}

/// A stack: the address of its [`Frame`]. Owned by one at a time (S2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Stack {
    frame: NonNull<Frame>,
}

/// A place for a stack, into which others may look. Relaxed: an address is all that there is to see.
#[derive(Default)]
pub(crate) struct StackSlot(AtomicPtr<Frame>);

impl StackSlot {
    #[inline(always)]
    pub(crate) fn set(&self, stack: Option<Stack>) {
        self.0.store(stack.map_or(ptr::null_mut(), |stack| stack.frame.as_ptr()), Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Option<Stack> {
        NonNull::new(self.0.load(Ordering::Relaxed)).map(|frame| Stack { frame })
    }
}

// SAFETY: a stack is an address; S2 says who may use it.
unsafe impl Send for Stack {}

impl Stack {
    /// The stack that ends at `top`, which is the end of a page.
    ///
    /// # Safety
    /// The memory below `top` belongs to a slab, and is no other stack's.
    pub(super) unsafe fn ending_at(top: NonNull<u8>) -> Self {
        // SAFETY: a stack is larger than its frame and the stagger.
        let frame = unsafe { top.sub(stagger(top.addr()) + size_of::<Frame>()) };
        Self { frame: frame.cast() }
    }

    /// The end of its memory: the stagger never takes the frame out of the last page.
    fn top(self) -> usize {
        (self.frame.addr().get() | (LAST_PAGE - 1)) + 1
    }

    /// Its size. Known while somebody has the stack, and until it is trimmed.
    pub(crate) fn class(self) -> SizeClass {
        SizeClass(self.frame().class.load(Ordering::Relaxed))
    }

    /// Makes the frame. What is zero to begin with stays: during a shutdown others may be reading `goroutine`.
    ///
    /// # Safety
    /// The stack is the caller's own, of this class, its memory is zero, and nobody runs on it.
    pub(super) unsafe fn make_frame(self, class: SizeClass) {
        let frame = self.frame();
        frame.next_free.set(None);
        frame.class.store(class.0, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn frame(&self) -> &Frame {
        // SAFETY: the memory is mapped for as long as its pool lives (S1), and was made a frame before the stack was handed
        // out; see `Frame` for who may look at it otherwise.
        unsafe { self.frame.as_ref() }
    }

    /// Brings the frame into the cache, as far as that helps.
    #[inline]
    pub(crate) fn prefetch(self) {
        prefetch(self.frame.as_ptr().cast(), 1);
    }

    /// The lowest address, where the guard is.
    pub(crate) fn limit(self) -> usize {
        self.top() - self.class().bytes()
    }

    /// Its addresses, with the guard and the frame.
    pub(crate) fn range(self) -> Range<usize> {
        self.limit()..self.top()
    }

    /// The addresses that goroutines write to: between the guard and the frame.
    #[cfg(feature = "backtrace")]
    pub(super) fn memory(self) -> Range<usize> {
        self.limit() + page_size()..self.frame.addr().get()
    }

    /// Whether `address` lies in the guard.
    pub(crate) fn guards(self, address: usize) -> bool {
        (self.limit()..self.limit() + page_size()).contains(&address)
    }

    pub(super) fn next_free(self) -> Option<Self> {
        self.frame().next_free.get()
    }

    pub(super) fn set_next_free(self, next: Option<Self>) {
        self.frame().next_free.set(next);
    }

    /// Gives the memory of these stacks back to the system, the frames included.
    ///
    /// # Safety
    /// The stacks are the caller's own, and nobody runs on them.
    pub(super) unsafe fn discard(stacks: &[Self]) {
        let above_guard = |stack: &Self| {
            let start = NonNull::new((stack.limit() + page_size()) as *mut u8).expect("a stack lies above address 0");
            slab::range(start, stack.class().bytes() - page_size())
        };
        let ranges: Vec<_> = stacks.iter().map(above_guard).collect();
        // SAFETY: what lies above the guards belongs to the stacks, which the caller owns.
        unsafe { slab::discard(&ranges) };
    }
}

// SAFETY: the lowest page is a guard, and a size class is at least four pages.
unsafe impl corosensei::stack::Stack for Stack {
    fn base(&self) -> NonZeroUsize {
        self.frame.addr()
    }

    fn limit(&self) -> NonZeroUsize {
        NonZeroUsize::new((*self).limit()).expect("a stack lies above address 0")
    }
}

/// The goroutine starts below the frame, at an address that the coroutine's own alignment rules allow.
const _: () = assert!(size_of::<Frame>().is_multiple_of(corosensei::stack::STACK_ALIGNMENT));

#[cfg(test)]
mod tests {
    use super::*;

    /// On other systems, and with what adds fields, it is only slower.
    #[cfg(all(target_arch = "x86_64", target_os = "linux", target_pointer_width = "64"))]
    #[cfg(not(any(gocsp_sanitizer = "thread", feature = "asan", feature = "backtrace")))]
    #[test]
    fn what_a_switch_touches_and_what_a_wait_tells_are_in_two_lines() {
        const LINE: usize = 64;
        const BELOW_FRAME: usize = 16;
        const OF_WAIT: usize = 32;
        // Tops of stacks are ends of pages, and a stagger is a number of lines.
        assert_eq!((size_of::<Frame>() + BELOW_FRAME) % LINE, 0);
        assert_eq!(BELOW_FRAME + std::mem::offset_of!(Frame, home), LINE);
        assert!(BELOW_FRAME + std::mem::offset_of!(Frame, record) + OF_WAIT <= 2 * LINE);
    }

    #[test]
    fn stacks_are_staggered_evenly_within_their_last_page() {
        for apart in [32 << 10, 256 << 10, 1 << 20] {
            let mut taken = [0_usize; LAST_PAGE];
            for number in 1..=1600 {
                let distance = stagger(NonZeroUsize::new(0x7F00_0000_0000 + number * apart).unwrap());
                assert!(
                    distance + size_of::<Frame>() <= LAST_PAGE / 2 + 128,
                    "a page has to hold the first frames, too"
                );
                taken[distance] += 1;
            }
            assert_eq!(taken.iter().filter(|&&stacks| stacks > 0).count(), 16);
            assert!(taken.iter().all(|&stacks| stacks == 0 || (90..=110).contains(&stacks)), "{apart}");
        }
    }
}
