//! The procedural macros of gocsp: [`macro@main`], [`macro@test`], and what stands behind `go!` and `select!`.
//!
//! They are reached through other crates: `gocsp::main`, `gocsp::test`, `gocsp::go!` and `gocsp::select!`. See [`macro@main`] for an
//! example.

mod function;
mod go;
mod main_fn;
mod select;
mod test_fn;

use proc_macro::TokenStream;

/// Runs the body of `fn main` as the main goroutine.
///
/// The body goes through `::gocsp::run`, so it may block, spawn and select from its first line, on the large stack of
/// the main goroutine. When it ends, the program ends, whatever the other goroutines are doing. The return type may be
/// whatever `fn main` may return: `()`, a `Result`, a `std::process::ExitCode`, and need not be `Send`.
/// The other attributes of the function are kept.
///
/// The variables `GOCSP_MAXPROCS` and `GOCSP_PANIC` set what can be set from outside. A program that is to say so itself builds its
/// runtime by `Runtime::builder()`.
///
/// # Errors
/// The function must be called `main`, may not be `async`, and has neither arguments nor generics; the attribute takes
/// no arguments. Anything else does not compile. The crate `gocsp` must be a dependency under this name.
///
/// # Examples
/// ```
/// # extern crate gocsp_runtime as gocsp;
/// use gocsp_macros as macros; // `#[gocsp::main]`, to users of gocsp
///
/// #[macros::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let answer: u32 = "42".parse()?;
///     assert_eq!(answer, 42);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, function: TokenStream) -> TokenStream {
    main_fn::expand(arguments.into(), function.into()).into()
}

/// Makes a test of a function, which runs it as a goroutine.
///
/// - `#[gocsp::test]`: as the main goroutine of a runtime of its own. When it has ended, no goroutine may be left: see
///   `gocsp::runtime::assert_no_leaks`.
/// - `#[gocsp::test(check)]`: under a thousand schedules that are chosen by chance, and by a clock that stands still while anybody can
///   go on: see `gocsp::testing`, which the crate `gocsp` has with the feature `testing`.
///
/// The test may return whatever a test may return; it fails with an error. The other attributes of the function are kept.
///
/// # Errors
/// The function may not be `async`, and has neither arguments nor generics. Anything else does not compile. The crate
/// `gocsp` must be a dependency under this name.
///
/// # Examples
/// ```
/// # extern crate gocsp_runtime as gocsp;
/// use gocsp_macros as macros; // `#[gocsp::test]`, to users of gocsp
///
/// #[macros::test]
/// fn it_adds() -> Result<(), std::num::ParseIntError> {
///     assert_eq!("1".parse::<u32>()? + 1, 2);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    test_fn::expand(arguments.into(), function.into()).into()
}

/// What `select!` expands to: the token `$crate` of the crate gocsp-select, then the cases. Not to be called by hand.
#[doc(hidden)]
#[proc_macro]
pub fn select_cases(input: TokenStream) -> TokenStream {
    select::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// What `go!` expands to: the token `$crate` of the crate gocsp-runtime, then what is to run. Not to be called by hand.
#[doc(hidden)]
#[proc_macro]
pub fn go_statement(input: TokenStream) -> TokenStream {
    go::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
