//! What happens when a stack overflows: a message that says whose, how large, and what to do; then abort.
//!
//! Touching a guard raises `SIGSEGV` (`SIGBUS` on some systems). The handler runs on a signal stack of its own, which
//! every worker has. It uses nothing but `write`, `abort` and memory that is already there. A fault elsewhere goes to
//! the handler that was installed before, which for ordinary threads is the standard library's.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Once, OnceLock};

use super::Stack;
use super::slab::Slab;
use crate::scheduler;

/// How much of a goroutine's name is printed, in bytes.
const MOST_OF_NAME: usize = 128;

const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The actions that ours replaced, in the order of [`SIGNALS`].
static PREVIOUS: [OnceLock<libc::sigaction>; 2] = [const { OnceLock::new() }; 2];

/// Installs the handler, once per process.
pub(crate) fn install_handler() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
            // SAFETY: an all-zero sigaction is a valid one, to be overwritten.
            let mut old: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
            // SAFETY: a null new action only reads the present one.
            if unsafe { libc::sigaction(signal, ptr::null(), &raw mut old) } != 0 {
                continue;
            }
            // What came before has to be known before the first fault can arrive.
            let _ = previous.set(old);
            let mut action = old;
            action.sa_sigaction = handle as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: the handler has the signature that SA_SIGINFO asks for, and is async-signal-safe.
            unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
        }
    });
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo to a handler with SA_SIGINFO.
    let info_ref = unsafe { &*info };
    // SAFETY: for these signals the address is the member of the union that is set.
    let address = unsafe { info_ref.si_addr() } as usize;
    if let Some(stack) = scheduler::running_stack()
        && stack.guards(address)
    {
        report(stack);
        // SAFETY: abort has no preconditions.
        unsafe { libc::abort() };
    }
    chain(signal, info, context);
}

/// Hands a fault that is not ours to whoever handled it before.
fn chain(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let previous = SIGNALS.iter().position(|&known| known == signal).and_then(|index| PREVIOUS[index].get());
    match previous {
        Some(action) if action.sa_sigaction == libc::SIG_IGN => {}
        Some(action) if action.sa_sigaction != libc::SIG_DFL && action.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: with SA_SIGINFO the address is that of a function of this type.
            let handler = unsafe {
                std::mem::transmute::<usize, extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void)>(
                    action.sa_sigaction,
                )
            };
            handler(signal, info, context);
        }
        Some(action) if action.sa_sigaction != libc::SIG_DFL => {
            // SAFETY: without SA_SIGINFO the address is that of a function of this type.
            let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(action.sa_sigaction) };
            handler(signal);
        }
        _ => {
            // The fault happens again on return, and then ends the process the usual way.
            // SAFETY: restoring the default action is always allowed.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

fn report(stack: Stack) {
    let mut message = Message::new();
    // SAFETY: the goroutine that runs on the stack is alive until the worker clears the frame.
    match stack.frame().goroutine().map(|goroutine| unsafe { goroutine.as_ref() }) {
        Some(goroutine) => {
            message.text("\ngoroutine ").number(goroutine.id());
            if let Some(name) = goroutine.name() {
                message.text(" '").text(&name[..name.floor_char_boundary(MOST_OF_NAME)]).text("'");
            }
            let place = goroutine.spawned_at();
            message.text(" (spawned at ").text(place.file()).text(":").number(place.line().into());
            message.text(":").number(place.column().into()).text(")");
        }
        None => {
            message.text("\na goroutine that is ending");
        }
    }
    message.text(" has overflowed its stack of ").number((stack.class().bytes() >> 10) as u64).text(" KiB\n");
    message.text("help: raise it with Go::new().stack_size(bytes), or for all goroutines with ");
    message.text("Runtime::builder().stack_size(bytes)\nfatal runtime error: stack overflow, aborting\n");
    message.write();
}

/// A message put together without the allocator, which the goroutine may have been inside of.
struct Message {
    bytes: [u8; 1024],
    len: usize,
}

impl Message {
    fn new() -> Self {
        Self { bytes: [0; 1024], len: 0 }
    }

    fn text(&mut self, text: &str) -> &mut Self {
        let room = &mut self.bytes[self.len..];
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        self
    }

    fn number(&mut self, mut number: u64) -> &mut Self {
        let mut digits = [0_u8; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.text(str::from_utf8(&digits[start..]).unwrap_or("?"))
    }

    fn write(&self) {
        // SAFETY: the buffer is initialised up to its whole length. A failed write cannot be reported anywhere.
        unsafe { libc::write(libc::STDERR_FILENO, self.bytes.as_ptr().cast(), self.len) };
    }
}

/// The stack on which this thread handles signals, for as long as this lives.
pub(crate) struct SignalStack {
    memory: Slab,
    previous: libc::stack_t,
}

impl SignalStack {
    const BYTES: usize = 64 << 10;

    /// Gives the calling thread a signal stack of its own.
    ///
    /// # Errors
    /// When the system has no memory for it.
    pub(crate) fn install() -> io::Result<Self> {
        let memory = Slab::reserve(Self::BYTES)?;
        let new = libc::stack_t { ss_sp: memory.at(0).as_ptr().cast(), ss_flags: 0, ss_size: Self::BYTES };
        // SAFETY: an all-zero stack_t is a valid one, to be overwritten.
        let mut previous: libc::stack_t = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: the memory is ours and stays mapped until `drop` has taken the signal stack away.
        if unsafe { libc::sigaltstack(&raw const new, &raw mut previous) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { memory, previous })
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        debug_assert_eq!(self.memory.bytes(), Self::BYTES);
        // SAFETY: this puts back what was there before, from the same thread.
        unsafe { libc::sigaltstack(&raw const self.previous, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_put_together() {
        let mut message = Message::new();
        message.text("a").number(0).text(" ").number(u64::MAX);
        assert_eq!(&message.bytes[..message.len], b"a0 18446744073709551615");
    }

    #[test]
    fn a_message_too_long_is_cut() {
        let mut message = Message::new();
        message.text(&"x".repeat(2000)).text("y");
        assert_eq!(message.len, 1024);
    }
}
