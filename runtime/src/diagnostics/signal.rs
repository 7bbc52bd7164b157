//! `SIGQUIT`: every goroutine and every worker is printed, and the process ends with status 2, as in Go.
//!
//! The signal is handled by a thread of its own, which sleeps until it comes. Whoever handles or ignores the signal himself when
//! the first runtime is built is left alone.

#[cfg(unix)]
pub(crate) use imp::dump_on_quit;

#[cfg(unix)]
mod imp {
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::Once;

    use signal_hook::consts::SIGQUIT;
    use signal_hook::iterator::Signals;

    use super::super::os::{OwnThread, write_report};
    use super::super::take;
    use crate::scheduler::start_thread;

    /// Sees to the signal from now on, once per process. If there are no threads or descriptors left for that, the signal ends the
    /// process as it always did.
    pub(crate) fn dump_on_quit() {
        static BEGIN: Once = Once::new();
        BEGIN.call_once(|| {
            if !is_default() {
                return;
            }
            let Ok(mut signals) = Signals::new([SIGQUIT]) else { return };
            let handle = signals.handle();
            let thread = start_thread("gocsp-signals".into(), move || {
                let _own = OwnThread::begin();
                if signals.forever().next().is_some() {
                    write_report(&format!("SIGQUIT: quit\n\n{}", take()));
                    std::process::exit(2);
                }
            });
            if thread.is_err() {
                handle.close();
                // SAFETY: to restore the default action is always allowed.
                unsafe { libc::signal(SIGQUIT, libc::SIG_DFL) };
            }
        });
    }

    fn is_default() -> bool {
        // SAFETY: an all-zero sigaction is a valid one, to be overwritten.
        let mut present: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: a null new action only reads the present one.
        let read = unsafe { libc::sigaction(SIGQUIT, ptr::null(), &raw mut present) };
        read == 0 && present.sa_sigaction == libc::SIG_DFL
    }
}

#[cfg(not(unix))]
pub(crate) fn dump_on_quit() {}
