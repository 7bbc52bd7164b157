//! A memory barrier in every thread of the process at once, which the one who needs it pays for alone.
//!
//! Of two threads that each write one word and then read the other's, at least one sees what the other wrote, provided
//! that each has a full barrier between its two steps. If one of them does so a thousand times as often as the other, it
//! need not have a barrier at all, only keep its steps in order in the program ([`light`]); the other has the kernel run one
//! on every processor that runs a thread of the process ([`heavy`]). That is Linux's `membarrier` in its private expedited
//! form, of which the kernel says: between entry and return of the call, each running thread passes a point at which all its
//! accesses to memory are done, or not begun, as its program orders them; a thread that does not run has passed one when it
//! was taken off its processor. It takes some microseconds.
//!
//! The process has to be registered with the kernel first. That takes some microseconds as long as it has a single thread, so
//! it is done [before](provide_if_cheap) a runtime starts its threads; and some 10 ms if it has others already. So that then
//! nobody pays for it who does not need it, and nobody waits for it, the first [`is_available`] only asks, and a monitor
//! [provides](provide_if_wanted). A process that is forked off is registered too.
//!
//! Not available: on other systems, on kernels before 4.14, and where a filter forbids the call. A filter that a process puts
//! on itself later has to let it pass.
//!
//! In a model, `light` and `heavy` are both a fence. That is more than `light` is outside, where it orders a write before a
//! later read with the help of `heavy`, and nothing else: what passes from thread to thread needs an order of its own.

#[cfg(all(test, loom))]
pub(super) use imp::LEFT_OUT;
pub(super) use imp::{heavy, is_available, light};
pub(crate) use imp::{provide_if_cheap, provide_if_wanted};

#[cfg(not(any(loom, shuttle)))]
use native as imp;

#[cfg(not(any(loom, shuttle)))]
mod native {
    use std::sync::atomic::{AtomicU8, Ordering, compiler_fence};

    /// Nobody has asked. The first state.
    const UNWANTED: u8 = 0;
    /// Somebody has asked. Set by the first who does.
    const WANTED: u8 = 1;
    /// The process is registered. Final, as the next.
    const AVAILABLE: u8 = 2;
    /// The kernel has refused.
    const REFUSED: u8 = 3;

    static STATE: AtomicU8 = AtomicU8::new(UNWANTED);

    /// Whether there may be calls of [`heavy`]. If nobody knows yet, asks.
    pub(in crate::park) fn is_available() -> bool {
        // Acquire: pairs with the Release of who has registered the process.
        match STATE.load(Ordering::Acquire) {
            UNWANTED => {
                // Relaxed: it is only a wish. Whoever has got ahead has had the same.
                _ = STATE.compare_exchange(UNWANTED, WANTED, Ordering::Relaxed, Ordering::Relaxed);
                false
            }
            state => state == AVAILABLE,
        }
    }

    /// Registers the process if it has no other thread.
    pub(crate) fn provide_if_cheap() {
        if STATE.load(Ordering::Relaxed) == UNWANTED && kernel::has_single_thread() {
            provide();
        }
    }

    /// Registers the process if somebody has asked. May take some milliseconds, once.
    pub(crate) fn provide_if_wanted() {
        if STATE.load(Ordering::Relaxed) == WANTED {
            provide();
        }
    }

    fn provide() {
        let state = if kernel::register() { AVAILABLE } else { REFUSED };
        // Release: pairs with the Acquire in `is_available`. Another thread may have done the same meanwhile.
        STATE.store(state, Ordering::Release);
    }

    /// The barrier of the one who passes often. Costs nothing.
    #[inline(always)]
    pub(in crate::park) fn light() {
        compiler_fence(Ordering::SeqCst);
    }

    /// The barrier of the one who passes seldom, and of everybody else with it.
    ///
    /// Ends the process if the kernel, which has promised to run it, does not: to go on would be a race.
    pub(in crate::park) fn heavy() {
        if !kernel::barrier() {
            eprintln!("fatal runtime error: the kernel refuses a membarrier that gocsp has registered for, aborting");
            std::process::abort();
        }
    }

    #[cfg(target_os = "linux")]
    mod kernel {
        use std::fs;
        use std::os::unix::fs::MetadataExt;

        /// Whether the calling thread is the only one: its folder then is the only one in that of the threads, which has two
        /// more links, as every folder has. False if the system does not tell.
        pub(super) fn has_single_thread() -> bool {
            fs::metadata("/proc/self/task").is_ok_and(|threads| threads.nlink() == 3)
        }

        pub(super) fn register() -> bool {
            membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
        }

        /// The slow form needs no memory, for want of which the fast one can fail.
        pub(super) fn barrier() -> bool {
            membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) || membarrier(libc::MEMBARRIER_CMD_GLOBAL)
        }

        fn membarrier(command: libc::c_int) -> bool {
            // SAFETY: the call takes no pointers.
            unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
        }

        #[cfg(test)]
        mod tests {
            use std::fs;
            use std::os::unix::fs::MetadataExt;
            use std::process::Command;

            /// A test runs in a thread of its own, beside the one that waits for it.
            #[test]
            fn other_threads_are_seen() {
                assert!(!super::has_single_thread());
                let mut child = Command::new("sleep").arg("60").spawn().unwrap();
                let threads = fs::metadata(format!("/proc/{}/task", child.id())).unwrap();
                child.kill().unwrap();
                child.wait().unwrap();
                assert_eq!(threads.nlink(), 3, "a process with one thread");
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    mod kernel {
        pub(super) fn has_single_thread() -> bool {
            false
        }

        pub(super) fn register() -> bool {
            false
        }

        pub(super) fn barrier() -> bool {
            false
        }
    }
}

#[cfg(any(loom, shuttle))]
mod imp {
    use crate::sync::atomic::{Ordering, fence};

    #[cfg(all(test, loom))]
    std::thread_local! {
        /// Set to leave the barriers out, by the models that show that they are needed.
        pub(in crate::park) static LEFT_OUT: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }

    pub(in crate::park) fn is_available() -> bool {
        true
    }

    pub(crate) fn provide_if_cheap() {}

    pub(crate) fn provide_if_wanted() {}

    pub(in crate::park) fn light() {
        #[cfg(all(test, loom))]
        if LEFT_OUT.get() {
            return;
        }
        fence(Ordering::SeqCst);
    }

    pub(in crate::park) fn heavy() {
        light();
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn it_is_provided_once_it_is_wanted_and_then_works() {
        is_available();
        provide_if_wanted();
        if is_available() {
            heavy();
        }
    }
}
