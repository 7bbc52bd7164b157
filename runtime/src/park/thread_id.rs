//! Which OS thread this is, for one instruction.
//!
//! A lock asks at every operation, so that a call which reads a thread-local would cost as much as what it saves. The
//! thread pointer, the register from which thread-locals are addressed, is different for every thread that lives. It is
//! read by an assembler block that is not `pure`: the compiler repeats it each time, and so cannot keep the value across a
//! switch of stacks, after which a goroutine that migrates is on another thread.
//!
//! A thread that starts may get the number of one that has ended. It is then taken for that one's heir, and rightly so:
//! the kernel and the thread library give the memory at that address to the new thread only when the old one has left it
//! for good, and all that the old one did comes before. Nobody can tell the two from one thread that did one after the
//! other.

#[cfg(not(any(loom, shuttle)))]
pub(super) use imp::{IS_UNIQUE, current};
#[cfg(any(loom, shuttle))]
pub(super) use model::{IS_UNIQUE, current};

#[cfg(all(
    not(any(loom, shuttle, miri)),
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod imp {
    use std::arch::asm;

    /// Whether [`current`] tells threads apart.
    pub(in crate::park) const IS_UNIQUE: bool = true;

    /// A number that no other living thread has; even, and not 0.
    #[inline(always)]
    pub(in crate::park) fn current() -> usize {
        let pointer;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the ABI has the first word of the thread's control block hold its address, and nobody writes there.
        unsafe {
            asm!("mov {}, fs:[0]", out(reg) pointer, options(nomem, nostack, preserves_flags));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: reading the register has no effect.
        unsafe {
            asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nomem, nostack, preserves_flags));
        }
        pointer
    }
}

#[cfg(not(any(
    loom,
    shuttle,
    all(
        not(miri),
        target_os = "linux",
        target_pointer_width = "64",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )
)))]
mod imp {
    /// Whether [`current`] tells threads apart.
    pub(in crate::park) const IS_UNIQUE: bool = false;

    /// The same number for all threads.
    #[inline(always)]
    pub(in crate::park) fn current() -> usize {
        2
    }
}

#[cfg(any(loom, shuttle))]
mod model {
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[cfg(loom)]
    use loom::thread_local;
    #[cfg(shuttle)]
    use shuttle::thread_local;

    static THREADS: AtomicUsize = AtomicUsize::new(1);

    thread_local! {
        static CURRENT: usize = 2 * THREADS.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::park) const IS_UNIQUE: bool = true;

    pub(in crate::park) fn current() -> usize {
        CURRENT.with(|current| *current)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn living_threads_have_different_numbers() {
        let here = current();
        assert_eq!(here, current());
        assert_ne!(here, 0);
        assert!(here.is_multiple_of(2));
        let there = std::thread::scope(|scope| scope.spawn(current).join().unwrap());
        assert_eq!(here != there, IS_UNIQUE);
    }
}
