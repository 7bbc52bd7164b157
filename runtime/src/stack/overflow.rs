//! What happens when a stack overflows: a message that says whose, how large, and what to do; then abort.
//!
//! Touching a guard raises `SIGSEGV` (`SIGBUS` on some systems). The handler runs on a signal stack of its own, which
//! every worker has. It uses nothing but `write`, `abort` and memory that is already there: the goroutine may have been
//! inside the allocator, in the panic hook, or unwinding.
//!
//! A fault elsewhere comes to the same end as without this handler: it goes to the one that was installed before, which for
//! ordinary threads is the standard library's, with what [that one was promised](chain). Who installs a handler later gets
//! all faults first; if he passes on what is not his, goroutines keep their message.
//!
//! A frame larger than the guard does not get past it, for rustc has each page of a large frame touched in turn, as C
//! compilers do with `-fstack-clash-protection`. Of code that was compiled without that a frame can reach into the next stack.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;

use super::slab::Slab;
use super::{MAX_SIZE, Stack};
use crate::goroutine::{Goroutine, StackSize};
use crate::scheduler;
use crate::std_sync::OnceLock;

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
            action.sa_flags =
                libc::SA_SIGINFO | libc::SA_ONSTACK | (old.sa_flags & (libc::SA_NODEFER | libc::SA_RESTART));
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

/// Hands a signal that is not ours to whoever handled it before, as the kernel would have.
fn chain(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: as in `handle`.
    let code = unsafe { (*info).si_code };
    // Positive: something has happened to this thread. Otherwise somebody has sent the signal, and it will not come again.
    let is_fault = code > 0;
    let previous = SIGNALS.iter().position(|&known| known == signal).and_then(|index| PREVIOUS[index].get());
    match previous {
        // Faults cannot be ignored: they would happen again and again.
        Some(action) if action.sa_sigaction == libc::SIG_IGN && !is_fault => {}
        Some(action) if ![libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction) => {
            if action.sa_flags & libc::SA_RESETHAND != 0 {
                // It counts on not being called twice.
                restore_default(signal);
            }
            call(action, signal, info, context);
        }
        _ => {
            restore_default(signal);
            // A fault happens again on return, and then ends the process the usual way.
            if !is_fault {
                // SAFETY: raise has no preconditions.
                unsafe { libc::raise(signal) };
            }
        }
    }
}

fn restore_default(signal: libc::c_int) {
    // SAFETY: restoring the default action is always allowed.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

fn call(action: &libc::sigaction, signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if action.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: with SA_SIGINFO the address is that of a function of this type.
        let handler = unsafe {
            std::mem::transmute::<usize, extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void)>(
                action.sa_sigaction,
            )
        };
        handler(signal, info, context);
    } else {
        // SAFETY: without SA_SIGINFO the address is that of a function of this type.
        let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(action.sa_sigaction) };
        handler(signal);
    }
}

fn report(stack: Stack) {
    let mut message = Message::new();
    // SAFETY: the goroutine that runs on the stack is alive until the worker clears the frame.
    let goroutine = stack.frame().goroutine().map(|goroutine| unsafe { goroutine.as_ref() });
    match goroutine {
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
    message.text(" has overflowed its stack of ").number((stack.class().bytes() >> 10) as u64).text(" KiB\nhelp: ");
    message.text(advice(goroutine.map_or(StackSize::Usual, Goroutine::stack_size), stack.class().bytes()));
    message.text("\nfatal runtime error: stack overflow, aborting\n");
    message.write();
}

/// By which call the size of such a stack is raised.
fn advice(size: StackSize, bytes: usize) -> &'static str {
    match size {
        _ if bytes == MAX_SIZE => "no stack can be larger; the recursion may have no end",
        StackSize::Usual => {
            "raise it where it is spawned, with Go::new().stack_size(bytes), or for all goroutines of a runtime, with \
             Runtime::builder().stack_size(bytes)"
        }
        StackSize::Scoped => {
            "raise it where it is spawned, with Go::new().stack_size(bytes).spawn_scoped(scope, ..), or for all goroutines \
             of a runtime, with Runtime::builder().stack_size(bytes)"
        }
        StackSize::Own => "raise it where it is spawned, in Go::new().stack_size(bytes)",
        StackSize::Main => {
            "run it with a larger one by Runtime::builder().stack_size(bytes).build()?.run(..), or spawn what is deep with \
             Go::new().stack_size(bytes)"
        }
    }
}

/// A message put together without the allocator, which the goroutine may have been inside of.
struct Message {
    bytes: [u8; Self::MOST_BYTES],
    len: usize,
}

impl Message {
    const MOST_BYTES: usize = 2048;

    fn new() -> Self {
        Self { bytes: [0; Self::MOST_BYTES], len: 0 }
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

    /// Gives the calling thread a signal stack of its own, in place of the smaller one that the standard library may have
    /// given it.
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
    fn who_has_the_largest_stack_is_not_told_to_ask_for_a_larger_one() {
        assert!(advice(StackSize::Own, MAX_SIZE / 2).contains("stack_size"));
        assert!(!advice(StackSize::Own, MAX_SIZE).contains("stack_size"));
    }

    #[test]
    fn a_message_too_long_is_cut() {
        let mut message = Message::new();
        message.text(&"x".repeat(3000)).text("y");
        assert_eq!(message.len, Message::MOST_BYTES);
    }
}
