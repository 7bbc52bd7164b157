//! What ThreadSanitizer has to be told of the switches between workers and goroutines. In other builds, nothing.
//!
//! It takes all that a thread does for one course of events, with one stack of calls. A *fiber* is another such course, which a
//! thread can take on and put off. So every goroutine has a fiber, besides its stack. A change of fibers also orders events:
//! what comes before it happens before what comes after it. So all that one worker does, its goroutines included, has an
//! order, upon which the worker's own fields rely; and a race of two goroutines is seen only if they are on two workers.
//!
//! # The stack of calls
//! Compiled code tells of each entry into a function and each exit, and these have to match on every fiber, or the stack of
//! calls overflows in the end. Between one that resumes and one that suspends lie functions of the coroutine library: the
//! former enters them before the switch and leaves them after the way back, the latter the reverse. So all changes of fibers
//! during the life of a goroutine are made on one side, by the goroutine:
//!
//! 1. It changes to its worker's fiber before it suspends itself, and to its own when it has been resumed. All functions
//!    that lie between are entered and left on the fiber of the same worker, and its own stack of calls stays what it is.
//! 2. The first time it is resumed, and the last, the functions are entered that only its end leaves, or the reverse.
//!    Therefore both are made by its worker on the goroutine's fiber: when the fiber is made the goroutine is resumed and only
//!    suspends itself; and when all is done it suspends itself once more, to be resumed and return.
//!
//! # Rejected
//! - To change on the worker's side always: less has to be told, and entries match as well. But the functions of 1. then take
//!   the places of those through which the goroutine has come to its wait, and reports show the wrong ones.
//! - To change where the library's feature `sanitizer` announces a switch, as it does for AddressSanitizer: that lies between
//!   entries and exits, and how many of them remain depends on what has been inlined.

#[cfg(gocsp_sanitizer = "thread")]
pub(crate) use told::Fiber;
#[cfg(not(gocsp_sanitizer = "thread"))]
pub(crate) use untold::Fiber;

#[cfg(not(gocsp_sanitizer = "thread"))]
mod untold {
    use std::ptr::NonNull;

    use crate::goroutine::Goroutine;
    use crate::scheduler::switch::{AfterLeaving, Back};

    pub(crate) struct Fiber;

    impl Fiber {
        #[inline(always)]
        pub(in crate::scheduler) fn make(&self, _goroutine: NonNull<Goroutine>, _resume: impl FnOnce()) {}

        #[inline(always)]
        pub(in crate::scheduler) fn begin(&self, _back: &Back) {}

        #[inline(always)]
        pub(in crate::scheduler) fn is_resumed(&self) {}

        #[inline(always)]
        pub(in crate::scheduler) fn suspend(&self, back: &Back, after: NonNull<AfterLeaving>) {
            back.suspend(after);
        }

        #[inline(always)]
        pub(in crate::scheduler) fn end(&self, _back: &Back) {}

        #[inline(always)]
        pub(in crate::scheduler) fn has_ended(&self, _after: NonNull<AfterLeaving>) -> bool {
            false
        }

        #[inline(always)]
        pub(in crate::scheduler) fn unmake(&self, _resume: impl FnOnce()) {}
    }
}

#[cfg(gocsp_sanitizer = "thread")]
mod told {
    use std::cell::Cell;
    use std::ffi::{CString, c_char, c_uint, c_void};
    use std::path::Path;
    use std::ptr::NonNull;

    use crate::goroutine::Goroutine;
    use crate::scheduler::switch::{AfterLeaving, Back};

    unsafe extern "C" {
        safe fn __tsan_get_current_fiber() -> *mut c_void;
        safe fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
        fn __tsan_destroy_fiber(fiber: *mut c_void);
        fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
        fn __tsan_set_fiber_name(fiber: *mut c_void, name: *const c_char);
    }

    /// The flags of a change of fibers that orders events.
    const SYNCHRONIZE: c_uint = 0;

    /// What a goroutine leaves to be done that suspends itself on account of its fiber.
    const NOTHING: NonNull<AfterLeaving> = NonNull::dangling();

    /// The fiber of the goroutine on a stack.
    pub(crate) struct Fiber {
        own: Cell<*mut c_void>,
        /// That of the worker that has resumed it.
        worker: Cell<*mut c_void>,
    }

    impl Fiber {
        /// The fiber of a goroutine that has just got its stack; `resume` leads to [`begin`](Self::begin) and back.
        pub(in crate::scheduler) fn make(&self, goroutine: NonNull<Goroutine>, resume: impl FnOnce()) {
            self.own.set(__tsan_create_fiber(0));
            // SAFETY: the goroutine has not ended.
            let who = unsafe { goroutine.as_ref() };
            let place = who.spawned_at();
            // Reports show 63 bytes of it, so without the folders.
            let file = Path::new(place.file()).file_name().unwrap_or_default().display();
            let name = who.name().map(|name| format!(" '{name}'")).unwrap_or_default();
            let who = format!("goroutine {} ({file}:{}){name}", who.id(), place.line());
            let who = CString::new(who.replace('\0', "?")).expect("there is no zero in it");
            // SAFETY: the fiber has just been made, and the name is copied.
            unsafe { __tsan_set_fiber_name(self.own.get(), who.as_ptr()) };
            self.run(resume);
        }

        /// The goroutine, resumed for the first time, suspends itself at once, and is on its own fiber when it goes on.
        pub(in crate::scheduler) fn begin(&self, back: &Back) {
            suspend(back, NOTHING);
            self.enter();
        }

        /// A worker is about to resume the goroutine.
        pub(in crate::scheduler) fn is_resumed(&self) {
            self.worker.set(__tsan_get_current_fiber());
        }

        /// The goroutine suspends itself.
        #[inline(always)]
        pub(in crate::scheduler) fn suspend(&self, back: &Back, after: NonNull<AfterLeaving>) {
            self.leave();
            suspend(back, after);
            self.enter();
        }

        /// The goroutine has nothing left to do. It suspends itself once more, and then returns.
        pub(in crate::scheduler) fn end(&self, back: &Back) {
            self.leave();
            suspend(back, NOTHING);
        }

        /// Whether the goroutine, which has suspended itself, has nothing left to do but to return.
        pub(in crate::scheduler) fn has_ended(&self, after: NonNull<AfterLeaving>) -> bool {
            after == NOTHING
        }

        /// Lets the goroutine return, by `resume`. The fiber is gone.
        pub(in crate::scheduler) fn unmake(&self, resume: impl FnOnce()) {
            self.run(resume);
            // SAFETY: nobody is on the fiber, and the next goroutine on this stack makes its own.
            unsafe { __tsan_destroy_fiber(self.own.get()) };
        }

        /// Calls `part` on the goroutine's fiber, for the worker.
        fn run(&self, part: impl FnOnce()) {
            self.is_resumed();
            self.enter();
            part();
            self.leave();
        }

        /// Inlined, as [`leave`](Self::leave): it would be entered on one fiber and left on the other.
        #[inline(always)]
        fn enter(&self) {
            // SAFETY: its fiber is there until it has returned, and nobody else is on it.
            unsafe { __tsan_switch_to_fiber(self.own.get(), SYNCHRONIZE) };
        }

        #[inline(always)]
        fn leave(&self) {
            // SAFETY: the worker is on this thread.
            unsafe { __tsan_switch_to_fiber(self.worker.get(), SYNCHRONIZE) };
        }
    }

    /// All goroutines suspend themselves here, so that from here to the switch it is always the same functions.
    #[inline(never)]
    fn suspend(back: &Back, after: NonNull<AfterLeaving>) {
        back.suspend(after);
    }
}
