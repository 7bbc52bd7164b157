//! The calls by which a goroutine came to where it waits: how they are named, and which of them are told.
//!
//! A home only collects addresses (`stack/calls.rs`), for its goroutines are held up meanwhile. What they mean is looked up when
//! somebody wants to know. Without the feature `backtrace` there are none.

use std::fmt;
use std::panic::Location;
use std::path::{Path, PathBuf};

use crate::stack::Stack;

/// A call by which a goroutine came to where it waits: see [`GoroutineDump::backtrace`](super::GoroutineDump::backtrace).
///
/// ```
/// use gocsp_runtime::dump;
///
/// for goroutine in &dump().goroutines {
///     for frame in goroutine.backtrace() {
///         println!("goroutine {}: {} at line {:?}", goroutine.id, frame.function, frame.line);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktraceFrame {
    /// The function, with its path, that has called another, or waits.
    pub function: String,
    /// The file where it did. `None` if debug information does not tell.
    pub file: Option<PathBuf>,
    /// The line there, from 1. `None` if debug information does not tell.
    pub line: Option<u32>,
}

impl fmt::Display for BacktraceFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        let Some(file) = &self.file else { return Ok(()) };
        // As the places that the compiler knows, which are relative to where it was started.
        let here = std::env::current_dir().unwrap_or_default();
        write!(f, "\n        at {}", file.strip_prefix(here).map_or(&**file, Path::new).display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// Addresses of calls, the last one first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    #[cfg(feature = "backtrace")]
    addresses: Vec<usize>,
}

impl Calls {
    /// Of the goroutine that is parked on `stack`, for its home only, or who keeps it from going on.
    pub(crate) fn of(stack: Stack) -> Self {
        #[cfg(not(feature = "backtrace"))]
        let _ = stack;
        Self {
            #[cfg(feature = "backtrace")]
            addresses: stack.calls(),
        }
    }

    /// What is to be told of them: they lead to a wait at `place`.
    pub(super) fn resolve(&self, place: &Location<'_>) -> Vec<BacktraceFrame> {
        #[cfg(not(feature = "backtrace"))]
        let (_, told) = (place, Vec::new());
        #[cfg(feature = "backtrace")]
        let told = named::told(named::resolve(&self.addresses), place);
        told
    }
}

/// The names of functions, and which of them are the user's.
///
/// A name from the symbol table, or from complete debug information, begins with the crate. Where functions were inlined and there
/// are only line tables it is a bare name, and then the file decides. Of the other crates of gocsp those are not known; but
/// they mostly stand before the frame that is where the user waits.
#[cfg(feature = "backtrace")]
mod named {
    use std::panic::Location;
    use std::path::Path;

    use super::BacktraceFrame;

    pub(super) fn resolve(addresses: &[usize]) -> Vec<BacktraceFrame> {
        let mut frames = Vec::new();
        for &address in addresses {
            // Several, if functions were inlined there.
            ::backtrace::resolve(address as *mut _, |symbol| {
                let Some(name) = symbol.name() else { return };
                // Without the hash.
                let function = format!("{name:#}");
                let file = symbol.filename().map(Into::into);
                frames.push(BacktraceFrame { function, file, line: symbol.lineno() });
            });
        }
        frames
    }

    /// Those frames that are the user's.
    pub(super) fn told(mut frames: Vec<BacktraceFrame>, place: &Location<'_>) -> Vec<BacktraceFrame> {
        let is_there = |frame: &BacktraceFrame| {
            let in_file = frame.file.as_ref().is_some_and(|file| file.ends_with(place.file()));
            in_file && frame.line == Some(place.line())
        };
        let waits = frames.iter().position(is_there).unwrap_or(0);
        let mut index = 0..;
        frames.retain(|frame| {
            let is_deeper = index.next() < Some(waits);
            match is_bare(&frame.function) {
                true => !is_deeper && !is_file_of_ours(frame),
                false => is_of_user(&frame.function),
            }
        });
        frames
    }

    /// Whether the name is a function's alone.
    fn is_bare(name: &str) -> bool {
        !name.starts_with('<') && !has_path(name)
    }

    fn has_path(name: &str) -> bool {
        name.split(['<', ' ']).next().is_some_and(|head| head.contains("::"))
    }

    /// Whether a frame with a bare name is of the runtime, of the coroutine library, or of the standard library.
    fn is_file_of_ours(frame: &BacktraceFrame) -> bool {
        if matches!(frame.function.as_str(), "__rust_try" | "stack_init_trampoline") {
            return true;
        }
        let Some(file) = frame.file.as_deref().and_then(Path::to_str) else { return false };
        // Relative in a workspace, as the compiler is called, and then at the end of some folder.
        let runtime = file!().trim_end_matches("diagnostics/backtrace.rs");
        let library = ["core", "alloc", "std"].map(|name| format!("/library/{name}/src/"));
        file.contains(runtime) || file.contains("/corosensei-") || library.iter().any(|path| file.contains(path))
    }

    /// The crates whose functions are not told.
    fn is_ours(path: &str) -> bool {
        let head = path.split("::").next().unwrap_or_default();
        matches!(head, "core" | "alloc" | "std" | "corosensei" | "gocsp") || head.starts_with("gocsp_")
    }

    /// Whether the user wants to be told of the function of this name: `path::function`, or `<type as path::Trait>::function`, and
    /// then it may belong to the crate of the one or of the other.
    pub(super) fn is_of_user(name: &str) -> bool {
        let Some((of, as_trait)) = name.strip_prefix('<').and_then(split_type) else { return !is_ours(name) };
        // What has no path is a parameter, or a type of the language.
        let of = of.trim_start_matches(['<', '[', '(', '&', '*']).trim_start_matches("mut ").trim_start_matches("dyn ");
        [Some(of), as_trait].into_iter().flatten().any(|path| has_path(path) && !is_ours(path))
    }

    /// Splits what follows a `<` in the type, and the trait if there is one.
    fn split_type(rest: &str) -> Option<(&str, Option<&str>)> {
        let (mut depth, mut before) = (0_usize, ' ');
        let mut trait_at = None;
        for (at, letter) in rest.char_indices() {
            match letter {
                '<' => depth += 1,
                // Not that of an arrow.
                '>' if before == '-' => {}
                '>' if depth == 0 => {
                    let end = trait_at.unwrap_or(at);
                    return Some((&rest[..end], trait_at.map(|start| &rest[start + " as ".len()..at])));
                }
                '>' => depth -= 1,
                ' ' if depth == 0 && trait_at.is_none() && rest[at..].starts_with(" as ") => trait_at = Some(at),
                _ => {}
            }
            before = letter;
        }
        None
    }
}

#[cfg(all(test, feature = "backtrace"))]
mod tests {
    use super::BacktraceFrame;
    use super::named::{is_of_user, told};

    #[test]
    fn only_functions_of_the_user_are_told() {
        for ours in [
            "core::ops::function::FnOnce::call_once",
            "gocsp_runtime::scheduler::park",
            "<gocsp_channels::receiver::Receiver<T>>::recv",
            "gocsp_channels::receiver::Receiver<user::Thing>::recv",
            "<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once",
            "<core::panic::unwind_safe::AssertUnwindSafe<<user::A as user::B>::c::{closure#0}> as core::ops::function::FnOnce<()>>::call_once",
            "<core::iter::Map<fn(u8) -> u8> as core::iter::Iterator>::next",
            "<T as core::convert::Into<U>>::into",
        ] {
            assert!(!is_of_user(ours), "{ours}");
        }
        for users in [
            "user::main::{{closure}}",
            "gocspel::sing",
            "<user::Thing as core::iter::Iterator>::next",
            "<&mut user::Thing as core::iter::Iterator>::next",
            "<alloc::vec::Vec<T> as user::Trait>::f",
            "<T as user::Trait>::f",
            "<user::Thing<core::fmt::Error>>::new",
        ] {
            assert!(is_of_user(users), "{users}");
        }
    }

    #[test]
    fn where_names_are_bare_the_place_of_the_wait_and_the_files_decide() {
        let (place, runtime) = (std::panic::Location::caller(), file!());
        let frames = [
            ("park_with", runtime, 7),
            ("recv<u32>", "/elsewhere/channels/src/receiver.rs", 7),
            ("gocsp_channels::receiver::Receiver<T>::recv", "/elsewhere/channels/src/receiver.rs", 8),
            ("user::helps", "/home/user/src/lib.rs", 9),
            ("user::waits", &format!("/home/{runtime}"), place.line()),
            ("calls<core::option::Option<u8>>", "/home/user/src/lib.rs", 7),
            ("do_call<user::Thing>", "/rustc/0/library/std/src/panicking.rs", 7),
            ("__rust_try", "", 0),
            ("run", &format!("/home/{runtime}"), 7),
            ("coroutine_func<()>", "/registry/corosensei-0.3.4/src/coroutine.rs", 7),
        ];
        let frames = frames.map(|(function, file, line)| BacktraceFrame {
            function: function.to_owned(),
            file: Some(file.into()),
            line: Some(line),
        });
        let told = told(frames.to_vec(), place);
        let names: Vec<_> = told.iter().map(|frame| frame.function.as_str()).collect();
        assert_eq!(names, ["user::helps", "user::waits", "calls<core::option::Option<u8>>"]);
    }
}
